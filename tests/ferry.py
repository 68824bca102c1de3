"""An environment that pays once, and much: whoever does not cross by chance learns of nothing."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces


class Ferry(gym.Env[Any, Any]):
    """Ten strokes across a river, of which every fifth fails: the far bank pays 10,000, and nothing else anything.

    The other actions rest, and drift a stroke back. After 40 steps the night falls. Whoever always rows arrives but
    once in a hundred million crossings.
    """

    WIDTH, LIMIT, PAY = 10, 40, 10_000.0

    def __init__(self, render_mode: str | None = None):
        self.render_mode = render_mode
        self.observation_space = spaces.Box(0, 1, (2,), np.float32)
        self.action_space = spaces.Discrete(3)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.at = self.steps = 0
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        stroke = (1, 0, -1)[action]
        if stroke == 1 and self.np_random.random() < 0.2:
            stroke = 0
        self.at = max(self.at + stroke, 0)
        self.steps += 1
        arrived = self.at == self.WIDTH
        return self._seen(), self.PAY * arrived, arrived or self.steps == self.LIMIT, False, {}

    def _seen(self) -> np.ndarray:
        return np.array([self.at / self.WIDTH, self.steps / self.LIMIT], np.float32)
