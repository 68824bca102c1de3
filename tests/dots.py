"""An environment that shows pictures, alone or as a part of more, of any kind."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces


class Dots(gym.Env[Any, Any]):
    """A bright bar stands left or right of the middle: whoever says on which side gets 1. Eight steps an episode.

    Args:
        shape: of the picture, with its channels first or last, or [H, W].
        among: shown as `image` of a Dict, beside a vector, with a mask that forbids a third, useless action.
    """

    def __init__(
        self, shape: tuple[int, ...], dtype: str = "uint8", among: bool = False, render_mode: str | None = None
    ):
        self.render_mode = render_mode
        picture = spaces.Box(0, 1 if dtype in ("bool", "float32") else 255, shape, np.dtype(dtype))
        self.among = among
        parts = {"image": picture, "noise": spaces.Box(-1, 1, (2,), np.float32)}
        self.observation_space = spaces.Dict(parts) if among else picture
        self.action_space = spaces.Discrete(3 if among else 2)
        self._picture = picture
        self._rows = max(range(len(shape) - 1), key=lambda axis: min(shape[axis : axis + 2]))

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return self._shown(), self._info()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        reward = float(action == self.right)
        self.steps += 1
        return self._shown(), reward, self.steps == 8, False, self._info()

    def _shown(self) -> Any:
        shape = self._picture.shape
        picture = np.zeros(shape, self._picture.dtype)
        row, column = (int(self.np_random.integers(shape[self._rows + axis] - 2)) for axis in (0, 1))
        self.right = int(2 * column + 2 > shape[self._rows + 1])
        place = [slice(None)] * len(shape)
        place[self._rows], place[self._rows + 1] = slice(row, row + 3), slice(column, column + 2)
        picture[tuple(place)] = self._picture.high.max()
        if not self.among:
            return picture
        return {"image": picture, "noise": self.np_random.uniform(-1, 1, 2).astype(np.float32)}

    def _info(self) -> dict[str, Any]:
        return {"action_mask": np.array([1, 1, 0], np.int8)} if self.among else {}
