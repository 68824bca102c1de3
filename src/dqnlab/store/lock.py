"""One process at a time in a run's folder."""

from __future__ import annotations

import errno
import json
import os
import socket
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import DqnlabError, FolderError, FolderInUse, ResourceError
from ..mounts import locks_reach
from ..oslock import take
from .door import DISK, is_machines, sweep
from .folders import Opened, held, within
from .reading import read_text

LOCK = "run.lock"
_LOOK_EVERY = 0.1  # seconds
_MOST = 1000  # bytes that are read of a lock


@contextmanager
def locked(folder: Path, *, force: bool = False) -> Iterator[None]:
    """Holds the folder of a run for this process, and writes into this very folder until the end.

    The operating system holds the lock and lets it go when the process ends, however that happens; the file says
    who has it. One left behind by a process of this machine that was killed is taken over, and so is what that
    process had half written. Of a process on another machine nobody here can tell whether it lives, unless locks of
    this file system hold between machines (`mounts`).

    Args:
        force: take over from another machine.

    Raises:
        FolderInUse: another process has it.
        FolderError: one on another machine had it and has not released it, or something else is in the way.
        ResourceError: the disk is full.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(held(folder))
            opened = stack.enter_context(within(folder))
            file = _taken(opened, force)
            stack.callback(_give_back, opened, file)
            _write(file, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode())
        except OSError as e:
            raise _refusal(folder, e) from e
        sweep(folder)
        yield


def holder(folder: Path) -> str | None:
    """Who works in the folder of a run, by what the lock's file says; none if nobody does, as far as can be told here.

    It takes no lock, so it is in nobody's way, and it may be out of date by the time that it is read.
    """
    said = _said_in(folder)
    if not said:
        return None
    pid, host = said.get("pid"), said.get("host", socket.gethostname())
    here = host == socket.gethostname()
    return f"process {pid} on {host}" if not here or pid == os.getpid() or _lives(pid) else None


def hold(folder: Path) -> tuple[str, int] | None:
    """Who works in the folder of a run, as `holder` says it, and since when: told apart from whoever does so later."""
    who = holder(folder)
    try:
        return None if who is None else (who, os.stat(folder / LOCK).st_mtime_ns)
    except OSError:  # it was given back just now
        return None


def free_of(folder: Path, host: str, pid: int, patience: float = 10.0) -> None:
    """Gives a folder back for a process that is known to have ended, on whatever machine, if it still has it.

    Args:
        patience: seconds that its machine has to let go of the lock.
    """
    until = time.monotonic() + patience
    while _said_in(folder) == {"pid": pid, "host": host}:
        try:
            with locked(folder, force=True):
                return
        except DqnlabError:
            if time.monotonic() > until:
                return
            time.sleep(_LOOK_EVERY)


def _said_in(folder: Path) -> dict[str, Any]:
    """What the lock's file says, which may be out of date; empty if it says nothing."""
    try:
        said = json.loads(read_text(folder / LOCK))
    except (FolderError, ValueError, RecursionError):  # there is none, or it was given back
        return {}
    return said if isinstance(said, dict) else {}


def _taken(opened: Opened, force: bool) -> int:
    """The lock's file, open and held. Raises FolderError, OSError."""
    while True:
        file = _open(opened)
        try:
            if not _take(file):
                holder = _holder(file)
                who = f"process {holder.get('pid', 'unknown')} on {holder.get('host', socket.gethostname())}"
                raise FolderInUse(f"{str(opened.path)!r} is in use by {who}: end it first")
            if _is_named(opened, file):
                _check_host(opened, _holder(file), force)
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)  # its holder removed it between our opening and our locking it: whoever comes now makes another


def _open(opened: Opened) -> int:
    """Opens the lock's file, or a new one: no link, no other file's second name, and nobody waits for a pipe."""
    path = opened.path / LOCK
    while True:
        try:  # exclusively: a link to nothing would be followed where there is no O_NOFOLLOW
            file = DISK.create(path, 0o644)
            break
        except FileExistsError:
            pass
        try:
            file = DISK.reopen(path)
            break
        except FileNotFoundError:
            if opened.stat(LOCK) is not None:  # a link to nothing; else its holder removed it just now
                raise
    found, there = os.fstat(file), opened.stat(LOCK)
    link = there is not None and stat.S_ISLNK(there.st_mode)  # which a system without O_NOFOLLOW has followed
    if link or not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(file)
        raise FolderError(f"{str(path)!r} is not a file of its own: move it away")
    return file


def _is_named(opened: Opened, file: int) -> bool:
    """Whether the folder still has this very file under the lock's name."""
    there = opened.stat(LOCK)
    return there is not None and os.path.samestat(there, os.fstat(file))


def _take(file: int) -> bool:
    """Whether the file is now ours."""
    taken = take(file)
    return not _lives(_holder(file).get("pid")) if taken is None else taken


def _lives(pid: object) -> bool:
    """Whether a process of this number runs on this machine, for systems without locks."""
    if not isinstance(pid, int) or pid <= 0 or pid == os.getpid() or sys.platform == "win32":
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _check_host(opened: Opened, holder: dict[str, Any], force: bool) -> None:
    """Raises FolderError if a process of another machine has not given the folder back."""
    host = holder.get("host", socket.gethostname())
    if host != socket.gethostname() and not force and not locks_reach(opened.path):
        raise FolderError(
            f"{str(opened.path)!r} was in use by process {holder.get('pid')} on {host}, which did not release it: "
            "make sure that it has ended, then take over the folder: dqn resume with --force-unlock"
        )


def _holder(file: int) -> dict[str, Any]:
    """Who wrote the lock; empty if it was given back, or torn."""
    os.lseek(file, 0, os.SEEK_SET)
    try:
        found = json.loads(os.read(file, _MOST))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(file: int, text: bytes) -> None:
    DISK.empty(file)
    DISK.write(file, memoryview(text))


def _give_back(opened: Opened, file: int) -> None:
    """Removes the file while its lock is still held, so that whoever opened it meanwhile sees that it has gone."""
    with suppress(OSError):  # the folder may be gone, or full
        DISK.empty(file)
    if sys.platform == "win32":  # there an open file cannot be removed; an empty one is as good
        os.close(file)
        return
    with suppress(OSError):
        if _is_named(opened, file):
            DISK.remove(opened.path / LOCK)
    os.close(file)


def _refusal(folder: Path, e: OSError) -> DqnlabError:
    if e.errno == errno.ELOOP:
        return FolderError(f"{str(folder)!r} or its {LOCK} is a link, which may lead anywhere: move it away")
    kind = ResourceError if is_machines(e) else FolderError
    return kind(f"{str(folder / LOCK)!r} cannot be written: {e.strerror or e}")
