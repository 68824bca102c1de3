"""Tasks with the same arms on several environments, taken together: what helps, what hurts, what makes no difference.

An arm is held against the first, and a rung of a ladder against the one below it: once by the score, and once by the
last network. Each of the two families of differences is corrected as one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ...comparing.assess import Contrast, Overall, assessment_of, contrasts_of
from ...comparing.comparison import Arm, Comparison
from ...comparing.verdict import conclusion, difference_short, estimate, p_value
from ...errors import counted
from .result import TaskResult
from .rows import TaskRow
from .suite import MEASURES, BenchmarkTask, Measure

NETWORKS: dict[Measure, Callable[[TaskResult], Comparison]] = {
    "score": lambda result: result.comparison,
    "last": TaskResult.by_last,
}
"""What arms are held against each other by: the score of the selected network, and that of the last one. Where every
arm reaches the best there is, only the last tells which of them keep it."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """Differences on the environments of several tasks, whose p-values are corrected together."""

    title: str
    measure: Measure
    envs: tuple[str, ...]
    contrasts: tuple[Contrast, ...]
    fewest: int
    """seeds with a score, of what has fewest"""
    overall: Mapping[str, Overall] = field(default_factory=dict)
    """of each arm all environments in one; none of a ladder, whose arms are held against different ones"""

    @property
    def arms(self) -> tuple[str, ...]:
        """What is held against something."""
        return tuple(dict.fromkeys(each.arm for each in self.contrasts))

    def against(self, arm: str) -> str:
        """What an arm is held against."""
        return next(each.baseline for each in self.contrasts if each.arm == arm)

    def told(self, arm: str) -> dict[str, str]:
        """By environment how an arm differs, and the verdict."""
        return {each.env: _told(each) for each in self.contrasts if each.arm == arm}


# ── What is held against what ────────────────────────────────────────────────────────────────────


def families(rows: Sequence[TaskRow]) -> list[Family]:
    """By each network one for each ladder, and one for each set of other arms that stands on several environments.

    Of tasks in which every arm has a score. Those on an environment that is there already, with another budget, are
    left out.
    """
    return [_family(group, by_env, measure) for measure in NETWORKS for group, by_env in _groups(rows, measure).items()]


class _Group(NamedTuple):
    """Tasks that belong together."""

    arms: tuple[str, ...]
    rungs: tuple[str, ...]

    def below(self, arm: str) -> str:
        """What an arm is held against: the rung below it, or the first arm."""
        return self.rungs[self.rungs.index(arm) - 1] if arm in self.rungs[1:] else self.arms[0]


def _groups(rows: Sequence[TaskRow], measure: Measure) -> dict[_Group, dict[str, Comparison]]:
    """Of each group its comparisons by environment: of a ladder at least one, of other arms two."""
    groups = dict[_Group, dict[str, Comparison]]()
    for task, result, comparison in _complete(rows, measure):
        groups.setdefault(_Group(_names(comparison), task.rungs), {}).setdefault(result.env, comparison)
    return {
        group: by_env
        for group, by_env in groups.items()
        if len(group.arms) > 1 and len(by_env) > (0 if group.rungs else 1)
    }


def _family(group: _Group, by_env: Mapping[str, Comparison], measure: Measure) -> Family:
    merged = _merged(group.arms, by_env)
    arms = {arm.name: arm for arm in merged.arms}
    pairs = [(env, arm, arms[group.below(arm.name)]) for env in by_env for arm in merged.others]
    overall = () if group.rungs else assessment_of(merged).overall
    how = "Part by part" if group.rungs else f"Against {group.arms[0]}"
    return Family(
        title=f"{how}, on {counted(len(by_env), 'environment')}{_by(measure)}",
        measure=measure,
        envs=merged.envs,
        contrasts=contrasts_of(pairs),
        fewest=min(len(cell.scores) for _, cell in merged.cells),
        overall={each.arm: each for each in overall},
    )


def _by(measure: Measure) -> str:
    """What a title says of a measure other than the score."""
    return "" if measure == "score" else f", by the {MEASURES[measure]}"


def conclusions(rows: Sequence[TaskRow]) -> list[tuple[str, str]]:
    """Of each task with several arms that stands alone its name, and which arm is better, by each network."""
    return [
        (f"{result.task}{_by(measure)}", conclusion(comparison))
        for measure in NETWORKS
        for task, result, comparison in _complete(rows, measure)
        if len(comparison.arms) > 1 and _Group(_names(comparison), task.rungs) not in _groups(rows, measure)
    ]


def _complete(rows: Sequence[TaskRow], measure: Measure) -> Iterator[tuple[BenchmarkTask, TaskResult, Comparison]]:
    """The tasks in which every arm has a score."""
    for task, result in rows:
        if result is not None:
            comparison = NETWORKS[measure](result)
            if all(arm.cells[0].scores for arm in comparison.arms):
                yield task, result, comparison


def _names(comparison: Comparison) -> tuple[str, ...]:
    return tuple(arm.name for arm in comparison.arms)


def _merged(names: Sequence[str], by_env: Mapping[str, Comparison]) -> Comparison:
    """Some arms on all of the environments."""
    arms = [
        Arm(name=name, cells=tuple(arm.cells[0] for each in by_env.values() for arm in each.arms if arm.name == name))
        for name in names
    ]
    return Comparison(arms=tuple(arms), envs=tuple(by_env))


# ── In words and tables ──────────────────────────────────────────────────────────────────────────


def what_helps(family: Family) -> str:
    """What was shown to help, to hurt, and neither, in plain words."""
    said = []
    for verdict, words in (("better", "Shown to help"), ("worse", "Shown to hurt")):
        arms = [(arm, _where(family, arm, verdict)) for arm in family.arms]
        listed = [f"{name} (on {', '.join(envs)})" for name, envs in arms if envs]
        said.append(f"{words}: {'; '.join(listed) if listed else 'nothing'}.")
    shown = {each.arm for each in family.contrasts if each.verdict in ("better", "worse")}
    if silent := [arm for arm in family.arms if arm not in shown]:
        said.append(f"No difference shown anywhere: {', '.join(silent)}.")
    tests = sum(each.p is not None for each in family.contrasts)
    corrected = f"p-values are corrected for all {counted(tests, 'comparison')} here"
    return " ".join([*said, f"{corrected}; at least {counted(family.fewest, 'seed')} of each arm."])


def _where(family: Family, arm: str, verdict: str) -> list[str]:
    """The environments on which an arm has a verdict."""
    return [each.env for each in family.contrasts if each.arm == arm and each.verdict == verdict]


def family_head(family: Family) -> list[str]:
    """Columns of `family_rows`."""
    whole = ["IQM of normalised scores", "P(better)"] if family.overall else []
    return ["arm", "against", *family.envs, *whole]


def family_rows(family: Family) -> list[list[str]]:
    """Of each arm its difference on every environment with the verdict, and all environments in one."""
    rows = [[arm, family.against(arm), *family.told(arm).values(), *_whole(family, arm)] for arm in family.arms]
    first = family.contrasts[0].baseline
    return [[first, "", *[""] * len(family.envs), *_whole(family, first)], *rows] if family.overall else rows


def _whole(family: Family, arm: str) -> list[str]:
    overall = family.overall.get(arm)
    return (
        []
        if overall is None
        else [estimate(overall.iqm), "" if arm == family.contrasts[0].baseline else estimate(overall.improvement)]
    )


def _told(contrast: Contrast) -> str:
    if contrast.verdict == "no verdict":
        return f"{difference_short(contrast)}: no verdict"
    return f"{difference_short(contrast)}, {p_value(contrast.p)}: {contrast.verdict}"
