"""Environments that people bring: each is trained on, judged, filmed, explained, and resumed to the bit.

Those of the packages that dqnlab's extras bring, tables and cards of Gymnasium's, and a shop with masks.
"""

from dataclasses import replace
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from dqnlab.config import Config, Env, Film, Steps, presets
from dqnlab.lab.overrides import Overrides
from dqnlab.lab.session import train

from ..resuming import check_resumes
from ..tiny import tiny

MINIGRID = "minigrid:MiniGrid-Empty-5x5-v0"
PONG = {"id": "ale_py:ALE/Pong-v5", "kwargs": {"frameskip": 4}, "max_episode_steps": 60}


class Shop(gym.Env[Any, Any]):
    """Jobs come for three machines, of which those that are at work are masked; a fourth choice waits."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012
    observation_space = spaces.Dict(
        {"job": spaces.Discrete(3), "left": spaces.Box(0, 5, (3,), np.float32), "action_mask": spaces.MultiBinary(4)}
    )
    action_space = spaces.Discrete(4)

    def __init__(self, render_mode: str | None = None):
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.left, self.moment, self.job = [0, 0, 0], 0, int(self.np_random.integers(3))
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        reward = 0.0
        if action < 3:
            assert self.left[action] == 0
            self.left[action] = int(self.np_random.integers(2, 6))
            reward = 1.0 if action == self.job else 0.2
            self.job = int(self.np_random.integers(3))
        self.left = [max(left - 1, 0) for left in self.left]
        self.moment += 1
        return self._seen(), reward, False, self.moment == 20, {}

    def render(self) -> np.ndarray:
        return np.repeat(np.repeat(np.array([self.left], np.uint8)[..., None] * 50, 16, 0), 16, 1).repeat(3, 2)

    def get_state(self) -> dict[str, Any]:
        return {"left": self.left, "moment": self.moment, "job": self.job}

    def set_state(self, state: dict[str, Any]) -> None:
        self.left, self.moment, self.job = list(state["left"]), state["moment"], state["job"]

    def _seen(self) -> dict[str, Any]:
        free = [left == 0 for left in self.left]
        return {
            "job": self.job,
            "left": np.array(self.left, np.float32),
            "action_mask": np.array([*free, True], np.int8),
        }


gym.register("tests/Shop-v0", Shop)

BROUGHT: dict[str, dict[str, Any]] = {
    "atari": PONG,
    "box2d": {"id": "LunarLander-v3", "max_episode_steps": 60},
    "blackjack": {"id": "Blackjack-v1"},
    "taxi": {"id": "Taxi-v4", "max_episode_steps": 40},
    "shop": {"id": "tests/Shop-v0"},
    "shop, stacked": {"id": "tests/Shop-v0", "frame_stack": 3, "keys": ("left", "job")},
    "minatar": {"id": "minatar.gym:MinAtar/Breakout-v1"},
    "minigrid": {"id": MINIGRID, **presets.sheet(MINIGRID), "max_episode_steps": 40},
}


if find_spec("envpool") is not None:  # as in the last step of `make test`, and nowhere else
    BROUGHT["envpool"] = {"id": "envpool:CartPole-v1", "num_envs": 2}


@pytest.fixture(params=BROUGHT)
def config(request: pytest.FixtureRequest) -> Config:
    env = Env(**BROUGHT[request.param])
    film = Film(episodes=1, max_seconds=1.0)
    # The default memory of Atari's whole screens would be five gigabytes, set to zero for each run.
    often = {"update_every": 8, "budget": Steps(num=200), "evaluate_every": Steps(num=200), "replay_capacity": 1_000}
    return tiny(env=env, film=film, explain=True, **often)


def test_it_is_trained_on_judged_filmed_and_explained(config: Config, tmp_path: Path) -> None:
    run = train(config, out=tmp_path / "run", trackers=("none",))
    assert run.score is not None
    assert (run.failed_steps, run.unfinished) == ({}, [])
    assert list((run.folder / "videos").glob("*.mp4"))
    assert (run.folder / "report.html").exists()


def test_a_run_of_it_that_is_interrupted_resumes_to_the_same_bits(config: Config, tmp_path: Path) -> None:
    config = replace(config, checkpoint_every=100, film=Film(episodes=0), explain=False)
    whole, _ = check_resumes(config, tmp_path, Overrides())
    assert whole.score is not None


def test_no_extra_brings_a_second_pygame() -> None:
    names = {each.metadata["Name"].lower() for each in distributions()}
    assert "pygame-ce" in names
    assert "pygame" not in names
