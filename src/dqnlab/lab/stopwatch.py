"""How long a run takes, by phase."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

PHASES = ("import", "train", "evaluate", "confirm", "save", "trackers")  # film, curves and page once they are made


@dataclass
class Stopwatch:
    """Seconds by phase, from a monotonic clock."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))
    start: float = field(default_factory=time.perf_counter)
    earlier: float = 0.0
    """seconds that the run took before it was taken up again"""

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Adds the time spent inside to a phase."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - start

    def report(self) -> dict[str, float]:
        """Every phase and the total so far, rounded to milliseconds; `earlier` is not part of the total."""
        seconds = [*self.seconds.items(), ("total", time.perf_counter() - self.start)]
        if self.earlier:
            seconds.append(("earlier", self.earlier))
        return {name: round(s, 3) for name, s in seconds}

    def state_dict(self) -> dict[str, Any]:
        return {"elapsed": self.earlier + time.perf_counter() - self.start}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.earlier = state["elapsed"]


def running_since(started: float | None) -> Stopwatch:
    """A stopwatch that has run since then, by time.perf_counter(), through the imports; since now if none."""
    watch = Stopwatch() if started is None else Stopwatch(start=started)
    watch.seconds["import"] = time.perf_counter() - watch.start
    return watch
