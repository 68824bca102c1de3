"""What a person sees while a network learns: one live panel in a terminal, a few plain lines anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ..config import Config
from ..errors import counted
from ..trust import shown
from .tally import About, Tally
from .text import Lines, clean, size

if TYPE_CHECKING:  # events know torch, which is imported where its time is taken
    from rich.console import Console, RenderableType
    from rich.live import Live

    from ..run.events import Event

_DRAW_EVERY = 0.25  # seconds between two drawings of the panel
_LINE_EVERY = 10.0  # seconds between two plain lines when nothing else is worth one


class View(Protocol):
    """Whoever shows a run: started once, given every event, stopped once."""

    def start(self, config: Config, about: About) -> None:
        """Before the first event."""

    def __call__(self, event: Event) -> None:
        """Takes any event; cheap, because blocks come by the hundred thousand."""

    def say(self, line: str) -> None:
        """Shows a line that stays."""

    def stop(self) -> None:
        """After the last event, or after an error; a second call does nothing."""


class LiveView:
    """One panel that redraws itself a few times a second."""

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._drawn = clock()
        self._live: Live | None = None
        self._tally: Tally | None = None

    def start(self, config: Config, about: About) -> None:
        """Draws the empty panel."""
        from rich.console import Console
        from rich.live import Live

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
        from rich.text import Text

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
        from .panel import panel

        assert self._tally is not None
        assert self._console is not None
        self._tally.mark()
        return panel(self._tally, self._about, self._console.width)


class PlainView:
    """Lines for a log file or a pipe: a start, the evaluations, a sign of life; no control codes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._printed = clock()
        self._tally: Tally | None = None
        self._lines = Lines()

    def start(self, config: Config, about: About) -> None:
        """Says what is trained, and where."""

        self._tally = Tally(config, about.threshold, self._clock, about.at)
        place = f" -> {shown(about.folder)}" if about.folder else ""
        doing = f"going on from step {about.at[0]:,} with" if about.at[0] else "training on"
        self.say(f"{doing} {config.env.label}, preset {config.preset}, seed {config.seed}{place}")
        parameters = counted(about.parameters, "parameter")
        self.say(f"{parameters}, a replay of {config.replay_capacity:,}: {size(about.replay_bytes)}")

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

    def start(self, config: Config, about: About) -> None:
        """Shows nothing."""

    def __call__(self, event: Event) -> None:
        """Shows nothing."""

    def say(self, line: str) -> None:
        """One line."""
        print(clean(line), file=sys.stderr)

    def stop(self) -> None:
        """Nothing is left to do."""


def choose_view(*, quiet: bool = False) -> View:
    """The live panel where a terminal can show it, plain lines elsewhere."""
    if quiet:
        return QuietView()
    from rich.console import Console

    console = Console(highlight=False)
    capable = console.is_terminal and not console.is_dumb_terminal
    return LiveView(console) if capable else PlainView()
