"""Returns as text: as many digits as their size and what stands beside them need. Needs no torch."""

import math
from typing import Protocol

LARGE = 1e7  # from here on powers of ten: 1e+30, not thirty zeros
SIGNIFICANT = 3  # digits of the largest number, at the least
MOST = 9  # digits: what differs only behind these is rounding


def number(value: float | None, *beside: float | None) -> str:
    """A return, thousands apart: 475.0, 0.0340, 1e+30; a dash for none.

    Args:
        beside: what it is read together with, such as the ends of its interval or a threshold: all get as many digits
            as the largest of them needs, and as it takes to tell them apart.
    """
    if value is None:
        return "-"
    if not math.isfinite(value):
        return str(value)
    group = [value, *(each for each in beside if each is not None and math.isfinite(each))]
    largest = max(map(abs, group))
    if largest == 0:
        return "0.0"
    first, last = _power(largest), _last(group, largest)
    if largest >= LARGE:
        return f"{value:.{first - last + 1}g}"
    return f"{value:,.{-last}f}" if last > -20 else f"{value:.{first - last + 1}g}"


def interval_ends(mean: float, low: float | None, high: float | None) -> str:
    """The ends of an interval around a mean, or that there is none."""
    return "none" if low is None or high is None else f"{number(low, mean, high)} to {number(high, mean, low)}"


class Measured(Protocol):
    """A mean, and the ends of its interval if there is one."""

    @property
    def mean(self) -> float: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


def mean_of(what: Measured) -> str:
    """The mean, beside the ends of its interval."""
    return number(what.mean, what.low, what.high)


def interval_of(what: Measured) -> str:
    """The ends of its interval, or that there is none."""
    return interval_ends(what.mean, what.low, what.high)


def _last(group: list[float], largest: float) -> int:
    """The power of ten of the last digit to be written: tenths at the least, where numbers are not large."""
    first, spread = _power(largest), max(group) / 2 - min(group) / 2  # halves, for the difference may overflow
    last = min(first - SIGNIFICANT + 1, -1 if largest < LARGE else first - SIGNIFICANT)
    if spread > largest * 10.0**-MOST:
        last = min(last, _power(spread))
    while last < -1 and first > -16 and all(round(each, -last) == round(each, -last - 1) for each in group):
        last += 1  # zeros that tell nothing
    return last


def _power(size: float) -> int:
    """The power of ten of the first digit of a positive number."""
    return math.floor(math.log10(size))
