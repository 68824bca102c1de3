"""What the page says of observations themselves: which pictures are among them, and why it runs no network on them."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..learn.convs import Picture, find_pictures
from ..learn.extractors import Normalizer
from ..learn.networks import QNetwork
from ..learn.types import ObsSpec
from ..settle import LEAST_SIDE
from .frames import brightness
from .weights import num_weights
from .world import is_image

MOST_WEIGHTS = 210_000  # numbers in the three networks together; with more the page runs none of them


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
    if first.obs.parts and not first.encode.takes_vector:
        return "closed_mask" if first.obs.mask is not None and len(first.obs.parts) == 2 else "closed_parts"
    if first.chain() is None:
        return "closed_kind"
    return "closed_large" if sum(map(num_weights, networks)) > MOST_WEIGHTS else None
