"""An environment of your own: a ball on a rail that has to be pushed to the middle and kept there.

    python examples/custom_env.py

Any callable that makes a Gymnasium environment will do; it needs no registration.
"""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

import dqnlab
from dqnlab.config import Env, Steps

Obs = np.ndarray[Any, np.dtype[np.float32]]


class Ball(gym.Env[Obs, np.int64]):
    """Push left, let roll, push right. Every step costs the distance to the middle."""

    metadata = {  # noqa: RUF012, as Gymnasium has it
        "render_modes": ["rgb_array"],
        "render_fps": 20,
        # What people read on the page of a run and in its explanations; all three may be left out.
        "obs_names": ["position", "speed"],
        "obs_units": ["m", "m/step"],
        "action_names": ["push left", "let roll", "push right"],
    }

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode
        self.observation_space = spaces.Box(-2.0, 2.0, (2,), np.float32)
        self.action_space = spaces.Discrete(3)
        self.position = self.speed = 0.0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Obs, dict[str, Any]]:
        super().reset(seed=seed)  # gives self.np_random
        self.position, self.speed = self.np_random.uniform(-1, 1), 0.0
        return self._obs(), {}

    def step(self, action: np.int64) -> tuple[Obs, float, bool, bool, dict[str, Any]]:
        self.speed += 0.05 * (int(action) - 1)
        self.position += self.speed
        fell_off = abs(self.position) > 1.5
        reward = -10.0 if fell_off else -abs(self.position)
        return self._obs(), reward, fell_off, False, {}  # terminated; truncation is max_episode_steps below

    def render(self) -> np.ndarray[Any, np.dtype[np.uint8]]:  # type: ignore[override]
        """The rail with its two ends, and the ball on it."""
        picture = np.full((60, 240, 3), 245, np.uint8)
        picture[42:45, 30:210] = 120
        middle = int(120 + 60 * self.position)
        rows, columns = np.ogrid[:60, :240]
        picture[(rows - 34) ** 2 + (columns - middle) ** 2 < 64] = (60, 70, 90)
        return picture

    def _obs(self) -> Obs:
        return np.array([self.position, self.speed], np.float32)


def config() -> dqnlab.Config:
    return dqnlab.Config(
        env=Env(id=Ball, max_episode_steps=50, reward_threshold=-5.0),
        budget=Steps(num=20_000),
        evaluate_every=Steps(num=2_000),
    )


if __name__ == "__main__":
    run = dqnlab.train(config(), trackers=("none",))
    assert run.score is not None
    agent = dqnlab.load(run.folder, env=Ball)
    print("push at 0.8, standing still:", agent.act(np.array([0.8, 0.0], np.float32)) - 1)
