"""Which of the tensors in a stranger's file are the network's, and in which layers they lie."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import groupby, pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from ...errors import counted

NOT_THE_NETWORK = ("target", "optim")
"""in the names of what lies beside the network that acts"""
MOST_SHOWN = 4
NUMBER = re.compile(r"(\d{1,9})")


class WeightLayer(NamedTuple):
    """A convolution or a fully connected layer."""

    name: str
    weight: Tensor
    """[outputs, inputs], or [channels, channels seen, height, width]"""
    bias: Tensor
    """zeros where the file has none"""
    is_biased: bool = True
    """whether the file has one"""

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

    @property
    def assumed(self) -> tuple[str, ...]:
        """What is taken for granted of layers, which the file does not say."""
        bare = [layer.name for layer in self.layers if not layer.is_biased]
        return (f"zeros for the biases of {_some(bare)}, where it has none",) if bare else ()


def is_state_dict(content: object) -> bool:
    """Whether it is a table of tensors by name, and holds any."""
    return isinstance(content, Mapping) and bool(content) and all(map(_is_named_tensor, content.items()))


def _is_named_tensor(item: tuple[object, object]) -> bool:
    return isinstance(item[0], str) and isinstance(item[1], Tensor)


class Found(NamedTuple):
    """The network that acts, of those that a file holds."""

    weights: Mapping[str, Tensor]
    assumed: tuple[str, ...] = ()
    """which it was taken for, where there were others"""


def network_in(content: object) -> Found:
    """The one network in what was saved: itself, or what a checkpoint holds under a name. Raises ValueError."""
    if isinstance(content, Mapping) and is_state_dict(content):
        return Found(content)
    if isinstance(content, Mapping) and not content:
        raise ValueError("it is an empty table: save the network's state_dict")
    if not isinstance(content, Mapping):
        raise ValueError(f"it is a {type(content).__name__}, not a state_dict of tensors")
    held = {str(name): value for name, value in content.items() if is_state_dict(value)}
    found = {name: value for name, value in held.items() if not any(each in name for each in NOT_THE_NETWORK)}
    if len(found) == 1:
        ((name, weights),) = found.items()
        others = [other for other in held if other != name]
        beside = f"that {_quoted([name])} is the network that acts, not {_quoted(others)}"
        return Found(weights, (beside,) if others else ())
    shown = _some(held or content)
    if held:
        raise ValueError(f"it holds {len(held)} tables of tensors ({shown}): save the network's own, and nothing else")
    raise ValueError(f"it holds no table of tensors ({shown}): save the network's state_dict")


def chain_of(weights: Mapping[str, Tensor], *, in_order: bool) -> LayerChain:
    """The layers of a network, in the order in which data passes them. Raises ValueError if it is more than a chain.

    Args:
        in_order: whether the file has them in that order, but for names that differ only in numbers, which go by
            these; else all go by the numbers in their names.
    """
    stems: dict[str, dict[str, Tensor]] = {}
    for name, w in weights.items():
        stem, _, kind = name.rpartition(".")
        stems.setdefault(stem, {})[kind] = w
    ordered = by_number(stems) if in_order else sorted(stems, key=natural)
    layers = [_layer(stem, stems[stem]) for stem in ordered]
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
    is_biased = "bias" in own
    bias = own["bias"] if is_biased else torch.zeros(len(weight))
    if bias.shape != (len(weight),):
        raise ValueError(f"'{stem}.bias' is {tuple(bias.shape)}, and '{stem}.weight' {tuple(weight.shape)}")
    return WeightLayer(stem, weight, bias, is_biased)


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


def by_number(names: Iterable[str]) -> list[str]:
    """The names as they are, but those side by side that differ only in their numbers in the order of these."""
    alike = groupby(names, lambda name: NUMBER.sub("", name))
    return [name for _, group in alike for name in sorted(group, key=natural)]


def natural(text: str) -> list[tuple[int, int, str]]:
    """Sorts names with their numbers as numbers: fc2 before fc10."""
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in NUMBER.split(text)]


def _quoted(names: Iterable[str]) -> str:
    return _some(map(repr, names))


def _some(names: Iterable[object]) -> str:
    shown = [str(name)[:60] for name in names]
    more = f" and {len(shown) - MOST_SHOWN} more" if len(shown) > MOST_SHOWN else ""
    return ", ".join(shown[:MOST_SHOWN]) + more
