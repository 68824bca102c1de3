"""Which of the tensors in a stranger's file are the network's, and in which layers they lie."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...errors import counted

NOT_THE_NETWORK = ("target", "optim")
"""in the names of what lies beside the network that acts"""
MOST_SHOWN = 4


class WeightLayer(NamedTuple):
    """A convolution or a fully connected layer."""

    name: str
    weight: Tensor
    """[outputs, inputs], or [channels, channels seen, height, width]"""
    bias: Tensor

    @property
    def outputs(self) -> int:
        return self.weight.shape[0]

    @property
    def inputs(self) -> int:
        return self.weight.shape[1]


class LayerChain(NamedTuple):
    """The layers of a network that is nothing but these, one after the other."""

    convs: list[WeightLayer]
    dense: list[WeightLayer]

    @property
    def layers(self) -> list[WeightLayer]:
        return [*self.convs, *self.dense]

    @property
    def hidden(self) -> tuple[int, ...]:
        """The units of each hidden layer."""
        return tuple(layer.outputs for layer in self.dense[:-1])


def is_state_dict(content: object) -> bool:
    """Whether it is a table of tensors by name, and holds any."""
    return isinstance(content, Mapping) and bool(content) and all(map(_is_named_tensor, content.items()))


def _is_named_tensor(item: tuple[object, object]) -> bool:
    return isinstance(item[0], str) and isinstance(item[1], Tensor)


def network_in(content: object) -> Mapping[str, Tensor]:
    """The one network in what was saved: itself, or what a checkpoint holds under a name. Raises ValueError."""
    if isinstance(content, Mapping) and is_state_dict(content):
        return content
    if not isinstance(content, Mapping):
        raise ValueError(f"it is a {type(content).__name__}, not a state_dict of tensors")
    held = {str(name): value for name, value in content.items() if is_state_dict(value)}
    found = {name: value for name, value in held.items() if not any(each in name for each in NOT_THE_NETWORK)}
    if len(found) == 1:
        return next(iter(found.values()))
    shown = _some(held or content)
    if held:
        raise ValueError(f"it holds {len(held)} tables of tensors ({shown}): save the network's own, and nothing else")
    raise ValueError(f"it holds no table of tensors ({shown}): save the network's state_dict")


def chain_of(weights: Mapping[str, Tensor], *, in_order: bool) -> LayerChain:
    """The layers of a network, in the order in which data passes them. Raises ValueError if it is more than a chain.

    Args:
        in_order: whether the file has them in that order; else it is that of the numbers in their names.
    """
    stems: dict[str, dict[str, Tensor]] = {}
    for name, w in weights.items():
        stem, _, kind = name.rpartition(".")
        stems.setdefault(stem, {})[kind] = w
    layers = [_layer(stem, stems[stem]) for stem in (stems if in_order else sorted(stems, key=_natural))]
    convs = [layer for layer in layers if layer.weight.ndim == 4]
    dense = [layer for layer in layers if layer.weight.ndim == 2]
    if not dense or any(layer.weight.ndim == 4 for layer in layers[len(convs) :]):
        raise ValueError(f"its layers ({_some(stems)}) are no chain of convolutions and then fully connected ones")
    for before, after in [*pairwise(convs), *pairwise(dense)]:
        if before.outputs != after.inputs:
            raise ValueError(
                f"its layers are no chain: {before.name!r} gives {counted(before.outputs, 'number')}, and "
                f"{after.name!r} takes {after.inputs}"
            )
    return LayerChain(convs, dense)


def _layer(stem: str, own: Mapping[str, Tensor]) -> WeightLayer:
    weight = own.get("weight")
    if weight is None or weight.ndim not in (2, 4) or not weight.numel() or not own.keys() <= {"weight", "bias"}:
        name, w = next((each for each in own.items() if each[0] not in ("weight", "bias")), next(iter(own.items())))
        shown = f"{stem}.{name}".removeprefix(".")
        raise ValueError(
            f"it holds {shown!r} {tuple(w.shape)}, and only convolutions and fully connected layers (.weight and "
            ".bias) can be brought in: no norms, noise or recurrence"
        )
    bias = own.get("bias", torch.zeros(len(weight)))
    if bias.shape != (len(weight),):
        raise ValueError(f"'{stem}.bias' is {tuple(bias.shape)}, and '{stem}.weight' {tuple(weight.shape)}")
    return WeightLayer(stem, weight, bias)


def singles(weights: Mapping[str, Tensor], size: int) -> tuple[dict[str, Tensor], str]:
    """Weights as networks have them, in 32 bits, and what that has changed, if anything. Raises ValueError.

    Args:
        size: bytes of the file that they are from, which cannot hold more.
    """
    if sum(w.numel() * w.element_size() for w in weights.values()) > size:
        raise ValueError(f"it claims tensors larger than its {counted(size, 'byte')}")
    found: dict[str, Tensor] = {}
    for name, w in weights.items():
        if w.device.type != "cpu" or w.layout != torch.strided or not w.is_floating_point():
            raise ValueError(f"it holds {name!r} as {w.dtype}, {w.layout}, on {w.device}: weights are plain floats")
        single = w.detach().float()
        if not single.isfinite().all():
            raise ValueError(f"its {name!r} holds numbers that are not finite in 32 bits, with which nothing can act")
        found[name] = single.contiguous()
    kinds = sorted({str(w.dtype).removeprefix("torch.") for w in weights.values()} - {"float32"})
    return found, f"its weights were {' and '.join(kinds)}: they are float32 now" if kinds else ""


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Sorts names with their numbers as numbers: fc2 before fc10."""
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in re.split(r"(\d{1,9})", text)]


def _some(names: Any) -> str:
    shown = [str(name)[:60] for name in names]
    more = f" and {len(shown) - MOST_SHOWN} more" if len(shown) > MOST_SHOWN else ""
    return ", ".join(shown[:MOST_SHOWN]) + more
