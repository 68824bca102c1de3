"""Locks that the operating system holds on an open file, and lets go of when its process ends."""

from __future__ import annotations

import errno
import os
import sys

try:
    import fcntl
except ImportError:  # Windows has locks of its own; some small systems have none
    fcntl = None

_FAR = 1 << 20  # of a byte that nobody reads: Windows locks keep readers out too
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
