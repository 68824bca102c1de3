"""What a person sees while a network learns: one live panel in a terminal, a few plain lines anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Protocol

from ..config import Config
from ..errors import counted
from ..run.events import Event
from ..trust import shown
from .tally import RunInfo, Tally
from .text import Lines, clean, size

_LINE_EVERY = 10.0  # seconds between two plain lines when nothing else is worth one


class View(Protocol):
    """Shows a run: started once, given every event, stopped once."""

    def start(self, config: Config, about: RunInfo) -> None:
        """Before the first event."""

    def __call__(self, event: Event) -> None:
        """Takes any event; cheap, because blocks come by the hundred thousand."""

    def say(self, line: str) -> None:
        """Shows a line that stays."""

    def stop(self) -> None:
        """After the last event, or after an error; a second call does nothing."""


def progress_of(view: View | None) -> Callable[[str], None]:
    """What is told of what is being done: nobody where only the summary is asked for."""
    return (lambda line: None) if view is None or isinstance(view, QuietView) else view.say


class PlainView:
    """Lines for a log file or a pipe: a start, the evaluations, a sign of life; no control codes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._printed = clock()
        self._tally: Tally | None = None
        self._lines = Lines()

    def start(self, config: Config, about: RunInfo) -> None:
        """Says what is trained, and where."""

        self._tally = Tally(config, about.threshold, self._clock, about.at)
        place = f" -> {shown(about.folder)}" if about.folder else ""
        doing = f"continuing from step {about.at[0]:,} with" if about.at[0] else "training on"
        self.say(f"{doing} {config.env.label}, preset {config.preset}, seed {config.seed}{place}")
        parameters = counted(about.parameters, "parameter")
        self.say(f"{parameters}, a {config.memory.kind} of {config.memory_size:,}: {size(about.replay_bytes)}")

    def __call__(self, event: Event) -> None:
        """Counts the event; prints a line for a judgement, and if nothing was printed for long."""
        assert self._tally is not None
        self._tally.take(event)
        waited = self._clock() - self._printed
        if waited >= _LINE_EVERY or self._tally.telling(event, waited):
            self._tally.mark()
            self.say(self._tally.line(event))
            self._printed = self._clock()

    def say(self, line: str) -> None:
        """One line; none any more once the reader has gone."""
        self._lines.say(line)

    def stop(self) -> None:
        """Nothing is left to do."""


class QuietView:
    """Shows only what must be said, on stderr."""

    def start(self, config: Config, about: RunInfo) -> None:
        """Shows nothing."""

    def __call__(self, event: Event) -> None:
        """Shows nothing."""

    def say(self, line: str) -> None:
        """One line."""
        print(clean(line), file=sys.stderr)

    def stop(self) -> None:
        """Nothing is left to do."""
