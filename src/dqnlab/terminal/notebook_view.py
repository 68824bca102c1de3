"""The progress of one run in a notebook: a card that is drawn anew."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

from ..config import Config
from ..errors import counted
from ..run.events import Event
from ..store.card import CARD, evaluations_line
from ..store.digits import number
from ..trust import clean
from .notebook import DRAW_EVERY, FAINT, MOST_LINES, Display, in_notebook, inert, progress_bar
from .tally import RunInfo, Tally
from .text import duration, size
from .view import View


def view_for_python() -> View | None:
    """A card that redraws itself in a notebook; nothing elsewhere, for a script prints what it wants itself."""
    return NotebookView() if in_notebook() else None


class NotebookView:
    """A run as a card: how far it is, how fast, how good so far, and what was said lately."""

    def __init__(
        self, draw: Callable[[str, str], None] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._draw = Display().draw if draw is None else draw
        self._clock = clock
        self._drawn = clock()
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._points: list[tuple[float, float]] = []
        self._tally: Tally | None = None
        self._about = RunInfo()

    def start(self, config: Config, about: RunInfo) -> None:
        """Draws the empty card."""
        self._tally = Tally(config, about.threshold, self._clock, about.at)
        self._about = about
        self._show()

    def __call__(self, event: Event) -> None:
        """Counts the event; draws now and then."""
        tally = self._tally
        assert tally is not None
        tally.take(event)
        if len(tally.judged) > len(self._points):
            self._points.append((float(tally.block.step), tally.judged[-1]))
        if self._clock() - self._drawn >= DRAW_EVERY:
            self._show()

    def say(self, line: str) -> None:
        """A line at the end of the card."""
        if self._tally is None:
            print(clean(line))
            return
        self._lines.append(clean(line))
        self._show()

    def stop(self) -> None:
        """Draws the card a last time and leaves it."""
        if self._tally is not None:
            self._tally.ended = True
            self._show()
            self._tally = None

    def _show(self) -> None:
        assert self._tally is not None
        self._tally.mark()
        self._draw(
            progress_card(self._tally, self._about, self._points, self._lines), card_text(self._tally, self._lines)
        )
        self._drawn = self._clock()


def progress_card(tally: Tally, about: RunInfo, points: Sequence[tuple[float, float]], lines: Sequence[str]) -> str:
    """A run under way as html. points: env step and mean return of each evaluation."""
    config = tally.config
    used, whole = tally.done
    steps, updates = tally.speeds
    left = tally.seconds_left
    times = duration(tally.elapsed) + ("" if left is None else f", about {duration(left)} left, judging included")
    memory = f"{counted(about.parameters, 'parameter')} · replay {size(about.replay_bytes)}"
    rows = [
        f"<b>{inert(config.env.label)}</b> · {inert(config.preset)} · seed {config.seed} · {about.device} · {memory}",
        progress_bar(used / whole),
        f"{used:,} of {whole:,} {tally.unit} · {times} · {steps:,.0f} steps/s · {updates:,.0f} updates/s · "
        f"epsilon {tally.block.epsilon:.3f}",
        evaluations_line(points),
        _good(tally),
        *(f'<span style="{FAINT}">{inert(each)}</span>' for each in lines),
    ]
    return f'<div style="{CARD}">' + "".join(f"<div>{each}</div>" for each in rows if each) + "</div>"


def card_text(tally: Tally, lines: Sequence[str]) -> str:
    """The same as text, for what shows no html."""
    return "\n".join([clean(f"{tally.config.env.label}, seed {tally.config.seed}"), _far(tally), *lines])


def _far(tally: Tally) -> str:
    used, whole = tally.done
    return f"{used:,} of {whole:,} {tally.unit}, {_good(tally)}"


def _good(tally: Tally) -> str:
    """How good it is, as far as anybody knows."""
    if tally.judged:
        beside = (tally.judged[-1], tally.best, tally.threshold)
        goal = "" if tally.threshold is None else f", solved at {number(tally.threshold, *beside)}"
        return f"greedy {number(tally.judged[-1], *beside)} (best {number(tally.best, *beside)}{goal})"
    return f"last return {number(tally.returns[-1])}, not evaluated yet" if tally.returns else "no episode has ended"
