"""Taking away what a finished run no longer needs, or whole runs; never the target of a link or a stranger's file.

What is removed was made by dqnlab (see `made`). Whatever else lies in a folder stays, and so does the folder then.
Every folder is locked meanwhile, so that nothing is taken from a process that works in it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import FolderError
from .disk import remove_tree
from .door import DISK, drop_empty, is_part, refusal
from .find import NO_CONFIG, has_ended, is_seed
from .folder import CHECKPOINTS, CONFIG, META, SUMMARY, check_no_link, seed_name, write_json
from .group import removed_in
from .interval import seeds_mean
from .lock import LOCK, holder, locked
from .made import Made, made_in_checkpoints, made_in_run
from .reading import is_count, is_number, read_json

_NEEDED = "it has not ended: dqn resume continues from its checkpoint"


# ── What a finished run no longer needs ──────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Spare:
    """The checkpoints of a run, which only training it further and branching it need."""

    folder: Path
    num_bytes: int
    """0 if there are none"""
    why_not: str
    """why they stay; empty if they can go"""
    strange: tuple[Path, ...]
    """what lies among them and dqnlab has not made, which stays"""
    is_known: bool = True
    """whether the folder could be read"""


def spare_of(folder: Path) -> Spare:
    """What of a run can go."""
    who = holder(folder)
    why = f"{who} works on it" if who is not None else "" if has_ended(folder) else _NEEDED
    try:
        found = _checkpoints(folder)
    except FolderError as e:
        return Spare(folder=folder, num_bytes=0, why_not=str(e), strange=(), is_known=False)
    try:
        _check_run(folder)
    except FolderError as e:
        why = str(e)
    return Spare(folder=folder, num_bytes=_size_of(found), why_not=why, strange=found.strange)


def _checkpoints(folder: Path) -> Made:
    """Raises FolderError."""
    try:
        return made_in_checkpoints(folder / CHECKPOINTS)
    except OSError as e:
        raise FolderError(_unreadable(folder / CHECKPOINTS, e)) from e


def _unreadable(folder: Path, e: OSError) -> str:
    return f"{str(e.filename or folder)!r} cannot be read: {e.strerror or e}"


def drop_spare(folder: Path) -> int:
    """Removes the checkpoints of a run that has ended; the bytes that were freed.

    Raises FolderError if it has not ended, or somebody works on it; ResourceError.
    """
    _check_run(folder)
    with locked(folder):
        if not has_ended(folder):
            raise FolderError(f"{str(folder)!r} stays as it is: {_NEEDED}")
        return _take(_checkpoints(folder).ours)


def _size_of(found: Made) -> int:
    return sum(_size(path, found.whole) for path in found.ours)


def _size(path: Path, whole: Iterable[Path]) -> int:
    """The bytes of a file, or of a folder that goes as a whole; one that goes when it is empty has none."""
    return size_of_tree(path) if path in whole or not path.is_dir() else 0


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
    whole: tuple[Path, ...]
    """folders that a tracker has made, which go with whatever lies in them"""


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
    found = {run: _made(run) for run in runs}
    strange = [path for made in found.values() for path in made.strange]
    size = sum(map(_size_of, found.values()))
    if is_group:
        size += size_of_tree(folder / SUMMARY)
        kept = {SUMMARY, LOCK, *(run.name for run in runs)}
        strange += [path for path in folder.iterdir() if path.name not in kept and not is_part(path.name)]
    whole = tuple(path for made in found.values() for path in made.whole)
    return Removable(folder=folder, runs=runs, num_bytes=size, strange=tuple(sorted(strange)), whole=whole)


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
            freed += _take([folder / SUMMARY])
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
    if not os.path.lexists(folder / CONFIG):
        raise FolderError(f"{str(folder)!r} is no run: its {META} is there, but {NO_CONFIG}")
    if not (folder / CONFIG).is_file() or not isinstance(about.get("env"), dict):
        raise FolderError(f"{str(folder)!r} is no run: its {META} or {CONFIG} is not dqnlab's")


def _seeds_of(group: Path) -> tuple[Path, ...]:
    seeds = read_json(group / SUMMARY).get("seeds")
    if not isinstance(seeds, list) or not all(map(is_count, seeds)):
        raise FolderError(f"{str(group / SUMMARY)!r} is damaged: it does not say which seeds there are")
    homes = [group / seed_name(seed) for seed in seeds]
    return tuple(home for home in homes if (home / CONFIG).is_file())


def _made(folder: Path) -> Made:
    """What lies in a run's folder. Raises FolderError."""
    try:
        return made_in_run(folder)
    except OSError as e:
        raise FolderError(_unreadable(folder, e)) from e


def _empty(folder: Path) -> int:
    """Takes what dqnlab has made; what makes the folder a run comes last, so that it stays one until then."""
    found = _made(folder)
    marks = (folder / META, folder / CONFIG)
    return _take([*(path for path in found.ours if path not in marks), *marks], found.whole)


def _take(paths: Iterable[Path], whole: Iterable[Path] = ()) -> int:
    """Removes files, links, folders that are empty by now, and some as a whole; the bytes that were freed.

    Raises FolderError, ResourceError.
    """
    freed = 0
    for path in paths:
        size = _size(path, whole)
        try:
            if path.is_dir() and not path.is_symlink() and path not in whole:
                _drop_folder(path)
            else:
                remove_tree(DISK, path)
        except OSError as e:
            raise refusal(path, e) from e
        freed += size
    return freed


def _drop_folder(path: Path) -> None:
    """Removes an empty folder; one in which something strange lies stays. Raises OSError."""
    try:
        DISK.remove_folder(path)
    except OSError as e:
        if e.errno not in (errno.ENOTEMPTY, errno.EEXIST) and not any(path.iterdir()):
            raise


def _forget(group: Path, folder: Path) -> None:
    """Writes a group's summary without a seed, which is named as removed; removes it with the last one."""
    about: dict[str, Any] = {name: value for name, value in read_json(group / SUMMARY).items() if name != "schema"}
    rows: Sequence[Any] = about["results"] if isinstance(about.get("results"), list) else []
    about["seeds"] = [seed for seed in about["seeds"] if seed_name(seed) != folder.name]
    about["removed"] = sorted({*removed_in(about), int(folder.name.removeprefix("seed-"))})
    about["results"] = left = [row for row in rows if isinstance(row, dict) and row.get("seed") in about["seeds"]]
    scored = [(row["score"], -row["seed"]) for row in left if is_number(row.get("score"))]
    about["mean"] = asdict(seeds_mean([score for score, _ in scored])) if scored else None
    about["solved"] = sum(row.get("solved") is True for row in left)
    about["best"] = -max(scored)[1] if scored else None
    if about["seeds"]:
        write_json(group / SUMMARY, about)
    else:
        _take([group / SUMMARY])
