"""An environment that shows random numbers of any type."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces


class Grid(gym.Env[np.ndarray, int]):
    """Shows random numbers up to `high`, or up to `seen` where that is less; the brightest is always there."""

    def __init__(self, dtype: str, side: int, high: float, low: float = 0, seen: float | None = None) -> None:
        shape = (side, side) if side else (5,)
        self.observation_space = spaces.Box(low, high, shape, np.dtype(dtype))
        self.action_space = spaces.Discrete(2)
        self.dtype, self.seen = np.dtype(dtype), high if seen is None else seen

    def look(self) -> np.ndarray:
        picture = self.np_random.integers(0, int(self.seen) + 1, self.observation_space.shape).astype(self.dtype)
        picture.flat[0] = self.seen
        return picture

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.steps = 0
        return self.look(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        self.steps += 1
        return self.look(), float(action), self.steps % 5 == 0, False, {}
