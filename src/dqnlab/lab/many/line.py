"""What a parent and its workers say to each other, through one pipe each.

Reports go up, orders come down. If the parent is gone the pipe is closed, and the worker stops where
everything is consistent.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ...config import Config
from ...errors import DqnlabError
from ...store.folder import Run
from ...store.label import UNLABELLED, Label
from ...terminal.standing import Standing
from ...track.tracker import AnyTracker

LOOK_EVERY = 0.05  # seconds between two looks for an order, each of them a system call


@dataclass(frozen=True)
class Task:
    """What a worker is made for."""

    config: Config
    seeds: tuple[int, ...]
    trackers: tuple[AnyTracker, ...]
    label: Label = UNLABELLED


# ── Reports ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Ready:
    """Everything is loaded and the configuration can be trained; nothing has been written."""

    remarks: tuple[str, ...] = ()
    """what is to be said before it is; the same from every worker"""


@dataclass(frozen=True)
class Refused:
    """The configuration cannot be trained here."""

    error: DqnlabError


@dataclass(frozen=True)
class Finished:
    """A seed has come to a result; the second time its best network has been filmed."""

    run: Run


@dataclass(frozen=True)
class Failed:
    """A seed has come to no result."""

    seed: int
    error: str
    exit_code: int


@dataclass(frozen=True)
class Idle:
    """The worker has no more seeds to train."""


WorkerReport = Ready | Refused | Standing | Finished | Failed | Idle


# ── Orders ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Go:
    """Train; each seed in a folder of its own inside this one."""

    folder: Path


@dataclass(frozen=True)
class Stop:
    """End the seed in training at its next block, begin no other."""


@dataclass(frozen=True)
class Show:
    """Film and explain this run's best network."""

    run: Run


@dataclass(frozen=True)
class Leave:
    """End the process."""


Order = Go | Stop | Show | Leave


class Line:
    """The worker's end of the pipe."""

    def __init__(self, pipe: Connection[Any, Order]) -> None:
        self._pipe = pipe
        self.asked = False  # to stop
        self._since = 0.0  # when that was
        self._looked = 0.0  # when `asks` last did
        self._kept: deque[Order] = deque()

    def tell(self, report: object) -> None:
        """Sends a report, a `WorkerReport` or what another pool takes; a parent that is gone is a request to stop."""
        try:
            self._pipe.send(report)
        except OSError:
            self._ask()

    @property
    def waited(self) -> float:
        """Seconds since it was asked to stop."""
        return time.monotonic() - self._since

    @property
    def signal(self) -> None:
        """Signals are the parent's affair."""

    def look(self) -> None:
        """Takes note of a request to stop; any other order waits for its time."""
        if not self.asked and self._pipe.poll():
            self._kept.append(self._take())

    def asks(self) -> bool:
        """Whether it is asked to stop by now; a look every so often, so that it can be called at every step."""
        if not self.asked and (now := time.monotonic()) - self._looked >= LOOK_EVERY:
            self._looked = now
            self.look()
        return self.asked

    def wait(self) -> Order:
        """The next order that is not to stop."""
        while isinstance(order := self._kept.popleft() if self._kept else self._take(), Stop):
            pass
        return order

    def _take(self) -> Order:
        try:
            order = self._pipe.recv()
        except (EOFError, OSError):
            self._ask()
            return Leave()
        if isinstance(order, Stop):
            self._ask()
        return order

    def _ask(self) -> None:
        if not self.asked:
            self.asked, self._since = True, time.monotonic()
