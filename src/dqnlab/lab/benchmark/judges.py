"""Judging many runs on every core: processes that each take a share, and whoever started them does what is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from ...errors import DqnlabError, FolderInUse, counted
from ...processes import AnyProcess, end, ignore_signals, kill, start, usable_cores
from ...run.evaluate import Asks, Left
from .judging import judge, read_judged

FEWEST = 3
"""runs for each process: fewer are judged before another process has loaded what it needs"""
_LOOK_EVERY = 0.25  # seconds
_SAY_EVERY = 60.0


def judge_all(
    folders: Sequence[Path], trusted: Collection[str], asks: Asks, say: Callable[[str], None] = lambda line: None
) -> None:
    """Judges runs, see `judge`; those that another process is at are left to it.

    Raises:
        Left: a stop was requested by `asks`; what was judged by then stays.
        DqnlabError: as `judge`.
    """
    workers = min(usable_cores(), len(folders) // FEWEST)
    if workers > 1:
        shares = [list(folders[first::workers]) for first in range(workers)]
        started = [start(judge_share, (share, list(trusted)), "dqnlab, judging") for share in shares]
        _await(started, folders, asks, say)
    for folder in folders:
        try:
            judge(folder, trusted, asks)
        except FolderInUse:
            continue


def judge_share(folders: Sequence[Path], trusted: Sequence[str]) -> None:
    """The work of a process; what fails here is tried, and told of, by whoever started it."""
    ignore_signals()
    for folder in folders:
        try:
            judge(folder, trusted)
        except DqnlabError:
            continue


def _await(processes: Sequence[AnyProcess], folders: Sequence[Path], asks: Asks, say: Callable[[str], None]) -> None:
    """Waits until all have ended. Raises Left."""
    told = time.monotonic()
    try:
        while any(process.is_alive() for process in processes):
            if asks():
                raise Left
            if time.monotonic() - told > _SAY_EVERY:
                told = time.monotonic()
                done = sum(read_judged(folder) is not None for folder in folders)
                say(f"{done} of {counted(len(folders), 'run')} judged")
            time.sleep(_LOOK_EVERY)
    finally:
        for process in processes:
            if process.is_alive():
                kill(process)
            end(process)
