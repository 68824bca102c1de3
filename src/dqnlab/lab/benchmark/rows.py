"""The tables of a benchmark as rows of text: published and ours, goals, every arm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...comparing.read import flattened
from ...comparing.verdict import amount
from ...config.changes import changes_text
from ...errors import counted
from ...store.digits import number
from ...store.score import SeedsMean
from ..arms import AskedArm
from .result import TaskResult
from .suite import MEASURES, BenchmarkTask, Goal, Measure, Published, Suite
from .time_left import rough_time

Results = Mapping[str, TaskResult | None]
"""of each task what is stored; none if nothing is"""
NOT_YET = "not run yet"
PUBLISHED = ("task", "published", "how", "ours, the same measure", "reached?")
GOALS = ("task", "goal", "ours", "reached?")
ARMS = (
    "task",
    "arm",
    "seeds",
    "score (95 %)",
    "lowest seed",
    "last network (95 %)",
    "training return (95 %)",
    "exact, best by state alone, optimum",
    "env steps",
    "updates",
    "seconds",
)
POINTS = ("task", "arm", "measure", "every seed, the highest first")
SETTINGS = ("arm", "preset and settings", "tasks")
FAILED = ("task", "arm", "seed", "what it failed of")


class TaskRow(NamedTuple):
    """A task with what is stored of it."""

    task: BenchmarkTask
    result: TaskResult | None


def in_order(suite: Suite, results: Results) -> list[TaskRow]:
    """The tasks in the suite's order."""
    return [TaskRow(task, results.get(task.name)) for task in suite.tasks]


# ── Published numbers and goals ──────────────────────────────────────────────────────────────────


def published_rows(rows: Sequence[TaskRow]) -> list[list[str]]:
    """Each published number beside ours: the same measure, of the suite's first arm."""
    return [
        [task.name, f"{number(each.value)} ({each.by})", f"{each.says}; {each.source}", *_against(each, task, result)]
        for task, result in rows
        for each in task.published
    ]


def _against(published: Published, task: BenchmarkTask, result: TaskResult | None) -> list[str]:
    if result is None:
        return [NOT_YET, ""]
    arm = task.request.arms[0].name
    mean = result.mean(arm, published.measure)
    if mean is None:
        return [NOT_YET, ""]
    return [
        f"{mean_text(mean)}, {arm}, {mean.seeds} of {counted(result.num_seeds, 'seed')}",
        _at_try(task, reached_text(mean, published.value)),
    ]


def reached_text(mean: SeedsMean, level: float) -> str:
    """Whether a mean reaches a level, and whether its interval does."""
    if mean.mean < level:
        return "no" if mean.high is None or mean.high < level else "no (the interval holds it)"
    if mean.low is None:
        return "yes (every seed)" if mean.seeds > 1 else "yes (one seed)"
    return "yes (the whole interval)" if mean.low >= level else "yes (the interval holds less)"


def _at_try(task: BenchmarkTask, verdict: str) -> str:
    """A verdict, and which first arm it is of, if others stood there before."""
    return f"{verdict}, at try {task.tries}" if task.tries > 1 else verdict


def goal_rows(rows: Sequence[TaskRow]) -> list[list[str]]:
    """Each goal, and how the first arm stands to it."""
    found = []
    for task, result in rows:
        for goal in task.goals:
            best = None if result is None else result.best(goal.of)
            ours, verdict = _standing(goal, task, result)
            found.append([task.name, goal.says(best), ours, _at_try(task, verdict) if verdict else ""])
    return found


def _standing(goal: Goal, task: BenchmarkTask, result: TaskResult | None) -> list[str]:
    arm = task.request.arms[0].name
    if result is None or not (values := result.values(arm, goal.measure)):
        return [NOT_YET, ""]
    level = goal.level(result.best(goal.of))
    if level is None:
        return ["the best return is not stored: delete the task's file to have it made again", ""]
    if goal.seeds is None:
        mean = result.mean(arm, goal.measure)
        assert mean is not None
        return [mean_text(mean), reached_text(mean, level)]
    there = sum(value >= level for value in values.values())
    verdict = "yes" if there >= goal.seeds else "no" if len(values) >= result.num_seeds else "not yet"
    return [f"{there} of {counted(len(values), 'seed')}", verdict]


# ── Arms ─────────────────────────────────────────────────────────────────────────────────────────


def arm_rows(rows: Sequence[TaskRow]) -> list[list[str]]:
    """Every arm of every task with its means over seeds; those of which nothing is stored in one row."""
    found = []
    for task, result in rows:
        there = [] if result is None else [arm.name for arm in result.comparison.arms]
        if result is not None:
            found += [_arm_row(result, arm) for arm in there]
        if missing := [arm.name for arm in task.request.arms if arm.name not in there]:
            found.append([task.name, ", ".join(missing), NOT_YET, *[""] * (len(ARMS) - 3)])
    return found


def _arm_row(result: TaskResult, arm: str) -> list[str]:
    cell = result.cell(arm)
    failed = f", {len(cell.failed)} failed" if cell.failed else ""
    scores = list(result.values(arm, "score").values())
    spent = [[getattr(each, name) for each in cell.scored] for name in ("env_steps", "updates", "seconds")]
    means = [None if not each or None in each else sum(each) / len(each) for each in spent]
    exact = result.mean(arm, "exact")
    levels = [None if exact is None else exact.mean, result.best("state"), result.best("optimum")]
    known = [each for each in levels if each is not None]
    return [
        result.task,
        arm,
        f"{len(scores)} of {result.num_seeds}{failed}",
        mean_text(result.mean(arm, "score")),
        number(min(scores)) if scores else "",
        _beside(result.mean(arm, "last"), len(scores)),
        _beside(result.mean(arm, "training"), len(scores)),
        "" if exact is None else ", ".join("unknown" if each is None else number(each, *known) for each in levels),
        amount(means[0]) if scores else "",
        amount(means[1]) if scores else "",
        amount(means[2], 1) if scores else "",
    ]


def _beside(mean: SeedsMean | None, scores: int) -> str:
    """A mean with its interval, and over how many seeds, if it is not over all that have a score."""
    some = "" if mean is None or mean.seeds == scores else f", of {counted(mean.seeds, 'seed')}"
    return f"{mean_text(mean)}{some}"


def arm_settings_rows(rows: Sequence[TaskRow]) -> list[list[str]]:
    """What every arm is that is called otherwise than its settings, as `--arm` takes it."""
    tasks = dict[tuple[str, str], list[str]]()
    for task, _ in rows:
        for arm in task.request.arms:
            tasks.setdefault((arm.name, _settings_text(arm)), []).append(task.name)
    return [
        [arm, said, "all" if len(names) == len(rows) else "; ".join(names)]
        for (arm, said), names in tasks.items()
        if said not in ("", arm)
    ]


def _settings_text(arm: AskedArm) -> str:
    """An arm's preset and what it sets otherwise; nothing of runs that were there before."""
    settings = dict(flattened(arm.table.get("settings", {})))
    return f"{arm.table.get('preset', '')} {changes_text(settings)}".strip()


def failed_rows(rows: Sequence[TaskRow]) -> list[list[str]]:
    """Every seed without a score, and why it has none."""
    return [
        [result.task, arm.name, str(seed.seed), seed.error or "unknown"]
        for _, result in rows
        if result is not None
        for arm in result.comparison.arms
        for seed in arm.cells[0].failed
    ]


def point_rows(rows: Sequence[TaskRow]) -> list[list[str]]:
    """What every seed came to, from the highest down."""
    measures: list[Measure] = ["score", "last", "training", "exact"]
    return [
        [result.task, arm.name, MEASURES[measure], points_text(list(values.values()))]
        for _, result in rows
        if result is not None
        for arm in result.comparison.arms
        for measure in measures
        if (values := result.values(arm.name, measure))
    ]


def mean_text(mean: SeedsMean | None) -> str:
    """A mean with its interval: 254.8 (241.0 to 268.6)."""
    if mean is None:
        return ""
    if mean.low is None or mean.high is None:
        return number(mean.mean)
    ends = (number(mean.low, mean.mean, mean.high), number(mean.high, mean.mean, mean.low))
    return f"{number(mean.mean, mean.low, mean.high)} ({ends[0]} to {ends[1]})"


def points_text(values: Sequence[float]) -> str:
    """Numbers from the highest down, equal ones together: 500.0 × 9, 489.2."""
    found = Counter(number(value, *values) for value in sorted(values, reverse=True))
    return ", ".join(text if num == 1 else f"{text} × {num}" for text, num in found.items())


def made_text(rows: Sequence[TaskRow]) -> str:
    """With what, on what and for how long: dqnlab 0.1, torch 2.13, 2 cores, 3.4 hours."""
    results = [result for _, result in rows if result is not None]
    if not results:
        return "Nothing has been run yet."
    said = dict.fromkeys(
        ", ".join(f"{name} {value}" for name, value in result.made.items() if name not in ("cores", "system"))
        for result in results
    )
    machines = dict.fromkeys(
        f"{counted(result.made.get('cores', 0), 'core')}, {result.made.get('system')}" for result in results
    )
    seconds = 3600 * sum(result.hours for result in results)
    return f"Made with {'; '.join(said)}, on {'; '.join(machines)}, in {rough_time(seconds)}."


_PROTOCOL = (
    "Score: the mean of {} fresh greedy episodes of the network that was selected, drawn once and used for nothing "
    "else; of each arm the mean over training seeds with Student's 95 % interval. Last network: the same of the "
    "network at the end of training, selected by nothing. Training return: the mean of the last 100 episodes of "
    "training, or of all if there were fewer, with exploration, as papers often report. Claims are about the first "
    "arm of a task, named before it was run; only the same measure is held against a published number. Reached is "
    "what the mean reaches; beside it stands what the interval says: all of it lies there, or it holds less, or the "
    "number that the mean misses. At try 2 says that another first arm had missed on these seeds: this one was found "
    "on others, but these had said that one was wanted. A moonshot is a goal that nobody is known to have reached. "
    "Exact: the expected return of the selected network's policy, the best that was found of policies that see the "
    "state only, and the best there is, for whoever sees the clock as well, by backward induction over the "
    "environment's own table. Env steps are those of training; evaluations play others, more of them the longer and "
    "the oftener a network is judged. Seconds are of both, of seeds side by side the share of each."
)


def protocol_text(rows: Sequence[TaskRow]) -> str:
    """How it is judged, in words."""
    nums = {config.score_episodes for task, _ in rows for arm in task.request.arms for config in arm.configs}
    return _PROTOCOL.format(" or ".join(f"{num:,}" for num in sorted(nums)) or "some")
