"""What each command does. Each takes the words after its name and returns the exit code.

Heavy packages are imported inside: `dqn presets` needs no torch.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FolderError
from .arguments import Evaluate, Presets, Record, RunsTable, Selftest, Train, Watch, parse_args, parse_train
from .loading import loading
from .text import clean, number, shown

if TYPE_CHECKING:
    from rich.console import RenderableType

INTERRUPTED = 130  # what a shell reports for Ctrl-C


def train(words: Sequence[str], started: float) -> int:
    """`dqn train`, called for at `started` by time.perf_counter()"""
    args, remark = parse_train(words)
    trackers = args.trackers
    require_positive(seeds=args.seeds)
    if remark:
        print(clean(remark), file=sys.stderr)
    if args.dry_run:
        from ..toml import to_toml

        print(to_toml(args.config), end="")
        return 0
    return _train(args, trackers, started) if args.seeds == 1 else _train_many(args, trackers, started)


def _train(args: Train, trackers: Sequence[str], started: float) -> int:
    with loading():
        from .. import build  # noqa: F401  with torch and Gymnasium, the heaviest by far
        from . import experiment
        from .console import choose_view
        from .summary import summary

    view = choose_view(quiet=args.quiet)
    try:
        run = experiment.train(args.config, out=args.out, runs=args.runs, trackers=trackers, view=view, started=started)
    finally:
        view.stop()  # whatever happened, the terminal is given back
    show(summary(run), soft_wrap=True)
    return INTERRUPTED if run.interrupted else 0


def _train_many(args: Train, trackers: Sequence[str], started: float) -> int:
    from .board import choose_board  # and no torch: the processes that need it load it themselves
    from .many import Crew
    from .summary import group_summary

    seeds = range(args.config.seed, args.config.seed + args.seeds)
    board = choose_board(quiet=args.quiet)
    crew = Crew(args.config, seeds, out=args.out, runs=args.runs, trackers=trackers, board=board, started=started)
    group = crew.train()
    show(group_summary(group), soft_wrap=True)
    if group.interrupted:
        return INTERRUPTED
    return group.failures[0].exit_code if group.failures else 0


def evaluate(words: Sequence[str]) -> int:
    """`dqn evaluate`"""
    args = parse_args(Evaluate, "evaluate", words)
    require_positive(episodes=args.episodes)
    from ..run.agent import load
    from ..run.evaluate import evaluate as play
    from .summary import evaluation

    path = _home(args.run, args.runs)
    agent = load(path, which=args.which, env=args.env, trust_env_modules=args.trust_env_module)
    score = play(agent, episodes=args.episodes, seed=args.seed)
    if args.json:
        print(json.dumps({"run": str(path), "which": args.which, "seed": args.seed, **asdict(score)}))
    else:
        title = f"{shown(path)}, {args.which} network, seed {args.seed}"
        show(evaluation(score, title), soft_wrap=True)
    return 0


def watch(words: Sequence[str]) -> int:
    """`dqn watch`"""
    args = parse_args(Watch, "watch", words)
    require_positive(episodes=args.episodes)
    from ..run.agent import load
    from ..run.film import watch as play

    path = _home(args.run, args.runs)
    agent = load(path, which=args.which, env=args.env, trust_env_modules=args.trust_env_module)
    for index, ret in enumerate(play(agent, episodes=args.episodes, seed=args.seed), start=1):
        print(f"episode {index}: return {number(ret)}", flush=True)
    return 0


def record(words: Sequence[str]) -> int:
    """`dqn record`"""
    args = parse_args(Record, "record", words)
    require_positive(episodes=args.episodes, max_seconds=args.max_seconds)
    from ..run.agent import load
    from ..run.film import record as film
    from ..run.folder import VIDEOS

    path = _home(args.run, args.runs)
    agent = load(path, which=args.which, env=args.env, trust_env_modules=args.trust_env_module)
    folder = args.out or (path.parent if path.is_file() else path) / VIDEOS
    if args.out is None and folder.is_symlink():
        raise FolderError(f"{str(folder)!r} is a link, which may lead anywhere: say --out")
    for made in film(agent, folder, episodes=args.episodes, max_seconds=args.max_seconds, seed=args.seed):
        print(shown(made))
    return 0


def runs(words: Sequence[str]) -> int:
    """`dqn runs`"""
    args = parse_args(RunsTable, "runs", words)
    from ..run.folder import list_runs
    from .summary import runs_table

    found = list_runs(args.runs)
    if found:
        show(runs_table(found))
    else:
        print(f"no runs under {clean(str(args.runs))}: `dqn train` makes one")
    return 0


def presets(words: Sequence[str]) -> int:
    """`dqn presets`"""
    args = parse_args(Presets, "presets", words)
    from .summary import preset_table, presets_table

    show(preset_table(args.name) if args.name is not None else presets_table())
    return 0


def selftest(words: Sequence[str]) -> int:
    """`dqn selftest`; 1 if a probe fails."""
    parse_args(Selftest, "selftest", words)
    from ..run import probes

    failed = 0
    for result in probes.selftest():
        failed += not result.passed
        print(f"{'ok  ' if result.passed else 'FAIL'}  {result.name:<16}  {result.says}", flush=True)
        if not result.passed:
            print(f"      expected {result.expected.tolist()}, got {result.got.tolist()}", flush=True)
    print(f"{failed} failed" if failed else "every probe learnt its known Q-values")
    return 1 if failed else 0


def _home(run: str, runs: Path) -> Path:
    """The run's folder, or the weights file that was named instead. Raises FolderError."""
    from ..run.folder import find_run

    return Path(run) if os.path.isfile(run) else find_run(run, runs)


def show(what: RenderableType, *, soft_wrap: bool = False) -> None:
    """Prints with colours in a terminal; in a pipe as plain text, wide enough not to break lines."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=200)
    with console.capture() as text:
        console.print(what, soft_wrap=soft_wrap)
    print(text.get(), end="")  # not by rich, which ends the process when a reader has gone


def require_positive(**values: float) -> None:
    """Raises ConfigError naming the flag whose value is not above zero."""
    from ..config import require

    for name, value in values.items():
        require(value > 0, f"--{name.replace('_', '-')}", value, "above zero")
