"""Pictures made grey and smaller before they are stacked and stored; the same everywhere, to the last bit."""

import math
from functools import lru_cache
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from ..config import Env
from ..errors import ConfigError
from .copying import Unpaired

LUMA = (299, 587, 114)  # thousandths of red, green and blue (ITU-R BT.601)
CHANNELS = (1, 3, 4)  # of a picture whose last or first axis is its colours


class Smaller(gym.Wrapper[Any, Any, Any, Any]):
    """Shows an environment's pictures grey or smaller, as its settings say. It remembers nothing."""

    def __init__(self, env: gym.Env[Any, Any], settings: Env):
        """Raises ConfigError if the observations are no pictures, or are to become larger."""
        super().__init__(env)
        space: Any = env.observation_space
        self.shape = _picture_shape(settings, space)
        self._settings = settings
        shown = smaller(settings, self.shape, np.zeros(self.shape, np.uint8)).shape
        self.observation_space = spaces.Box(int(space.low.min()), int(space.high.max()), shown, np.uint8)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        answer = self.env.reset(seed=seed, options=options) if options is not None else self.env.reset(seed=seed)
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise Unpaired(answer)
        return self._shown(answer[0]), answer[1]

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        answer = self.env.step(action)
        if not isinstance(answer, tuple) or len(answer) != 5:
            raise Unpaired(answer)
        return (self._shown(answer[0]), *answer[1:])

    def _shown(self, obs: Any) -> np.ndarray:
        if not isinstance(obs, np.ndarray) or obs.dtype != np.uint8 or obs.shape != self.shape:
            given = f"{obs.dtype} {obs.shape}" if isinstance(obs, np.ndarray) else f"of type {type(obs).__name__}"
            raise ValueError(f"the observation is {given}, and its space announces uint8 {self.shape}")
        return smaller(self._settings, self.shape, obs)


def picture_of(made: Any) -> tuple[int, ...] | None:
    """The shape of pictures before they were made smaller; none if they were not."""
    while isinstance(made, gym.Wrapper):
        if isinstance(made, Smaller):
            return made.shape
        made = made.env
    return None


def smaller(settings: Env, shape: tuple[int, ...], pictures: np.ndarray) -> np.ndarray:
    """Pictures [..., *shape] of bytes as they are stored: grey ones [..., h, w], others with colours where they were.

    Grey is 0.299 red + 0.587 green + 0.114 blue. A smaller picture's pixel is the mean over the area that it covers,
    in which pixels count by the share of them that lies inside. Each is rounded to the nearest byte, halves up; grey
    comes first. All is worked out in whole numbers, so that no machine rounds otherwise.
    """
    colours = _colours(shape)
    if settings.gray and colours is not None:
        last = pictures if colours == 2 else np.moveaxis(pictures, -3, -1)
        pictures = _luma(last) if shape[colours] == 3 else last[..., 0]
        colours = None
    if settings.resize and settings.resize != _sides(shape):
        planes = np.moveaxis(pictures, -1, -3) if colours == 2 else pictures
        planes = _resized(planes, *settings.resize)
        pictures = np.ascontiguousarray(np.moveaxis(planes, -3, -1)) if colours == 2 else planes
    return pictures


def _colours(shape: tuple[int, ...]) -> int | None:
    """The axis of a picture's colours, the last if both may be; none if it has none."""
    if len(shape) != 3:
        return None
    return 2 if shape[2] in CHANNELS else 0


def _sides(shape: tuple[int, ...]) -> tuple[int, int]:
    """Height and width of a picture of this shape."""
    return (shape[1], shape[2]) if _colours(shape) == 0 else (shape[0], shape[1])


def _luma(pictures: np.ndarray) -> np.ndarray:
    """[..., H, W] of colours [..., H, W, 3]."""
    red, green, blue = (pictures[..., i] * np.uint32(weight) for i, weight in enumerate(LUMA))
    return ((red + green + blue + 500) // 1000).astype(np.uint8)


def _resized(planes: np.ndarray, height: int, width: int) -> np.ndarray:
    """[..., height, width] of planes [..., H, W], by means over areas."""
    rows, columns = planes.shape[-2:]
    area = rows * columns
    exact = np.float32 if 255 * area < 2**24 else np.float64  # which holds every sum, whatever their order
    down = _shares(rows, height).astype(exact)
    across = _shares(columns, width).astype(exact)
    total = (down @ planes.astype(exact) @ across.T).astype(np.int64)
    return ((2 * total + area) // (2 * area)).astype(np.uint8)


@lru_cache(maxsize=16)
def _shares(old: int, new: int) -> np.ndarray:
    """[new, old] how much of each of `old` equal pieces lies in each of `new`, where a piece of `old` is `new` long."""
    starts_old, starts_new = np.arange(old) * new, np.arange(new)[:, None] * old
    return np.clip(np.minimum(starts_old + new, starts_new + old) - np.maximum(starts_old, starts_new), 0, None)


def _picture_shape(settings: Env, space: Any) -> tuple[int, ...]:
    """The shape of the pictures that a space announces. Raises ConfigError."""
    name = "env.gray" if settings.gray else "env.resize"
    what = f"{name} is for pictures of bytes, [height, width], with 1, 3 or 4 colours last or first"
    is_bytes = isinstance(space, spaces.Box) and space.dtype == np.uint8
    shape = tuple(map(int, space.shape)) if is_bytes else ()
    colours = _colours(shape)
    if len(shape) not in (2, 3) or math.prod(shape) == 0 or (colours is not None and shape[colours] not in CHANNELS):
        shown = str(space)
        shown = shown if len(shown) <= 200 else f"{shown[:199]}…"
        raise ConfigError(f"{what}, and env {settings.label!r} shows {shown}: leave it out")
    if settings.gray and colours is not None and shape[colours] == 4:
        raise ConfigError(
            f"env.gray knows pictures of 1 or 3 colours; env {settings.label!r} shows {shape}: leave it out"
        )
    height, width = _sides(shape)
    if settings.resize and (settings.resize[0] > height or settings.resize[1] > width):
        raise ConfigError(
            f"env.resize = {settings.resize} makes pictures smaller, and those of env {settings.label!r} have the size "
            f"{height, width} already: choose less, or leave it out"
        )
    return shape
