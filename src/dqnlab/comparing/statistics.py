"""Intervals and tests over seeds: small pure functions of arrays.

Means and differences of means get Student's t and Welch's test, which keep what they promise from three seeds on;
interquartile means, profiles and probabilities of improvement have no such closed form and get a bootstrap, which at
few seeds is too narrow. How often each interval holds what it should is measured by `benchmarks/honesty.py` and stands
in docs/comparing.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

import numpy as np

from ..store.interval import SQUARABLE, no_spread

RESAMPLES = 10_000
SEED = 20_260_101
"""of all resampling: the same scores give the same intervals"""
TRIM = 0.25
"""share left out at either end of an interquartile mean"""


class Welch(NamedTuple):
    """The difference of two means with its 95 % interval and two-sided p-value; none of them without any spread."""

    difference: float
    low: float | None
    high: float | None
    p: float | None


class Estimate(NamedTuple):
    """A number with its 95 % interval by bootstrap."""

    value: float
    low: float
    high: float


def welch(scores: np.ndarray, baseline: np.ndarray) -> Welch:
    """How much higher the mean of scores [N] is than that of the baseline [M], of independent seeds, N, M >= 1.

    Welch (1947), The generalization of "Student's" problem, Biometrika 34, 28-35. Without a spread in either sample,
    or with one seed, there is no interval and no test: what was seen says nothing of how far others may lie apart.
    Neither is there where squares of scores would overflow.
    """
    difference = float(np.mean(scores) - np.mean(baseline))
    too_large = not max(np.abs(scores).max(), np.abs(baseline).max()) < SQUARABLE  # nor where it is NaN
    if min(len(scores), len(baseline)) < 2 or too_large or (no_spread(scores) and no_spread(baseline)):
        return Welch(difference, None, None, None)
    from scipy.special import stdtr, stdtrit  # not scipy.stats, which takes half a second to load

    squares = [float(np.var(values, ddof=1)) / len(values) for values in (scores, baseline)]
    error = sum(squares) ** 0.5
    parts = [(square / error**2) ** 2 / (len(v) - 1) for square, v in zip(squares, (scores, baseline), strict=True)]
    freedom = 1 / sum(parts)
    half = error * float(stdtrit(freedom, 0.975))
    return Welch(difference, difference - half, difference + half, 2 * float(stdtr(freedom, -abs(difference) / error)))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values, corrected for being several: with them at most 5 % of such comparisons claim anything falsely.

    Holm (1979), A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6, 65-70.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, p_values[i] * (len(p_values) - rank)))
        corrected[i] = largest
    return corrected


def iqm(values: np.ndarray) -> np.ndarray:
    """The mean of the middle half of values [..., N]; of fewer than four it is their mean.

    Agarwal et al. (2021), Deep reinforcement learning at the edge of the statistical precipice.
    """
    num = values.shape[-1]
    cut = int(TRIM * num)
    return np.sort(values, axis=-1)[..., cut : num - cut].mean(-1)


def improvement(scores: np.ndarray, baseline: np.ndarray) -> float:
    """The probability that a seed of scores [N] is better than one of the baseline [M]: Mann-Whitney's U / (N M).

    Ties count half.
    """
    return float(_wins(scores, baseline).mean())


def profile(scores: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The share of scores [N] that lie above each of levels [T]."""
    return _above(scores, levels).mean(0)


# ── Bootstrap, stratified: within each arm and environment ───────────────────────────────────────


def counts(num: int, name: str, resamples: int = RESAMPLES) -> np.ndarray:
    """How often each of `num` seeds is in each resample [R, N], summing to `num`; `name` makes strata independent."""
    rng = np.random.default_rng([SEED, crc32(name.encode("utf-8", "surrogatepass"))])
    drawn = rng.integers(num, size=(resamples, num)) + num * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=num * resamples).reshape(resamples, num)


def iqm_estimate(scores: Sequence[np.ndarray], names: Sequence[str]) -> Estimate:
    """The interquartile mean of the scores of several strata, each [N], put together."""
    drawn = []
    for values, name in zip(scores, names, strict=True):
        ordered = np.sort(values)
        often = counts(len(ordered), name)
        drawn.append(np.repeat(np.tile(ordered, len(often)), often.ravel()).reshape(len(often), -1))
    together = np.concatenate([np.sort(values) for values in scores])
    return _estimate(float(iqm(together)), iqm(np.concatenate(drawn, axis=1)))


def improvement_estimate(
    scores: Sequence[np.ndarray], baseline: Sequence[np.ndarray], names: Sequence[tuple[str, str]]
) -> Estimate:
    """The probability of improvement, averaged over strata: scores [N] and baseline [M] of each."""
    drawn = np.zeros(RESAMPLES)
    value = 0.0
    for own, other, (name, other_name) in zip(scores, baseline, names, strict=True):
        wins = _wins(np.sort(own), np.sort(other))
        pairs = ((counts(len(own), name) @ wins) * counts(len(other), other_name)).sum(1)  # whole and half: exact
        drawn += pairs / wins.size
        value += float(wins.mean())
    return _estimate(value / len(names), drawn / len(names))


def profile_band(
    scores: Sequence[np.ndarray], levels: np.ndarray, names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The share of seeds above each of levels [T], averaged over strata, and the ends of its 95 % intervals."""
    drawn = sum(
        counts(len(v), name) @ _above(np.sort(v), levels) / len(v) for v, name in zip(scores, names, strict=True)
    )
    value = sum(profile(values, levels) for values in scores)
    low, high = np.quantile(np.asarray(drawn) / len(names), (0.025, 0.975), axis=0)
    return np.asarray(value) / len(names), low, high


def _wins(scores: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Whether each score is above each of the baseline's [N, M]: 1, 0, or ½ for a tie."""
    return (scores[:, None] > baseline) + 0.5 * (scores[:, None] == baseline)


def _above(scores: np.ndarray, levels: np.ndarray) -> np.ndarray:
    return (scores[:, None] > levels).astype(float)


def _estimate(value: float, drawn: np.ndarray) -> Estimate:
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Estimate(value, float(low), float(high))
