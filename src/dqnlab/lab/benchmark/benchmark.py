"""Making a suite: each task is a comparison; what is trained is judged further, written down, and put into tables."""

from __future__ import annotations

import os
import shlex
import signal
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from html import escape
from pathlib import Path

from ...comparing.comparison import Arm, Comparison
from ...config.changes import json_ready
from ...envs.optimum import dynamics_of
from ...errors import ConfigError, DqnlabError, FolderError, counted, either
from ...oslock import in_turn
from ...store.card import CARD
from ...store.door import make_wanted
from ...terminal.board import Board
from ...terminal.view import View
from ...trust import shown
from ..arms import seeds_text
from ..compare import carry_out, read_comparison
from ..dividing import elsewhere_text
from ..interrupt import current, signal_of
from ..planning import ComparisonPlan, look_again, plan_comparison, settings_of
from .judges import judge_all
from .judging import read_judged
from .result import TaskResult, made_by, read_task, write_task
from .rows import Results
from .suite import BenchmarkTask, Suite
from .tables import PAGE, TABLE, read_results, write_tables
from .time_left import TimeLeft, left_text, recorded, rough_time

_WRITING = ".writing"
_PATIENCE = 60.0  # seconds that a process waits for another one to write the tables
Say = Callable[[str], None]


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

    @property
    def tasks(self) -> list[tuple[BenchmarkTask, ComparisonPlan]]:
        """Those of which there is something to do."""
        wanted = ((task, self.plans.get(task.name)) for task in self.suite.tasks)
        return [(task, plan) for task, plan in wanted if plan is not None]

    def lines(self) -> list[str]:
        """What each task is, what of it is there, and about how long the rest takes on this machine."""
        time_left = TimeLeft()
        for task, plan in self.tasks:
            time_left.learn(task, plan)
        lines = [f"benchmark {self.suite.name}: {self.suite.about}"]
        width = max(map(len, self.plans))
        for task in self.suite.tasks:
            if task.name not in self.plans:
                continue
            plan, stored = self.plans[task.name], self.stored.get(task.name)
            arms = ", ".join(arm.name for arm in task.request.arms)
            left = 0 if plan is None else sum(cell.num_left for cell in plan.cells)
            state = "done"
            if plan is not None and left:
                state = f"{counted(left, 'seed')} to train, {left_text(time_left.left([(task, plan)]))}"
            if stored is not None and plan is not None:
                state += f"; stored already: {', '.join(arm.name for arm in stored.comparison.arms)}"
            lines.append(f"  {task.name:<{width}}  {arms}; {counted(len(task.request.seeds), 'seed')} each: {state}")
        if self.stored:
            lines.append(
                f"what {shown(self.folder)} holds of the same settings is kept: delete a task's file to make it again"
            )
        return [*lines, f"together: {left_text(time_left.left(self.tasks))}"]


@dataclass(frozen=True, kw_only=True)
class BenchmarkResult:
    """What making a suite came to."""

    suite: Suite
    folder: Path
    """of its results"""
    signal: int | None = None
    """what interrupted it: 2 for Ctrl-C"""
    elsewhere: Mapping[str, int] = field(default_factory=dict)
    """who still trains how many of its seeds"""
    failed: int = 0
    """seeds that came to no score"""

    @property
    def table(self) -> Path:
        """benchmark.md."""
        return self.folder / TABLE

    @property
    def page(self) -> Path:
        """benchmark.html, what to open."""
        return self.folder / PAGE

    @property
    def interrupted(self) -> bool:
        return self.signal is not None

    @cached_property
    def results(self) -> Results:
        """What is stored of each task, by its name; none of a task that has not been made."""
        return read_results(self.suite, self.folder)

    @property
    def conclusion(self) -> str:
        """How far it came."""
        if self.interrupted:
            return "interrupted: the same benchmark again continues it"
        if self.elsewhere:
            onward = "the last of these processes writes the rest of the tables"
            return f"{elsewhere_text(self.elsewhere)}; {onward}"
        made = sum(found is not None for found in self.results.values())
        failed = f", {counted(self.failed, 'seed')} failed" if self.failed else ""
        return f"{made} of {counted(len(self.results), 'task')} made{failed}"

    def __repr__(self) -> str:
        return f"BenchmarkResult({self.suite.name!r}, {self.conclusion}, folder={str(self.folder)!r})"

    def _repr_html_(self) -> str:
        link = f'<a href="{escape(self.page.resolve().as_uri())}">page</a>'
        where = f"<code>{escape(str(self.folder))}</code> · {link}"
        title = f"benchmark {self.suite.name}: {self.conclusion}"
        return f'<div style="{CARD}"><div>{escape(title)}</div><div>{where}</div></div>'


def plan_benchmark(suite: Suite, runs: Path, out: Path, only: Collection[str] = ()) -> BenchmarkPlan:
    """What there is to do for a suite; nothing is written.

    Args:
        out: folder of results, in which the suite has one of its own.
        only: how the names of the tasks to make begin; all if none.

    Raises:
        ConfigError: no task has such a name.
        DqnlabError: what keeps an arm from learning on an environment; the message names the task.
    """
    names = [task.name for task in suite.tasks]
    for start in only:
        if not any(name.startswith(start) for name in names):
            raise ConfigError(f"{suite.name!r} has no task {start!r}, only {', '.join(map(repr, names))}")
    plans = dict[str, ComparisonPlan | None]()
    stored = dict[str, TaskResult]()
    failed = dict[str, DqnlabError]()
    for task in suite.tasks:
        if only and not task.name.startswith(tuple(only)):
            continue
        try:
            whole = plan_comparison(task.request, runs)
            _check_exact(task, whole)
            found = _stored(task, whole, out / suite.name)
            plans[task.name] = whole
            if found is not None:
                stored[task.name] = found
                plans[task.name] = _without(task, found, runs)
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
    return BenchmarkPlan(suite=suite, runs=runs, folder=out / suite.name, plans=plans, stored=stored)


def _stored(task: BenchmarkTask, plan: ComparisonPlan, folder: Path) -> TaskResult | None:
    """Of a task's stored results the arms of which all is there, each seed scored and judged; none if there is none."""
    found = read_task(task, folder)
    if found is None:
        return None
    wanted = {cell.arm: settings_of(cell.resolved) for cell in plan.cells}
    seeds = set(task.request.seeds)
    whole = list[Arm]()
    for arm in found.comparison.arms:
        cell, asked = arm.cells[0], wanted.get(arm.name, {})
        judged = {each.seed for each in cell.scored if (arm.name, each.seed) in found.judged}
        same = dict(cell.settings) == {name: json_ready(value) for name, value in asked.items()}
        if same and judged == seeds:
            whole.append(arm)
    return found.of_arms(whole) if whole else None


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
            f"nobody knows the exact return or the optimum of {task.env!r}: leave out measure = 'exact' and within"
        )


def make(
    plan: BenchmarkPlan,
    *,
    board: Callable[[], Board | None] = lambda: None,
    view: Callable[[], View | None] = lambda: None,
    say: Say = lambda line: None,
    ray: str | None = None,
) -> BenchmarkResult:
    """Trains and judges what is left of a suite, and writes its results, task by task.

    Args:
        board, view, say, ray: as in `carry_out`.

    Raises:
        DqnlabError: what stopped it. Whatever was trained and judged until then is reused by the next try.
    """
    make_wanted(plan.folder, "folder of results")
    if not os.access(plan.folder, os.W_OK):
        raise FolderError(f"cannot write into the folder {shown(plan.folder)!r}: choose another folder of results")
    made = _Making(plan, board, view, say, ray)
    try:
        for number, (task, todo) in enumerate(plan.tasks, 1):
            made.make(number, task, todo)
        for number, (task, todo) in enumerate(plan.tasks, 1):
            if task.name in made.elsewhere:  # others may have ended it by now
                made.make(number, task, todo)
    except _Stopped as stopped:
        return made.result(stopped.signal)
    if not plan.tasks:  # all was stored
        write_tables(plan.suite, plan.folder)
    return made.result(None)


class _Stopped(Exception):
    """A signal wants this to end."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signal = signum


@dataclass
class _Making:
    """A suite while it is made."""

    plan: BenchmarkPlan
    board: Callable[[], Board | None]
    view: Callable[[], View | None]
    say: Say
    ray: str | None
    elsewhere: dict[str, Mapping[str, int]] = field(default_factory=dict)
    """by task"""
    failed: dict[str, int] = field(default_factory=dict)
    """by task"""
    _time_left: TimeLeft = field(default_factory=TimeLeft)
    _done: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for task, todo in self.plan.tasks:
            self._time_left.learn(task, todo)

    def make(self, number: int, task: BenchmarkTask, todo: ComparisonPlan) -> None:
        """One task: trained, judged and written, arm by arm. Raises _Stopped."""
        self.say(f"task {number} of {len(self.plan.tasks)}, {task.name}; {self._left(task, todo)}")
        arm_ended = partial(self._keep, task, todo)
        done = carry_out(todo, board=self.board, view=self.view, say=self.say, ended=arm_ended, ray=self.ray)
        if done.interrupted:
            self._write(task, todo)
            raise _Stopped(done.signal or signal.SIGINT)
        self._judge(task, todo)
        self._done.add(task.name)
        self._write(task, todo, done.comparison)
        self.elsewhere.pop(task.name, None)
        if done.elsewhere:
            self.elsewhere[task.name] = done.elsewhere
        self.failed[task.name] = done.failed

    def _keep(self, task: BenchmarkTask, todo: ComparisonPlan) -> None:
        """Judges and writes what has ended of a task, if more of it is to come. Raises _Stopped."""
        seen = look_again(todo)
        if seen.left:
            self._judge(task, seen)
            self._write(task, seen)
            written = f"{len(seen.cells) - len(seen.left)} of {counted(len(seen.cells), 'arm')} written"
            self.say(f"{task.name}: {written}; {self._left(task, seen)}")

    def _left(self, task: BenchmarkTask, seen: ComparisonPlan) -> str:
        """How long the suite still takes, in words, of which a task has come so far."""
        others = [each for each in self.plan.tasks if each[0].name not in {*self._done, task.name}]
        return left_text(self._time_left.left([(task, seen), *others]))

    def _judge(self, task: BenchmarkTask, todo: ComparisonPlan) -> None:
        """Judges the last networks of all seeds that have ended. Raises _Stopped."""
        folders = [folder for cell in look_again(todo).cells for folder in cell.there.finished.values()]
        waiting = [folder for folder in folders if read_judged(folder) is None]
        interrupt = current()
        asks = (lambda: False) if interrupt is None else interrupt.asks
        if waiting:
            self.say(f"judging the last networks of {counted(len(waiting), 'run')} of {task.name}")
        try:
            judge_all(waiting, task.request.modules, asks, self.say)
        except KeyboardInterrupt as error:
            raise _Stopped(signal_of(error)) from error

    def _write(self, task: BenchmarkTask, todo: ComparisonPlan, comparison: Comparison | None = None) -> None:
        """Writes what there is of a task, and the tables of the suite.

        Args:
            comparison: the arms, if all that is left to do of them has ended.
        """
        seen = look_again(todo)
        self._time_left.learn(task, seen)
        result = self._result_of(task, seen, comparison or read_comparison(seen, {}))
        with in_turn(self.plan.folder / _WRITING, lambda: None, _PATIENCE):  # others may make the same suite
            if result is not None:
                write_task(result, self.plan.suite.name, self.plan.folder, task.file)
            write_tables(self.plan.suite, self.plan.folder)

    def _result_of(self, task: BenchmarkTask, seen: ComparisonPlan, comparison: Comparison) -> TaskResult | None:
        """The arms of which any seed has ended, beside those that were stored before; none if no arm has."""
        begun = tuple(arm for arm in comparison.arms if arm.cells[0].seeds)
        if not begun:
            return None
        scored = [(arm.name, each) for arm in begun for each in arm.cells[0].scored]
        judged = {(arm, each.seed): read_judged(each.folder) for arm, each in scored}
        result = TaskResult(
            task=task.name,
            env=task.env,
            steps=task.steps,
            num_seeds=len(task.request.seeds),
            comparison=replace(comparison, arms=begun),
            judged={key: found for key, found in judged.items() if found is not None},
            waited={cell.arm: cell.seconds for cell in seen.cells if cell.seconds is not None},
            made=made_by([each.folder for _, each in scored]),
        )
        stored = self.plan.stored.get(task.name)
        return result if stored is None else result.beside(stored, [arm.name for arm in task.request.arms])

    def result(self, signum: int | None) -> BenchmarkResult:
        elsewhere = Counter[str]()
        for who in self.elsewhere.values():
            elsewhere.update(who)
        return BenchmarkResult(
            suite=self.plan.suite,
            folder=self.plan.folder,
            signal=signum,
            elsewhere=elsewhere,
            failed=sum(self.failed.values()),
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
