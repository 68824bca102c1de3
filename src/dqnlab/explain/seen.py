"""What the page says of observations: how they become features, their pictures, and why no network runs on them."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..learn.convs import Picture, find_pictures
from ..learn.extractors import Normalizer
from ..learn.networks import QNetwork
from ..learn.types import ObsPart, ObsSpec
from ..settle import LEAST_SIDE
from .frames import brightness
from .weights import num_weights
from .world import is_image

MOST_WEIGHTS = 210_000  # numbers in the three networks together; with more the page runs none of them


def obs_data(obs: ObsSpec, seen: Sequence[np.ndarray], start: int = 0) -> dict[str, Any]:
    """What an observation is made of; `seen` are those of each episode, `start` is the number of a discrete state 0."""
    return {
        "shape": list(obs.shape),
        "num_states": obs.num_states,
        "start": start,
        "stack": obs.stack,
        "parts": feature_parts(obs),
        "mask": obs.mask,
        "image": is_image(obs),
        "pictures": pictures_of(obs, seen),
    }


def feature_parts(obs: ObsSpec) -> list[dict[str, Any]]:
    """How its numbers become features, one run of numbers that are treated alike after the other, as `Encoder` does it.

    Each becomes one-hot of `num_states`, of which the first is shown as `lowest`, or is divided by `scale`.
    """
    whole = ObsPart((), 0, obs.shape, obs.dtype, obs.num_states, scale=obs.scale)
    found: list[dict[str, Any]] = []
    for part in obs.parts or (whole,):
        kind = {"num_states": part.num_states, "lowest": part.lowest, "scale": part.scale, "dtype": part.dtype.name}
        if found and kind.items() <= found[-1].items():
            found[-1]["size"] += part.size
        else:
            found.append({"start": part.start, "size": part.size, **kind})
    return found


def pictures_of(obs: ObsSpec, seen: Sequence[np.ndarray]) -> list[dict[str, Any]]:
    """The pictures among the numbers of an observation, of a stack the newest: where they lie, and how to draw them.

    `first` is the first number of the oldest in a stack, `start` that of the newest.

    Args:
        seen: observations that are shown [T, *obs_shape], whose range decides what is black and what is white.
    """
    found = []
    for number in find_pictures(obs, 1 if is_image(obs) else LEAST_SIDE["auto"]):
        part = obs.parts[number] if obs.parts else None
        whole = obs.shape if part is None else part.shape
        shape = whole[int(obs.stack > 1) :]
        picture = Picture.of(shape)
        assert picture is not None
        size = math.prod(shape)
        first = 0 if part is None else part.start
        start = first + math.prod(whole) - size
        frames = [each.reshape(len(each), -1)[:, start : start + size] for each in seen]
        black, white = brightness(frames, obs.scale if part is None else part.scale)
        name = "" if part is None else part.name
        where = {"name": name, "first": first, "start": start, "shape": list(shape), "rows": picture.rows}
        found.append(where | {"black": black, "white": white})
    return found


def why_closed(networks: Sequence[QNetwork]) -> str | None:
    """Why the page does not run these networks, as a word of `words/decision.json`; None if it does."""
    first = networks[0]
    if first.torso.state_size:
        return "closed_memory"
    extractors = list(first.encode.extractors.values())
    if any(isinstance(each, Normalizer) for each in extractors):
        return "closed_normalized"
    if extractors:
        return "closed_pictures"
    if first.chain() is None:
        return "closed_kind"
    return "closed_large" if sum(map(num_weights, networks)) > MOST_WEIGHTS else None
