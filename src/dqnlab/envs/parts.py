"""What an observation space is made of, and which of its parts are used."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium as gym
from gymnasium import spaces

from ..config import Env
from ..config.fields import nearest
from ..errors import ConfigError

Space = spaces.Space[Any]
Path = tuple[str | int, ...]

MOST_NAMED = 20  # parts in a message


def leaf_spaces(space: Space, path: Path = ()) -> Iterator[tuple[Path, Space]]:
    """What a space is made of, with the way there."""
    named: Mapping[Any, Space] | None = None
    if isinstance(space, spaces.Dict):
        named = space.spaces
    elif isinstance(space, spaces.Tuple):
        named = dict(enumerate(space.spaces))
    elif isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim == 1:
        starts = zip(space.nvec.tolist(), space.start.tolist(), strict=True)
        named = {i: spaces.Discrete(num, start=first) for i, (num, first) in enumerate(starts)}
    if named is None:
        yield path, space
        return
    for name, part in named.items():
        yield from leaf_spaces(part, (*path, name))


class Chosen(gym.ObservationWrapper[Any, Any, Any]):
    """Shows only what `env.keys` uses of a Dict: whoever stacks frames need not know what to do with the rest."""

    def __init__(self, made: gym.Env[Any, Any], names: set[str | int]):
        super().__init__(made)
        space = made.observation_space
        assert isinstance(space, spaces.Dict)
        self._names = [name for name in space.spaces if name in names]
        kept = OrderedDict((name, space.spaces[name]) for name in self._names)  # a dict's would be sorted
        self.observation_space = spaces.Dict(kept)

    def observation(self, observation: Any) -> Any:
        if not isinstance(observation, Mapping):  # which the contract names
            return observation
        return {name: observation[name] for name in self._names if name in observation}


def leaf_of(space: Space, path: Path) -> Space:
    """The space of the part at the end of a path."""
    return next(leaf for known, leaf in leaf_spaces(space) if known == path)


def dotted(path: Path) -> str:
    """What people call the part at the end of a path: agent.speed."""
    return ".".join(map(str, path))


def used_leaves(env: Env, space: Space) -> list[tuple[Path, Space]]:
    """As `leaf_spaces`, without those that `env.keys` leaves out.

    Raises:
        ConfigError: a key is none of the space.
    """
    found = list(leaf_spaces(space))
    if not env.keys:
        return found
    if len(found) == 1 and not found[0][0]:
        raise ConfigError(
            f"env.keys = {env.keys} chooses parts of an observation, and env {env.label!r} shows one only, {space}: "
            "leave it out"
        )
    known = list(dict.fromkeys(dotted(path[:depth]) for path, _ in found for depth in range(1, len(path) + 1)))
    for key in env.keys:
        if key not in known:
            close = nearest(key, known) if len(known) > MOST_NAMED else ""
            listed = ", ".join(known[:MOST_NAMED]) + (f" …; {close}" if close else "")
            raise ConfigError(f"env.keys: env {env.label!r} shows no {key!r}; it shows {listed}")
    return [(path, leaf) for path, leaf in found if any(dotted(path[: i + 1]) in env.keys for i in range(len(path)))]
