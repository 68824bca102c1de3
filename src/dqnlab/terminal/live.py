"""The live panel of one run, and which view suits where the command runs."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from ..config import Config
from ..run.events import Event
from .panel import panel
from .tally import RunInfo, Tally
from .text import clean
from .view import PlainView, QuietView, View

_DRAW_EVERY = 0.25  # seconds between two drawings of the panel


class LiveView:
    """One panel that redraws itself a few times a second."""

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._drawn = clock()
        self._live: Live | None = None
        self._tally: Tally | None = None

    def start(self, config: Config, about: RunInfo) -> None:
        """Draws the empty panel."""
        self._console = self._console or Console(highlight=False)
        self._tally = Tally(config, about.threshold, self._clock, about.at)
        self._about = about
        self._live = Live(self._panel(), console=self._console, auto_refresh=False)
        self._live.start(refresh=True)

    def __call__(self, event: Event) -> None:
        """Counts the event; draws now and then."""
        assert self._tally is not None
        self._tally.take(event)
        if self._clock() - self._drawn >= _DRAW_EVERY:
            self._draw()

    def say(self, line: str) -> None:
        """A line above the panel."""
        if self._live is None:
            print(clean(line))
            return
        self._live.console.print(Text(clean(line), "dim"))
        self._draw()

    def stop(self) -> None:
        """Draws the panel a last time and leaves it."""
        if self._live is not None and self._tally is not None:
            self._tally.ended = True
            self._draw()
            self._live.stop()
            self._live = None

    def _draw(self) -> None:
        assert self._live is not None
        self._live.update(self._panel(), refresh=True)
        self._drawn = self._clock()

    def _panel(self) -> RenderableType:
        assert self._tally is not None
        assert self._console is not None
        self._tally.mark()
        return panel(self._tally, self._about, self._console.width)


def choose_view(*, quiet: bool = False) -> View:
    """The live panel where a terminal can show it, plain lines elsewhere."""
    if quiet:
        return QuietView()
    console = Console(highlight=False)
    capable = console.is_terminal and not console.is_dumb_terminal
    return LiveView(console) if capable else PlainView()
