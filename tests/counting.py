"""An environment whose observations say which episode they are of, and how many steps into it."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Discrete


class Counting(gym.Env[np.ndarray, Any]):
    """Shows (episode, step), the episode as a random number; each lasts 4 to 12 steps and pays 1 a step."""

    observation_space = Box(-1.0, 20.0, (2,), np.float32)
    action_space = Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.shown = np.array([self.np_random.random(), 0.0], np.float32)
        self.length = int(self.np_random.integers(4, 13))
        return self.shown, {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.shown = self.shown + np.array([0, 1], np.float32)
        return self.shown, 1.0, bool(self.shown[1] == self.length), False, {}
