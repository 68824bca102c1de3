"""A network's weights as the page computes with them."""

from typing import Any

import numpy as np

from ..learn.networks import QNetwork


def layers(network: QNetwork, dtype: type[np.floating[Any]] = np.float32) -> dict[str, Any] | None:
    """Copies of the weight [out, in] and bias [out] of each layer, in the order in which data passes them.

    None for a network that is no chain of layers: the page would compute another one.
    """
    chain = network.chain()
    if chain is None:
        return None
    arrays = [(each.weight.detach().cpu().numpy(), each.bias.detach().cpu().numpy()) for each in chain]
    weight, bias = arrays[-1]
    arrays[-1] = (weight * network.reward_scale, bias * network.reward_scale)  # values in the environment's own units
    return {"layers": [{"weight": weight.astype(dtype), "bias": bias.astype(dtype)} for weight, bias in arrays]}


def size(network: QNetwork) -> int:
    """How many numbers it has."""
    return sum(weights.numel() for weights in network.parameters())
