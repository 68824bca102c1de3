"""Environments to be examined: a sound one, and what can be wrong with it."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces

BOX = spaces.Box(-1, 1, (3,), np.float32)
BYTES = spaces.Box(0, 255, (3,), np.uint8)


class Sound(gym.Env):
    """Random observations, from its own generator; episodes last 5 to 9 steps."""

    metadata: ClassVar = {"render_modes": ["rgb_array"], "render_fps": 30}
    render_mode = None

    def __init__(self, obs: spaces.Space = BOX, actions: spaces.Space | None = None):
        self.observation_space = obs
        self.action_space = actions or spaces.Discrete(2)
        self.number = self.last = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.number, self.last = 0, int(self.np_random.integers(5, 10))
        return self.look(), {}

    def step(self, action: Any) -> Any:
        assert self.action_space.contains(action)
        self.number += 1
        return self.look(), self.pay(), self.number == self.last, False, {}

    def look(self) -> Any:
        return self.np_random.uniform(-1, 1, 3).astype(np.float32)

    def pay(self) -> Any:
        return float(self.np_random.random())

    def get_state(self) -> dict[str, Any]:
        return {"number": self.number, "last": self.last}

    def set_state(self, state: dict[str, Any]) -> None:
        self.number, self.last = state["number"], state["last"]


def sees(look: Callable[[Sound], Any], obs: spaces.Space = BOX) -> Callable[[], gym.Env]:
    """Sound but for what it shows."""
    return partial(type("Odd", (Sound,), {"look": look}), obs)


def pays(reward: Any) -> Callable[[], gym.Env]:
    """Sound but for its reward."""
    return type("Odd", (Sound,), {"pay": lambda self: reward})


def steps(change: Callable[[Sound, tuple], Any]) -> Callable[[], gym.Env]:
    """Sound but for what `step` makes of its answer."""
    return type("Odd", (Sound,), {"step": lambda self, action: change(self, Sound.step(self, action))})


def resets(change: Callable[[Sound, int | None], Any]) -> Callable[[], gym.Env]:
    """Sound but for what `reset` does."""
    return type("Odd", (Sound,), {"reset": lambda self, *, seed=None, options=None: change(self, seed)})


def raises(error: BaseException) -> Any:
    raise error


def late(self: Sound) -> bool:
    return self.number == 4


def in_place(self: Sound) -> Any:
    if not hasattr(self, "buffer"):
        self.buffer = np.zeros(3, np.float32)
    self.buffer[:] = Sound.look(self)
    return self.buffer


def remembers(self: Sound, seed: int | None) -> Any:
    self.played = getattr(self, "played", 0) + 1
    obs, info = Sound.reset(self, seed=seed)
    return obs * np.float32(0.9 if self.played > 20 else 1), info


def knows_seeds(self: Sound, seed: int | None) -> Any:
    """Shows something else if this copy has been given the seed before."""
    self.seeds = [*getattr(self, "seeds", []), seed]
    obs, info = Sound.reset(self, seed=seed)
    return obs * np.float32(0.9 if self.seeds.count(seed) > 1 and seed is not None else 1), info


class Unseeded(Sound):
    def look(self) -> Any:
        return np.random.uniform(-1, 1, 3).astype(np.float32)  # noqa: NPY002  the mistake to be found


class Once(Sound):
    """Only one can be made."""

    made = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).made += 1
        if type(self).made > 2:
            raise OSError("the port is taken")


class Strange(Sound):
    """Its constructor raises."""

    def __init__(self) -> None:
        raise SystemExit("no licence")
