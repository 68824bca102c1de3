"""The ritual of a run: what is held while it trains, and in which order it is given back, however a run is begun."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

import dqnlab
from dqnlab.config import Config, Env, Steps
from dqnlab.envs.make import describe
from dqnlab.errors import ConfigError, DqnlabError, EnvironmentFault, FolderError, NumericsError
from dqnlab.lab import running as ritual
from dqnlab.lab.many.line import Failed, Finished, Line, Task
from dqnlab.lab.many.worker import train_share
from dqnlab.lab.running import Start, running
from dqnlab.lab.stopwatch import Stopwatch
from dqnlab.run.keep import Keeper
from dqnlab.store.lock import locked

from ..tiny import tiny

CONFIG = tiny(
    env=Env(id="Taped-v0", num_envs=1, copies=1),
    budget=Steps(num=128),
    select_episodes=1,
    confirm_episodes=1,
    score_episodes=1,
)
THREADS = 1  # of the tests, and of a run

tape: list[str] = []
watched: list[Path] = []  # the folders whose lock an environment looks at when it is closed


def is_locked(folder: Path) -> bool:
    try:
        with locked(folder):
            return False
    except FolderError:
        return True


class Taped(gym.Env[np.ndarray, Any]):
    """Notes when it is closed, and whether the folders of its runs are locked then."""

    observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)
    fails = 10**9
    """the step that raises"""

    def __init__(self) -> None:
        self.steps = 0

    def reset(self, **_: Any) -> Any:
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        if self.steps == Taped.fails:
            raise RuntimeError("the pole is gone")
        return np.zeros(2, np.float32), 1.0, self.steps % 10 == 0, False, {}

    def close(self) -> None:
        there = [folder for folder in watched if folder.exists()]
        tape.append(f"closed, {sum(map(is_locked, there))} of {len(there)} locked")


gym.register("Taped-v0", Taped, max_episode_steps=20)


class Looks:
    """A view that notes when it is stopped."""

    fails = False

    def start(self, config: Config, about: Any) -> None:
        tape.append("view starts")
        if self.fails:
            raise ConfigError("no view")

    def __call__(self, event: Any) -> None: ...

    def say(self, line: str) -> None: ...

    def stop(self) -> None:
        tape.append("view stops")


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, not_compiled: None) -> Iterator[None]:
    """No environment fails, nothing is compiled; and whatever a test did, signals and threads are as before."""
    monkeypatch.setattr(Taped, "fails", 10**9)
    tape.clear()
    watched.clear()
    before = signal.getsignal(signal.SIGINT)
    yield
    assert signal.getsignal(signal.SIGINT) is before
    assert torch.get_num_threads() == THREADS


# ── What is given back when a step of the ritual fails ───────────────────────────────────────────


@contextmanager
def folder_of(name: str) -> Iterator[Path]:
    Path(name).mkdir()
    tape.append(f"{name} locked")
    try:
        yield Path(name)
    finally:
        tape.append(f"{name} unlocked")


def fail(*_: Any) -> Any:
    raise ConfigError("here")


@contextmanager
def in_use() -> Iterator[Path]:
    yield fail()


def begun(name: str, **changes: Any) -> Start:
    given = {"config": CONFIG, "folder": folder_of(name), "trackers": (), "view": Looks(), "watch": Stopwatch()}
    return Start(**{**given, **changes})


IN = ["a locked", "b locked"]
CLOSED = ["closed, 0 of 0 locked"]
FULL = ["b unlocked", "view stops", *CLOSED, "a unlocked", "view stops"]


@pytest.mark.parametrize(
    ("failing", "expected"),
    [
        ("folder", ["a locked", "view stops", *CLOSED, "a unlocked", "view stops"]),
        ("assemble", [*IN, *FULL]),
        ("prepare", [*IN, *CLOSED, *FULL]),
        ("compile", [*IN, *CLOSED, *FULL]),
        ("open", [*IN, "view starts", "view starts", "b recorded", "a recorded", *CLOSED, *FULL]),
        ("train", [*IN, "view starts", "view starts", *CLOSED, *FULL]),
    ],
)
def test_what_was_entered_is_left_in_the_opposite_order_whatever_fails(
    failing: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    view = Looks()
    view.fails = failing == "open"
    changes: dict[str, Any] = {"view": view}
    if failing == "folder":
        changes["folder"] = in_use()
    if failing == "assemble":
        changes["config"] = Config(device="cuda")
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    if failing == "prepare":
        changes["prepare"] = fail
    if failing == "compile":
        monkeypatch.setattr(ritual, "make_update", fail)
    monkeypatch.setattr(ritual, "Recorder", Recorded)
    with pytest.raises(ConfigError), running([begun("a"), begun("b", **changes)]):
        fail()
    assert tape == expected


class Recorded:
    """A recorder that notes when it is closed."""

    def __init__(self, about: Any, trackers: Any, own: Any) -> None:
        self.name = about.run_folder.name

    def close(self) -> list[str]:
        tape.append(f"{self.name} recorded")
        return []


# ── Each of the four ways to begin a run enters it ───────────────────────────────────────────────


def by_train() -> None:
    watched.append(Path("mine"))
    dqnlab.train(CONFIG, out=Path("mine"), trackers=("none",), view=Looks())


def by_resume() -> None:
    dqnlab.train(CONFIG, out=Path("mine"), trackers=("none",))
    tape.clear()
    watched.append(Path("mine"))
    dqnlab.resume("mine", budget=Steps(num=256))


def share(config: Config, *seeds: int) -> None:
    """As a worker does, but in this process; raises what a seed reports."""
    watched.extend(Path(f"group/seed-{seed}") for seed in seeds)
    Path("group").mkdir()
    ours, theirs = multiprocessing.Pipe()
    train_share(Task(config, seeds, ()), describe(config.env), Path("group"), Line(theirs), Stopwatch())
    said = []
    while ours.poll():
        said.append(ours.recv())
    for each in said:
        if isinstance(each, Failed):
            raise DqnlabError(each.error)
    assert sum(isinstance(each, Finished) for each in said) == len(seeds)


def by_worker() -> None:
    share(CONFIG, 5)


def by_stack() -> None:
    share(Config(**{**vars(CONFIG), "compile": "on", "env": Env(id="Taped-v0", num_envs=1)}), 5, 6)


FOUR = [by_train, by_resume, by_worker, by_stack]


@pytest.mark.parametrize("begin", FOUR)
def test_environments_are_closed_while_the_folder_is_still_locked(begin: Callable[[], None]) -> None:
    begin()
    num = len(watched)
    assert f"closed, {num} of {num} locked" in tape
    assert not any(map(is_locked, watched))


@pytest.mark.parametrize("begin", FOUR)
def test_an_environment_that_fails_leaves_nothing_locked(
    begin: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Taped, "fails", 90 if begin is not by_resume else 150)
    with pytest.raises(DqnlabError, match="the pole is gone"):
        begin()
    num = len(watched)
    assert f"closed, {num} of {num} locked" in tape
    assert not any(map(is_locked, watched))


@pytest.mark.parametrize("begin", FOUR)
def test_a_run_that_cannot_be_opened_leaves_nothing_locked_and_no_environment_open(
    begin: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def once_more(self: Keeper, *_: Any) -> None:
        made.append(1)
        if len(made) > (begin is by_resume):
            raise NumericsError("cannot keep")

    keep = Keeper.__init__

    def init(self: Keeper, *args: Any) -> None:
        once_more(self)
        keep(self, *args)

    monkeypatch.setattr(Keeper, "__init__", init)
    with pytest.raises(NumericsError if begin is not by_worker else DqnlabError, match="cannot keep"):
        begin()
    num = len(watched)
    assert f"closed, {num} of {num} locked" in tape
    assert not any(map(is_locked, [each for each in watched if each.exists()]))


def test_a_view_is_stopped_last() -> None:
    by_train()
    assert tape[-1] == "view stops"


def test_an_environment_fault_before_training_leaves_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Taped, "__init__", fail)
    with pytest.raises((EnvironmentFault, ConfigError)):
        by_train()
    assert not Path("mine").exists()
