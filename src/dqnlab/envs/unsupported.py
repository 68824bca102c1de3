"""What is said of spaces that are not supported: why, and the line that wraps an environment so that they are."""

from __future__ import annotations

import re
from typing import Any

from gymnasium import spaces

from ..config import Env
from ..errors import ConfigError, one_line

LONGEST_SPACE = 200  # letters: bounds of each pixel fill pages
CHOICES = "Discrete, MultiDiscrete or MultiBinary, one of a few choices"
NUMBERS = "in a wrapper of your own (gymnasium.ObservationWrapper), return numbers of a fixed shape, a Box"


def refused_observations(env: Env, space: spaces.Space[Any]) -> ConfigError:
    """Of a space in which something cannot be numbers of a fixed shape: words, graphs, sequences."""
    what = f"env {env.label!r} has the observation space {_line(space)}, which is not supported"
    parts = _parts(space)
    left_out = [name for name, part in parts.items() if not _becomes_numbers(part)]
    kept = [name for name in parts if name not in left_out]
    if not kept:
        return ConfigError(f"{what}: {NUMBERS}")
    what += f"; {', '.join(map(str, left_out))} cannot be turned into numbers and is left out below"
    return ConfigError(f"{what}: {_recipe(env, f'gym.wrappers.FilterObservation({{}}, {kept})')}")


def refused_actions(env: Env, space: Any) -> ConfigError:
    """Of a space that is not one of a few choices."""
    what = f"env {env.label!r} has the action space {_line(space)}; DQN needs {CHOICES}"
    if isinstance(space, spaces.Box):
        return ConfigError(f"{what}: {_recipe(env, 'gym.wrappers.DiscretizeAction({}, bins=5)')}")
    return ConfigError(f"{what}: in a wrapper of your own (gymnasium.ActionWrapper), list the choices")


def _parts(space: Any) -> dict[str | int, spaces.Space[Any]]:
    """Of a Dict by name, of a Tuple by number; none of what has no parts."""
    if isinstance(space, spaces.Dict):
        return dict(space.items())
    return dict(enumerate(space)) if isinstance(space, spaces.Tuple) else {}


def _becomes_numbers(part: spaces.Space[Any]) -> bool:
    """Whether a part, and all that it consists of, are numbers of a fixed shape."""
    if inner := _parts(part):
        return all(map(_becomes_numbers, inner.values()))
    one_row = not isinstance(part, spaces.MultiDiscrete) or part.nvec.ndim == 1
    return isinstance(part, spaces.Box | spaces.Discrete | spaces.MultiBinary | spaces.MultiDiscrete) and one_row


def _recipe(env: Env, wrapped: str) -> str:
    """What to type; `wrapped` has a place for the environment as it is."""
    if not isinstance(env.id, str):
        return f"set env.id to a function that returns {wrapped.format('env')}, where env is made as now"
    made = wrapped.format(f"gym.make({env.id!r}, **kwargs)")
    module, name = _names(env.id)
    line = f"import gymnasium as gym; gym.register({name!r}, lambda **kwargs: {made})"
    return f"put this line into a file {module}.py, then name {module}:{name} instead: {line}"


def _names(env_id: str) -> tuple[str, str]:
    """A module and an id for an environment's wrapper that are those of no other: `zoo:Lane-v0`, `wrapped_lane`."""
    name = re.sub(r"-v\d+$", "", re.split("[:/]", env_id)[-1])
    name = re.sub(r"[^A-Za-z0-9_]", "", name) or "Env"
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return f"wrapped_{snake}", f"Wrapped{name}-v0"


def _line(space: object) -> str:
    """A space as one line that is not too long."""
    text = one_line(str(space))
    return text if len(text) <= LONGEST_SPACE else text[: LONGEST_SPACE - 1] + "…"
