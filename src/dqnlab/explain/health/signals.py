"""The metrics of a run as columns, and what can be read off a column."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

SMOOTH = 5  # records that a running median looks back on


class Column(NamedTuple):
    """One metric over training, by rising env step."""

    step: np.ndarray  # [N] float64, whole
    value: np.ndarray  # [N] float64, may hold NaN and infinity

    @property
    def finite(self) -> Column:
        """Without NaN and infinity."""
        keep = np.isfinite(self.value)
        return Column(self.step[keep], self.value[keep])

    def between(self, low: float, high: float) -> Column:
        """The records of env steps in (low, high]."""
        keep = (self.step > low) & (self.step <= high)
        return Column(self.step[keep], self.value[keep])

    def last(self, share: float) -> Column:
        """The last records: this share of them, at least one if there is any."""
        first = min(int(len(self.step) * (1 - share)), max(len(self.step) - 1, 0))
        return Column(self.step[first:], self.value[first:])

    @property
    def median(self) -> float:
        """The median; NaN if there is no record."""
        return float(np.median(self.value)) if len(self.value) else math.nan

    def smooth(self) -> Column:
        """Each value replaced by the median of itself and the few before it."""
        if not len(self.value):
            return self
        padded = np.concatenate([np.full(SMOOTH - 1, self.value[0]), self.value])
        return Column(self.step, np.median(np.lib.stride_tricks.sliding_window_view(padded, SMOOTH), axis=1))


NONE = Column(np.zeros(0), np.zeros(0))


def columns(records: Sequence[Mapping[str, Any]]) -> dict[str, Column]:
    """Every metric, by its name, wherever a record has it as a number."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    for row in records:
        step = _plain(row.get("step"))
        if step is None or not math.isfinite(step):
            continue
        for name, raw in row.items():
            value = raw if type(raw) is float else _plain(raw)  # mostly floats, of which there may be millions
            if value is not None:
                steps, values = found.setdefault(name, ([], []))
                steps.append(step)
                values.append(value)
    return {name: _sorted(*pair) for name, pair in found.items()}


def column(records: Sequence[Mapping[str, Any]], name: str) -> Column:
    """The metric of that name; empty if no record has it as a number."""
    return columns(records).get(name, NONE)


def _sorted(steps: list[float], values: list[float]) -> Column:
    """By rising step; equal steps stay in order."""
    step, value = np.array(steps), np.array(values)
    order = np.argsort(step, kind="stable")
    return Column(step[order], value[order])


def _plain(value: object) -> float | None:
    """As a float; a whole number too large for one, which a damaged file may hold, as infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def since(alarm: np.ndarray, step: np.ndarray) -> int | None:
    """The env step from which an alarm [N] held without a break to the last record; None if it does not hold now."""
    if not len(alarm) or not alarm[-1]:
        return None
    quiet = np.flatnonzero(~alarm)
    return int(step[quiet[-1] + 1 if len(quiet) else 0])
