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
    at: np.ndarray  # [K] as in `Spread`, returns in the environment's units
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
    every = max(1, -(-len(q) * size // most))
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
    return Outlook(
        form,
        every,
        at,
        None if kept is None else kept.astype(np.int32),
        low,
        high,
        np.rint(STEPS * share).astype(np.uint8),
    )


def _numbers(network: QNetwork, obs: np.ndarray, kept: np.ndarray | None, start: int) -> Spread:
    """What it says of some observations, of the actions that are kept."""
    with torch.no_grad():
        said = SPREADS[type(network.head)](network.head, network(torch.from_numpy(obs)))
    if kept is None:
        return said
    places = torch.from_numpy(kept[start : start + len(obs)])[:, :, None]
    return said._replace(numbers=said.numbers.take_along_dim(places, 1))
