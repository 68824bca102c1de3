"""What returns a network expects of each action, along an episode: one entry for each head that says more than a mean.

T steps, A actions, K numbers per action. A page holds it in bytes, as finely as a picture shows it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..learn.distributional import CategoricalHead, HistogramHead, QuantileHead
from ..learn.heads import Head
from ..learn.implicit import ImplicitHead
from ..learn.networks import QNetwork
from .few import telling

Form = Literal["shares", "quantiles"]
AT_ONCE = 2_000_000  # numbers that a network is asked for at once
WIDER = 4  # times the bytes that there are: as much is computed, for ends of what is found may be trimmed
STEPS = 255  # between the smallest and the largest number of an action


class Spread(NamedTuple):
    """What a head says of values [B, A, K]."""

    form: Form
    at: Tensor  # [K] the returns that have probabilities, or the levels of quantiles
    numbers: Tensor  # [B, A, K] the probabilities, or the quantiles


class Outlook(NamedTuple):
    """Of every `every`th step, number = low + (high - low) * packed / 255. L actions are kept: all, or `kept`."""

    form: Form
    every: int
    at: np.ndarray  # [K] as in `Spread`, returns in the environment's units, without ends that are nowhere likely
    kept: np.ndarray | None  # [T, L]
    low: np.ndarray  # [T, L]
    high: np.ndarray  # [T, L]
    packed: np.ndarray  # [T, L, K] uint8


SPREADS: Mapping[type[Head], Callable[[Any, Tensor], Spread]] = {
    CategoricalHead: lambda head, values: Spread("shares", head.returns(values), values.softmax(-1)),
    HistogramHead: lambda head, values: Spread("shares", head.centres(values), values.softmax(-1)),
    QuantileHead: lambda head, values: Spread("quantiles", (torch.arange(head.width) + 0.5) / head.width, values),
    ImplicitHead: lambda head, values: Spread("quantiles", values[0, 0, head.num :], values[:, :, : head.num]),
}


def says_more(network: QNetwork) -> bool:
    """Whether it says more of an action than one number, in a way that is known."""
    return type(network.head) in SPREADS


def outlook(network: QNetwork, obs: np.ndarray, q: np.ndarray, most: int) -> Outlook | None:
    """What the network expects along an episode [T, *obs_shape], within `most` bytes; none if it says no more than q.

    Args:
        q: its values [T, A], which tell the actions that are kept.
    """
    if not says_more(network):
        return None
    kept = telling({"best": q})
    size = network.head.width * (q.shape[1] if kept is None else kept.shape[1])
    every = max(1, -(-len(q) * size // (WIDER * most)))
    obs, kept = obs[::every], None if kept is None else kept[::every]
    batch = max(1, AT_ONCE // (network.head.width * q.shape[1]))
    parts = [_numbers(network, obs[i : i + batch], kept, i) for i in range(0, len(obs), batch)]
    numbers = np.concatenate([part.numbers for part in parts])
    form = parts[0].form
    at = parts[0].at.numpy().copy()
    scale = network.reward_scale
    if form == "shares":
        at, low = at * scale, np.zeros(numbers.shape[:2], np.float32)
    else:
        numbers = numbers * scale
        low = numbers.min(2)
    high = numbers.max(2)
    share = (numbers - low[..., None]) / np.where(high > low, high - low, 1)[..., None]
    packed = np.rint(STEPS * share).astype(np.uint8)
    actions = None if kept is None else kept.astype(np.int32)
    found = Outlook(form, every, at, actions, low, high, packed)
    return _thinned(_trimmed(found) if form == "shares" else found, most)


def _trimmed(found: Outlook) -> Outlook:
    """Without the returns at both ends that are nowhere likely enough to be seen."""
    seen = np.flatnonzero(found.packed.max((0, 1)))
    place = slice(seen[0], seen[-1] + 1)
    return found._replace(at=found.at[place], packed=found.packed[:, :, place])


def _thinned(found: Outlook, most: int) -> Outlook:
    """Of fewer steps, within `most` bytes."""
    step = max(1, -(-found.packed.nbytes // most))
    kept = None if found.kept is None else found.kept[::step]
    thin = {name: getattr(found, name)[::step] for name in ("low", "high", "packed")}
    return found._replace(every=found.every * step, kept=kept, **thin)


def _numbers(network: QNetwork, obs: np.ndarray, kept: np.ndarray | None, start: int) -> Spread:
    """What it says of some observations, of the actions that are kept."""
    with torch.no_grad():
        said = SPREADS[type(network.head)](network.head, network(torch.from_numpy(obs)))
    if kept is None:
        return said
    places = torch.from_numpy(kept[start : start + len(obs)])[:, :, None]
    return said._replace(numbers=said.numbers.take_along_dim(places, 1))
