"""A run that is over in a moment, and environments that fail when they are told to."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from dqnlab.config import Config, Env, Steps
from dqnlab.store.checkpoint.checkpoint import Loaded, Store

from ..tiny import tiny

SHORT = tiny(
    update_every=1,
    env=Env(max_episode_steps=60),
    replay_capacity=500,
    budget=Steps(num=400),
    checkpoint_every=50,
)


class Faulty(gym.Env[np.ndarray, int]):
    """Pays 1 per step, ends after 10; at step `at` of its life it does what it was told."""

    observation_space, action_space = spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(2)
    fault, at, only = "", 0, 0
    """what happens, when, and to which of those that were made; the first two are for the checks at the door"""
    made = 0

    def __init__(self) -> None:
        Faulty.made += 1
        self.number, self.life = Faulty.made, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.left = 10
        return np.zeros(2, np.float32), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.life, self.left = self.life + 1, self.left - 1
        due = self.life == Faulty.at and Faulty.only in (0, self.number)
        obs, reward = np.full(2, 0.5, np.float32), 1.0
        match Faulty.fault if due else "":
            case "raises":
                raise RuntimeError("the pole fell")
            case "shows nan":
                obs[:] = np.nan
            case "pays inf":
                reward = np.inf
        return obs, reward, self.left == 0, False, {}

    def get_state(self) -> dict[str, Any]:
        return {"left": self.left, "life": self.life}

    def set_state(self, state: dict[str, Any]) -> None:
        self.left, self.life = state["left"], state["life"]


def short(**changes: Any) -> Config:
    return replace(SHORT, **changes)


def checkpoint(folder: Path) -> Loaded:
    """The latest one."""
    found = Store(folder).latest()
    assert found is not None
    return found
