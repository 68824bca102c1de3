"""Everything that a comparison is told by, worked out once: each cell, each difference to the baseline, all together.

A difference is claimed only if Welch's test, corrected for the number of comparisons, says so for the seeds that have a
score, and also where each seed that has none is counted against the claim: with the return of the worst episode seen on
that environment for the arm that looks better, of the best for the other. So nobody gains by a crash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from ..errors import counted
from ..store.interval import seeds_mean
from ..store.score import SeedsMean
from .comparison import Arm, ArmCell, Comparison
from .settings import SettingRow, differing, unequal
from .statistics import Estimate, Welch, holm, improvement_estimate, iqm_estimate, profile_band, welch

Verdict = Literal["better", "worse", "no difference shown", "no verdict"]

FEWEST = 3
"""seeds with a score, of each arm, below which there is no verdict"""
ENOUGH = 10
"""seeds from which on a verdict is not called exploratory"""
LEVEL = 0.05
PROFILE_POINTS = 101


class Spent(NamedTuple):
    """What a seed with a score took, on average; none of what nobody knows of each."""

    env_steps: float | None
    updates: float | None
    seconds: float | None


class CellView(NamedTuple):
    """One arm on one environment, summed up over its seeds."""

    arm: str
    cell: ArmCell
    mean: SeedsMean | None
    """none if no seed has a score"""
    iqm: Estimate | None
    costs: Spent | None


class Contrast(NamedTuple):
    """An arm held against the baseline, or another one, on one environment."""

    env: str
    arm: str
    baseline: str
    welch: Welch | None
    """of the seeds that have a score; none where an arm has no such seed"""
    p: float | None
    """of Welch's test, the larger one where seeds are missing, corrected for the number of comparisons (Holm)"""
    improvement: Estimate | None
    """none below FEWEST seeds with a score"""
    verdict: Verdict
    why: str
    """why there is no verdict; nothing if there is one"""
    exploratory: bool
    """whether an arm has fewer than ENOUGH seeds with a score"""
    missing: int
    """seeds of the two that have no score"""
    costs: Spent | None
    """of the arm in units of the baseline's; 0 where the baseline spent nothing, none where nobody knows"""


class Profile(NamedTuple):
    """The share of an arm's seeds that score above each level, averaged over environments."""

    arm: str
    share: np.ndarray  # [T]
    low: np.ndarray
    high: np.ndarray


class Overall(NamedTuple):
    """An arm on all environments together, in normalised scores."""

    arm: str
    iqm: Estimate
    improvement: Estimate | None
    """over the baseline; none for the baseline itself"""


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """A comparison with all its numbers."""

    comparison: Comparison
    cells: tuple[CellView, ...]
    """environment by environment, in the order of the arms"""
    contrasts: tuple[Contrast, ...]
    ranges: dict[str, tuple[float, float]]
    """of each environment the lowest and the highest score of any seed, which are 0 and 1 of a normalised score"""
    levels: np.ndarray  # [T]
    """of the profiles: scores, or normalised scores where there are several environments"""
    profiles: tuple[Profile, ...]
    overall: tuple[Overall, ...]
    """none for a single environment, nor unless every arm has a score on each"""
    settings: tuple[SettingRow, ...]
    """in which the arms differ"""
    unequal: tuple[SettingRow, ...]

    @property
    def tests(self) -> int:
        """How many comparisons the p-values are corrected for."""
        return sum(each.p is not None for each in self.contrasts)

    @property
    def fewest(self) -> int:
        """The seeds with a score of the cell that has fewest."""
        return min(len(view.cell.scores) for view in self.cells)


def assessment_of(comparison: Comparison) -> Assessment:
    """The numbers of a comparison. The order of the seeds does not matter to them."""
    ranges = {env: found for env in comparison.envs if (found := _range(comparison, env)) is not None}
    complete = [env for env in comparison.envs if all(arm.on(env).scores for arm in comparison.arms)]
    levels = _levels(ranges, complete)
    several = len(comparison.envs) > 1
    return Assessment(
        comparison=comparison,
        cells=tuple(_view(arm, cell) for arm, cell in comparison.cells),
        contrasts=_contrasts(comparison),
        ranges=ranges,
        levels=levels,
        profiles=tuple(_profile(arm, complete, ranges, levels, several) for arm in comparison.arms if complete),
        overall=_overall(comparison, ranges) if several and len(complete) == len(comparison.envs) else (),
        settings=tuple(differing(comparison)),
        unequal=tuple(unequal(comparison)),
    )


def normalised(scores: np.ndarray, between: tuple[float, float]) -> np.ndarray:
    """Scores as shares of the way from the lowest to the highest score of any seed; ½ where all are the same."""
    low, high = between
    return (scores - low) / (high - low) if high > low else np.full(len(scores), 0.5)


# ── Cells ────────────────────────────────────────────────────────────────────────────────────────


def _view(arm: Arm, cell: ArmCell) -> CellView:
    if not cell.scores:
        return CellView(arm.name, cell, None, None, None)
    scores = sorted(cell.scores)
    estimate = iqm_estimate([np.array(scores)], [stratum(arm, cell.env)])
    return CellView(arm.name, cell, seeds_mean(scores), estimate, _costs(cell))


def _costs(cell: ArmCell) -> Spent:
    """Means over the seeds that have a score, at least one."""
    num = len(cell.scored)
    spent = [[getattr(each, name) for each in cell.scored] for name in Spent._fields]
    return Spent(*(None if None in each else sum(each) / num for each in spent))


def _beside(own: float | None, other: float | None) -> float | None:
    """Costs in units of the baseline's."""
    if own is None or other is None:
        return None
    return own / other if other else 0.0


def stratum(arm: Arm, env: str) -> str:
    """What its resampling is seeded by: its name, so that the order of the arms does not matter."""
    return f"{arm.name}\n{env}"


def _range(comparison: Comparison, env: str) -> tuple[float, float] | None:
    scores = [score for arm in comparison.arms for score in arm.on(env).scores]
    return (min(scores), max(scores)) if scores else None


# ── Differences to the baseline ──────────────────────────────────────────────────────────────────


def _contrasts(comparison: Comparison) -> tuple[Contrast, ...]:
    base = comparison.baseline
    return contrasts_of([(env, arm, base) for env in comparison.envs for arm in comparison.others])


def contrasts_of(pairs: Sequence[tuple[str, Arm, Arm]]) -> tuple[Contrast, ...]:
    """On each environment an arm held against another one, all of their p-values corrected together."""
    p_values = [p_between(arm.on(env), base.on(env)) for env, arm, base in pairs]
    corrected = iter(holm([p for p in p_values if p is not None]))
    by_pair = [None if p is None else next(corrected) for p in p_values]
    return tuple(_contrast(env, arm, base, p) for (env, arm, base), p in zip(pairs, by_pair, strict=True))


def _contrast(env: str, arm: Arm, base: Arm, p: float | None) -> Contrast:
    own, other = arm.on(env), base.on(env)
    scores, baseline = np.sort(own.scores), np.sort(other.scores)
    fewest = min(len(scores), len(baseline))
    found = improvement = costs = None
    if fewest:
        found = welch(scores, baseline)
        costs = Spent(*map(_beside, _costs(own), _costs(other)))
    if fewest >= FEWEST:
        improvement = improvement_estimate([scores], [baseline], [(stratum(arm, env), stratum(base, env))])
    why = _why_none(arm.name, own, base.name, other, found)
    verdict: Verdict = "no verdict"
    if not why and found is not None and p is not None:
        verdict = "no difference shown" if p > LEVEL else "better" if found.difference > 0 else "worse"
    return Contrast(
        env=env,
        arm=arm.name,
        baseline=base.name,
        welch=found,
        p=p,
        improvement=improvement,
        verdict=verdict,
        why=why,
        exploratory=fewest < ENOUGH,
        missing=len(own.failed) + len(other.failed),
        costs=costs,
    )


def p_between(own: ArmCell, other: ArmCell) -> float | None:
    """Of the scores there are or, if it is larger, with each missing one counted against what they show."""
    if min(len(own.scores), len(other.scores)) < FEWEST:
        return None
    found = welch(np.sort(own.scores), np.sort(other.scores))
    if found.p is None or not (own.failed or other.failed):
        return found.p
    against = _against(own, other, found.difference)
    same_side = against.difference * found.difference > 0
    return max(found.p, against.p) if same_side and against.p is not None else 1.0


def _against(own: ArmCell, other: ArmCell, difference: float) -> Welch:
    """The test with the missing scores of whichever looks better as the worst episode, of the other as the best."""
    seen = [each.score for cell in (own, other) for each in cell.seeds if each.score is not None]
    worst, best = min(score.minimum for score in seen), max(score.maximum for score in seen)
    ends = (worst, best) if difference > 0 else (best, worst)
    filled = [sorted([*c.scores, *[end] * len(c.failed)]) for c, end in zip((own, other), ends, strict=True)]
    return welch(*map(np.array, filled))


def _why_none(name: str, own: ArmCell, base_name: str, other: ArmCell, found: Welch | None) -> str:
    """Why nothing is said of a difference; nothing if something can be."""
    for each, cell in ((name, own), (base_name, other)):
        if (num := len(cell.scores)) < FEWEST:
            of = f" of {len(cell.seeds)}" if cell.failed else ""
            return f"{each} has a score for {num}{of} seed{'s' * (len(cell.seeds) != 1)}, and a verdict needs {FEWEST}"
    if found is None or found.p is None:
        if found is not None and found.difference == 0:
            return f"every seed of both scored {own.scores[0]:.6g}: no spread was seen, so nothing is known of others"
        return "neither arm shows any spread over its seeds, so no test can say how sure the difference is"
    return ""


# ── All environments together ────────────────────────────────────────────────────────────────────


def _levels(ranges: dict[str, tuple[float, float]], complete: Sequence[str]) -> np.ndarray:
    """Where profiles are drawn: over the scores seen, or from 0 to 1 if there are several environments."""
    if len(ranges) != 1 or not complete:
        return np.linspace(0.0, 1.0, PROFILE_POINTS)
    low, high = ranges[complete[0]]
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return np.linspace(low - room, high + room, PROFILE_POINTS)


def _profile(
    arm: Arm, envs: Sequence[str], ranges: dict[str, tuple[float, float]], levels: np.ndarray, several: bool
) -> Profile:
    raw = [np.sort(arm.on(env).scores) for env in envs]
    scores = [normalised(v, ranges[env]) for v, env in zip(raw, envs, strict=True)] if several else raw
    return Profile(arm.name, *profile_band(scores, levels, [stratum(arm, env) for env in envs]))


def _overall(comparison: Comparison, ranges: dict[str, tuple[float, float]]) -> tuple[Overall, ...]:
    envs = comparison.envs
    scores = {a.name: [normalised(np.sort(a.on(env).scores), ranges[env]) for env in envs] for a in comparison.arms}
    base = comparison.baseline
    found = []
    for arm in comparison.arms:
        names = [stratum(arm, env) for env in envs]
        pairs = [(name, stratum(base, env)) for name, env in zip(names, envs, strict=True)]
        better = None if arm is base else improvement_estimate(scores[arm.name], scores[base.name], pairs)
        found.append(Overall(arm.name, iqm_estimate(scores[arm.name], names), better))
    return tuple(found)


def seeds_said(cell: ArmCell) -> str:
    """How many seeds have a score: 10 seeds, 9 of 10 seeds."""
    if not cell.failed:
        return counted(len(cell.seeds), "seed")
    return f"{len(cell.scores)} of {counted(len(cell.seeds), 'seed')}"
