"""What is said of spaces that are not supported: why, and the line that wraps an environment so that they are."""

from __future__ import annotations

import re
import shlex
from typing import Any

from gymnasium import spaces

from ..config import Env
from ..errors import SpaceError, either, one_line
from .parts import Path, Space, dotted, leaf_spaces, used_leaves
from .pools import is_pooled
from .rows import MASK

LONGEST_SPACE = 200  # letters: bounds of each pixel fill pages
CHOICES = "Discrete, MultiDiscrete or MultiBinary, one of a few choices"
WRAPPED = either("--env.wrappers module:Wrapper", "Env(wrappers=(Wrapper,))")
NUMBERS = "in a wrapper of your own (gymnasium.ObservationWrapper), return numbers of a fixed shape, a Box"


def refused_observations(env: Env, space: spaces.Space[Any]) -> SpaceError:
    """Of a space in which something cannot be numbers of a fixed shape: words, graphs, sequences."""
    what = f"env {env.label!r} has the observation space {_line(space)}, which is not supported"
    parts = {path: becomes_numbers(leaf) for path, leaf in used_leaves(env, space)}
    kept = _shortest([path for path, fits in parts.items() if fits and path[:1] != (MASK,)], list(leaf_spaces(space)))
    if not kept:
        return SpaceError(f"{what}: {NUMBERS}")
    refused = [dotted(path) for path, fits in parts.items() if not fits]
    many = "cannot be turned into numbers; to train without " + ("it" if len(refused) == 1 else "them")
    python = f"Env(keys={tuple(kept)!r})"
    if isinstance(env.id, str) and not any("," in name for name in kept):
        line = f"dqn train {shlex.quote(env.id)} --env.keys {shlex.quote(','.join(kept))}"
        python = either(line, python)
    return SpaceError(f"{what}: {', '.join(refused)} {many}: {python}")


def refused_actions(env: Env, space: Any) -> SpaceError:
    """Of a space that is not one of a few choices."""
    what = f"env {env.label!r} has the action space {_line(space)}; DQN needs {CHOICES}"
    if is_pooled(env.id):
        return SpaceError(f"{what}: list the choices in a gymnasium.ActionWrapper of your own, and name it: {WRAPPED}")
    if isinstance(space, spaces.Box):
        return SpaceError(f"{what}: {_recipe(env, 'gym.wrappers.DiscretizeAction({}, bins=5)')}")
    return SpaceError(f"{what}: in a wrapper of your own (gymnasium.ActionWrapper), list the choices")


def becomes_numbers(leaf: spaces.Space[Any]) -> bool:
    """Whether a part of an observation is numbers of a fixed shape."""
    return isinstance(leaf, spaces.Box | spaces.Discrete | spaces.MultiBinary)


def _shortest(kept: list[Path], found: list[tuple[Path, Space]]) -> list[str]:
    """Names that stand for these parts alone: that of a whole Dict where all in it is kept."""
    names = list[str]()
    for path in kept:
        for depth in range(1, len(path) + 1):
            inside = [each for each, _ in found if each[:depth] == path[:depth]]
            if all(each in kept for each in inside):
                names.append(dotted(path[:depth]))
                break
    return list(dict.fromkeys(names))


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
