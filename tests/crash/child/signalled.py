"""An environment that lets `sitecustomize` look at each of its calls."""

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from sitecustomize import called


class Signalled(gym.Env):
    metadata = {"render_modes": ["rgb_array", "human"], "render_fps": 30}  # noqa: RUF012
    observation_space, action_space = spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(2)

    def __init__(self, render_mode=None):
        self.render_mode = render_mode
        called()

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = 10
        called()
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self.left -= 1
        called()
        return np.full(2, self.left / 10, np.float32), float(action), self.left == 0, False, {}

    def render(self):
        import pygame

        pygame.display.init()  # as environments with a window do: SDL wants to handle signals itself
        called()
        return np.zeros((32, 32, 3), np.uint8)

    def get_state(self):
        return {"left": self.left}

    def set_state(self, state):
        self.left = state["left"]


gym.register("Signalled-v0", Signalled)
