"""`dqn compare`."""

from __future__ import annotations

from ...comparing.table import comparison_table
from ...lab.arms import PLAN
from ...lab.compare import carry_out
from ...lab.planning import ComparisonPlan, plan_comparison
from ...terminal.board import choose_board
from ...terminal.live import choose_view
from ...terminal.text import Lines
from ...trust import shown
from ..arguments import Compare
from ..calls import Call
from ..onward import ends_early, interrupted, to_continue
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
    with ends_early(lambda: _advice(plan, args) if (plan.folder / PLAN).is_file() else None):
        result = carry_out(
            plan,
            trackers=args.trackers,
            board=lambda: choose_board(quiet=args.quiet),
            view=lambda: choose_view(quiet=args.quiet),
            say=lambda line: None if args.quiet else lines.say(line),
            ray=args.ray,
        )
    if result.signal is not None:
        return interrupted(result.signal, _advice(plan, args))
    if result.elsewhere:
        print(result.conclusion)
        return 0
    assert result.assessment is not None
    assert result.page is not None
    show(comparison_table(result.assessment))
    print(f"\n{shown(result.page)}")
    return 1 if result.failed else 0


def _advice(plan: ComparisonPlan, args: Compare) -> str:
    words = ["compare", "--plan", shown(plan.folder / PLAN)]
    words += [word for module in plan.request.modules for word in ("--trust-env-module", module)]
    return to_continue("what has been trained", words, args, "out", "runs", "ray")
