"""Making a suite: each task is a comparison; what is trained is judged further, written down, and put into tables."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from html import escape
from pathlib import Path

from ...comparing.comparison import Comparison
from ...errors import FolderError, counted
from ...oslock import in_turn
from ...store.card import CARD
from ...store.door import make_wanted
from ...terminal.board import Board
from ...terminal.view import View
from ...trust import shown
from ..compare import carry_out, read_comparison
from ..dividing import elsewhere_text
from ..interrupt import current, signal_of
from ..planning import ComparisonPlan, look_again
from .judges import judge_all
from .judging import read_judged
from .plan import BenchmarkPlan
from .result import TaskResult, made_by, write_task
from .rows import Results
from .suite import BenchmarkTask, Suite
from .tables import PAGE, TABLE, read_results, write_tables
from .time_left import left_text

_WRITING = ".writing"
_PATIENCE = 60.0  # seconds that a process waits for another one to write the tables
Say = Callable[[str], None]


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
    _done: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._time_left = self.plan.time_left()

    def make(self, number: int, task: BenchmarkTask, todo: ComparisonPlan) -> None:
        """One task: trained, judged and written, arm by arm. Raises _Stopped."""
        self.say(f"task {number} of {len(self.plan.tasks)}, {task.name}; {self._left(task, todo)}")
        self._judge(task, todo)  # of what was cut short there may be seeds that nobody has judged
        arm_ended = partial(self._keep, task, todo)
        done = carry_out(todo, board=self.board, view=self.view, say=self.say, ended=arm_ended, ray=self.ray)
        seen = look_again(todo)
        if done.interrupted:
            self._write(task, seen)
            raise _Stopped(done.signal or signal.SIGINT)
        self._judge(task, seen)
        self._done.add(task.name)
        self._write(task, seen, done.comparison)
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

    def _judge(self, task: BenchmarkTask, seen: ComparisonPlan) -> None:
        """Judges the last networks of all seeds that have ended. Raises _Stopped."""
        folders = [folder for cell in seen.cells for folder in cell.there.finished.values()]
        waiting = [folder for folder in folders if read_judged(folder) is None]
        interrupt = current()
        asks = (lambda: False) if interrupt is None else interrupt.asks
        if waiting:
            self.say(f"judging the last networks of {counted(len(waiting), 'run')} of {task.name}")
        try:
            judge_all(waiting, task.request.modules, asks, self.say)
        except KeyboardInterrupt as error:
            raise _Stopped(signal_of(error)) from error

    def _write(self, task: BenchmarkTask, seen: ComparisonPlan, comparison: Comparison | None = None) -> None:
        """Writes what there is of a task, and the tables of the suite.

        Args:
            comparison: the arms, if all that is left to do of them has ended.
        """
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
