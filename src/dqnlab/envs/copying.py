"""A wrapper that returns copies of an environment's arrays, for callers that keep them."""

import copy
from typing import Any

import gymnasium as gym
import numpy as np

from .guard import Guarded


class Unpaired(Exception):
    """An answer of an environment that is not as many values as it should be."""

    def __init__(self, answer: Any):
        super().__init__("an answer of the wrong length")
        self.answer = answer


class Copying(gym.Wrapper[Any, Any, Any, Any]):
    """Hands on copies of observations, rewards that are arrays, and images.

    Put between an environment that may write each observation into the same array, and whoever keeps several of
    them: a stack of frames, a film. It remembers nothing, so it is no part of an environment's state.
    """

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        answer = self.env.reset(seed=seed, options=options) if options is not None else self.env.reset(seed=seed)
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise Unpaired(answer)
        return _copy(answer[0]), answer[1]

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        answer = self.env.step(action)
        if not isinstance(answer, tuple) or len(answer) != 5:
            raise Unpaired(answer)
        return (_copy(answer[0]), _copy(answer[1]), *answer[2:])

    def render(self) -> Any:
        drawn = self.env.render()
        return [_copy(each) for each in drawn] if isinstance(drawn, list) else _copy(drawn)


def unstacked(env: Guarded) -> Guarded:
    """What an environment was before dqnlab stacked its frames: it shows its arrays as they are."""
    stack = env.env
    if isinstance(stack, gym.wrappers.FrameStackObservation) and isinstance(stack.env, Copying):
        return Guarded(stack.env.env, env.guard)
    return env


def frame_space(env: gym.Env[Any, Any]) -> gym.Space[Any]:
    """The observation space of an environment before dqnlab stacked its frames."""
    layer: Any = env
    while isinstance(layer, Guarded):
        layer = layer.env
    return (layer.env if isinstance(layer, gym.wrappers.FrameStackObservation) else env).observation_space


def _copy(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy()
    if type(value) in (list, tuple, dict):
        return copy.deepcopy(value)
    return np.array(value) if hasattr(value, "__array__") and np.shape(value) else value  # tensors
