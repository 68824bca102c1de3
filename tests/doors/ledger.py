"""Whatever a process makes, opens for writing, renames or removes while somebody keeps a record of it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_CHANGES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Events of Python's own audit: which of their arguments are paths, and where the folder stands that each starts from.
_EVENTS = {
    "os.mkdir": [(0, 2)],
    "os.remove": [(0, 1)],
    "os.rmdir": [(0, 1)],
    "os.rename": [(0, 2), (1, 3)],
    "os.link": [(0, 2), (1, 3)],
    "os.symlink": [(1, 2)],
    "os.truncate": [(0, None)],
    "os.chmod": [(0, 2)],
    "os.chown": [(0, 3)],
    "os.utime": [(0, 3)],
}
_listening: list[set[Path]] = []  # audit hooks are for ever, so this one hears nothing most of the time


def _hear(event: str, args: tuple[Any, ...]) -> None:
    if not _listening:
        return
    if event == "open":
        path, mode, flags = args
        if mode is None and not isinstance(flags, int):
            return
        if set(mode or "") & set("wax+") or (isinstance(flags, int) and flags & _CHANGES):
            _note(path, None)
    for which, at in _EVENTS.get(event, ()):
        _note(args[which], None if at is None else args[at])


def _note(path: Any, at: int | None) -> None:
    if isinstance(path, int):  # a file that is open already
        return
    start = Path.cwd() if at is None or at < 0 else Path(os.readlink(f"/proc/self/fd/{at}"))
    _listening[-1].add(Path(os.path.normpath(start / os.fsdecode(path))))


sys.addaudithook(_hear)


@contextmanager
def ledger() -> Iterator[set[Path]]:
    """The paths that this process touches meanwhile, but for those it only reads."""
    touched: set[Path] = set()
    really = os.open

    def opened(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if dir_fd is None:
            return really(path, flags, mode)
        _listening.append(set())  # the audit is not told which folder a name lies in
        try:
            file = really(path, flags, mode, dir_fd=dir_fd)
        finally:
            _listening.pop()
        if flags & _CHANGES:
            _note(path, dir_fd)
        return file

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", opened)
        _listening.append(touched)
        try:
            yield touched
        finally:
            _listening.remove(touched)


def general(path: Path, folder: Path) -> str:
    """The name of a path in a folder without what differs from run to run."""
    name = path.relative_to(folder).as_posix()
    name = re.sub(r"\.[0-9a-f]{12}\.part$", ".*.part", name)
    name = re.sub(rf"-{os.getpid()}\.tmp", "-*.tmp", name)
    name = re.sub(r"^swanlab-\d+$", "swanlab", name)
    return re.sub(r"events\.out\.tfevents\.[^/]*", "events.out.tfevents.*", name)
