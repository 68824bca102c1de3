"""One seed of a trial: trained as ever, but told to stop where the trial is hopeless."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ...config import Config, Film
from ...run.events import BlockEnded, Evaluated, Event
from ...store.disk import remove_tree
from ...store.door import DISK
from ...store.find import has_ended, read_run
from ...store.folder import BATCH, CHECKPOINTS, LAST, SNAPSHOTS, TARGET, Run
from ..drive import Request, drive
from ..many.line import Line
from ..many.seed import seed_folder
from ..running import Start, running
from ..stopwatch import Stopwatch
from .storage import RUNGS

SPARE = (CHECKPOINTS, SNAPSHOTS, BATCH, TARGET, LAST)
"""what nobody needs of a run that is one of hundreds: all but its score, curve and best network"""
Report = Callable[[int, float], bool]
"""Takes a rung, counted over all seeds of a trial, and the value there; whether the trial is hopeless."""


class TrialWatch:
    """Follows one seed of a trial, reports each rung that it passes, and asks it to stop if it is hopeless."""

    def __init__(self, budget: int, unit: str, index: int, before: Sequence[float], report: Report, line: Line):
        """`before` are the scores of the `index` seeds that have ended."""
        self._budget, self._unit = budget, unit
        self._first = index * RUNGS
        self._before = before
        self._report = report
        self._line = line
        self._rung = 0
        self._best = float("-inf")
        self.is_pruned = False
        self._since = 0.0

    def take(self, event: Event) -> None:
        """Notes evaluations; reports at the first block after a rung."""
        if isinstance(event, Evaluated):
            self._best = event.best_mean
        if not isinstance(event, BlockEnded):
            return
        self._line.asks()
        done = event.step if self._unit == "steps" else event.episodes
        rung = min(RUNGS * done // self._budget, RUNGS - 1)
        if rung > self._rung and self._best > float("-inf"):
            self.reach(rung, self._best)

    def reach(self, rung: int, mean: float) -> None:
        """Reports every rung up to this one."""
        value = (sum(self._before) + mean) / (len(self._before) + 1)
        for each in range(self._rung + 1, rung + 1):
            if self._report(self._first + each, value) and not self.is_pruned:
                self.is_pruned, self._since = True, time.monotonic()
        self._rung = max(self._rung, rung)

    # ── Asking the loop to stop ──

    @contextmanager
    def waiting(self) -> Iterator[Request]:
        """As long as the loop runs."""
        yield self

    @property
    def asked(self) -> bool:
        return self.is_pruned or self._line.asked

    def asks(self) -> bool:
        """Whether it asks by now."""
        return self.is_pruned or self._line.asks()

    @property
    def waited(self) -> float:
        """Seconds since it was asked."""
        return self._line.waited if self._line.asked else time.monotonic() - self._since

    @property
    def signal(self) -> None:
        """Signals are the parent's affair."""


def lean(config: Config, seed: int) -> Config:
    """The configuration of a seed of which only the score is wanted."""
    return replace(config, seed=seed, film=Film(episodes=0), explain=False)


def train_trial_seed(config: Config, home: Path, watch: TrialWatch) -> Run:
    """Trains a seed of a trial to its score, or as far as it got; one that has ended is read."""
    if has_ended(home):
        run = read_run(home)
    else:
        run = _train(config, home, watch)
        if not run.interrupted or watch.is_pruned:
            _drop(home, *SPARE)
    if run.score is not None:
        watch.reach(RUNGS, run.score.mean)
    return run


def train_confirming_seed(config: Config, home: Path, line: Line) -> Run:
    """Trains a fresh seed, which is never pruned, as far as it gets."""
    run = _train(config, home, TrialWatch(1, "steps", 0, (), lambda *_: False, line))
    if not run.interrupted:
        _drop(home, CHECKPOINTS)
    return run


def _train(config: Config, home: Path, watch: TrialWatch) -> Run:
    start = Start(config=config, folder=seed_folder(config, home), trackers=(), view=None, watch=Stopwatch())
    with running([start]) as ([experiment], update):
        experiment.score_only = True
        experiment.on_event = watch.take
        return drive(experiment, update, watch.waiting(), show=False)


def _drop(home: Path, *names: str) -> None:
    """Removes what nobody needs of a run."""
    for name in names:
        if (home / name).exists():
            remove_tree(DISK, home / name)
