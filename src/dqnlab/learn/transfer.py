"""A network that begins with the weights of another one, as far as they fit.

Data passes encoder, torso and stream in this order, and what a part makes of it means something only to the next one:
so parts are taken from the front, up to the first that does not fit.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .networks import QNetwork
from .weights import classic_names, last_layer

PARTS = ("encode", "torso", "stream")

Shapes = Mapping[str, tuple[int, ...]]


def own_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights from a file by the names that a network itself has for them: those of the classic module are changed."""
    depth = sum(name.startswith("fc.") and name.endswith(".weight") for name in weights)
    own = [*(f"torso.layers.{i}" for i in range(depth - 1)), "stream.linear"]
    pairs = zip(classic_names(depth), own, strict=True) if depth else ()
    renamed = {f"{classic}.{kind}": f"{name}.{kind}" for classic, name in pairs for kind in ("weight", "bias")}
    if not renamed.keys() <= weights.keys():
        return dict(weights)
    return {renamed.get(name, name): w for name, w in weights.items()}


def shapes_of(weights: Mapping[str, Tensor], part: str) -> Shapes:
    """The names and shapes of what a part of a network consists of."""
    return {name: tuple(w.shape) for name, w in weights.items() if name.startswith(f"{part}.")}


def fitting_parts(network: QNetwork, weights: Mapping[str, Tensor], *, same_head: bool) -> list[str]:
    """The parts that can be taken from weights by their own names; not the stream of a head that means something else.

    Empty if there is nothing: a part without weights, as most encoders are, is none by itself.
    """
    own = network.state_dict()
    taken = []
    for part in PARTS:
        if shapes_of(own, part) != shapes_of(weights, part) or (part == "stream" and not same_head):
            break
        taken.append(part)
    return taken if any(shapes_of(own, part) for part in taken) else []


def superfluous(network: QNetwork, weights: Mapping[str, Tensor]) -> list[str]:
    """What weights hold beyond those of a network, in no part or in the first that fits but for that."""
    own = network.state_dict()
    is_ours = any(shapes_of(weights, part) for part in PARTS)
    odd = [name for name in weights if name.partition(".")[0] not in PARTS] if is_ours else []
    pairs = ((shapes_of(own, part), shapes_of(weights, part)) for part in PARTS)
    wanted, given = next((pair for pair in pairs if pair[0] != pair[1]), ({}, {}))
    if wanted and wanted.items() <= given.items():
        odd += given.keys() - wanted.keys()
    return sorted(odd)


@torch.no_grad()
def begin_with(network: QNetwork, weights: Mapping[str, Tensor], parts: Sequence[str]) -> None:
    """Copies these parts into the network, in place; the last layer is divided by the network's `reward_scale`."""
    last = last_layer(network)
    state: dict[str, Any] = network.state_dict()
    for name, own in state.items():
        if name.partition(".")[0] in parts:
            own.copy_(weights[name] / network.reward_scale if name in last else weights[name])
