"""What is asked for: the words of a command read, its run found. Nothing heavy is loaded for it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from ..cluster import check_where
from ..config.fields import nearest
from ..errors import ConfigError, FolderError
from ..store.advice import how_to_resume
from ..store.find import find_group, find_run, read_run
from ..store.folder import REPORT, RESULT, beside_name
from ..terminal.text import clean
from ..track.tracker import Swanlab
from .alert import check_live
from .arguments import (
    Compare,
    Completion,
    Doctor,
    Evaluate,
    Explain,
    Export,
    Presets,
    Record,
    Resume,
    Selftest,
    Train,
    Tune,
    Watch,
)
from .arguments_benchmark import Benchmark
from .arguments_branch import BranchOff, Heal
from .arguments_import import Import
from .arguments_kept import Clean, Rm, RunsTable
from .arguments_live import Live
from .parse import parse_args, parse_branch, parse_doctor, parse_selftest, parse_train, parse_tune
from .parse_compare import parse_compare
from .parse_import import parse_import
from .parse_resume import parse_resume
from .places import home

Args = TypeVar("Args")

KINDS: dict[str, type] = {
    "train": Train,
    "tune": Tune,
    "resume": Resume,
    "branch": BranchOff,
    "heal": Heal,
    "evaluate": Evaluate,
    "watch": Watch,
    "record": Record,
    "export": Export,
    "live": Live,
    "explain": Explain,
    "import": Import,
    "compare": Compare,
    "benchmark": Benchmark,
    "doctor": Doctor,
    "runs": RunsTable,
    "clean": Clean,
    "rm": Rm,
    "presets": Presets,
    "selftest": Selftest,
    "completion": Completion,
}
"""the words of each command"""


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
    remark: str = ""
    """what to say of the settings, once their environment could be made if it is made at all; nothing if empty"""

    def tell(self) -> None:
        """Says the remark, on standard error: what a command prints may go into a file."""
        if self.remark:
            print(self.remark, file=sys.stderr)


def read(command: str, words: Sequence[str], started: float) -> Call[Any]:
    """What a command was asked for. Raises ConfigError or FolderError; SystemExit after the help text."""
    if command not in KINDS:
        raise ConfigError(f"unknown command {command!r}; {nearest(command, list(KINDS))}")
    remark = ""
    if command == "train":
        module, args, remark = _train(words)
    elif command == "tune":
        args, remark = _tune(words)
        module = "search_space" if args.dry_run else command
    elif command == "doctor":
        module, args = command, parse_doctor(words)
    elif command == "selftest":
        module, args = command, parse_selftest(words)
    elif command == "branch":
        module, args = _branch(parse_branch(words))
    elif command == "resume":
        module, args = _resume(parse_resume(words))
    elif command == "import":
        module, args = "import_agent", parse_import(words)
    elif command == "compare":
        module, args = command, parse_compare(words)
        if args.ray is not None:
            check_where(args.ray)
    else:
        module, args = _found(command, parse_args(KINDS[command], command, words))
    return Call(module, args, tuple(words), started, clean(remark))


def _train(words: Sequence[str]) -> tuple[str, Train, str]:
    args, remark = parse_train(words)
    asked = dict.fromkeys(args.tracker)
    if "none" in asked and len(asked) > 1:
        raise ConfigError(f"--tracker none excludes the others, got {' '.join(asked)}")
    _ = args.label  # refused here, before anything is loaded
    if args.swanlab != Swanlab() and "swanlab" not in (*asked, *([] if asked else ["swanlab"])):
        said = next(name for name, value in vars(args.swanlab).items() if value)
        raise ConfigError(f"--swanlab.{said} belongs to --tracker swanlab, and the tracker is {' and '.join(asked)}")
    if args.alert is not None and not args.live:
        raise ConfigError("--alert belongs to --live: add it")
    if args.live:
        check_live(args.alert)
    if args.ray is not None:
        check_where(args.ray)
        if args.seeds == 1:
            args.config.collectors.check_used(args.ray)
    if args.dry_run:
        return "foresee" if args.config.measures_rewards else "dry_run", args, remark
    return "train" if args.seeds == 1 else "train_many", args, remark


def _tune(words: Sequence[str]) -> tuple[Tune, str]:
    args, remark = parse_tune(words)
    if args.space is not None and not Path(args.space).is_file():
        raise ConfigError(f"--space {args.space} is no file: name one that holds a search space")
    if args.ray is not None:
        check_where(args.ray)
    return args, remark


def _found(command: str, args: Any) -> tuple[str, Any]:
    """The command's file, and its arguments with the path of the run or network that they name."""
    match args:
        case Benchmark():
            if args.ray is not None:
                check_where(args.ray)
            if args.tables and args.dry_run:
                raise ConfigError("--tables writes them and --dry-run writes nothing: leave one out")
        case Evaluate() | Watch() | Record() | Export():
            return command, replace(args, run=str(home(args.run, args.runs)))
        case Heal():
            _ = args.asked  # refused here, before anything is loaded
            if find_group(args.run, args.runs) is not None:
                raise ConfigError(f"{args.run!r} is a group of seeds: name one of its folders")
            return command, replace(args, run=str(find_run(args.run, args.runs)))
        case Explain():
            return command, _explain(args)
        case Live():
            return command, _live(args)
        case Clean():
            _check_clean(args)
        case RunsTable():
            _check_runs(args)
    return command, args


def _resume(args: Resume) -> tuple[str, Resume]:
    if args.steps is not None and args.episodes is not None:
        raise ConfigError(f"--steps {args.steps} and --episodes {args.episodes} exclude each other: leave one out")
    group = find_group(args.run, args.runs)
    if args.ray is not None:
        check_where(args.ray)
    if group is not None:
        return "resume_many", replace(args, run=str(group))
    return "resume", replace(args, run=str(find_run(args.run, args.runs)))


def _branch(args: BranchOff) -> tuple[str, BranchOff]:
    _ = args.asked  # refused here, before anything is loaded
    group = find_group(args.run, args.runs)
    if group is not None:
        return "branch_many", replace(args, run=str(group))
    return "branch", replace(args, run=str(find_run(args.run, args.runs)))


def _check_clean(args: Clean) -> None:
    if args.all == bool(args.run):
        what = f"--all and {args.run[0]!r} exclude each other" if args.all else "nothing is named to be cleaned"
        raise ConfigError(f"{what}: name runs or groups, or say --all")


def _check_runs(args: RunsTable) -> None:
    for one, other in (("json", "csv"), ("solved", "unsolved")):
        if getattr(args, one) and getattr(args, other):
            raise ConfigError(f"--{one} and --{other} exclude each other: leave one out")
    for name in ("run", "seeds", "sort", "reverse", "diff", "json", "csv"):
        if args.tree and (value := getattr(args, name)) != getattr(RunsTable(), name):
            said = repr(value[0]) if name == "run" else f"--{name}"
            raise ConfigError(
                f"--tree draws whole trees, in their own order: leave out {said}; --env, --preset, --name, --tag, "
                "--status, --solved and --unsolved choose which"
            )
    if args.csv and args.diff:
        raise ConfigError("--csv has a row for each run and no room for --diff: use --json, or leave it out")


def _live(args: Live) -> Live:
    """With the folder of the run or group. Raises ConfigError, ResourceError."""
    check_live(args.alert)
    if args.run is None:
        if args.runs.exists() and not args.runs.is_dir():  # the first run may make it
            raise FolderError(f"{str(args.runs)!r} is not a folder: name the one that holds the runs with --runs")
        return args
    group = find_group(args.run, args.runs)
    return replace(args, run=str(find_run(args.run, args.runs) if group is None else group))


def _explain(args: Explain) -> Explain:
    folder = find_run(args.run, args.runs)
    if args.step and args.beside is not None:
        raise ConfigError("--step explains one learning step of one run: leave out --beside")
    beside = None if args.beside in (None, "parent") else find_run(args.beside, args.runs)
    if not args.step:
        page = folder / (REPORT if beside is None else beside_name(beside))
        if args.out is None and page.is_symlink():
            raise FolderError(f"{str(page)!r} is a link, which may lead anywhere: use --out")
        for each in (folder, *([] if beside is None else [beside])):
            if not (each / RESULT).exists():
                raise FolderError(
                    f"{str(each)!r} has no {RESULT}: it has not ended yet, or the file was removed; wait for it, or "
                    f"resume it, which writes one: {how_to_resume(each)}"
                )
            try:
                read_run(each)
            except FolderError as e:
                if e.__cause__ is None:  # of a newer version, say: whole, but not for this one
                    raise
                raise FolderError(f"{e}; to write it anew, resume the run: {how_to_resume(each)}") from e
    return replace(args, run=str(folder), beside=args.beside if beside is None else str(beside))
