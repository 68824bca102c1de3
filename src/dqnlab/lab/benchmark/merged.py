"""Tasks with the same arms on several environments, taken together: what helps, what hurts, what makes no difference.

All their comparisons by one of a run's networks are one family, whose p-values are corrected together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ...comparing.assess import Assessment, Contrast, assessment_of
from ...comparing.comparison import Arm, Comparison
from ...comparing.verdict import conclusion, difference_short, estimate, p_value
from ...errors import counted
from .result import TaskResult
from .rows import TaskRow


class Network(NamedTuple):
    """One of the networks of a run by which arms are held against each other."""

    words: str
    """what a title says of it"""
    comparison: Callable[[TaskResult], Comparison]


NETWORKS = (
    Network("", lambda result: result.comparison),
    Network(", by the last network", TaskResult.by_last),
)
"""The selected one, whose score is the claim; and the last, which says whether what was learned is kept: where every
arm reaches the best there is, only the last tells them apart."""


class Family(NamedTuple):
    """Several tasks taken together."""

    network: Network
    assessment: Assessment


def merged_tasks(rows: Sequence[TaskRow]) -> list[Family]:
    """By each network, one for each set of arms that stands on at least two environments with a score of every arm.

    Tasks on an environment that is there already, with another budget, are left out.
    """
    return [
        Family(network, assessment_of(_merged(names, by_env)))
        for network in NETWORKS
        for names, by_env in _groups(rows, network).items()
        if len(names) > 1 and len(by_env) > 1
    ]


def _groups(rows: Sequence[TaskRow], network: Network) -> dict[tuple[str, ...], dict[str, Comparison]]:
    """Of each set of arms the comparison on every environment."""
    groups = dict[tuple[str, ...], dict[str, Comparison]]()
    for result, comparison in _complete(rows, network):
        groups.setdefault(tuple(arm.name for arm in comparison.arms), {}).setdefault(result.env, comparison)
    return groups


def _complete(rows: Sequence[TaskRow], network: Network) -> Iterator[tuple[TaskResult, Comparison]]:
    """The tasks in which every arm has a score."""
    for _, result in rows:
        if result is not None:
            comparison = network.comparison(result)
            if all(arm.cells[0].scores for arm in comparison.arms):
                yield result, comparison


def conclusions(rows: Sequence[TaskRow]) -> list[tuple[str, str]]:
    """Of each task with several arms that stands alone its name, and which arm is better, by each network."""
    merged = [{arm.name for arm in found.assessment.comparison.arms} for found in merged_tasks(rows)]
    return [
        (f"{result.task}{network.words}", conclusion(assessment_of(comparison)))
        for network in NETWORKS
        for result, comparison in _complete(rows, network)
        if len(comparison.arms) > 1 and {arm.name for arm in comparison.arms} not in merged
    ]


def _merged(names: Sequence[str], by_env: dict[str, Comparison]) -> Comparison:
    arms = [
        Arm(name=name, cells=tuple(each.arms[at].cells[0] for each in by_env.values())) for at, name in enumerate(names)
    ]
    return Comparison(arms=tuple(arms), envs=tuple(by_env))


def merged_title(family: Family) -> str:
    """What is held against what: against dqn, on 5 environments."""
    comparison = family.assessment.comparison
    return (
        f"Against {comparison.baseline.name}, on {counted(len(comparison.envs), 'environment')}{family.network.words}"
    )


def what_helps(family: Family) -> str:
    """What was shown to help, to hurt, and neither, in plain words."""
    found = family.assessment
    said = []
    for verdict, words in (("better", "Shown to help"), ("worse", "Shown to hurt")):
        arms = [(arm.name, _where(found, arm.name, verdict)) for arm in found.comparison.others]
        listed = [f"{name} (on {', '.join(envs)})" for name, envs in arms if envs]
        said.append(f"{words}: {'; '.join(listed) if listed else 'nothing'}.")
    silent = [
        arm.name
        for arm in found.comparison.others
        if not _where(found, arm.name, "better") and not _where(found, arm.name, "worse")
    ]
    if silent:
        said.append(f"No difference shown anywhere: {', '.join(silent)}.")
    fewest = found.fewest
    corrected = f"p-values are corrected for all {counted(found.tests, 'comparison')} here"
    return " ".join([*said, f"{corrected}; at least {counted(fewest, 'seed')} of each arm."])


def _where(found: Assessment, arm: str, verdict: str) -> list[str]:
    """The environments on which an arm has a verdict."""
    return [each.env for each in found.contrasts if each.arm == arm and each.verdict == verdict]


def merged_head(family: Family) -> list[str]:
    """Columns of `merged_rows`."""
    comparison = family.assessment.comparison
    better = f"P(better than {comparison.baseline.name})"
    return ["arm", *comparison.envs, "IQM of normalised scores", better]


def merged_rows(family: Family) -> list[list[str]]:
    """Of each arm its difference to the baseline on every environment with the verdict, and all environments in one."""
    found = family.assessment
    overall = {each.arm: each for each in found.overall}
    rows = []
    for arm in found.comparison.arms:
        own = {each.env: each for each in found.contrasts if each.arm == arm.name}
        on_each = [_told(own.get(env)) for env in found.comparison.envs]
        whole = overall.get(arm.name)
        ends = ["", ""] if whole is None else [estimate(whole.iqm), estimate(whole.improvement)]
        rows.append([arm.name, *on_each, *ends])
    return rows


def _told(contrast: Contrast | None) -> str:
    if contrast is None:
        return "baseline"
    if contrast.verdict == "no verdict":
        return f"{difference_short(contrast)}: no verdict"
    return f"{difference_short(contrast)}, {p_value(contrast.p)}: {contrast.verdict}"
