"""Durations, sizes and names as short pieces of text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ..trust import clean

_BARS = "▁▂▃▄▅▆▇█"


class Lines:
    """Prints lines as long as they are read: `dqn train | head` must not end the training."""

    def __init__(self) -> None:
        self._open = True

    def say(self, line: str) -> None:
        """One line; none any more once the reader has gone."""
        if not self._open:
            return
        try:
            print(clean(line), flush=True)
        except BrokenPipeError:
            self._open = False


def duration(seconds: float) -> str:
    """m:ss, or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def size(num_bytes: int) -> str:
    """Bytes in the unit that suits: 3 MB, 7.1 GB."""
    if num_bytes >= 1e9:
        return f"{num_bytes / 1e9:.1f} GB"
    return f"{num_bytes / 1e6:.1f} MB" if num_bytes < 1e7 else f"{num_bytes / 1e6:.0f} MB"


def sparkline(values: Sequence[float], width: int) -> str:
    """Bars between the lowest and the highest value; more than `width` values are averaged in groups."""
    if not values:
        return ""
    values = list(values)
    if len(values) > width:
        edges = [len(values) * i // width for i in range(width + 1)]
        values = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(values), max(values)
    if high <= low:
        return _BARS[3] * len(values)
    return "".join(_BARS[round((value - low) / (high - low) * 7)] for value in values)
