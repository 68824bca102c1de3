"""Learning that runs away is noticed."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from dqnlab.build import events
from dqnlab.config import Config, Env, Steps
from dqnlab.errors import NumericsError


class Jackpot(gym.Env[np.ndarray, int]):
    """Pays more than float32 can square."""

    observation_space = gym.spaces.Box(-1, 1, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        return np.zeros(1, np.float32), 1e30, True, False, {}


def test_learning_that_runs_away_stops_with_a_way_out() -> None:
    config = Config(env=Env(id=Jackpot), learning_starts=64, metrics_every=10, budget=Steps(num=1_000))
    with pytest.raises(NumericsError, match=r"norm is inf after update 1, env step 64\b") as raised:
        list(events(config))
    assert raised.value.exit_code == 6
