"""One row per step, for trackers that cannot hold more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..store.folder import Run
from .tracker import Tracker

# Where several rows fall on one step, these keep the latest value; of all others the mean is taken.
COUNTERS = frozenset({"train/episode", "learn/updates", "replay/size", "eval/best_avg_reward", "confirm/attempt"})


def merge(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """One row for many of the same step: the mean of each metric, the latest of a counter."""
    values: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            values.setdefault(name, []).append(value)
    return {name: many[-1] if name in COUNTERS else sum(many) / len(many) for name, many in values.items()}


class Merged:
    """Hands on one row per step, complete once another step begins.

    Many environments may end episodes on the same step. SwanLab would keep only the first value of a
    metric at a step and silently drop the others; TensorBoard would draw them as a vertical line.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._step = 0
        self._rows: list[dict[str, float]] = []

    def log(self, step: int, row: Mapping[str, float]) -> None:
        if step != self._step:
            self.flush()
        self._step = step
        self._rows.append(dict(row))

    def end(self) -> None:
        self.flush()
        self._tracker.end()

    def finish(self, run: Run) -> None:
        self.flush()
        self._tracker.finish(run)

    def close(self) -> str | None:
        try:
            self.flush()
        finally:
            line = self._tracker.close()
        return line

    def flush(self) -> None:
        """Hands on what there is of the current step."""
        if self._rows:
            complete = merge(self._rows)
            self._rows.clear()
            self._tracker.log(self._step, complete)
