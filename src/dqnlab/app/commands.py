"""What each command does. Each takes the words after its name and returns the exit code.

Heavy packages are imported inside: `dqn presets` needs no torch.
"""

from __future__ import annotations

import json
import shlex
import signal
import sys
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from ..config import LONGEST_FILM, MOST_EPISODES, MOST_FILMS, MOST_PROBED, MOST_SEEDS, Episodes, Steps
from ..config.checks import between, whole
from ..errors import ConfigError, FolderError
from ..lab.after import settle
from ..lab.interrupt import SIGNALLED, signal_of
from ..lab.loading import foreseen, loading
from ..store.digits import number
from ..store.folder import REPORT, RESULT
from ..terminal.text import clean
from ..trust import shown
from .arguments import Evaluate, Explain, Presets, Record, Resume, RunsTable, Selftest, Train, Watch
from .parse import parse_args, parse_doctor, parse_train
from .places import home, named_folder

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..lab.resume import Wish
    from ..store.folder import Run
    from ..store.group import Group
    from ..terminal.view import View


def train(words: Sequence[str], started: float) -> int:
    """`dqn train`, called for at `started` by time.perf_counter()"""
    args, remark = parse_train(words)
    trackers = args.trackers
    whole("--seeds", args.seeds, 1, MOST_SEEDS)
    if remark:
        print(clean(remark), file=sys.stderr)
    if args.dry_run:
        from ..config.toml import to_toml

        print(to_toml(foreseen(args.config)), end="")
        return 0
    return _train(args, trackers, started) if args.seeds == 1 else _train_many(args, trackers, started)


def _train(args: Train, trackers: Sequence[str], started: float) -> int:
    from ..lab import session

    def drive(view: View) -> Run:
        return session.train(args.config, out=args.out, runs=args.runs, trackers=trackers, view=view, started=started)

    return _shown(drive, quiet=args.quiet)


def resume(words: Sequence[str], started: float) -> int:
    """`dqn resume`, called for at `started` by time.perf_counter()"""
    args = parse_args(Resume, "resume", words)
    given = {name: value for name in ("steps", "episodes") if (value := getattr(args, name)) is not None}
    for name, value in given.items():
        whole(f"--{name}", value, 1)
    if len(given) > 1:
        raise ConfigError(f"--steps {args.steps} and --episodes {args.episodes} exclude each other: leave one out")
    from ..lab.resume import Wish, go_on
    from ..store.find import find_group, find_run

    budget = Steps(num=args.steps) if args.steps else Episodes(num=args.episodes) if args.episodes else None
    wish = Wish(budget=budget, trust_env_modules=args.trust_env_module, force_unlock=args.force_unlock)
    group = find_group(args.run, args.runs)
    if group is not None:
        return _resume_many(group, wish, args, started)
    return _shown(lambda view: go_on(find_run(args.run, args.runs), wish, view, started), quiet=args.quiet)


def _shown(drive: Callable[[View], Run], *, quiet: bool) -> int:
    """Shows a run while it is driven, and what it came to; the exit code."""
    with loading():
        from .. import build  # noqa: F401  with torch and Gymnasium, the heaviest by far
        from ..terminal.view import choose_view
        from .summary import summary

    view = choose_view(quiet=quiet)
    try:
        run = drive(view)
    finally:
        view.stop()  # whatever happened, the terminal is given back
    show(summary(run), soft_wrap=True)
    return SIGNALLED + (run.signal or signal.SIGINT) if run.interrupted or run.signal else 0


def _train_many(args: Train, trackers: Sequence[str], started: float) -> int:
    from ..lab.many.crew import Crew
    from ..terminal.board import choose_board  # and no torch: the processes that need it load it themselves

    seeds = range(args.config.seed, args.config.seed + args.seeds)
    board = choose_board(quiet=args.quiet)
    crew = Crew(args.config, seeds, out=args.out, runs=args.runs, trackers=trackers, board=board, started=started)
    return _group_ended(crew.train())


def _resume_many(group: Path, wish: Wish, args: Resume, started: float) -> int:
    from ..lab.many.resume import go_on_with_many
    from ..terminal.board import choose_board

    return _group_ended(go_on_with_many(group, wish, choose_board(quiet=args.quiet), started))


def _group_ended(group: Group) -> int:
    """Shows what a group came to; the exit code."""
    from .summary import group_summary

    show(group_summary(group), soft_wrap=True)
    if group.interrupted:
        return SIGNALLED + (group.signal or signal.SIGINT)
    return group.failures[0].exit_code if group.failures else 0


def evaluate(words: Sequence[str]) -> int:
    """`dqn evaluate`"""
    args = parse_args(Evaluate, "evaluate", words)
    whole("--episodes", args.episodes, 1, MOST_EPISODES)
    whole("--seed", args.seed, 0, 2**32 - 1)
    from ..lab.playing import play
    from ..store.agent import load
    from .summary import evaluation

    path = home(args.run, args.runs)
    agent = load(path, which=args.which, env=args.env, trust_env_modules=args.trust_env_module)
    score, played = play(agent, args.episodes, args.seed)
    if args.json:
        print(played.json(score, {"run": str(path), "which": args.which, "seed": args.seed}))
    else:
        title = f"{shown(path)}, {args.which} network, seed {args.seed}"
        show(evaluation(score, title, played.partial), soft_wrap=True)
    return 0 if played.interrupted is None else SIGNALLED + signal_of(played.interrupted)


def watch(words: Sequence[str]) -> int:
    """`dqn watch`"""
    args = parse_args(Watch, "watch", words)
    whole("--episodes", args.episodes, 1, MOST_EPISODES)
    whole("--seed", args.seed, 0, 2**32 - 1)
    from ..run.film import NoDisplay
    from ..run.film import watch as play
    from ..store.agent import load

    path = home(args.run, args.runs)
    agent = load(path, which=args.which, env=args.env, trust_env_modules=args.trust_env_module)
    try:
        returns = play(agent, episodes=args.episodes, seed=args.seed)
    except NoDisplay as e:  # `record` takes the same words
        raise NoDisplay(clean(shlex.join(["dqn", "record", *words]))) from e
    for index, ret in enumerate(returns, start=1):
        print(f"episode {index}: return {number(ret)}", flush=True)
    return 0


def record(words: Sequence[str]) -> int:
    """`dqn record`"""
    args = parse_args(Record, "record", words)
    whole("--episodes", args.episodes, 1, MOST_FILMS)
    between("--max-seconds", args.max_seconds, 0, LONGEST_FILM, open_low=True)
    whole("--seed", args.seed, 0, 2**32 - 1)
    from ..run.film import record as film
    from ..store.agent import load
    from ..store.door import entered
    from ..store.folder import VIDEOS

    path = home(args.run, args.runs)
    agent = load(path, which=args.which, env=args.env, trust_env_modules=args.trust_env_module)
    inside = (path.parent if path.is_file() else path).resolve()
    if args.out is None and (inside / VIDEOS).is_symlink():
        raise FolderError(f"{str(inside / VIDEOS)!r} is a link, which may lead anywhere: say --out")
    folder = inside / VIDEOS if args.out is None else named_folder(args.out)
    with entered(inside):
        for made in film(agent, folder, episodes=args.episodes, max_seconds=args.max_seconds, seed=args.seed):
            print(shown(made))
        if args.out is None:
            settle(inside, "film")
    return 0


def explain(words: Sequence[str]) -> int:
    """`dqn explain`"""
    args = parse_args(Explain, "explain", words)
    whole("--row", args.row, 0)
    from ..store.advice import going_on
    from ..store.door import entered
    from ..store.find import find_run, read_run

    folder = find_run(args.run, args.runs)
    with loading():
        from ..explain.report import write_report
        from ..explain.trace_text import step_text
    if args.step:
        print(clean(step_text(folder, args.row, args.trust_env_module)), end="")
        return 0
    page = args.out or folder / REPORT
    if args.out is None and page.is_symlink():
        raise FolderError(f"{str(page)!r} is a link, which may lead anywhere: say --out")
    if not (folder / RESULT).exists():
        raise FolderError(
            f"{str(folder)!r} has no {RESULT}: it has not come to its end, or the file was removed; wait for it, or go "
            f"on with it, which writes one: {going_on(folder)}"
        )
    with entered(folder):
        report = write_report(read_run(folder), args.env, args.trust_env_module, args.out)
        if args.out is None:
            settle(folder, "page")
    print(shown(page))
    if report.remark:
        print(report.remark)
    for verdict in report.verdicts:
        print(clean(verdict))
    if args.open:
        webbrowser.open(page.resolve().as_uri())
    return 0


def doctor(words: Sequence[str]) -> int:
    """`dqn doctor`; the exit code of the first error found."""
    args = parse_doctor(words)
    whole("--steps", args.steps, 1, MOST_PROBED)
    with loading():
        from ..check.doctor.examination import examine
        from .checkup import checkup

    def say(line: str) -> None:
        print(clean(f"{line} …"), file=sys.stderr, flush=True)

    with redirect_stdout(sys.stderr):  # what the environment prints must not get into the report
        report = examine(args.config, steps=args.steps, notify=say)
    if args.json:
        print(json.dumps(report.as_dict()))
    else:
        show(checkup(report), soft_wrap=True)
    return report.exit_code


def runs(words: Sequence[str]) -> int:
    """`dqn runs`"""
    args = parse_args(RunsTable, "runs", words)
    from ..store.find import list_runs
    from .summary import runs_table

    if not args.runs.is_dir() and args.runs != RunsTable().runs:
        raise FolderError(f"{str(args.runs)!r} is no folder: name the one that holds the runs")
    if found := list_runs(args.runs):
        show(runs_table(found))
    else:
        print(f"no runs under {clean(str(args.runs))}: `dqn train` makes one")
    return 0


def presets(words: Sequence[str]) -> int:
    """`dqn presets`"""
    args = parse_args(Presets, "presets", words)
    from .preset_tables import preset_table, presets_table

    show(preset_table(args.name) if args.name is not None else presets_table())
    return 0


def selftest(words: Sequence[str]) -> int:
    """`dqn selftest`; 1 if a probe fails."""
    parse_args(Selftest, "selftest", words)
    from ..check import probes

    failed = 0
    for result in probes.selftest():
        failed += not result.passed
        print(f"{'ok  ' if result.passed else 'FAIL'}  {result.name:<16}  {result.says}", flush=True)
        if not result.passed:
            print(f"      expected {result.expected.tolist()}, got {result.got.tolist()}", flush=True)
    print(f"{failed} failed" if failed else "every probe learnt its known Q-values")
    return 1 if failed else 0


def show(what: RenderableType, *, soft_wrap: bool = False) -> None:
    """Prints with colours in a terminal; in a pipe as plain text, wide enough not to break lines."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=200)
    with console.capture() as text:
        console.print(what, soft_wrap=soft_wrap)
    print(text.get(), end="")  # not by rich, which ends the process when a reader has gone
