"""Whether an environment that saves itself does so: a state taken out, put back, and the same steps once more."""

import math
from typing import Any

import numpy as np
from gymnasium import spaces

from ..errors import CheckpointError, EnvironmentFault, counted
from .actions import joint_of
from .guard import EnvironmentHangs, Guarded
from .state import env_state, saves_itself, set_env_state, unknown_layer

BEFORE, AFTER = 3, 25  # steps up to the moment that is saved, and those compared


def unsaved(env: Guarded) -> str | None:
    """The part of an environment whose state cannot be saved, and why; None if all can.

    Plays a few steps where a part has `get_state` of its own: whoever wrote it may have forgotten something. What
    else fails meanwhile is left to the contract, which has better words for it.
    """
    if (unknown := unknown_layer(env)) is not None:
        return unknown
    own = saves_itself(env)
    if own is None:
        return None
    actions = _some_actions(env.action_space)
    try:
        env.reset(seed=0)
        for action in actions[:BEFORE]:
            _step(env, action)
    except EnvironmentHangs:
        raise
    except EnvironmentFault:
        return None
    try:
        state = env.guard.call("get_state", env_state, env)
        shown = _walk(env, actions[BEFORE:])
        env.guard.call("set_state", set_env_state, env, state)
    except EnvironmentHangs:
        raise
    except (CheckpointError, EnvironmentFault) as e:
        return f"{own} ({e})"
    again = _walk(env, actions[BEFORE:])
    at = next((i for i, (one, other) in enumerate(zip(shown, again, strict=False)) if one != other), None)
    if at is None:
        return None
    return f"{own} (restored by set_state, it behaves differently {counted(at + 1, 'step')} later: a field is missing)"


def _some_actions(space: spaces.Space[Any]) -> list[Any]:
    """Actions by chance, the same each time."""
    rng = np.random.default_rng(0)
    if (joint := joint_of(space)) is not None:
        own = joint.components(rng.integers(math.prod(joint.sizes), size=BEFORE + AFTER))
        return list(own.astype(space.dtype))
    assert isinstance(space, spaces.Discrete)
    numbers = rng.integers(space.n, size=BEFORE + AFTER) + space.start
    return list(numbers.astype(space.dtype))


def _walk(env: Guarded, actions: list[Any]) -> list[tuple[object, ...]]:
    """What the steps show, up to one that fails, and how that does."""
    shown: list[tuple[object, ...]] = []
    for action in actions:
        try:
            shown.append(_step(env, action))
        except EnvironmentHangs:
            raise
        except EnvironmentFault as e:
            return [*shown, (type(e.__cause__).__name__,)]
    return shown


def _step(env: Guarded, action: Any) -> tuple[object, ...]:
    """What one step shows, in a form that can be compared; an episode that is over begins anew."""
    answer = env.step(action)
    if not isinstance(answer, tuple) or len(answer) != 5:  # which the contract names, later
        return (repr(answer),)
    obs, reward, terminated, truncated, _ = answer
    shown = _seen(obs), repr(reward), repr(terminated), repr(truncated)
    if np.any(terminated) or np.any(truncated):
        first = env.reset()
        shown += (_seen(first[0] if isinstance(first, tuple) and first else first),)
    return shown


def _seen(obs: object) -> object:
    try:
        return np.asarray(obs).tobytes()
    except ValueError:  # rows of unequal lengths
        return repr(obs)
