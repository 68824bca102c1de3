"""Locks that the operating system holds on an open file, and lets go of when its process ends."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has locks of its own; some small systems have none
    fcntl = None

_FAR = 1 << 20  # of a byte that nobody reads: Windows locks keep readers out too
_LOOK_EVERY = 0.2  # seconds
_TAKEN = {errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK}


def take(file: int) -> bool | None:
    """Whether this process now holds the lock of an open file; none where there are no such locks. Never waits."""
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        elif sys.platform == "win32":
            import msvcrt

            os.lseek(file, _FAR, os.SEEK_SET)
            try:
                msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            finally:
                os.lseek(file, 0, os.SEEK_SET)
        else:
            return None
    except OSError as e:
        return False if e.errno in _TAKEN else None
    return True


@contextmanager
def in_turn(path: Path, notify: Callable[[], object], patience: float) -> Iterator[None]:
    """Lets processes that would do the same work do it one after the other.

    The file is there while one of them is at it. `notify` is called once if it is another one. The work is merely
    doubled, and nothing is broken, by whoever is not kept waiting: where there are no locks or the file cannot be
    made, and after `patience` seconds.
    """
    file = _wait(path, notify, time.monotonic() + patience)
    try:
        yield
    finally:
        if file is not None:
            _remove(path, file)


def _wait(path: Path, notify: Callable[[], object], until: float) -> int | None:
    """The file, open and locked; none if it is not to be had."""
    said = False
    while True:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError:
            return None
        taken = take(file)
        if taken and _is_named(path, file):
            return file
        if taken is None:
            _remove(path, file)
            return None
        os.close(file)
        if taken:  # its holder removed it between our opening and our locking it
            continue
        if time.monotonic() >= until:
            return None
        if not said:
            notify()
            said = True
        time.sleep(_LOOK_EVERY)


def _is_named(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except OSError:
        return False


def _remove(path: Path, file: int) -> None:
    """Closes and removes a lock's file; while it is held, where the system allows that."""
    if sys.platform == "win32":  # there nobody can remove what anybody has open: the last one does
        os.close(file)
        with suppress(OSError):
            path.unlink()
        return
    if _is_named(path, file):
        with suppress(OSError):
            path.unlink()
    os.close(file)


class Claim:
    """A file whose lock this process holds, which says that something is in its hands; it stays behind, empty."""

    def __init__(self, file: int) -> None:
        self._file: int | None = file

    def release(self) -> None:
        """Lets go of it; a second time does nothing."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def claim(path: Path) -> Claim | None:
    """The claim to what a file stands for, if no living process has it. Where there are no locks everybody has it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    if take(file) is False:
        os.close(file)
        return None
    return Claim(file)
