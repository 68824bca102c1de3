"""Action spaces of several discrete components, of which every combination is one of our actions."""

import math
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from ..config import Env
from ..errors import ConfigError
from .unsupported import refused_actions

MOST_JOINT = 4_096  # combinations: one output of the network each, all tried by chance before learning tells them apart


class Joint(NamedTuple):
    """The components of a MultiDiscrete or MultiBinary action; counting combinations, the last one changes first."""

    sizes: tuple[int, ...]
    starts: tuple[int, ...]
    shape: tuple[int, ...]  # of the environment's array

    def components(self, action: np.ndarray) -> np.ndarray:
        """The environment's own numbers [..., *shape] of our actions [...] in 0..A-1."""
        strides = [math.prod(self.sizes[i + 1 :]) for i in range(len(self.sizes))]
        places = action[..., None] // np.array(strides, np.int64) % np.array(self.sizes, np.int64)
        return (places + np.array(self.starts, np.int64)).reshape(*action.shape, *self.shape)

    def over_actions(self, mask: Any) -> Any:
        """A mask of each component, as `MultiDiscrete.sample` takes it, as one of the combinations; others as they are.

        Args:
            mask: a tuple with as many arrays [size], or batches of them [B, size], as there are components.
        """
        if not isinstance(mask, tuple) or len(mask) != len(self.sizes):
            return mask
        parts = [np.asarray(part) for part in mask]
        if any(part.shape[-1:] != (size,) for part, size in zip(parts, self.sizes, strict=True)):
            return mask
        whole = parts[0]
        for part in parts[1:]:
            whole = (whole[..., :, None] * part[..., None, :]).reshape(*whole.shape[:-1], -1)
        return whole


def action_text(action: int, start: int, joint: Joint | None) -> str:
    """How people write the environment's own action for ours, 0..A-1: 2, or [0, 1]."""
    return str(action + start if joint is None else joint.components(np.array(action)).tolist())


def num_actions(env: Env, space: Any) -> int:
    """How many actions a space comes to. Raises ConfigError if it is not one of a few choices."""
    joint = joint_of(space)
    if joint is None and not isinstance(space, spaces.Discrete):
        raise refused_actions(env, space)
    count = int(space.n) if joint is None else math.prod(joint.sizes)
    if joint is not None and count > MOST_JOINT:
        sizes = " x ".join(map(str, joint.sizes[:12])) + (" x …" if len(joint.sizes) > 12 else "")
        shown = f"{count:,}" if count < 10**15 else f"some 10^{int(count.bit_length() * math.log10(2))}"
        raise ConfigError(
            f"env {env.label!r} has {shown} joint actions ({sizes}), and at most {MOST_JOINT:,} can be told apart: "
            "in a wrapper of your own (gymnasium.ActionWrapper), list fewer"
        )
    return count


def joint_of(space: Any) -> Joint | None:
    """The components of an action space; none if it has no components that are chosen at once."""
    if isinstance(space, spaces.MultiDiscrete):
        sizes, starts = space.nvec.ravel().tolist(), space.start.ravel().tolist()
    elif isinstance(space, spaces.MultiBinary):
        sizes = [2] * math.prod(space.shape)
        starts = [0] * len(sizes)
    else:
        return None
    return Joint(tuple(sizes), tuple(starts), tuple(space.shape))
