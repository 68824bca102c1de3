"""What a worker reports about a run in progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from ...config import Config, Film
from ...run.events import BlockEnded, Evaluated, Event
from ...terminal.standing import Phase, Standing
from ...terminal.tally import RunInfo, Tally
from .line import Line

TELL_EVERY = 0.25  # seconds between two reports about the same seed


class Reporter:
    """A view whose viewer is the parent: a few reports a second, and as often a look for orders."""

    def __init__(self, seed: int, line: Line, clock: Callable[[], float] = time.monotonic) -> None:
        self._seed = seed
        self._line = line
        self._clock = clock
        self._steps = 0
        self._mean: float | None = None
        self._told = self._clock()
        self._tally: Tally | None = None

    @contextmanager
    def learning(self) -> Iterator[Line]:
        """While the loop runs; the line knows who asked it to stop. Judging follows."""
        yield self._line
        self.judging()

    def judging(self) -> None:
        """The loop has ended."""
        self._tell("judging", None if self._tally is None else self._tally.seconds_of_judging)

    def start(self, config: Config, about: RunInfo) -> None:
        """The parent knows what is trained. Film and page are not counted: only the best has them."""
        alone = replace(config, film=Film(episodes=0), explain=False)
        self._tally = Tally(alone, about.threshold, self._clock, about.at)

    def __call__(self, event: Event) -> None:
        """Notes how far training is."""
        if self._tally is not None:
            self._tally.take(event)
        if isinstance(event, Evaluated):
            self._mean = event.mean
        elif type(event) is not BlockEnded:
            return
        self._steps = event.step
        self._line.asks()
        if self._clock() - self._told >= TELL_EVERY:
            self._tell("training", self._left())

    def say(self, line: str) -> None:
        """The parent has words of its own."""

    def stop(self) -> None:
        """Nothing is left to do."""

    def _left(self) -> float | None:
        if self._tally is None:
            return None
        self._tally.mark()
        return self._tally.seconds_left

    def _tell(self, state: Phase, left: float | None) -> None:
        self._line.tell(Standing(self._seed, state, self._steps, self._mean, left))
        self._told = self._clock()
