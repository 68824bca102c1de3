"""`dqn benchmark`."""

from __future__ import annotations

import shlex
import sys

from ...errors import DqnlabError
from ...lab.benchmark.benchmark import make, plan_benchmark, suite_lines
from ...lab.benchmark.tables import PAGE, TABLE, write_tables
from ...lab.compare import elsewhere_text
from ...lab.interrupt import SIGNALLED
from ...store.reading import read_text
from ...terminal.board import choose_board
from ...terminal.live import choose_view
from ...terminal.text import Lines, clean
from ...trust import shown
from ..arguments_benchmark import Benchmark
from ..calls import Call
from ..suites import read_suite, shipped


def run(call: Call[Benchmark]) -> int:
    """The exit code is 1 if a seed has failed."""
    args, lines = call.args, Lines()
    if args.suite is None:
        for line in suite_lines([read_suite(name, args.runs) for name in shipped()]):
            lines.say(line)
        return 0
    suite = read_suite(args.suite, args.runs, args.seeds, args.trust_env_module)
    folder = args.out / suite.name
    if args.tables:
        write_tables(suite, folder)
        print(f"{shown(folder / TABLE)}\n{shown(folder / PAGE)}")
        return 0
    plan = plan_benchmark(suite, args.runs, args.out, args.only)
    if args.dry_run or not args.quiet:
        for line in plan.lines():
            lines.say(line)
    if args.dry_run:
        return 0
    try:
        result = make(
            plan,
            board=lambda: choose_board(quiet=args.quiet),
            view=lambda: choose_view(quiet=args.quiet),
            say=lambda line: None if args.quiet else lines.say(line),
            ray=args.ray,
        )
    except KeyboardInterrupt:
        print(f"interrupted; {_how_to_continue(args)}", file=sys.stderr)
        raise
    except DqnlabError as error:
        error.add_note(_how_to_continue(args))
        raise
    if result.signal is not None:
        print(f"interrupted; {_how_to_continue(args)}", file=sys.stderr)
        return SIGNALLED + result.signal
    if result.elsewhere:
        print(f"{elsewhere_text(result.elsewhere)}; the last of these processes writes the rest of the tables")
    else:
        print(f"\n{read_text(result.table)}")
    print(f"{shown(result.table)}\n{shown(result.page)}")
    return 1 if result.failed else 0


def _how_to_continue(args: Benchmark) -> str:
    words = ["dqn", "benchmark", str(args.suite)]
    words += [word for name in args.only for word in ("--only", name)]
    words += [] if args.seeds is None else ["--seeds", str(args.seeds)]
    words += [] if args.out == Benchmark.out else ["--out", shown(args.out)]
    words += [] if args.runs == Benchmark.runs else ["--runs", shown(args.runs)]
    words += [] if args.ray is None else ["--ray", args.ray]
    words += [word for module in args.trust_env_module for word in ("--trust-env-module", module)]
    return f"what has been trained and judged is kept. To continue: {clean(shlex.join(words))}"
