"""What is asked for: the words of a command read, its ranges checked, its run found. Nothing heavy is loaded for it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from ..config import LONGEST_FILM, MOST_EPISODES, MOST_FILMS, MOST_PROBED, MOST_SEEDS
from ..config.checks import between, whole
from ..config.fields import nearest
from ..errors import ConfigError, FolderError
from ..store.advice import going_on
from ..store.find import find_group, find_run
from ..store.folder import REPORT, RESULT
from ..terminal.text import clean
from .arguments import Doctor, Evaluate, Explain, Presets, Record, Resume, RunsTable, Selftest, Train, Watch
from .parse import parse_args, parse_doctor, parse_train
from .places import home

Args = TypeVar("Args")
Plays = TypeVar("Plays", Evaluate, Watch, Record)


@dataclass(frozen=True)
class Call(Generic[Args]):
    """A command with its arguments, which have been checked."""

    module: str
    """the file in `commands` whose `run` takes this"""
    args: Args
    words: tuple[str, ...]
    """as they were typed after the command's name"""
    started: float
    """when it was called for, by time.perf_counter()"""


def read(command: str, words: Sequence[str], started: float) -> Call[Any]:
    """What a command was asked for. Raises ConfigError or FolderError; SystemExit after help or a usage error."""
    if command not in _READERS:
        raise ConfigError(f"unknown command {command!r}; {nearest(command, list(_READERS))}")
    module, args = _READERS[command](words)
    return Call(module, args, tuple(words), started)


def _train(words: Sequence[str]) -> tuple[str, Train]:
    args, remark = parse_train(words)
    asked = dict.fromkeys(args.tracker)
    if "none" in asked and len(asked) > 1:
        raise ConfigError(f"--tracker none excludes the others, got {' '.join(asked)}")
    whole("--seeds", args.seeds, 1, MOST_SEEDS)
    if remark:
        print(clean(remark), file=sys.stderr)
    if args.dry_run:
        return "foresee" if args.config.reward_scale == "auto" else "dry_run", args
    return "train" if args.seeds == 1 else "train_many", args


def _resume(words: Sequence[str]) -> tuple[str, Resume]:
    args = parse_args(Resume, "resume", words)
    given = {name: value for name in ("steps", "episodes") if (value := getattr(args, name)) is not None}
    for name, value in given.items():
        whole(f"--{name}", value, 1)
    if len(given) > 1:
        raise ConfigError(f"--steps {args.steps} and --episodes {args.episodes} exclude each other: leave one out")
    group = find_group(args.run, args.runs)
    if group is not None:
        return "resume_many", replace(args, run=str(group))
    return "resume", replace(args, run=str(find_run(args.run, args.runs)))


def _evaluate(words: Sequence[str]) -> tuple[str, Evaluate]:
    return "evaluate", _playing(parse_args(Evaluate, "evaluate", words), MOST_EPISODES)


def _watch(words: Sequence[str]) -> tuple[str, Watch]:
    return "watch", _playing(parse_args(Watch, "watch", words), MOST_EPISODES)


def _record(words: Sequence[str]) -> tuple[str, Record]:
    args = parse_args(Record, "record", words)
    between("--max-seconds", args.max_seconds, 0, LONGEST_FILM, open_low=True)
    return "record", _playing(args, MOST_FILMS)


def _playing(args: Plays, most: int) -> Plays:
    """Arguments of a command that plays at most so many episodes, with the path of the run or network."""
    whole("--episodes", args.episodes, 1, most)
    whole("--seed", args.seed, 0, 2**32 - 1)
    return replace(args, run=str(home(args.run, args.runs)))


def _explain(words: Sequence[str]) -> tuple[str, Explain]:
    args = parse_args(Explain, "explain", words)
    whole("--row", args.row, 0)
    folder = find_run(args.run, args.runs)
    if not args.step:
        page = folder / REPORT
        if args.out is None and page.is_symlink():
            raise FolderError(f"{str(page)!r} is a link, which may lead anywhere: say --out")
        if not (folder / RESULT).exists():
            raise FolderError(
                f"{str(folder)!r} has no {RESULT}: it has not come to its end, or the file was removed; wait for it, "
                f"or go on with it, which writes one: {going_on(folder)}"
            )
    return "explain", replace(args, run=str(folder))


def _doctor(words: Sequence[str]) -> tuple[str, Doctor]:
    args = parse_doctor(words)
    whole("--steps", args.steps, 1, MOST_PROBED)
    return "doctor", args


def _runs(words: Sequence[str]) -> tuple[str, RunsTable]:
    return "runs", parse_args(RunsTable, "runs", words)


def _presets(words: Sequence[str]) -> tuple[str, Presets]:
    return "presets", parse_args(Presets, "presets", words)


def _selftest(words: Sequence[str]) -> tuple[str, Selftest]:
    return "selftest", parse_args(Selftest, "selftest", words)


_READERS: dict[str, Callable[[Sequence[str]], tuple[str, Any]]] = {
    "train": _train,
    "resume": _resume,
    "evaluate": _evaluate,
    "watch": _watch,
    "record": _record,
    "explain": _explain,
    "doctor": _doctor,
    "runs": _runs,
    "presets": _presets,
    "selftest": _selftest,
}
