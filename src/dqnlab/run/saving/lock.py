"""One process at a time in a run's folder."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ...errors import FolderError

LOCK = "run.lock"


@contextmanager
def locked(folder: Path, *, force: bool = False) -> Iterator[None]:
    """Holds the folder of a run for this process.

    The operating system holds the lock and lets it go when the process ends, however that happens; the file says
    who has it. One left behind by a process of this machine that was killed is taken over. Of a process on another
    machine nobody here can tell whether it lives.

    Args:
        force: take over from another machine.

    Raises:
        FolderError: another process has it.
    """
    path = folder / LOCK
    try:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644), "r+")
    except OSError as e:
        raise FolderError(f"{str(path)!r} cannot be written: {e.strerror or e}") from e
    with file:
        holder = _holder(file)
        here = socket.gethostname()
        if not _take(file):
            pid = holder.get("pid", "unknown")
            raise FolderError(f"{str(folder)!r} is in use by process {pid} on {holder.get('host', here)}: end it first")
        if holder.get("host", here) != here and not force:
            raise FolderError(
                f"{str(folder)!r} was in use by process {holder.get('pid')} on {holder['host']}, which did not give it "
                "back: make sure that it has ended, then pass --force-unlock"
            )
        _write(file, json.dumps({"pid": os.getpid(), "host": here}))
        try:
            yield
        finally:
            _write(file, "")
            if sys.platform != "win32":  # there an open file cannot be removed; an empty one is as good
                with suppress(OSError):  # the folder may be gone
                    path.unlink()


def _holder(file: IO[str]) -> dict[str, str | int]:
    """Who wrote the lock; empty if it was given back, or torn."""
    try:
        found = json.loads(file.read(1000))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(file: IO[str], text: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(text)
    file.flush()


def _take(file: IO[str]) -> bool:
    """Asks the operating system for the file; it answers at once."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(1 << 20)  # a byte that nobody reads: Windows locks keep readers out too
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
