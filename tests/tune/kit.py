"""A study without processes, and without learning where a formula says what a configuration scores."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dqnlab.config import Config, Steps
from dqnlab.config.space import space_of
from dqnlab.lab.many.line import Line
from dqnlab.lab.tuning import work
from dqnlab.lab.tuning.history import TrialRow, read_trials
from dqnlab.lab.tuning.storage import RUNGS, open_study
from dqnlab.lab.tuning.study import StudyPlan, begin
from dqnlab.lab.tuning.trial import TrialWatch
from dqnlab.run.events import BlockEnded, Evaluated
from dqnlab.store.folder import Run
from dqnlab.store.score import Score

from ..tiny import tiny

SPACE = {"optimizer": {"lr": {"low": 1e-4, "high": 1e-1, "log": True}}, "gamma": [0.9, 0.99]}
CONFIG = tiny(optimizer=1e-3, budget=Steps(num=1_000))


def plan_of(
    folder: Path,
    config: Config = CONFIG,
    *,
    trials: int = 4,
    seeds: int = 2,
    confirm: int = 0,
    space: Mapping[str, Any] = SPACE,
) -> StudyPlan:
    """A study that has begun."""
    found = begin(
        StudyPlan(
            folder=folder,
            config=config,
            space=space_of(space, "space", config),
            trials=trials,
            seeds=tuple(range(seeds)),
            confirm=tuple(range(10_000, 10_000 + confirm)),
        )
    )
    work.prepare(found)
    return found


def line_and_reports() -> tuple[Line, Callable[[], list[Any]]]:
    """A worker's end of a pipe, and what has been told there."""
    ours, theirs = multiprocessing.Pipe()

    def heard() -> list[Any]:
        reports = []
        while ours.poll():
            reports.append(ours.recv())
        return reports

    line = Line(theirs)
    line.other_end = ours  # type: ignore[attr-defined]  # open as long as the line is
    return line, heard


def do(plan: StudyPlan) -> list[Any]:
    """Everything of a study that one process does; what it reports."""
    line, heard = line_and_reports()
    work.Work(plan, line).run()
    return heard()


def trials_of(plan: StudyPlan) -> list[TrialRow]:
    return read_trials(open_study(plan.folder))


def a_run(config: Config, home: Path, mean: float | None) -> Run:
    """What a run came to; interrupted if to no score."""
    score = None
    if mean is not None:
        score = Score(mean=mean, low=None, high=None, minimum=mean, maximum=mean, episodes=1, returns=(mean,), cut=0)
    return Run(
        folder=home,
        env="CartPole-v1",
        preset="tiny",
        seed=config.seed,
        score=score,
        selected_score=mean,
        attempts=0,
        solved=None,
        env_steps=config.budget.num,
        updates=1,
        seconds={},
        interrupted=mean is None,
    )


def score_by(
    monkeypatch: pytest.MonkeyPatch, formula: Callable[[Config], float], blocks: int = 40
) -> list[tuple[Config, Path]]:
    """Trains nothing: a seed's evaluations rise in a straight line to what the formula says. What was asked for."""
    asked = list[tuple[Config, Path]]()

    def train(config: Config, home: Path, watch: TrialWatch) -> Run:
        asked.append((config, home))
        value = formula(config)
        for block in range(1, blocks + 1):
            step = config.budget.num * block // blocks
            mean = value * block / blocks
            watch.take(Evaluated(step, (mean,), mean, True, mean, 0.0, 0.0))
            watch.take(BlockEnded(step, 0, step, 0.1))
            if watch.asked:
                return replace(a_run(config, home, None), env_steps=step)
        watch.reach(RUNGS, value)
        return a_run(config, home, value)

    monkeypatch.setattr(work, "train_trial_seed", train)
    return asked


def reports_of(reports: Sequence[Any], kind: type) -> list[Any]:
    return [each for each in reports if isinstance(each, kind)]
