"""Folders opened once: what is written goes into the folder that was opened, whatever its name leads to by then.

A run's folder may come from elsewhere, or somebody else may write into it. So none of its folders is ever reached
through a link, and where the system has folder descriptors a folder that is swapped for another one is of no use to
whoever did it. Elsewhere a folder is looked at again before each use.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = getattr(os, "O_DIRECTORY", 0)
_USED = {getattr(os, name) for name in ("open", "mkdir", "unlink", "rmdir", "rename", "stat")}
BY_DESCRIPTOR = bool(NO_FOLLOW and _FOLDER) and os.supports_dir_fd >= _USED and os.listdir in os.supports_fd
_MOUNT_POINT = getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", None)  # a junction, Windows' other kind of link


@dataclass(frozen=True)
class Opened:
    """A folder that was opened and is no link."""

    path: Path
    descriptor: int | None
    """none where the system has no descriptors of folders"""
    identity: tuple[int, int]
    """device and number of the folder itself"""

    def reach(self, name: str) -> tuple[str, int | None]:
        """What names a file in this folder to a function of `os`: a path, and the `dir_fd` that it starts from.

        Raises OSError if, without descriptors, another folder is in its place by now.
        """
        if self.descriptor is not None:
            return name, self.descriptor
        if _identity(_checked(self.path)) != self.identity:
            raise OSError(errno.ESTALE, "another folder is in its place", str(self.path))
        return str(self.path / name), None

    def names(self) -> list[str]:
        """Of everything in it, sorted. Raises OSError."""
        return sorted(os.listdir(self.path if self.descriptor is None else self.descriptor))

    def stat(self, name: str) -> os.stat_result | None:
        """Of a file, or of a link itself; none if there is nothing of that name."""
        where, at = self.reach(name)
        try:
            return os.stat(where, dir_fd=at, follow_symlinks=False)
        except FileNotFoundError:
            return None


_held: dict[Path, Opened] = {}


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Opens a folder; until the end everything that is written below its path goes into the folder it is now.

    Raises OSError if it is a link, or cannot be opened.
    """
    path = _absolute(folder)
    if path in _held:
        yield
        return
    _held[path] = opened = _open(path)
    try:
        yield
    finally:
        del _held[path]
        _close(opened)


@contextmanager
def within(folder: Path) -> Iterator[Opened]:
    """A folder to write into: the held one itself, or one below it, with no link on the way there.

    One that lies in no held folder is no link itself; how its path gets there is the caller's word. Raises OSError.
    """
    path = _absolute(folder)
    root = next((each for each in (path, *path.parents) if each in _held), None)
    if root == path:
        yield _held[path]
        return
    opened = _open(path) if root is None else _walk(_held[root], path.relative_to(root).parts)
    try:
        yield opened
    finally:
        _close(opened)


def _absolute(folder: Path) -> Path:
    return Path(os.path.abspath(folder))


def _open(path: Path, at: int | None = None) -> Opened:
    """Opens a folder that is no link; by its last name if `at` is the descriptor of the folder that it lies in."""
    if not BY_DESCRIPTOR:
        return Opened(path, None, _identity(_checked(path)))
    where: Path | str = path if at is None else path.name
    try:
        descriptor = os.open(where, os.O_RDONLY | _FOLDER | NO_FOLLOW, dir_fd=at)
    except OSError as e:
        if e.errno in (errno.ELOOP, errno.ENOTDIR):
            _check(path, os.stat(where, dir_fd=at, follow_symlinks=False))
        raise
    return Opened(path, descriptor, _identity(os.fstat(descriptor)))


def _walk(opened: Opened, names: tuple[str, ...]) -> Opened:
    root = opened
    for name in names:
        below = _open(opened.path / name, opened.descriptor)
        if opened is not root:
            _close(opened)
        opened = below
    return opened


def _close(opened: Opened) -> None:
    if opened.descriptor is not None:
        os.close(opened.descriptor)


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _checked(path: Path) -> os.stat_result:
    found = os.lstat(path)
    _check(path, found)
    return found


def _check(path: Path, found: os.stat_result) -> None:
    """Raises OSError if that is no folder but a link, or something else."""
    tag = getattr(found, "st_reparse_tag", 0)
    if stat.S_ISLNK(found.st_mode) or (tag and tag == _MOUNT_POINT):
        raise OSError(errno.ELOOP, "it is a link, which may lead anywhere", str(path))
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "it is not a folder", str(path))
