"""Whoever watches a run while it trains, as the run sees it: a file in its folder, looked at where a block has ended.

A run that nobody watches asks four times a second whether that file has changed, and does nothing else.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..errors import FolderError, counted
from ..run.events import BlockEnded, Commanded
from ..store.control import CONTROL, Order, read_control

LOOK_EVERY = 0.25  # seconds between two looks at the file
PAUSED_LOOK = 0.05  # the same while the run stands still for it
LEASE = 10.0  # seconds after which a viewer that has not touched its file is gone
MOST_VIEWERS = 64  # whose orders are remembered
SHOW_EVERY = 1.0  # seconds between two pictures of the network, at least …
SHARE = 0.005  # … and as many more as keep making them below this share of the time


class WatchedRun(Protocol):
    """What a viewer may ask of a run."""

    def obey(self, command: Commanded) -> None:
        """Does it, and records that it was done."""

    def show(self) -> None:
        """Writes the network of this moment and one of its updates for whoever watches."""

    def say(self, line: str) -> None:
        """A line for whoever sits at the terminal."""

    def asks(self) -> bool:
        """Whether the run was asked to end by now."""

    @property
    def is_exact(self) -> bool:
        """Whether a checkpoint of this moment continues exactly."""


@dataclass
class Pauses:
    """How long a process has stood still for whoever watched one of its runs: those that learn as one wait with it."""

    seconds: float = 0.0


@dataclass
class Viewer:
    """What a viewer asks for, block by block. It changes nothing of what is computed."""

    folder: Path
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    pauses: Pauses = field(default_factory=Pauses)
    """of the process, to which those of this run are added"""
    stops: bool = field(default=False, init=False)
    """whether training is to end here, and to be judged"""
    paused: bool = field(default=False, init=False)
    _singles: int = field(default=0, init=False)  # blocks after which it stands still again
    _saves: bool = field(default=False, init=False)
    _here: bool = field(default=False, init=False)  # whether somebody watches
    _next: float = field(default=-1.0, init=False)  # when to look again
    _touched: float = field(default=0.0, init=False)
    _mark: tuple[int, int, int] | None = field(default=None, init=False)
    _done: dict[str, int] = field(default_factory=dict, init=False)
    """of each viewer, the latest last, the number of its latest order that was taken"""
    _shown: float = field(default=-1.0, init=False)  # when to show the network next
    _odd: str = field(default="", init=False)  # what is wrong with the file, until it has been said

    def __post_init__(self) -> None:
        self._mark = self._stat()  # of whoever watched before: orders of then are no orders of now
        if self._mark is not None:
            self._read()

    def take(self, event: BlockEnded, run: WatchedRun) -> None:
        """Does what is asked for at the end of this block, and returns when the next one may begin."""
        now = self.clock()
        if now >= self._next:  # all that a run pays that nobody watches
            self._attend(event, run, now)
            waiting = self._singles > 0 or self._saves
            self._next = math.inf if self.stops else -1.0 if waiting else self.clock() + LOOK_EVERY

    def _attend(self, event: BlockEnded, run: WatchedRun, now: float) -> None:
        stepped = self._singles > 0
        self._singles -= stepped
        if stepped and self._singles == 0:
            _obey(run, event, "pause")  # it stands still again
        self._save_if_asked(event, run)
        for order in self._look(now):
            self._take(order, event, run)
        self._save_if_asked(event, run)
        if self._odd:
            run.say(self._odd)
            self._odd = ""
        if stepped:
            run.show()
        elif self._here and now >= self._shown:
            run.show()
            after = self.clock()
            self._shown = after + max(SHOW_EVERY, (after - now) / SHARE)
        if self.paused and not self.stops:
            began = self.clock()
            try:
                self._wait(event, run)
            finally:
                self.pauses.seconds += self.clock() - began

    def _wait(self, event: BlockEnded, run: WatchedRun) -> None:
        """Stands still until somebody says otherwise, or nobody is there any more to say it."""
        while self.paused and not self._singles and not self.stops and not run.asks():
            self.sleep(PAUSED_LOOK)
            orders = self._look(self.clock())
            if not self._here:
                orders = [Order(0, "continue")]
                run.say("whoever had paused the run is gone")
            for order in orders:
                self._take(order, event, run)
            self._save_if_asked(event, run)

    def _take(self, order: Order, event: BlockEnded, run: WatchedRun) -> None:
        if self.stops:
            return
        match order.name:
            case "pause":
                if self.paused:
                    return
                self.paused = True
                run.say(f"paused at {counted(event.step, 'step')}: `dqn live` continues it")
                _obey(run, event, "pause")
                self._shown = -1.0  # it is shown as it stands
            case "continue":
                if self.paused:
                    run.say("continued")
                self.paused, self._singles = False, 0
                _obey(run, event, "continue")
            case "step":
                self.paused = True
                self._singles += 1
                _obey(run, event, "step")
            case "checkpoint":
                self._saves = True
            case "stop":
                self.stops, self.paused = True, False
                run.say(f"stopped at {counted(event.step, 'step')} by `dqn live`: it is judged now")
                _obey(run, event, "stop")

    def _save_if_asked(self, event: BlockEnded, run: WatchedRun) -> None:
        if self._saves and run.is_exact:
            self._saves = False
            _obey(run, event, "checkpoint")

    def _look(self, now: float) -> list[Order]:
        """The orders that are new."""
        mark = self._stat()
        if mark is None or (mark == self._mark and now - self._touched >= LEASE):
            self._here = False
        elif mark != self._mark:
            self._here, self._touched = True, now
        before, self._mark = self._mark, mark
        return self._read() if self._here and mark != before else []

    def _read(self) -> list[Order]:
        try:
            control = read_control(self.folder)
        except FolderError as e:
            self._odd = str(e)
            return []
        done = self._done.pop(control.viewer, -1)
        new = [order for order in control.orders if order.number > done]
        self._done[control.viewer] = new[-1].number if new else done
        if len(self._done) > MOST_VIEWERS:
            del self._done[next(iter(self._done))]
        return new

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            found = os.lstat(self.folder / CONTROL)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def _obey(run: WatchedRun, event: BlockEnded, command: str) -> None:
    """Has the run do what was asked for at the end of this block."""
    run.obey(Commanded(event.step, event.updates, command))
