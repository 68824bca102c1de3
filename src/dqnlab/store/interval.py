"""How sure a mean is: 95 % intervals over episodes and over seeds, in closed form. Needs no torch.

Episodes and seeds get different ones. Scores of seeds are few and hardly skewed: Student's t. Returns of episodes are
more, and those of a good agent are nearly all the same with a few far below. There the plain intervals (percentile
bootstrap, t) lie above the truth up to five times as often as they say; Hall's transformation takes the skewness out,
and half an episode more at each end of what was seen stands for the failure that was not drawn. What each method
misses is measured by `benchmarks/intervals.py` and stands in docs/results.md.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from .score import OVER_EPISODES, OVER_SEEDS, SeedsMean

PSEUDO = 0.5
"""weight of an episode added at either end of the returns seen"""
BOUNDED = 10
"""episodes from which the mean is taken to lie between the smallest and the largest return seen"""
LARGEST = np.finfo(float).max / 4
"""sums and differences of smaller numbers are finite"""
SQUARABLE = 1e150
"""squares of smaller numbers are finite"""
SAME = 1e-12
"""relative spread that is only rounding: the same rewards summed in another order"""


class Interval(NamedTuple):
    """Where a mean lies with 95 % confidence; no ends where the sample cannot say."""

    low: float | None
    high: float | None
    how: str


def over_episodes(returns: np.ndarray) -> Interval:
    """The interval of the mean of returns [N] of independent episodes, N >= 1."""
    if (none := _silent(returns, "episode")) is not None:
        return none
    num = len(returns)
    smallest = float(returns.min())
    spread = float(np.ptp(returns))
    unit = (returns - smallest) / spread  # in 0 … 1, so that no power overflows
    low, high = hall(unit, PSEUDO)
    if num >= BOUNDED:
        low, high = max(low, 0.0), min(high, 1.0)
    mean = float(unit.mean())  # half an episode at each end moves the middle: the mean itself is always inside
    return Interval(smallest + spread * min(low, mean), smallest + spread * max(high, mean), OVER_EPISODES)


def over_seeds(scores: np.ndarray) -> Interval:
    """The interval of the mean of scores [S] of independent seeds, S >= 1."""
    if (none := _silent(scores, "seed")) is not None:
        return none
    num, mean = len(scores), float(scores.mean())
    largest = float(np.abs(scores).max())
    unit = largest if largest > SQUARABLE else 1.0
    half = student_t(num - 1) * float((scores / unit).std(ddof=1)) / num**0.5 * unit
    if not math.isfinite(half):
        return Interval(None, None, "none: the scores are too far apart to reckon with")
    return Interval(mean - half, mean + half, OVER_SEEDS)


def seeds_mean(scores: Sequence[float]) -> SeedsMean:
    """The mean of at least one score, one per seed, with Student's 95 % interval over seeds."""
    values = np.asarray(scores, float)
    low, high, how = over_seeds(values)
    unit = float(np.abs(values).max())
    may_overflow = LARGEST / len(values) <= unit < math.inf
    mean = float((values / unit).mean()) * unit if may_overflow else float(values.mean())
    return SeedsMean(mean=mean, low=low, high=high, seeds=len(values), interval=how)


def no_spread(values: np.ndarray) -> bool:
    """Whether all values are the same but for rounding. They then say nothing of how far others may lie apart."""
    return bool(np.ptp(values) <= SAME * np.abs(values).max())


def _silent(values: np.ndarray, what: str) -> Interval | None:
    """The interval that is none, if there is none."""
    if not len(values):
        raise ValueError(f"the mean of no {what} at all is not defined")
    if len(values) == 1:
        return Interval(None, None, f"none: one {what} says nothing about others")
    if not np.abs(values).max() < LARGEST:  # nor where it is NaN
        return Interval(None, None, f"none: not every {what} gave a finite number")
    if no_spread(values):
        return Interval(None, None, f"none: no spread seen in {len(values)} {what}s")
    return None


def hall(unit: np.ndarray, pseudo: float) -> tuple[float, float]:
    """The 95 % interval of the mean of values [N] in 0 … 1, with a value of weight `pseudo` added at 0 and at 1.

    Hall (1992), On the removal of skewness by transformation, J. R. Statist. Soc. B 54, 221-228: with the skewness g,
    (1 + g W / 3)^3 undoes the skewness of W = (mean - truth) / deviation; Student's t where Hall has the normal.
    """
    num = len(unit)
    total = num + 2 * pseudo
    mean = (unit.sum() + pseudo) / total
    away = unit - mean
    square = ((away**2).sum() + pseudo * (mean**2 + (1 - mean) ** 2)) / total
    cube = ((away**3).sum() + pseudo * ((1 - mean) ** 3 - mean**3)) / total
    skewness = cube / square**1.5
    deviation = (square * num / (num - 1)) ** 0.5

    def undo(t: float) -> float:
        shifted = t / total**0.5 - skewness / (6 * total)
        root = np.cbrt(1 + skewness * shifted)
        return deviation * 3 * shifted / (root**2 + root + 1)  # = deviation * (root - 1) / (skewness / 3)

    t = student_t(num - 1)
    return float(mean - undo(t)), float(mean - undo(-t))


@cache
def student_t(freedom: int) -> float:
    """The point t of Student's distribution with `freedom` >= 1 degrees between whose ± 95 % lie.

    The distribution itself is a finite sum of powers of a cosine (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4).
    """
    odd = freedom % 2
    k = np.arange(1, freedom // 2)
    ratios = 2 * k / (2 * k + 1) if odd else (2 * k - 1) / (2 * k)  # of a term to the one before it

    def inside(angle: float) -> float:
        cosine, sine = np.cos(angle), np.sin(angle)
        series = 1 + np.cumprod(ratios * cosine**2).sum() if freedom > 1 else 0.0
        return 2 / np.pi * (angle + sine * cosine * series) if odd else sine * series

    low, high = 0.0, np.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if inside(middle) < 0.95 else (low, middle)
    return float(np.tan(low) * freedom**0.5)
