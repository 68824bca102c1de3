"""What a person sees while many seeds are trained: a line for each, or in a pipe a line when one ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..config import Config
from ..errors import counted
from ..store.digits import mean_of, number
from ..store.folder import Run
from ..store.group import Failure
from ..trust import shown
from .ahead import Ahead
from .standing import Standing
from .text import Lines, clean, duration

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

_STYLES = {
    "waiting": "dim",
    "compiling": "dim",
    "training": "cyan",
    "judging": "cyan",
    "finishing": "cyan",
    "done": "",
    "failed": "bold red",
    "interrupted": "yellow",
}


class Board(Protocol):
    """Shows a group: started once, shown every seed a few times a second, stopped once."""

    def start(self, config: Config, seeds: Sequence[int], folder: Path, workers: int) -> None:
        """Before the first seed begins."""

    def show(self, standings: Sequence[Standing]) -> None:
        """How far each seed is."""

    def ended(self, result: Run | Failure, done: int, whole: int) -> None:
        """A seed has ended, `done` of `whole` now."""

    def stop(self) -> None:
        """After the last seed, or after an error; a second call does nothing."""


class LiveBoard:
    """One table that redraws itself."""

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._begun = clock()
        self._live: Live | None = None
        self._standings: Sequence[Standing] = ()
        self._results: dict[int, Run | Failure] = {}
        self._title, self._ahead = "", Ahead(Config())

    def start(self, config: Config, seeds: Sequence[int], folder: Path, workers: int) -> None:
        """Draws the empty table."""
        from rich.live import Live

        self._title, self._ahead = title(config, seeds, workers), Ahead(config)
        self._live = Live(self._table(), console=self._console, auto_refresh=False)
        self._live.start(refresh=True)

    def show(self, standings: Sequence[Standing]) -> None:
        """Redraws the table."""
        self._standings = list(standings)
        self._ahead.take(self._standings, self._clock())
        if self._live is not None:
            self._live.update(self._table(), refresh=True)

    def ended(self, result: Run | Failure, done: int, whole: int) -> None:
        """Notes the score for the next drawing."""
        self._results[result.seed] = result

    def stop(self) -> None:
        """Leaves the table as it is."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _table(self) -> RenderableType:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("seed", "state", "steps", "evaluated", "score", "solved"):
            table.add_column(name, justify="left" if name == "state" else "right", no_wrap=True)
        for each in self._standings:
            score, solved = outcome(self._results.get(each.seed))
            state = Text(each.state, _STYLES[each.state])
            table.add_row(str(each.seed), state, f"{each.steps:,}", number(each.mean), score, solved)
        count = f"{len(self._results)} of {len(self._standings)} ended  {duration(self._clock() - self._begun)}"
        count += _left(self._ahead, ", ")
        return Group(Text(self._title, "bold"), table, Text(count, "dim"))


class PlainBoard:
    """Lines for a log file or a pipe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lines = Lines()
        self._clock, self._ahead = clock, Ahead(Config())

    def start(self, config: Config, seeds: Sequence[int], folder: Path, workers: int) -> None:
        """Says what is trained, and where."""
        self._ahead = Ahead(config)
        self._lines.say(f"training {title(config, seeds, workers)} -> {shown(folder)}")

    def show(self, standings: Sequence[Standing]) -> None:
        """Only listens: a log file keeps what has happened."""
        self._ahead.take(standings, self._clock())

    def ended(self, result: Run | Failure, done: int, whole: int) -> None:
        """One line for the seed."""
        if isinstance(result, Failure):
            words = result.error if result.is_interruption else f"failed: {result.error}"
        elif result.interrupted:
            words = f"interrupted at {counted(result.env_steps, 'step')}"
        else:
            score, solved = outcome(result)
            words = (
                f"score {score}, solved {solved}, {counted(result.env_steps, 'step')}, {result.seconds['total']:.1f} s"
            )
        self._lines.say(f"seed {result.seed}: {words}  ({done} of {whole}{_left(self._ahead, '; ')})")

    def stop(self) -> None:
        """Nothing is left to do."""


class QuietBoard:
    """Shows only seeds that fail, on stderr."""

    def start(self, config: Config, seeds: Sequence[int], folder: Path, workers: int) -> None:
        """Shows nothing."""

    def show(self, standings: Sequence[Standing]) -> None:
        """Shows nothing."""

    def ended(self, result: Run | Failure, done: int, whole: int) -> None:
        """One line if it failed."""
        if isinstance(result, Failure):
            what = "" if result.is_interruption else " failed"
            print(clean(f"seed {result.seed}{what}: {result.error}"), file=sys.stderr)

    def stop(self) -> None:
        """Nothing is left to do."""


def choose_board(*, quiet: bool = False) -> Board:
    """The live table where a terminal can show it, plain lines elsewhere."""
    if quiet:
        return QuietBoard()
    from rich.console import Console

    console = Console(highlight=False)
    return LiveBoard(console) if console.is_terminal and not console.is_dumb_terminal else PlainBoard()


def title(config: Config, seeds: Sequence[int], workers: int) -> str:
    """What is trained, in one line."""
    processes = f"{workers} process{'' if workers == 1 else 'es'}"
    seeds_text = f"{counted(len(seeds), 'seed')}, {seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"seed {seeds[0]}"
    return clean(f"{config.env.label}, preset {config.preset}, {seeds_text}, in {processes}")


def _left(ahead: Ahead, before: str) -> str:
    """How long it still takes; nothing while nobody can tell."""
    seconds = ahead.seconds
    return "" if seconds is None else f"{before}about {duration(seconds)} left"


def outcome(result: Run | Failure | None) -> tuple[str, str]:
    """Score and verdict as words; dashes where there are none."""
    if not isinstance(result, Run) or result.score is None:
        return "-", "-"
    return mean_of(result.score), "-" if result.solved is None else "yes" if result.solved else "no"
