"""Tasks with the same arms on several environments, taken together: what helps, what hurts, what makes no difference.

All their comparisons are one family, whose p-values are corrected together.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...comparing.assess import Assessment, Contrast, assessment_of
from ...comparing.comparison import Arm, Comparison
from ...comparing.verdict import conclusion, difference_short, estimate, p_value
from ...errors import counted
from .rows import TaskRow


def merged_tasks(rows: Sequence[TaskRow]) -> list[Assessment]:
    """One for each set of arms that stands on at least two environments, of the tasks in which every arm has a score.

    Tasks on an environment that is there already, with another budget, are left out.
    """
    groups = dict[tuple[str, ...], dict[str, Comparison]]()
    for _, result in rows:
        if result is None or not all(arm.cells[0].scores for arm in result.comparison.arms):
            continue
        names = tuple(arm.name for arm in result.comparison.arms)
        groups.setdefault(names, {}).setdefault(result.env, result.comparison)
    return [
        assessment_of(_merged(names, by_env)) for names, by_env in groups.items() if len(names) > 1 and len(by_env) > 1
    ]


def conclusions(rows: Sequence[TaskRow]) -> list[tuple[str, str]]:
    """Of each task with several arms that stands alone its name, and which arm is better."""
    families = [{arm.name for arm in found.comparison.arms} for found in merged_tasks(rows)]
    return [
        (result.task, conclusion(assessment_of(result.comparison)))
        for _, result in rows
        if result is not None
        and len(result.comparison.arms) > 1
        and all(arm.cells[0].scores for arm in result.comparison.arms)
        and {arm.name for arm in result.comparison.arms} not in families
    ]


def _merged(names: Sequence[str], by_env: dict[str, Comparison]) -> Comparison:
    arms = [
        Arm(name=name, cells=tuple(each.arms[at].cells[0] for each in by_env.values())) for at, name in enumerate(names)
    ]
    return Comparison(arms=tuple(arms), envs=tuple(by_env))


def merged_title(found: Assessment) -> str:
    """What is held against what: against dqn, on 5 environments."""
    return f"Against {found.comparison.baseline.name}, on {counted(len(found.comparison.envs), 'environment')}"


def what_helps(found: Assessment) -> str:
    """What was shown to help, to hurt, and neither, in plain words."""
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


def merged_head(found: Assessment) -> list[str]:
    """Columns of `merged_rows`."""
    better = f"P(better than {found.comparison.baseline.name})"
    return ["arm", *found.comparison.envs, "IQM of normalised scores", better]


def merged_rows(found: Assessment) -> list[list[str]]:
    """Of each arm its difference to the baseline on every environment with the verdict, and all environments in one."""
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
