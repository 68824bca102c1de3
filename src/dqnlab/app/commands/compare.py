"""`dqn compare`."""

from __future__ import annotations

import shlex
import sys

from ...comparing.table import comparison_table
from ...errors import DqnlabError
from ...lab.arms import PLAN
from ...lab.compare import carry_out
from ...lab.interrupt import SIGNALLED
from ...lab.planning import ComparisonPlan, plan_comparison
from ...terminal.board import choose_board
from ...terminal.live import choose_view
from ...terminal.text import Lines, clean
from ...trust import shown
from ..arguments import Compare
from ..calls import Call
from ..show import show


def run(call: Call[Compare]) -> int:
    """The exit code is 1 if a seed has failed."""
    args, lines = call.args, Lines()
    plan = plan_comparison(args.request, args.runs, args.out)
    if args.dry_run or not args.quiet:
        for line in plan.lines():
            lines.say(line)
    if args.dry_run:
        return 0
    try:
        result = carry_out(
            plan,
            trackers=args.trackers,
            board=lambda: choose_board(quiet=args.quiet),
            view=lambda: choose_view(quiet=args.quiet),
            say=lambda line: None if args.quiet else lines.say(line),
            ray=args.ray,
        )
    except KeyboardInterrupt:
        print(f"interrupted; {_how_to_continue(plan, args)}", file=sys.stderr)
        raise
    except DqnlabError as error:
        if (plan.folder / PLAN).is_file():
            error.add_note(_how_to_continue(plan, args))
        raise
    if result.signal is not None:
        print(f"interrupted; {_how_to_continue(plan, args)}", file=sys.stderr)
        return SIGNALLED + result.signal
    if result.elsewhere:
        print(result.conclusion)
        return 0
    assert result.assessment is not None
    assert result.page is not None
    show(comparison_table(result.assessment))
    print(f"\n{shown(result.page)}")
    return 1 if result.failed else 0


def _how_to_continue(plan: ComparisonPlan, args: Compare) -> str:
    words = ["dqn", "compare", "--plan", shown(plan.folder / PLAN)]
    words += [] if args.out is None else ["--out", shown(args.out)]
    words += [] if args.runs == type(args).runs else ["--runs", shown(args.runs)]
    words += [] if args.ray is None else ["--ray", args.ray]
    words += [word for module in plan.request.modules for word in ("--trust-env-module", module)]
    return f"what has been trained is kept. To continue: {clean(shlex.join(words))}"
