"""A mean and how sure it is, over episodes and over seeds. Needs no torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Two-sided 95 % points of Student's t by degrees of freedom (Student 1908; NIST/SEMATECH e-Handbook, 1.3.6.7.2).
T_95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306}
FEW = len(T_95) + 1  # seeds: up to so many, resampling them gives an interval that is too narrow


@dataclass(frozen=True, kw_only=True)
class Score:
    """The mean return of greedy episodes, and how sure it is."""

    mean: float
    low: float
    """lower end of the 95 % interval"""
    high: float
    minimum: float
    maximum: float
    episodes: int
    returns: tuple[float, ...]
    cut: int
    """episodes that the step limit ended"""
    interval: str = "95 % bootstrap over episodes, not over training seeds"


@dataclass(frozen=True, kw_only=True)
class SeedsMean:
    """The mean of the scores of independent seeds, and how sure it is."""

    mean: float
    low: float | None
    """lower end of the 95 % interval; none for a single seed, which says nothing about others"""
    high: float | None
    seeds: int
    """how many have a score"""
    interval: str


def seeds_mean(scores: Sequence[float]) -> SeedsMean:
    """The mean of at least one score, one per seed, with a 95 % interval over seeds.

    Student's t for up to 9 seeds, which takes scores to be normally distributed; from 10 on the bootstrap.
    """
    num, mean = len(scores), float(np.mean(scores))
    if num == 1:
        return SeedsMean(mean=mean, low=None, high=None, seeds=1, interval="none: one seed says nothing about others")
    if num > FEW:
        low, high = bootstrap(np.asarray(scores, float))
        return SeedsMean(mean=mean, low=low, high=high, seeds=num, interval="95 % bootstrap over seeds")
    half = T_95[num - 1] * float(np.std(scores, ddof=1)) / num**0.5
    return SeedsMean(mean=mean, low=mean - half, high=mean + half, seeds=num, interval="95 % Student t over seeds")


def bootstrap(returns: np.ndarray, resamples: int = 10_000) -> tuple[float, float]:
    """The 95 % percentile interval of the mean of returns [N], always by the same random numbers (Efron 1979)."""
    rng = np.random.default_rng(0)
    means = returns[rng.integers(len(returns), size=(resamples, len(returns)))].mean(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
