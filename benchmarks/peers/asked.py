"""What agents of other programs are asked about: 1,000 observations of CartPole, and as many pictures."""

from typing import Any

import gymnasium as gym
import numpy as np

NUM = 1_000
SIDE, ACTIONS, FRAMES = 84, 4, 4


class Pixels(gym.Env[np.ndarray, np.int64]):
    """Shows noise of 84 x 84 bytes, grey, as preprocessed games are large."""

    action_space = gym.spaces.Discrete(ACTIONS)

    def __init__(self, last: bool = False):
        """`last`: whether the one channel has an axis of its own, behind the others."""
        shape = (SIDE, SIDE, 1) if last else (SIDE, SIDE)
        self.observation_space = gym.spaces.Box(0, 255, shape, np.uint8)
        self._left = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self._left = 5
        return self._noise(), {}

    def step(self, action: Any) -> Any:
        self._left -= 1
        return self._noise(), 1.0, self._left == 0, False, {}

    def _noise(self) -> np.ndarray:
        return self.np_random.integers(0, 256, self.observation_space.shape, np.uint8)


def observations(env: gym.Env[Any, Any]) -> np.ndarray:
    """[NUM, *obs_shape], of play by chance."""
    rng = np.random.default_rng(0)
    obs, _ = env.reset(seed=0)
    found = []
    while len(found) < NUM:
        found.append(obs)
        obs, _, terminated, truncated, _ = env.step(int(rng.integers(env.action_space.n)))
        if terminated or truncated:
            obs, _ = env.reset()
    return np.stack(found)


def pictures() -> np.ndarray:
    """[NUM, frames, side, side] of noise."""
    return np.random.default_rng(0).integers(0, 256, (NUM, FRAMES, SIDE, SIDE), np.uint8)
