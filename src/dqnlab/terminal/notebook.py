"""Progress in a notebook: one display that is drawn anew instead of a flood of lines. It needs no widgets; IPython is
imported only where it runs already."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from ..config import Config
from ..store.card import CARD, CELL
from ..store.digits import number
from ..store.folder import Run
from ..store.group import Failure
from ..trust import clean
from .ahead import Ahead
from .board import outcome, title
from .standing import Standing
from .text import duration
from .trials import PlainTrials

DRAW_EVERY = 0.5  # seconds between two drawings: each is a message to the browser
MOST_LINES = 8  # of what is said that stay to be seen
FAINT = "opacity:.7"


def in_notebook() -> bool:
    """Whether a notebook's kernel runs this: Jupyter's, VS Code's or Colab's, not the prompt of IPython."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


class Display:
    """One place among a cell's outputs: the first drawing makes it, each later one replaces what is there."""

    def __init__(self) -> None:
        self._id = f"dqnlab-{uuid.uuid4().hex}"
        self._shown = False

    def draw(self, html: str, text: str) -> None:
        """Shows html where that can be shown, else text."""
        from IPython.display import display

        bundle: dict[str, Any] = {"text/html": html, "text/plain": text}
        display(bundle, raw=True, display_id=self._id, update=self._shown)
        self._shown = True


def progress_bar(share: float) -> str:
    """How much is done, as a bar in the colour of the text."""
    full = f"width:{100 * min(share, 1.0):.1f}%;height:100%;background:currentColor;opacity:.6;border-radius:3px"
    return f'<div style="height:6px;margin:6px 0;background:#8883;border-radius:3px"><div style="{full}"></div></div>'


class NotebookBoard:
    """Many seeds as a table that redraws itself."""

    def __init__(
        self, draw: Callable[[str, str], None] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._draw = Display().draw if draw is None else draw
        self._clock = clock
        self._begun = self._drawn = clock()
        self._title, self._ahead = "", Ahead(Config())
        self._standings: Sequence[Standing] = ()
        self._results: dict[int, Run | Failure] = {}

    def start(self, config: Config, seeds: Sequence[int], folder: Path, workers: int) -> None:
        """Draws the empty table."""
        self._title, self._ahead = title(config, seeds, workers), Ahead(config)
        self._show()

    def show(self, standings: Sequence[Standing]) -> None:
        """Redraws the table now and then."""
        self._standings = list(standings)
        self._ahead.take(self._standings, self._clock())
        if self._clock() - self._drawn >= DRAW_EVERY:
            self._show()

    def ended(self, result: Run | Failure, done: int, whole: int) -> None:
        """Notes the score for the next drawing."""
        self._results[result.seed] = result

    def stop(self) -> None:
        """Draws the table a last time and leaves it."""
        self._show()

    def _show(self) -> None:
        names = ("seed", "state", "steps", "evaluated", "score", "solved")
        rows = [self._row(each) for each in self._standings]
        left = self._ahead.seconds
        count = f"{len(self._results)} of {len(rows)} ended, {duration(self._clock() - self._begun)}"
        count += "" if left is None else f", about {duration(left)} left"
        head = "".join(f'<th style="{CELL}">{name}</th>' for name in names)
        body = "".join("<tr>" + "".join(f'<td style="{CELL}">{inert(x)}</td>' for x in row) + "</tr>" for row in rows)
        table = f'<table style="border-collapse:collapse"><tr>{head}</tr>{body}</table>'
        faint = f'<div style="{FAINT}">{count}</div>'
        html = f'<div style="{CARD}"><div><b>{inert(self._title)}</b></div>{table}{faint}</div>'
        self._draw(html, "\n".join([self._title, *("  ".join(row) for row in rows), count]))
        self._drawn = self._clock()

    def _row(self, each: Standing) -> tuple[str, ...]:
        return (
            str(each.seed),
            each.state,
            f"{each.steps:,}",
            number(each.mean),
            *outcome(self._results.get(each.seed)),
        )


class NotebookTrials(PlainTrials):
    """The lines of a study in one place."""

    def __init__(
        self, draw: Callable[[str, str], None] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(clock)
        self._draw = Display().draw if draw is None else draw
        self._said: list[str] = []

    def _say(self, line: str) -> None:
        self._said.append(clean(line))
        html = "".join(f"<div>{inert(each)}</div>" for each in self._said)
        self._draw(f'<div style="{CARD}">{html}</div>', "\n".join(self._said))


def inert(value: object) -> str:
    return escape(clean(str(value)), quote=True)
