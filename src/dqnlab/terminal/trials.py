"""What a person sees while trials are made: a line for each that ends, and in a terminal how far all are."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..errors import counted
from ..trust import shown
from .text import Lines, clean, duration

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status


class TrialsView(Protocol):
    """Shows a study: started once, told what ends, stopped once."""

    def start(self, title: str, folder: Path, done: int, whole: int) -> None:
        """Before the first trial, `done` of `whole` ones being there already."""

    def show(self, running: int) -> None:
        """A few times a second: how many trials are being trained."""

    def ended(self, line: str, done: int) -> None:
        """Something has ended; `done` trials have."""

    def stop(self) -> None:
        """After the last one, or after an error; a second call does nothing."""


class PlainTrials:
    """Lines for a log file or a pipe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lines = Lines()
        self._clock = clock
        self._since = clock()
        self._first = 0
        self._whole = 0

    def start(self, title: str, folder: Path, done: int, whole: int) -> None:
        self._since = self._clock()
        self._first = done
        self._whole = whole
        there = f", {done} of which are there" if done else ""
        self._say(f"tuning {title}, {counted(whole, 'trial')}{there} -> {shown(folder)}")

    def show(self, running: int) -> None:
        """Only listens: a log file keeps what has happened."""

    def ended(self, line: str, done: int) -> None:
        self._say(f"{line}{self._left(done)}")

    def stop(self) -> None:
        """Nothing is left to do."""

    def _say(self, line: str) -> None:
        self._lines.say(line)

    def _left(self, done: int) -> str:
        """How far it is, and how long the other trials take if they are like those so far."""
        if done >= self._whole:
            return ""
        made = done - self._first
        seconds = (self._clock() - self._since) / made * (self._whole - done) if made else None
        left = "" if seconds is None else f"; about {duration(seconds)} left"
        return f"  ({done} of {self._whole}{left})"


class LiveTrials(PlainTrials):
    """The same lines, above one that says what is going on."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._console = console
        self._status: Status | None = None

    def start(self, title: str, folder: Path, done: int, whole: int) -> None:
        super().start(title, folder, done, whole)
        self._status = self._console.status("loading")
        self._status.start()

    def show(self, running: int) -> None:
        if self._status is not None:
            now = duration(self._clock() - self._since)
            self._status.update(f"{counted(running, 'trial') if running else 'confirming'} running, {now}")

    def stop(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _say(self, line: str) -> None:
        self._console.print(clean(line), markup=False, soft_wrap=True)


def choose_trials(*, quiet: bool = False) -> TrialsView | None:
    """Lines above a moving one where a terminal can show it, lines elsewhere, none if quiet."""
    if quiet:
        return None
    from rich.console import Console

    console = Console(highlight=False)
    return LiveTrials(console) if console.is_terminal and not console.is_dumb_terminal else PlainTrials()
