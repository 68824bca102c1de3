"""A judging that is left: the first signal stops it at the next env step, and a run that goes on begins with it."""

import contextlib
import json
import multiprocessing
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

import dqnlab
from dqnlab.app.cli import main
from dqnlab.config import Config, Env
from dqnlab.envs.make import describe
from dqnlab.lab.many.line import Finished, Line, Stop, Task
from dqnlab.lab.many.worker import train_share
from dqnlab.lab.session import train
from dqnlab.lab.stopwatch import Stopwatch
from dqnlab.store.checkpoint.checkpoint import Store
from dqnlab.store.folder import BEST, LAST, METRICS

from ..equal import same
from ..tiny import tiny

TINY = tiny(checkpoint_every=60)
LONG = 1_500  # steps that no environment takes in training or while rewards are measured


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def interrupt_in_vain() -> None:
    """An environment that catches everything."""
    with contextlib.suppress(KeyboardInterrupt):
        interrupt()


class Endless(gym.Env[np.ndarray, int]):
    """An episode ends with its limit only, and that is 10**30 steps away; once it has taken LONG steps, it calls."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 30}
    call: ClassVar[Callable[[], object]] = interrupt
    taken: ClassVar[list[int]] = []
    ends = LONG * 3

    def __init__(self, render_mode: str | None = None) -> None:
        self.observation_space, self.action_space = spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(2)
        self.render_mode, self.steps = render_mode, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        if self.steps >= LONG:
            Endless.taken.append(self.steps)
        if len(Endless.taken) == 1:  # of several side by side the first one
            type(self).call()
        assert self.steps < self.ends, "nobody stopped"
        return np.zeros(2, np.float32), 1.0, False, False, {}

    def render(self) -> np.ndarray:
        return np.zeros((64, 64, 3), np.uint8)


gym.register("Endless-v0", Endless, max_episode_steps=10**30)
gym.register("Brief-v0", Endless, max_episode_steps=20)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, not_compiled: None) -> None:
    monkeypatch.setattr(Endless, "taken", [])


def test_the_first_signal_stops_a_judging_without_end_at_the_next_step(tmp_path: Path) -> None:
    run = train(replace(TINY, env=Env(id="Endless-v0")), out=tmp_path / "run", trackers=("none",))
    assert (run.interrupted, run.signal, run.env_steps, run.score) == (True, signal.SIGINT, 100, None)
    assert max(Endless.taken) == LONG
    at = Store(run.folder).latest()
    assert at is not None
    assert at.step == 100
    Endless.taken.clear()
    again = dqnlab.resume(run.folder)  # which begins with the judging, and is left like it
    assert (again.interrupted, again.env_steps) == (True, 100)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_the_exit_code_tells_which_signal_it_was(
    signum: int, monkeypatch: pytest.MonkeyPatch, small: list[str]
) -> None:
    monkeypatch.setattr(Endless, "call", lambda: signal.raise_signal(signum))
    assert main(["train", "Endless-v0", *small]) == 128 + signum


@pytest.mark.parametrize("compiled", ["off", "on"])
def test_a_seed_among_many_leaves_its_judging_when_asked(compiled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ordered(replace(TINY, env=Env(id="Endless-v0"), compile=compiled), monkeypatch) == [(True, 100)] * 2


def test_a_seed_among_many_leaves_the_episodes_under_the_registered_limit_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training and judging know a limit of their own."""
    assert ordered(replace(TINY, env=Env(id="Endless-v0", max_episode_steps=20)), monkeypatch) == [(False, 300)]
    run = json.loads(Path("group/seed-0/result.json").read_text("utf-8"))
    assert run["score"] is not None
    assert "interrupted before: score under the registered step limit" in run["notes"][0]


def ordered(config: Config, monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, int]]:
    """The seeds of a process that is told to stop by an environment that has taken many steps."""
    ours, theirs = multiprocessing.Pipe()
    monkeypatch.setattr(Endless, "call", lambda: ours.send(Stop()))
    monkeypatch.setattr(Endless, "ends", 10**9)
    Path("group").mkdir()
    seeds = (0, 1) if config.env.max_episode_steps is None else (0,)
    train_share(Task(config, seeds, ()), describe(config.env), Path("group"), Line(theirs), Stopwatch())
    found = []
    while ours.poll():
        found.append(ours.recv())
    runs = [each.run for each in found if isinstance(each, Finished)]
    return [(run.interrupted, run.env_steps) for run in runs] + [(True, 100)] * (len(seeds) - len(runs))


@pytest.mark.parametrize(
    ("words", "call"),
    [
        ("evaluate mine", interrupt),
        ("evaluate mine", interrupt_in_vain),
        ("record mine --max-seconds 60", interrupt),
    ],
)
def test_evaluating_and_filming_stop_too(
    words: str, call: Callable[[], object], small: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["train", "Brief-v0", *small, "--out", "mine"]) == 0
    monkeypatch.setattr(Endless, "call", call)
    assert main([*words.split(), "--env", "Endless-v0"]) == 130
    assert max(Endless.taken) == LONG


# ── Going on ─────────────────────────────────────────────────────────────────────────────────────


class Saved(gym.Env[np.ndarray, int]):
    """Episodes of ten steps that pay by luck; the state can be saved. The third that is made is the judge's first."""

    made: ClassVar[int] = 0
    judged: ClassVar[int] = 0
    presses_at: ClassVar[int] = 0

    def __init__(self) -> None:
        Saved.made += 1
        self.judges = Saved.made > 2
        self.observation_space, self.action_space = spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.left, self.luck = 10, float(self.np_random.random())
        return np.full(2, self.luck, np.float32), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        Saved.judged += self.judges
        if self.judges and Saved.judged == Saved.presses_at:
            interrupt()
        self.left -= 1
        obs = np.array([self.luck, self.left / 10], np.float32)
        return obs, self.luck + 0.1 * int(action), self.left == 0, False, {}

    def get_state(self) -> dict[str, Any]:
        return {"left": self.left, "luck": self.luck, "rng": self.np_random.bit_generator.state}

    def set_state(self, state: dict[str, Any]) -> None:
        self.left, self.luck = state["left"], state["luck"]
        self.np_random.bit_generator.state = state["rng"]


def done(folder: Path, presses_at: int, **env: Any) -> Any:
    Saved.made = Saved.judged = 0
    Saved.presses_at = presses_at
    return train(replace(TINY, env=Env(id=Saved, **env)), out=folder, trackers=("none",))


@pytest.mark.parametrize(
    ("presses_at", "steps"),
    [(1, 100), (15, 100), (25, 100), (65, 200), (105, 300)],
    ids=["at the first step", "in an evaluation", "while confirming", "in the second one", "in the last one"],
)
def test_a_run_whose_judging_was_left_goes_on_to_the_same_bits(presses_at: int, steps: int, tmp_path: Path) -> None:
    whole = done(tmp_path / "whole", 0, reward_threshold=5.0)
    cut = done(tmp_path / "cut", presses_at, reward_threshold=5.0)
    assert (cut.interrupted, cut.env_steps) == (True, steps)
    Saved.presses_at = 0
    run = dqnlab.resume(cut.folder, env=Saved)
    assert (run.resumed, run.score, run.solved) == ("exact", whole.score, whole.solved)
    assert (run.attempts, run.selected_score) == (whole.attempts, whole.selected_score)
    same(*(rows(each.folder) for each in (whole, run)))
    for name in (BEST, LAST):
        same(*(torch.load(each.folder / name, weights_only=True) for each in (whole, run)))


def rows(folder: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (folder / METRICS).read_text("utf-8").splitlines()]
    return [{name: value for name, value in row.items() if not name.startswith("time/")} for row in found]
