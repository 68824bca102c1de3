"""The metrics of a run, thinned out so that a page can draw them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .health.signals import Column, columns

MOST_POINTS = 300  # per metric: more than a screen shows apart
BUCKETS = MOST_POINTS // 4
LARGEST = float(np.finfo(np.float32).max)

DRAWN = (
    "train/reward",
    "train/length",
    "train/epsilon",
    "learn/loss",
    "learn/td_error",
    "learn/q_mean",
    "learn/q_max",
    "learn/action_gap",
    "learn/grad_norm",
    "learn/dead_units",
    "replay/size",
    "replay/terminal_share",
    "eval/reward",
    "eval/value",
    "eval/discounted_return",
    "eval/overestimation",
)


def series(records: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, np.ndarray]]:
    """Each metric that a page draws and that was recorded: `step` and `value`, float32, at most MOST_POINTS.

    NaN is left out, and what is too large for float32 becomes its largest number.
    """
    return series_of(columns(records))


def series_of(recorded: Mapping[str, Column]) -> dict[str, dict[str, np.ndarray]]:
    """The same of metrics that are columns already."""
    found = {name: thin(_drawable(recorded[name])) for name in DRAWN if name in recorded}
    return {
        name: {"step": c.step.astype(np.float32), "value": c.value.astype(np.float32)}
        for name, c in found.items()
        if len(c.step)
    }


def thin(found: Column) -> Column:
    """Of each of a few stretches of records the first, the last, the smallest and the largest: no peak is lost."""
    if len(found.step) <= MOST_POINTS:
        return found
    kept: set[int] = set()
    for part in np.array_split(np.arange(len(found.step)), BUCKETS):
        value = found.value[part]
        kept |= {int(part[0]), int(part[-1]), int(part[value.argmin()]), int(part[value.argmax()])}
    order = sorted(kept)
    return Column(found.step[order], found.value[order])


def _drawable(found: Column) -> Column:
    keep = ~np.isnan(found.value)
    return Column(found.step[keep], np.clip(found.value[keep], -LARGEST, LARGEST))
