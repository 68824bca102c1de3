"""A new folder for a run or a group: locked while it is worked in, and gone again if nothing begins in it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ..config import Config
from ..errors import FolderError
from .disk import remove_tree
from .door import DISK
from .folder import META, OUT, SUMMARY, create_folder, is_fresh
from .label import UNLABELLED, Label
from .lock import LOCK, locked


@contextmanager
def new_folder(
    config: Config, out: Path | None, runs: Path, seeds: Sequence[int] = (), label: Label = UNLABELLED
) -> Iterator[Path]:
    """Makes and locks a folder, see `create_folder`; after an error before its first files are whole it is removed.

    Raises:
        FolderError: `out` exists and is not an empty folder, or cannot be made.
        ResourceError: the disk is full.
    """
    there = _nearest(runs if out is None else out)
    folder = create_folder(config, out, runs, seeds, label.name)
    try:
        with locked(folder):
            if not is_fresh(folder):  # another process has been here in between
                raise FolderError(f"output folder {str(folder)!r} exists and is not empty: choose another {OUT}")
            try:
                yield folder
            except BaseException:
                if not _has_begun(folder):
                    _clear(folder)
                raise
    except BaseException:
        _drop(folder, there)
        raise


def check_new_folder(
    config: Config, out: Path | None, runs: Path, seeds: Sequence[int] = (), label: Label = UNLABELLED
) -> None:
    """Makes the folder that `new_folder` would, and takes it away again. Raises as that does."""
    there = _nearest(runs if out is None else out)
    folder = create_folder(config, out, runs, seeds, label.name)
    try:
        with locked(folder):
            pass
    finally:
        _drop(folder, there)


def _has_begun(folder: Path) -> bool:
    """Whether the last of the files is there that a run or a group begins with."""
    return any(os.path.lexists(folder / name) for name in (META, SUMMARY))


def _nearest(path: Path) -> Path:
    """The nearest folder on the way to a path that exists already."""
    path = Path(os.path.abspath(path))
    return next(each for each in (path, *path.parents) if os.path.exists(each)).resolve()


def _clear(folder: Path) -> None:
    """Removes what is in a folder that was empty, but for the lock."""
    with suppress(OSError):  # what cannot be removed stays
        for path in sorted(folder.iterdir()):
            if path.name != LOCK:
                remove_tree(DISK, path)


def _drop(folder: Path, there: Path) -> None:
    """Removes the folder and those above it that were made for it, as far as they are empty."""
    with suppress(OSError):
        for path in (folder, *folder.parents):
            if path == there:
                return
            DISK.remove_folder(path)
