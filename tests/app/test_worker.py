"""What a worker reports and obeys, without a second process: orders are laid into its pipe beforehand."""

import multiprocessing
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from dqnlab.config import Config, Constant, Env, Film, Steps
from dqnlab.envs.make import describe
from dqnlab.errors import ConfigError, NumericsError
from dqnlab.explain.health.findings import Finding
from dqnlab.explain.report import Report
from dqnlab.lab.interrupt import SIGNALS
from dqnlab.lab.many import worker
from dqnlab.lab.many.line import Failed, Finished, Go, Idle, Leave, Line, Ready, Refused, Show, Stop, Task
from dqnlab.lab.many.process import work
from dqnlab.lab.many.reporter import Reporter
from dqnlab.lab.session import train
from dqnlab.run import film
from dqnlab.run.events import BlockEnded, Evaluated
from dqnlab.run.system import System
from dqnlab.store.advice import command
from dqnlab.store.find import read_run
from dqnlab.store.folder import Run
from dqnlab.terminal.standing import Standing

from ..tiny import tiny

TINY = tiny(film=Film(episodes=1))


@pytest.fixture(autouse=True)
def hearing() -> Iterator[None]:
    """Gives the signals back."""
    before = {each: signal.getsignal(each) for each in SIGNALS}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


def hear(pipe: Any) -> list[Any]:
    """Everything that was reported, but for how far training is."""
    found = []
    while pipe.poll():
        found.append(pipe.recv())
    return [each for each in found if not isinstance(each, Standing)]


def after(config: Config, seeds: tuple[int, ...], *orders: Any) -> list[Any]:
    """The reports of a worker that was given these orders."""
    ours, theirs = multiprocessing.Pipe()
    for order in orders:
        ours.send(order)
    work(theirs, Task(config, seeds, ()))
    return hear(ours)


GO = Go(Path("group"))


def test_each_seed_is_the_run_that_it_would_be_alone() -> None:
    ready, first, second, idle = after(TINY, (3, 5), GO, Leave())
    assert isinstance(ready, Ready)
    assert isinstance(idle, Idle)
    for report, seed in ((first, 3), (second, 5)):
        assert isinstance(report, Finished)
        alone = train(replace(TINY, seed=seed, film=Film(episodes=0)), trackers=())
        assert report.run.folder == (Path("group") / f"seed-{seed}").resolve()
        assert report.run.score == alone.score
        assert report.run.score is not None
        assert (report.run.seed, report.run.env_steps) == (seed, alone.env_steps)
        assert not (report.run.folder / "videos").exists()


def test_only_the_first_seed_pays_for_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "check", lambda config: worker.Checked(describe(config.env), ()))
    _, first, second, _ = after(TINY, (0, 1), GO, Leave())
    assert first.run.seconds["import"] >= 0
    assert second.run.seconds["import"] == 0
    assert second.run.seconds["total"] < first.run.seconds["total"] + second.run.seconds["total"]


def test_a_worker_that_is_told_to_leave_writes_nothing() -> None:
    before = set(Path.cwd().rglob("*"))
    assert [type(report) for report in after(TINY, (0,), Leave())] == [Ready]
    assert set(Path.cwd().rglob("*")) == before


def test_what_cannot_be_trained_is_refused() -> None:
    (report,) = after(replace(TINY, env=Env(id="CartPol-v1")), (0,), GO)
    assert isinstance(report, Refused)
    assert isinstance(report.error, ConfigError)


def test_what_is_to_be_said_before_training_is_said_to_the_parent() -> None:
    (ready,) = after(replace(TINY, evaluate_every=Steps(num=400), epsilon=Constant()), (0, 1), Leave())
    (line,) = ready.remarks
    assert line.startswith("nothing is evaluated before the end: evaluate_every = 400 steps")


def test_a_seed_that_fails_does_not_take_the_next_along(monkeypatch: pytest.MonkeyPatch) -> None:
    events = System.events

    def fail(system: System, *_: Any) -> Iterator[Any]:
        yield next(events(system))
        match system.config.seed:
            case 0:
                raise NumericsError("no longer finite")
            case 1:
                raise ZeroDivisionError("by zero")
        yield from events(system)

    monkeypatch.setattr(System, "events", fail)
    _, first, second, third, _ = after(TINY, (0, 1, 2), GO, Leave())
    assert first == Failed(0, "no longer finite", 6)
    assert second == Failed(1, "ZeroDivisionError: by zero (see error.txt)", 1)
    assert "in fail" in Path("group/seed-1/error.txt").read_text()
    assert not Path("group/seed-0/error.txt").exists()
    assert Path("group/seed-0/last_model.pth").exists()
    assert isinstance(third, Finished)


class Patient(gym.Env):
    """Never ends; at its step 10 somebody asks the worker to stop."""

    observation_space, action_space = spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(2)
    pipe: Any = None
    steps = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        Patient.steps += 1
        if Patient.steps == 10 and Patient.pipe is not None:
            Patient.pipe.send(Stop())
        return np.zeros(2, np.float32), 1.0, False, False, {}


def test_a_worker_stops_when_asked_and_keeps_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = multiprocessing.Pipe()
    monkeypatch.setattr(Patient, "pipe", ours)
    monkeypatch.setattr(Patient, "steps", -1000)  # the check at the door is not asked yet
    ours.send(GO)
    ours.send(Leave())
    config = replace(TINY, env=Env(id=Patient), budget=Steps(num=10**9), evaluate_every=Steps(num=10**9), compile="off")
    work(theirs, Task(config, (0, 1), ()))
    ready, finished, idle = hear(ours)
    assert isinstance(ready, Ready)
    assert isinstance(idle, Idle)
    assert finished.run.interrupted
    assert (finished.run.folder / "last_model.pth").exists()
    assert not Path("group/seed-1").exists()


def test_a_worker_whose_parent_has_gone_begins_nothing() -> None:
    ours, theirs = multiprocessing.Pipe()
    ours.send(GO)
    ours.close()
    work(theirs, Task(TINY, (0, 1), ()))
    assert not Path("group").exists()


def test_the_best_is_filmed_when_all_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}

    def record(agent: Any, folder: Path, **settings: Any) -> list[Path]:
        seen.update(settings, folder=folder)
        return []

    monkeypatch.setattr(film, "record", record)
    done = after(TINY, (4,), GO, Leave())[1].run
    (again,) = [r for r in after(TINY, (9,), Go(Path("other")), Show(done), Leave()) if isinstance(r, Finished)][1:]
    assert (seen["folder"], seen["seed"], seen["episodes"]) == (done.folder / "videos", 4, 1)
    assert again.run.score == done.score
    assert again.run.seconds["film"] > 0
    assert again.run.notes == []


def test_the_best_is_explained_if_that_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    explained = []
    ill, well = (Finding(kind=kind, severity=how) for kind, how in (("no-failures", "bad"), ("recovered", "notice")))

    def write_report(run: Run, env: Any, trusted: Any) -> Report:
        assert trusted == set()
        explained.append((run.folder, env))
        return Report(run.folder / "report.html", (ill, well))

    monkeypatch.setattr("dqnlab.explain.report.write_report", write_report)
    config = replace(TINY, film=Film(episodes=0), explain=True)
    done = after(config, (4,), GO, Leave())[1].run
    assert explained == []
    (again,) = [r for r in after(config, (9,), Go(Path("other")), Show(done), Leave()) if isinstance(r, Finished)][1:]
    assert explained == [(done.folder, config.env)]
    assert again.run.seconds["page"] >= 0
    (note,) = again.run.notes  # what is bad is said, what is only noticed stands on the page
    assert note.startswith("No failures left: ")


def test_a_film_that_is_interrupted_is_left_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def record(*args: Any, **settings: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(film, "record", record)
    done = after(TINY, (4,), GO, Leave())[1].run
    (again,) = [r for r in after(TINY, (9,), Go(Path("other")), Show(done), Leave()) if isinstance(r, Finished)][1:]
    assert again.run.notes == [f"interrupted before: film; to make it: {command('resume', done.folder)}"]
    assert (again.run.unfinished, again.run.signal, again.run.interrupted) == (["film"], signal.SIGINT, False)
    assert read_run(done.folder) == again.run


def test_a_worker_is_deaf_to_ctrl_c_and_to_schedulers() -> None:
    after(TINY, (0,), Leave())
    assert {signal.getsignal(each) for each in SIGNALS} == {signal.SIG_IGN}


def test_thousands_of_blocks_make_a_few_reports() -> None:
    ours, theirs = multiprocessing.Pipe()
    now = [0.0]
    reporter = Reporter(7, Line(theirs), lambda: now[0])
    for step in range(1, 5001):
        now[0] += 0.001  # five seconds in all
        if step == 2000:
            reporter(Evaluated(step, (1.0,), 12.5, True, 12.5, 0.0, 0.0))
        reporter(BlockEnded(step, 0, 0, 0.1))
    with reporter.learning():
        pass
    found = []
    while ours.poll():
        found.append(ours.recv())
    assert found[-1] == Standing(7, "judging", 5000, 12.5)
    assert 10 <= len(found) <= 21
