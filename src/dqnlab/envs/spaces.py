"""What a network sees of an environment's spaces.

An observation that is a Box or a Discrete is stored as it is. Any other, and any with a mask of the allowed actions, is
stored as one row: its parts one after the other in the order of their space, then the mask. Where all of them fit into
bytes the row is of bytes, else of float32.
"""

import numpy as np
from gymnasium import spaces

from ..config import Env
from ..errors import ConfigError, EnvironmentFault, counted
from ..learn.types import ObsPart, ObsSpec
from .guard import EnvironmentHangs, Guarded
from .parts import Path, Space, dotted, used_leaves
from .rows import MASK
from .unsupported import refused_observations

SMALLEST_PICTURE = 32  # pixels a side; whole numbers in smaller arrays are codes
BRIGHTEST = 65_535  # of a pixel of 16 bits; what may be larger is no picture
MOST_STATES = 2**24  # in a row: float32 holds no larger whole numbers


def obs_spec(env: Env, space: Space, num_actions: int, in_info: bool) -> tuple[ObsSpec, int]:
    """How an observation is stored, and the lowest number of one that is Discrete.

    Args:
        space: of one frame.
        in_info: whether each info holds a mask.

    Raises:
        ConfigError: it cannot be.
    """
    in_obs = has_mask(space) and env.action_mask != "off"
    used = used_leaves(env, space)
    if not in_info and not in_obs:
        if isinstance(space, spaces.Discrete) and env.frame_stack == 1:
            return ObsSpec((), np.dtype(np.int64), int(space.n)), int(space.start)
        if isinstance(space, spaces.Box):
            _check_holds(env, space)
            return ObsSpec((*_frames(env), *space.shape), _kept(space), None, env.frame_stack, _scale(env, space)), 0
    shown = [(path, leaf) for path, leaf in used if not (in_obs and path[0] == MASK)]
    return _row(env, space, shown, num_actions if in_info or in_obs else None), 0


def has_mask(space: Space) -> bool:
    """Whether an observation space has a part that is a mask."""
    return isinstance(space, spaces.Dict) and MASK in space.spaces


def shows_mask(env: Guarded) -> bool:
    """Whether the info of a reset holds a mask: resets it. What fails meanwhile is left to the contract."""
    try:
        answer = env.reset(seed=0)
    except EnvironmentHangs:
        raise
    except EnvironmentFault:
        return False
    return isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], dict) and MASK in answer[1]


def _row(env: Env, space: Space, shown: list[tuple[Path, Space]], mask_size: int | None) -> ObsSpec:
    """The row of the parts that are shown, and of a mask of so many actions, if there is one."""
    parts: list[ObsPart] = []
    start = 0
    for path, leaf in shown:
        parts.append(_part(env, space, path, leaf, start))
        start = parts[-1].place.stop
    if not parts:
        only = " but which actions are allowed" if mask_size else ""
        raise ConfigError(f"env {env.label!r} shows nothing{only}: add what the agent should decide by")
    dtype = np.dtype(np.uint8 if all(map(_is_small, parts)) else np.float32)
    mask = start if mask_size else None
    return ObsSpec((start + (mask_size or 0),), dtype, stack=env.frame_stack, parts=tuple(parts), mask=mask)


def _frames(env: Env) -> tuple[int, ...]:
    """The axis of the frames of a stack, if there is one."""
    return (env.frame_stack,) if env.frame_stack > 1 else ()


def _part(env: Env, whole: Space, path: Path, leaf: Space, start: int) -> ObsPart:
    if isinstance(leaf, spaces.Discrete):
        num = int(leaf.n)
        if num > MOST_STATES:
            name = f"part {dotted(path)!r}" if path else "observation"
            raise ConfigError(
                f"env {env.label!r}: {name} is one of {counted(num, 'state')}, and at most {MOST_STATES:,} fit"
            )
        return ObsPart(path, start, _frames(env), np.dtype(np.int64), num, int(leaf.start))
    if isinstance(leaf, spaces.MultiBinary):
        return ObsPart(path, start, (*_frames(env), *leaf.shape), np.dtype(np.bool_))
    if isinstance(leaf, spaces.Box):
        _check_holds(env, leaf)
        scale = 1.0 if leaf.dtype is not None and leaf.dtype.kind == "f" else _scale(env, leaf)
        return ObsPart(path, start, (*_frames(env), *leaf.shape), _kept(leaf), scale=scale)
    raise refused_observations(env, whole)


def _is_small(part: ObsPart) -> bool:
    """Whether its numbers fit into bytes."""
    return part.dtype in (np.uint8, np.bool_) if part.num_states is None else part.num_states <= 256


def _kept(space: spaces.Box) -> np.dtype:
    """The type in which its numbers are stored."""
    return np.dtype(space.dtype if space.dtype in (np.uint8, np.bool_) else np.float32)


def _check_holds(env: Env, space: spaces.Box) -> None:
    if 0 in space.shape:
        raise ConfigError(
            f"env {env.label!r} has the observation space {space}, which holds no numbers: make it larger"
        )


def _scale(env: Env, space: spaces.Box) -> float:
    """What the network divides observations by: 1 if they are kept as they are."""
    whole = space.dtype is not None and space.dtype.kind in "biu"
    bound = max(abs(float(space.low.min())), abs(float(space.high.max())))
    is_large = sum(side >= SMALLEST_PICTURE for side in space.shape) >= 2 or env.gray or bool(env.resize)
    is_picture = whole and is_large and bound <= BRIGHTEST
    if env.scale == "none" or (env.scale == "auto" and not is_picture):
        return 1.0
    if not whole:
        raise ConfigError(f"env.scale = 'high' is for whole numbers; env {env.label!r} shows {space}: leave it out")
    if bound > BRIGHTEST and bound >= np.iinfo(str(space.dtype)).max:
        raise ConfigError(
            f"env.scale = 'high' needs the bound that the space announces; env {env.label!r} shows {space}, which has "
            "none: announce the true one, or leave it out"
        )
    return bound or 1.0
