"""Episodes played for a score, shown while they are played; a partial score if interrupted."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import counted
from ..run.evaluate import Outcome, play_out, pooled, score_of
from ..store.agent import Agent
from ..store.score import Score
from .interrupt import current

QUIET = 2.0  # seconds before the first sign of life
SHOW_EVERY = (0.5, 10.0)  # seconds between two, in a terminal and elsewhere


@dataclass
class Played:
    """What was asked for, and what has come of it."""

    episodes: int
    """asked for"""
    ended: list[Outcome] = field(default_factory=list)
    interrupted: KeyboardInterrupt | None = None
    _due: float = field(default_factory=lambda: time.monotonic() + QUIET)
    _shown: bool = False

    @property
    def count(self) -> int:
        """Episodes that have ended."""
        return sum(len(each.returns) for each in self.ended)

    @property
    def partial(self) -> str:
        """How much is missing, in words; none if nothing is."""
        if self.interrupted is None:
            return ""
        return f"interrupted: partial, {self.count:,} of {counted(self.episodes, 'episode')} (short ones end first)"

    def take(self, ended: Outcome) -> None:
        """Takes episodes that have just ended, and says now and then how many there are."""
        self.ended.append(ended)
        now, terminal = time.monotonic(), sys.stderr.isatty()
        if now >= self._due:
            self._due, self._shown = now + SHOW_EVERY[0 if terminal else 1], terminal
            line = f"{self.count:,} of {counted(self.episodes, 'episode')}"
            print(f"\r{line}" if terminal else line, end="" if terminal else "\n", file=sys.stderr, flush=True)

    def json(self, score: Score, about: dict[str, Any]) -> str:
        """The score for programs, with what it is of."""
        return json.dumps({**about, "partial": self.interrupted is not None, **asdict(score)})

    def finish(self) -> None:
        """Clears the line that was drawn again and again."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def play_and_score(agent: Agent, episodes: int, seed: int, record: Path | None = None) -> tuple[Score, Played]:
    """The score of an agent; over the episodes finished so far if interrupted.

    Args:
        record: a folder that each is written into.

    Raises:
        KeyboardInterrupt: before any had ended.
    """
    played, interrupt = Played(episodes), current()
    asks = (lambda: False) if interrupt is None else interrupt.asks  # an environment may swallow what a signal raises
    try:
        outcome = play_out(agent, episodes, seed, played.take, asks=asks, record=record)
    except KeyboardInterrupt as error:
        if not played.ended:
            raise
        played.interrupted, outcome = error, pooled(played.ended)
    finally:
        played.finish()
    return score_of(outcome), played
