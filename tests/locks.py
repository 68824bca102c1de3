"""An environment whose actions have several components, of which each is taken as its own action space samples it."""

from typing import Any, Literal

import gymnasium as gym
import numpy as np
from gymnasium import spaces

Masked = Literal["no", "joint", "each"]


class Lock(gym.Env[Any, Any]):
    """Two dials, one of 2 numbers from 1 on and one of 3: it pays 1 for each that is turned to what is shown.

    Ten turns, then it opens. Where it is masked, the first number of the second dial is stuck.
    """

    def __init__(self, masked: Masked = "no"):
        self.masked = masked
        self.observation_space = spaces.MultiDiscrete([2, 3])
        self.action_space = spaces.MultiDiscrete([2, 3], dtype=np.int32, start=[1, 0])

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.turns = 0
        self.shown = self.np_random.integers([2, 3])
        return self.shown, self._info()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action), action
        assert self.masked == "no" or action[1] != 0, action
        reward = float((action - [1, 0] == self.shown).sum())
        self.turns += 1
        self.shown = self.np_random.integers([2, 3])
        return self.shown, reward, self.turns == 10, False, self._info()

    def _info(self) -> dict[str, Any]:
        if self.masked == "each":
            return {"action_mask": (np.ones(2, np.int8), np.array([0, 1, 1], np.int8))}
        return {"action_mask": np.array([0, 1, 1, 0, 1, 1], np.int8)} if self.masked == "joint" else {}
