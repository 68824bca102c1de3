"""A network's weights as the page computes with them."""

from typing import Any

import numpy as np

from ..learn.networks import QNetwork

LEAST, LARGEST = 2.0**-10, 65_504.0  # sizes at which half precision is as good as a picture needs


def layers(network: QNetwork, *, halved: bool = False) -> dict[str, Any] | None:
    """Copies of the weight [out, in] and bias [out] of each layer, in the order in which data passes them.

    None for a network that is no chain of layers: the page would compute another one.

    Args:
        halved: in half precision, where that holds numbers of their size; rewards of 1e30 have weights of 1e30.
    """
    chain = network.chain()
    if chain is None:
        return None
    arrays = [(each.weight.detach().cpu().numpy(), each.bias.detach().cpu().numpy()) for each in chain]
    weight, bias = arrays[-1]
    arrays[-1] = (weight * network.reward_scale, bias * network.reward_scale)  # values in the environment's own units
    kept = _halved if halved else np.array
    return {"layers": [{"weight": kept(weight), "bias": kept(bias)} for weight, bias in arrays]}


def _halved(array: np.ndarray) -> np.ndarray:
    """As float16; as it is where its largest number is none of that."""
    largest = float(np.abs(array).max(initial=0.0))
    return array.astype(np.float16) if largest == 0 or LEAST <= largest <= LARGEST else array.copy()


def num_weights(network: QNetwork) -> int:
    """How many numbers it has."""
    return sum(weights.numel() for weights in network.parameters())
