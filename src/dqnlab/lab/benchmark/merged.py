"""Tasks with the same arms on several environments, taken together: what helps, what hurts, what makes no difference.

An arm is held against the first, and a rung of a ladder against the one below it: once by the score, and once by the
last network. Each of the two families of differences is corrected as one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...comparing.assess import Contrast, Overall, assessment_of, contrasts_of
from ...comparing.comparison import Arm, Comparison
from ...comparing.verdict import conclusion, difference_short, estimate, p_value
from ...errors import counted
from .result import TaskResult
from .rows import NOT_YET, TaskRow
from .suite import MEASURES, BenchmarkTask, Measure

NETWORKS: dict[Measure, Callable[[TaskResult], Comparison]] = {
    "score": lambda result: result.comparison,
    "last": TaskResult.by_last,
}
"""What arms are held against each other by: the score of the selected network, and that of the last one. Where every
arm reaches the best there is, only the last tells which of them keep it."""

_SILENT = {"no difference shown", "no verdict"}


@dataclass(frozen=True, kw_only=True)
class Family:
    """Differences on the environments of several tasks, whose p-values are corrected together."""

    title: str
    measure: Measure
    envs: tuple[str, ...]
    contrasts: tuple[Contrast, ...]
    fewest: int
    """seeds with a score, of what has fewest but any"""
    pending: int = 0
    """differences that there are to be as well, once more of its tasks have been run"""
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
    """By each measure one for each ladder, and one for each set of other arms that stands on several environments.

    Tasks on an environment that is there already, with another budget, are left out.
    """
    return [
        family
        for measure in NETWORKS
        for found in (_ladders(rows, measure), _sets_of_arms(rows, measure))
        for family in found
    ]


def _ladders(rows: Sequence[TaskRow], measure: Measure) -> Iterator[Family]:
    """What was not run yet is left out: of an environment only some rungs may be there."""
    ladders = ((task.rungs, comparison) for task, _, comparison in _stored(rows, measure) if task.rungs)
    planned = Counter[tuple[str, ...]]()
    for (rungs, _), num in {(task.rungs, task.env): len(task.request.arms) - 1 for task, _ in rows}.items():
        planned[rungs] += num
    for rungs, by_env in _by_env(ladders).items():
        if pairs := [pair for env, comparison in by_env.items() for pair in _steps(comparison, env, rungs)]:
            yield Family(
                title=f"Part by part, on {counted(len(by_env), 'environment')}{_by(measure)}",
                measure=measure,
                envs=tuple(by_env),
                contrasts=contrasts_of(pairs),
                fewest=min(
                    (num for env, *arms in pairs for arm in arms if (num := len(arm.on(env).scores))), default=0
                ),
                pending=max(planned[rungs] - len(pairs), 0),
            )


def _steps(comparison: Comparison, env: str, rungs: tuple[str, ...]) -> Iterator[tuple[str, Arm, Arm]]:
    """Each rung with the one below it, every other arm with the lowest, where both have been run."""
    there = {arm.name: arm for arm in comparison.arms if arm.on(env).seeds}
    for name, arm in there.items():
        below = rungs[rungs.index(name) - 1] if name in rungs[1:] else rungs[0]
        if name != below and below in there:
            yield env, arm, there[below]


def _sets_of_arms(rows: Sequence[TaskRow], measure: Measure) -> Iterator[Family]:
    for names, by_env in _groups(rows, measure).items():
        if len(names) > 1 and len(by_env) > 1:
            found = assessment_of(_merged(names, by_env))
            yield Family(
                title=f"Against {names[0]}, on {counted(len(by_env), 'environment')}{_by(measure)}",
                measure=measure,
                envs=tuple(by_env),
                contrasts=found.contrasts,
                fewest=found.fewest,
                overall={each.arm: each for each in found.overall},
            )


def _groups(rows: Sequence[TaskRow], measure: Measure) -> dict[tuple[str, ...], dict[str, Comparison]]:
    """Of each set of arms that is no ladder its comparisons by environment."""
    return _by_env((_names(comparison), comparison) for _, comparison in _no_ladders(rows, measure))


def _by_env(found: Iterable[tuple[tuple[str, ...], Comparison]]) -> dict[tuple[str, ...], dict[str, Comparison]]:
    """Comparisons of one environment each, by the arms that they are put together for, the first of each."""
    groups = dict[tuple[str, ...], dict[str, Comparison]]()
    for arms, comparison in found:
        groups.setdefault(arms, {}).setdefault(comparison.envs[0], comparison)
    return groups


def conclusions(rows: Sequence[TaskRow]) -> list[tuple[str, str]]:
    """Of each task with several arms that belongs to no family its name, and which arm is better, by each measure."""
    found = []
    for measure in NETWORKS:
        alone = {names for names, by_env in _groups(rows, measure).items() if len(by_env) == 1 < len(names)}
        found += [
            (f"{result.task}{_by(measure)}", _concluded(result, comparison))
            for result, comparison in _no_ladders(rows, measure)
            if _names(comparison) in alone
        ]
    return found


def _concluded(result: TaskResult, comparison: Comparison) -> str:
    """Which arm is better. What was trained as the first arm was is not held against it: its seeds are the same."""
    first = comparison.baseline.name
    same = [arm.name for arm in comparison.others if result.is_same_training(first, arm.name)]
    others = [arm for arm in comparison.arms if arm.name not in same]
    said = [conclusion(replace(comparison, arms=tuple(others)))] if len(others) > 1 else []
    said += [f"{name} is the same training as {first}, seed by seed, and only selected otherwise." for name in same]
    return " ".join(said)


def _by(measure: Measure) -> str:
    """What a title says of a measure other than the score."""
    return "" if measure == "score" else f", by the {MEASURES[measure]}"


def _stored(rows: Sequence[TaskRow], measure: Measure) -> Iterator[tuple[BenchmarkTask, TaskResult, Comparison]]:
    for task, result in rows:
        if result is not None:
            yield task, result, NETWORKS[measure](result)


def _no_ladders(rows: Sequence[TaskRow], measure: Measure) -> Iterator[tuple[TaskResult, Comparison]]:
    """Of the other tasks those in which every arm has been run."""
    for task, result, comparison in _stored(rows, measure):
        if not task.rungs and all(arm.cells[0].seeds for arm in comparison.arms):
            yield result, comparison


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
    """What was shown to help, to hurt, and neither, and on what nothing can be said, in plain words."""
    said = []
    for verdict, words in (("better", "Shown to help"), ("worse", "Shown to hurt")):
        arms = [(arm, _where(family, arm, verdict)) for arm in family.arms]
        listed = [f"{name} over {family.against(name)} ({'; '.join(envs)})" for name, envs in arms if envs]
        said.append(f"{words}: {'; '.join(listed) if listed else 'nothing'}.")
    verdicts = {arm: {each.verdict for each in family.contrasts if each.arm == arm} for arm in family.arms}
    if silent := [arm for arm, found in verdicts.items() if "no difference shown" in found <= _SILENT]:
        said.append(f"No difference shown anywhere: {', '.join(silent)}.")
    if unknown := [arm for arm, found in verdicts.items() if found == {"no verdict"}]:
        said.append(f"No verdict, the table says why: {', '.join(unknown)}.")
    if tests := sum(each.p is not None for each in family.contrasts):
        corrected = f"p-values are corrected for all {counted(tests, 'comparison')} here"
        said.append(f"{corrected}, intervals are not; at least {counted(family.fewest, 'seed')} of each arm.")
    if tests and family.pending:
        more = f"{counted(family.pending, 'more comparison')} {'has' if family.pending == 1 else 'have'}"
        said.append(f"{more} not been run yet: what is shown now may not be, once p-values are corrected for all.")
    return " ".join(said)


def _where(family: Family, arm: str, verdict: str) -> list[str]:
    """The environments on which an arm has a verdict, each with the difference."""
    return [
        f"on {each.env} {difference_short(each)}, {p_value(each.p)}"
        for each in family.contrasts
        if each.arm == arm and each.verdict == verdict
    ]


def family_head(family: Family) -> list[str]:
    """Columns of `family_rows`."""
    whole = ["IQM of normalised scores", "P(better)"] if family.overall else []
    return ["arm", "against", *family.envs, *whole]


def family_rows(family: Family) -> list[list[str]]:
    """Of each arm its difference on every environment with the verdict, and all environments in one."""
    rows = []
    for arm in family.arms:
        told = family.told(arm)
        on_each = [told.get(env, NOT_YET) for env in family.envs]
        rows.append([arm, family.against(arm), *on_each, *_whole(family, arm)])
    first = family.contrasts[0].baseline
    return [[first, "", *[""] * len(family.envs), *_whole(family, first)], *rows] if family.overall else rows


def _whole(family: Family, arm: str) -> list[str]:
    if (overall := family.overall.get(arm)) is None:
        return []
    return [estimate(overall.iqm), "" if overall.improvement is None else estimate(overall.improvement)]


def _told(contrast: Contrast) -> str:
    if contrast.verdict == "no verdict":
        size = "" if contrast.welch is None else f"{difference_short(contrast)}: "
        return f"{size}no verdict ({contrast.why})"
    return f"{difference_short(contrast)}, {p_value(contrast.p)}: {contrast.verdict}"
