"""An environment with an observation of several parts and a mask, of which nothing forbidden may be asked."""

from typing import Any, Literal

import gymnasium as gym
import numpy as np
from gymnasium import spaces

Where = Literal["info", "key", "nowhere"]


class Jobs(gym.Env[Any, Any]):
    """Three machines, of which some are free: the job is for one of them, and pays 1 if it goes there.

    A job for a machine that is not free is an error of whoever asks. After ten jobs the day ends, without a mask.
    """

    def __init__(self, where: Where = "info", render_mode: str | None = None):
        self.where = where
        self.render_mode = render_mode
        flags = spaces.Dict(night=spaces.MultiBinary(2))
        parts = {"job": spaces.Discrete(3, start=1), "load": spaces.Box(0, 1, (2, 2), np.float32), "flags": flags}
        if where == "key":
            parts["action_mask"] = spaces.MultiBinary(3)
        self.observation_space = spaces.Dict(parts)
        self.action_space = spaces.Discrete(3, start=5)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.done = 0
        return self._seen()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.where == "nowhere" or self.free[action - 5], f"machine {action} is not free"
        reward = float(action - 5 == self.job)
        self.done += 1
        return *self._seen()[:1], reward, self.done == 10, False, self._info()

    def _seen(self) -> tuple[Any, dict[str, Any]]:
        draw = self.np_random
        self.job = int(draw.integers(3))
        self.free = (draw.random(3) < 0.5) | (np.arange(3) == draw.integers(3))
        obs = {"job": self.job + 1, "load": draw.random((2, 2), np.float32)}
        obs["flags"] = {"night": draw.integers(0, 2, 2, np.int8)}
        if self.where == "key":
            obs["action_mask"] = self.free.astype(np.int8)
        return obs, self._info()

    def _info(self) -> dict[str, Any]:
        return {"action_mask": self.free.astype(np.int8)} if self.where == "info" and self.done < 10 else {}
