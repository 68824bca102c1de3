"""Taking away what a finished run no longer needs, or whole runs; never the target of a link or a stranger's file.

What is removed was made by dqnlab, by its name. Whatever else lies in a folder stays, and so does the folder then.
Every folder is locked meanwhile, so that nothing is taken from a process that works in it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, FolderError
from .checkpoint.checkpoint import CHECKPOINTS
from .checkpoint.verify import found
from .disk import remove_tree
from .door import DISK, PART, drop_empty, refusal
from .find import has_ended, is_seed
from .folder import (
    BATCH,
    BEST,
    CONFIG,
    CURVES,
    ERROR,
    INIT,
    LAST,
    META,
    METRICS,
    REPORT,
    RESULT,
    SNAPSHOTS,
    SUMMARY,
    TARGET,
    VIDEOS,
    check_no_link,
    seed_name,
    write_json,
)
from .interval import seeds_mean
from .lock import LOCK, holder, locked
from .own import MARK
from .reading import is_count, is_number, read_json

_OURS = {BATCH, BEST, CHECKPOINTS, CONFIG, CURVES, ERROR, INIT, LAST, MARK, META, METRICS, REPORT, RESULT, SNAPSHOTS}
_OURS |= {TARGET, VIDEOS, "tensorboard"}
_NEEDED = "it has not ended: dqn resume continues from its checkpoint"
_SWANLAB = re.compile(r"swanlab(-\d+)?")


# ── What a finished run no longer needs ──────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Spare:
    """The checkpoints of a run, which only training it further and branching it need."""

    folder: Path
    num_bytes: int
    """0 if there are none"""
    why_not: str
    """why they stay; empty if they can go"""


def spare_of(folder: Path) -> Spare:
    """What of a run can go."""
    who = holder(folder)
    why = f"{who} works on it" if who is not None else "" if has_ended(folder) else _NEEDED
    return Spare(folder=folder, num_bytes=_checkpoint_bytes(folder), why_not=why)


def _checkpoint_bytes(folder: Path) -> int:
    there = folder / CHECKPOINTS
    return 0 if there.is_symlink() or not there.is_dir() else size_of_tree(there)


def drop_spare(folder: Path) -> int:
    """Removes the checkpoints of a run that has ended; the bytes that were freed.

    Raises FolderError if it has not ended, or somebody works on it; ResourceError.
    """
    with locked(folder):
        if not has_ended(folder):
            raise FolderError(f"{str(folder)!r} stays as it is: {_NEEDED}")
        size, root = _checkpoint_bytes(folder), folder / CHECKPOINTS
        if not size:
            return 0
        try:
            for _, _, path in found(root):  # before the rows that they need: what is left of them is no checkpoint
                remove_tree(DISK, path)
            remove_tree(DISK, root)
        except (OSError, CheckpointError) as e:
            raise refusal(root, e) if isinstance(e, OSError) else FolderError(str(e)) from e
        return size


def size_of_tree(path: Path) -> int:
    """The bytes of all plain files in a folder, or of one; links are not followed."""
    about = os.lstat(path)
    if not stat.S_ISDIR(about.st_mode):
        return about.st_size if stat.S_ISREG(about.st_mode) else 0
    return sum(size_of_tree(inner) for inner in path.iterdir())


# ── Whole runs ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Removable:
    """A run, a group or a seed of one, that may be removed."""

    folder: Path
    runs: tuple[Path, ...]
    """itself, or the seeds of a group"""
    num_bytes: int
    strange: tuple[Path, ...]
    """what dqnlab has not made, which stays"""


def removable(folder: Path) -> Removable:
    """What removing a run or a group would take away. Raises FolderError if it is none, a link, or in use."""
    check_no_link(folder)
    is_group = (folder / SUMMARY).is_file() and not (folder / CONFIG).is_file()
    runs = _seeds_of(folder) if is_group else (folder,)
    for run in runs:
        _check_run(run)
    for each in dict.fromkeys((folder, *runs)):
        if (who := holder(each)) is not None:
            raise FolderError(f"{str(each)!r} is in use by {who}: end it first")
    ours = [path for run in runs for path in _ours(run)]
    ours += [folder / SUMMARY] if is_group else []
    strange = [path for run in runs for path in run.iterdir() if not _is_ours(path.name)]
    if is_group:
        names = {run.name for run in runs}
        strange += [p for p in folder.iterdir() if p.name not in {SUMMARY, *names} and not _is_left(p.name)]
    size = sum(map(size_of_tree, ours))
    return Removable(folder=folder, runs=runs, num_bytes=size, strange=tuple(sorted(strange)))


def remove(what: Removable) -> int:
    """Removes it; the bytes that were freed. A seed's group forgets it, and goes with its last one.

    Raises FolderError if somebody works on it by now, ResourceError. What is left can be removed again.
    """
    folder = what.folder
    group = folder.parent if is_seed(folder) else None
    with ExitStack() as held:
        for each in dict.fromkeys((*([] if group is None else [group]), folder, *what.runs)):
            held.enter_context(locked(each))
        freed = sum(_empty(run) for run in what.runs)
        if folder not in what.runs:
            freed += _take(folder / SUMMARY)
        elif group is not None:
            _forget(group, folder)
    for each in (*what.runs, folder, *([] if group is None else [group])):
        drop_empty(each)
    return freed


def _check_run(folder: Path) -> None:
    """Raises FolderError unless dqnlab made the folder: config.toml may be anybody's."""
    check_no_link(folder)
    try:
        about = read_json(folder / META)
    except FolderError as e:
        raise FolderError(f"{str(folder)!r} is no run that could be removed safely ({e}): look at it yourself") from e
    if not (folder / CONFIG).is_file() or not isinstance(about.get("env"), dict):
        raise FolderError(f"{str(folder)!r} is no run: its {META} or {CONFIG} is not dqnlab's")


def _seeds_of(group: Path) -> tuple[Path, ...]:
    seeds = read_json(group / SUMMARY).get("seeds")
    if not isinstance(seeds, list) or not all(map(is_count, seeds)):
        raise FolderError(f"{str(group / SUMMARY)!r} is damaged: it does not say which seeds there are")
    homes = [group / seed_name(seed) for seed in seeds]
    return tuple(home for home in homes if (home / CONFIG).is_file())


def _is_ours(name: str) -> bool:
    return name in _OURS or _SWANLAB.fullmatch(name) is not None or _is_left(name)


def _is_left(name: str) -> bool:
    """Whether it is a lock, or what a killed process may leave of a file."""
    return name == LOCK or (name.startswith(".") and name.endswith(PART))


def _ours(folder: Path) -> list[Path]:
    """What dqnlab has made in a run's folder; what makes it a run comes last, so that it stays one until then."""
    names = {path.name for path in folder.iterdir() if _is_ours(path.name) and path.name != LOCK}
    last = [name for name in (META, CONFIG) if name in names]
    return [folder / name for name in (*sorted(names - {*last}), *last)]


def _empty(folder: Path) -> int:
    return sum(_take(path) for path in _ours(folder))


def _take(path: Path) -> int:
    size = size_of_tree(path)
    try:
        remove_tree(DISK, path)
    except OSError as e:
        raise refusal(path, e) from e
    return size


def _forget(group: Path, folder: Path) -> None:
    """Writes a group's summary without a seed; removes it with the last one."""
    about: dict[str, Any] = {name: value for name, value in read_json(group / SUMMARY).items() if name != "schema"}
    rows: Sequence[Any] = about["results"] if isinstance(about.get("results"), list) else []
    about["seeds"] = [seed for seed in about["seeds"] if seed_name(seed) != folder.name]
    about["results"] = left = [row for row in rows if isinstance(row, dict) and row.get("seed") in about["seeds"]]
    scored = [(row["score"], -row["seed"]) for row in left if is_number(row.get("score"))]
    about["mean"] = asdict(seeds_mean([score for score, _ in scored])) if scored else None
    about["solved"] = sum(row.get("solved") is True for row in left)
    about["best"] = -max(scored)[1] if scored else None
    if about["seeds"]:
        write_json(group / SUMMARY, about)
    else:
        _take(group / SUMMARY)
