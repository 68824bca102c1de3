"""Environments that do as they are told."""

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces


class Scripted(gym.Env):
    """Shows (episode, step) and pays the number of the step; episode i lasts lengths[i], over and over."""

    def __init__(self, lengths: Sequence[int] = (3,), ends: str = "terminated", start: int = 0):
        self.observation_space = spaces.Box(0, 1e6, (2,), np.float32)
        self.action_space = spaces.Discrete(2, start=start)
        self.lengths, self.ends, self.episode, self.actions = lengths, ends, -1, []

    def look(self) -> np.ndarray:
        return np.array([self.episode, self.step_number], np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.episode, self.step_number = self.episode + 1, 0
        return self.look(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        self.actions.append(int(action))
        self.step_number += 1
        over = self.step_number == self.lengths[self.episode % len(self.lengths)]
        return (
            self.look(),
            float(self.step_number),
            over and self.ends == "terminated",
            over and self.ends == "truncated",
            {},
        )


class Seeded(Scripted):
    """An episode begun with seed s lasts 1 + s % 9 steps; one begun without a seed lasts one."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict]:
        self.lengths = [1 + (seed or 0) % 9]
        return super().reset(seed=seed)


@pytest.fixture
def scripted() -> type[Scripted]:
    return Scripted


@pytest.fixture
def seeded() -> type[Seeded]:
    return Seeded
