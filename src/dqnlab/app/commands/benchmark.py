"""`dqn benchmark`."""

from __future__ import annotations

import shlex

from ...errors import FolderError
from ...lab.benchmark.benchmark import make
from ...lab.benchmark.plan import plan_benchmark, suite_lines
from ...lab.benchmark.tables import PAGE, TABLE, of_other_steps, read_results, write_tables
from ...store.reading import read_text
from ...terminal.board import choose_board
from ...terminal.live import choose_view
from ...terminal.text import Lines
from ...trust import shown
from ..arguments_benchmark import Benchmark
from ..calls import Call
from ..onward import ends_early, interrupted, to_continue
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
        if not any(read_results(suite, folder).values()):
            makes = f"dqn benchmark {shlex.quote(args.suite)} --out {shlex.quote(shown(args.out))}"
            raise FolderError(f"{shown(folder)!r} holds no results of {args.suite!r} yet: make them with {makes}")
        for line in of_other_steps(suite, folder):
            lines.say(line)
        write_tables(suite, folder)
        print(f"{shown(folder / TABLE)}\n{shown(folder / PAGE)}")
        return 0
    plan = plan_benchmark(suite, args.runs, args.out, args.only)
    if args.dry_run or not args.quiet:
        for line in plan.lines():
            lines.say(line)
    if args.dry_run:
        return 0
    typed = ("only", "seeds", "out", "runs", "ray", "trust_env_module")
    advice = to_continue("what has been trained and judged", ["benchmark", args.suite], args, *typed)
    with ends_early(lambda: advice):
        result = make(
            plan,
            board=lambda: choose_board(quiet=args.quiet),
            view=lambda: choose_view(quiet=args.quiet),
            say=lambda line: None if args.quiet else lines.say(line),
            ray=args.ray,
        )
    if result.signal is not None:
        return interrupted(result.signal, advice)
    if result.elsewhere:
        print(result.conclusion)
    else:
        print(f"\n{read_text(result.table)}")
    print(f"{shown(result.table)}\n{shown(result.page)}")
    return 1 if result.failed else 0
