"""How long many seeds will take together, about."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..config import Config
from .standing import Standing

SHOWING = 3.0  # seconds for a film, and as many for the page


class Ahead:
    """Hears how far each seed is; the time left is that of the slowest one, and of those that wait for their turn."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._begun: dict[int, float] = {}
        self._took: dict[int, float] = {}
        self._left: dict[int, float | None] = {}
        self._waiting, self._now = 0, 0.0

    def take(self, standings: Sequence[Standing], now: float) -> None:
        """Notes how far each seed is at a moment, in seconds of any clock."""
        self._now = now
        self._waiting = sum(each.state == "waiting" for each in standings)
        self._left = {each.seed: each.left for each in standings if each.state in ("training", "judging")}
        for each in standings:
            if each.state not in ("waiting", "compiling"):
                self._begun.setdefault(each.seed, now)
            if each.state == "done" and each.seed not in self._took:
                self._took[each.seed] = now - self._begun[each.seed]

    @property
    def seconds(self) -> float | None:
        """Roughly, until every seed is judged, and the best filmed and explained; none while unknown."""
        known = {seed: left for seed, left in self._left.items() if left is not None}
        if len(known) < len(self._left) or not known:
            return None
        whole = [*self._took.values(), *(self._now - self._begun[seed] + left for seed, left in known.items())]
        turns = math.ceil(self._waiting / len(known))
        showing = SHOWING * ((self._config.film.episodes > 0) + self._config.explain)
        return max(known.values()) + turns * sum(whole) / len(whole) + showing
