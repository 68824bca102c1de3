"""A T-maze: an environment that nobody solves who goes by what he sees now. `dqnlab.envs.cue:Cue-v0`."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

ID = "Cue-v0"


class Cue(gym.Env[Any, Any]):
    """The first observation says left (-1) or right (1), the corridor says nothing, its end asks.

    Going the way that was said pays 1, the other one 0. At the end both look alike, so whoever goes by what he sees
    does the same in both, and earns 0.5 on average, whatever he does.
    """

    def __init__(self, length: int = 6):
        self.length = length
        self.observation_space, self.action_space = spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(2)
        self.side = self.at = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.side, self.at = int(self.np_random.integers(2)), 0
        return self.seen(), {}

    def seen(self) -> np.ndarray:
        """What is seen: the cue, and whether the end is reached."""
        sign = 2 * self.side - 1 if self.at == 0 else 0
        return np.array([sign, self.at == self.length], np.float32)

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        asked = self.at == self.length
        self.at += not asked
        return self.seen(), float(asked and action == self.side), asked, False, {}

    def get_state(self) -> dict[str, int]:
        return {"side": self.side, "at": self.at}

    def set_state(self, state: dict[str, int]) -> None:
        self.side, self.at = state["side"], state["at"]


def register_envs() -> None:
    """Lets Gymnasium know of it; called by whoever names it as `dqnlab.envs.cue:Cue-v0`."""
    gym.register(ID, entry_point=f"{__name__}:Cue", max_episode_steps=100)
