"""Other ways in which people announce which actions are allowed: found by their names, so that they can be named."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import gymnasium as gym
import numpy as np

from ..learn.types import ObsPart
from .guard import Guarded

# The words of a name; what is left of it may be anything but a sign that it counts, judges or sets.
_WORDS = re.compile(
    r"illegal|legal|invalid|valid|available|avail|allowed|possible|feasible|admissible|permitted|forbidden|"
    r"actions?|moves?|masks?"
)
_ALLOWED = {"legal", "valid", "available", "avail", "allowed", "possible", "feasible", "admissible", "permitted"}
_ALLOWED |= {"illegal", "invalid", "forbidden"}
_OTHER = re.compile(r"(?:^|_)(?:num|n|number|count|last|is|has|use|set|with|no|reward|penalty|cost|prob|probs)(?:_|$)")
UNREAD = "it is read only if the first reset gives one too, and env.action_mask is not off"
ADVICE = "return it as info['action_mask'] from every reset and step, 1 or 0 for each action"


@lru_cache(maxsize=1024)  # infos are looked at in every step
def is_mask(name: str) -> bool:
    """Whether a name says which actions are allowed: action_mask, get_valid_actions, legalMoves."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    words = set(_WORDS.findall(name))
    if name.startswith("_") or _OTHER.search(name):
        return False
    masks = bool(words & {"mask", "masks"}) and bool(words & (_ALLOWED | {"action", "actions", "move", "moves"}))
    return masks or (bool(words & _ALLOWED) and bool(words & {"actions", "moves"}))


def mask_in(info: Mapping[Any, Any], num_actions: int) -> str | None:
    """The entry of an info that says which actions are allowed, if there is one: several values, not a count."""
    for name, value in info.items():
        several = hasattr(value, "__len__") and not isinstance(value, str | bytes)
        if isinstance(name, str) and several and (is_mask(name) or _is_bare_mask(name, value, num_actions)):
            return name
    return None


def _is_bare_mask(name: str, value: Any, num_actions: int) -> bool:
    return name in ("mask", "masks") and np.shape(value) == (num_actions,)


def mask_among(parts: Iterable[ObsPart]) -> str | None:
    """The part of an observation that says which actions are allowed, if there is one."""
    return next(
        (f"{part.name!r} in its observations" for part in parts if part.path and is_mask(str(part.path[-1]))), None
    )


def mask_of(env: Guarded) -> str | None:
    """The method or attribute of any of an environment's layers that says which actions are allowed, if there is one.

    Only names are looked at: nothing is called.
    """
    return env.guard.call("the environment", _of_layers, env.env)


def _of_layers(env: Any) -> str | None:
    layer = env
    while layer is not None:
        kind = type(layer)
        for name in [*dir(kind), *getattr(layer, "__dict__", {})]:
            if is_mask(name):
                return f"{name}()" if callable(getattr(kind, name, None)) else name
        layer = layer.env if isinstance(layer, gym.Wrapper) else None
    return None
