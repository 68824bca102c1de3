"""Several processes that do one work together: who is at it, and what each has taken of it.

Each process, and each thing that is taken, has a folder of its own among the locks of the work; whoever is behind it
holds the lock of that folder (`store/lock`), which the system lets go of when the process ends, however that happens.
Where the system does not do that, a second process is refused.
"""

from __future__ import annotations

import errno
import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ..errors import FolderError, FolderInUse
from ..mounts import mount_of
from ..oslock import take
from ..store.door import DISK, make_wanted
from ..store.folder import safe_name
from ..store.lock import LOCK, holder, locked
from ..trust import shown

LOCKS = "locks"
_PROCESS = "process-"
_MOST_TRIES = 100  # to lock a folder that others remove, or look at, in the same moments
_MOMENT = 0.05  # seconds
_GONE = {errno.ENOENT, errno.ESTALE}  # what a system says of a folder that another process, or machine, has removed


class Sharing:
    """One process's part in a work that others may have a part in."""

    def __init__(self, folder: Path, own: Path) -> None:
        self._folder = folder
        self._own = own
        self._works = _keeps_out(own / LOCK)

    def take(self, what: str) -> ExitStack | None:
        """Takes a thing until what is returned is closed; none if a living process has it."""
        return _taken(self._folder / what)

    def who(self, what: str) -> str | None:
        """Who has taken a thing, by what its lock says; none if nobody has."""
        return holder(self._folder / what)

    def num_others(self) -> int:
        """How many other processes are at it at the moment; those that were killed are forgotten.

        Raises FolderError if there is one, or was one, whose lock says nothing here.
        """
        others = [path for path in sorted(self._folder.glob(f"{_PROCESS}*")) if path != self._own]
        return sum(self._is_alive(path) for path in others)

    def sweep(self) -> None:
        """Removes what killed processes have left; for when all is done."""
        for path in sorted(self._folder.glob("*/")):
            if path != self._own and (taken := _taken(path)) is not None:
                taken.close()

    def _is_alive(self, path: Path) -> bool:
        who = holder(path)
        if who is not None and not self._works:
            raise self._refusal(who, path, "keep nobody out")
        try:
            with locked(path):
                pass
        except FolderInUse:
            return True
        except FolderError:
            if not path.exists():  # it has just left
                return False
            if who is None:
                raise
            raise self._refusal(who, path, "are not known to hold between machines") from None
        _remove(path)
        return False

    def _refusal(self, who: str, path: Path, what: str) -> FolderError:
        mount = mount_of(self._folder)
        where = "this file system" if mount is None else f"a file system of type {mount.kind}"
        return FolderError(
            f"{shown(self._folder.parent)!r} is in use by {who}, or was until that was killed, and locks on {where} "
            f"{what}: end it first, or share a folder on NFS; if it has ended, remove {shown(path)!r}"
        )


@contextmanager
def at_work(folder: Path) -> Iterator[Sharing]:
    """Lets the others know of this process until the end; `folder` is that of the work's locks.

    Raises FolderError if another process is at it and locks would not keep the two apart.
    """
    own = folder / f"{_PROCESS}{safe_name(socket.gethostname())}-{os.getpid()}-{secrets.token_hex(3)}"
    try:
        with _owned(own):
            sharing = Sharing(folder, own)
            sharing.num_others()
            yield sharing
    finally:
        _remove(folder)


def _owned(path: Path) -> ExitStack:
    """Locks a folder that nobody else means to keep; somebody may just look whether whoever has it lives."""
    for _ in range(_MOST_TRIES):
        if (held := _taken(path)) is not None:
            return held
        time.sleep(_MOMENT)
    raise FolderError(f"{shown(path)!r} is in use by another process: remove it")


def _taken(path: Path) -> ExitStack | None:
    """Makes a folder and locks it; closing what is returned removes it again. None if a living process has it."""
    for _ in range(_MOST_TRIES):
        make_wanted(path, "folder to work in")
        stack = ExitStack()
        stack.callback(_remove, path)
        try:
            stack.enter_context(locked(path, force=True))  # of a dead machine `num_others` has told
            return stack
        except FolderInUse:
            return None
        except FolderError as e:
            if getattr(e.__cause__, "errno", None) not in _GONE:
                raise
    raise FolderError(f"{shown(path)!r} cannot be locked: it vanishes again and again")


def _remove(path: Path) -> None:
    with suppress(OSError):  # something is in it
        DISK.remove_folder(path)


def _keeps_out(lock: Path) -> bool:
    """Whether a lock that this process holds keeps out whoever opens its file again."""
    file = os.open(lock, os.O_RDWR)
    try:
        return take(file) is False
    finally:
        os.close(file)
