"""What there is to do for a suite: which arms are stored already, which are trained, and about how long that takes."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...comparing.comparison import Arm
from ...config.changes import json_ready
from ...envs.optimum import dynamics_of
from ...errors import ConfigError, DqnlabError, counted, either
from ...store.folder import SUMMARY
from ...trust import shown
from ..arms import seeds_text
from ..planning import CellPlan, ComparisonPlan, plan_comparison, settings_of
from .result import TaskResult, read_task
from .suite import BenchmarkTask, Suite
from .time_left import TimeLeft, left_text, recorded, rough_time


@dataclass(frozen=True, kw_only=True)
class BenchmarkPlan:
    """The tasks that are made, what of each is stored already, and what there is to do for the rest."""

    suite: Suite
    runs: Path
    folder: Path
    """of the results"""
    plans: Mapping[str, ComparisonPlan | None]
    """by task, of the arms that are not stored; none if all are"""
    stored: Mapping[str, TaskResult]
    """by task, of the other arms: every seed, trained with the same settings, whoever has their runs"""
    there: Sequence[TaskResult]
    """all that is stored of the suite, whatever is made"""
    replaced: Mapping[str, Sequence[str]]
    """by task, the stored arms that making it replaces: of other settings or seeds, or no longer in the suite"""

    @property
    def tasks(self) -> list[tuple[BenchmarkTask, ComparisonPlan]]:
        """Those of which there is something to do."""
        wanted = ((task, self.plans.get(task.name)) for task in self.suite.tasks)
        return [(task, plan) for task, plan in wanted if plan is not None]

    def lines(self) -> list[str]:
        """What each task is, what of it is there, and about how long the rest takes on this machine."""
        time_left = self.time_left()
        lines = [f"benchmark {self.suite.name}: {self.suite.about}"]
        for task in self.suite.tasks:
            if task.name in self.plans:
                lines += self._task_lines(task, time_left)
        if self.stored:
            lines.append(
                f"what {shown(self.folder)} holds of the same settings is kept: delete a task's file to make it again"
            )
        return [*lines, f"together: {left_text(time_left.left(self.tasks))}"]

    def _task_lines(self, task: BenchmarkTask, time_left: TimeLeft) -> list[str]:
        """What a task is, what of it is there, what has failed, and what of its results is replaced."""
        plan, stored = self.plans[task.name], self.stored.get(task.name)
        cells = () if plan is None else plan.cells
        failed = [line for cell in cells for line in _failed(cell)]
        state = "done, but for seeds that have failed" if failed else "done"
        if plan is not None and (left := sum(cell.num_left for cell in cells)):
            state = f"{counted(left, 'seed')} to train, {left_text(time_left.left([(task, plan)]))}"
        if plan is not None and stored is not None:
            state += f"; stored already: {', '.join(arm.name for arm in stored.comparison.arms)}"
        arms = ", ".join(arm.name for arm in task.request.arms)
        name = f"{task.name:<{max(map(len, self.plans))}}"
        lines = [f"  {name}  {arms}; {counted(len(task.request.seeds), 'seed')} each: {state}", *failed]
        if lost := self.replaced.get(task.name):
            where = shown(self.folder / task.file)
            lines.append(f"    replaces what {where} holds of {', '.join(lost)}: other settings or seeds than now")
        return lines

    def time_left(self) -> TimeLeft:
        """What knows how long it takes, by what seeds have taken whose results or runs are there."""
        found = TimeLeft()
        for result in self.there:
            found.learn_stored(result)
        for task, plan in self.tasks:
            found.learn(task, plan)
        return found


def _failed(cell: CellPlan) -> list[str]:
    """Which seeds of an arm have failed, and how they are tried again."""
    by_folder = dict[Path, list[int]]()
    for seed, home in cell.there.failed.items():
        by_folder.setdefault(home.parent if (home.parent / SUMMARY).is_file() else home, []).append(seed)
    return [
        f"    {cell.arm}: {seeds_text(seeds)} failed, in {shown(folder)}; try again with "
        + either(f"dqn resume {shlex.quote(shown(folder))}", f"dqnlab.resume({shown(folder)!r})")
        for folder, seeds in by_folder.items()
    ]


def plan_benchmark(suite: Suite, runs: Path, out: Path, only: Collection[str] = ()) -> BenchmarkPlan:
    """What there is to do for a suite; nothing is written.

    Args:
        out: folder of results, in which the suite has one of its own.
        only: what the names of the tasks to make contain; all if none.

    Raises:
        ConfigError: no task has such a name.
        FolderError: results that are stored cannot be read.
        DqnlabError: what keeps an arm from learning on an environment; the message names the task.
    """
    names = [task.name for task in suite.tasks]
    for part in only:
        if not any(part in name for name in names):
            raise ConfigError(f"{suite.name!r} has no task {part!r}, only {', '.join(map(repr, names))}")
    there = {task.name: read_task(task, out / suite.name) for task in suite.tasks}
    plans = dict[str, ComparisonPlan | None]()
    stored = dict[str, TaskResult]()
    replaced = dict[str, Sequence[str]]()
    failed = dict[str, DqnlabError]()
    for task in suite.tasks:
        if only and not any(part in task.name for part in only):
            continue
        try:
            whole = plan_comparison(task.request, runs)
            _check_exact(task, whole)
            plans[task.name] = whole
            if (found := there[task.name]) is not None:
                kept = [arm for arm in found.comparison.arms if _is_whole(arm, found, whole)]
                if kept:
                    stored[task.name] = found.of_arms(kept)
                    plans[task.name] = _without(task, stored[task.name], runs)
                if lost := [arm.name for arm in found.comparison.arms if _is_lost(arm, whole) and arm not in kept]:
                    replaced[task.name] = lost
        except DqnlabError as error:
            plans.pop(task.name, None)
            error.args = (f"{suite.source or suite.name}: task {task.name!r}: {error}",)
            failed[task.name] = error
    if failed:
        first = next(iter(failed.values()))
        if plans:
            typed = either(" ".join(f"--only {shlex.quote(name)}" for name in plans), f"only={list(plans)!r}")
            first.add_note(f"the others are made with {typed}")
        raise first
    return BenchmarkPlan(
        suite=suite,
        runs=runs,
        folder=out / suite.name,
        plans=plans,
        stored=stored,
        there=[found for found in there.values() if found is not None],
        replaced={name: lost for name, lost in replaced.items() if plans[name] is not None},
    )


def _is_whole(arm: Arm, stored: TaskResult, plan: ComparisonPlan) -> bool:
    """Whether every seed that is asked for of a stored arm is there with the same settings, scored and judged."""
    judged = {each.seed for each in arm.cells[0].scored if (arm.name, each.seed) in stored.judged}
    return _is_the_same(arm, plan) and judged.issuperset(plan.request.seeds)


def _is_lost(arm: Arm, plan: ComparisonPlan) -> bool:
    """Whether a stored arm has scores that are not among what is asked for."""
    scored = {each.seed for each in arm.cells[0].scored}
    return bool(scored) and not (_is_the_same(arm, plan) and scored.issubset(plan.request.seeds))


def _is_the_same(arm: Arm, plan: ComparisonPlan) -> bool:
    """Whether a stored arm is of the settings that are asked for under its name."""
    asked = next((settings_of(cell.resolved) for cell in plan.cells if cell.arm == arm.name), None)
    if asked is None:
        return False
    return dict(arm.cells[0].settings) == {name: json_ready(value) for name, value in asked.items()}


def _without(task: BenchmarkTask, stored: TaskResult, runs: Path) -> ComparisonPlan | None:
    """What there is to do for the arms that are not stored."""
    there = {arm.name for arm in stored.comparison.arms}
    rest = tuple(arm for arm in task.request.arms if arm.name not in there)
    return plan_comparison(replace(task.request, arms=rest), runs) if rest else None


def _check_exact(task: BenchmarkTask, plan: ComparisonPlan) -> None:
    """Raises ConfigError if an exact return or an optimum is spoken of that nobody can know."""
    first = [cell.resolved for cell in plan.cells if cell.arm == task.request.arms[0].name]
    if task.is_exact and any(config.remembers or dynamics_of(config.env) is None for config in first):
        raise ConfigError(
            f"nobody knows the exact return or the optimum of {task.env!r}, which has no table of how it works, as toy "
            "text has: leave out measure = 'exact' and within"
        )


def suite_lines(suites: Sequence[Suite]) -> list[str]:
    """What suites there are: tasks, arms, seeds, and how long each takes by recorded figures."""
    lines = []
    for suite in suites:
        from_file = [(task, len(task.request.arms) * len(task.request.seeds)) for task in suite.tasks]
        known = [num * each for task, num in from_file if (each := recorded(task)) is not None]
        runs = sum(num for _, num in from_file)
        takes = "nobody knows how long"
        if len(known) == len(from_file):
            takes = f"about {rough_time(sum(known))} on a quiet machine of this many cores"
        lines.append(f"{suite.name}: {suite.about}")
        lines.append(f"  {counted(len(suite.tasks), 'task')}, {counted(runs, 'run')}, {takes}")
        for task in suite.tasks:
            arms = ", ".join(arm.name for arm in task.request.arms)
            needs = f"; needs dqnlab[{task.needs}]" if task.needs else ""
            lines.append(f"  - {task.name}: {arms}; {seeds_text(task.request.seeds)}{needs}")
    return lines
