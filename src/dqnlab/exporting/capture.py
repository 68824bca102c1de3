"""What a network computes, recorded by torch as operations on MANY observations."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .graph import MANY


def capture(module: nn.Module, inputs: Mapping[str, tuple[Sequence[int], torch.dtype]]) -> torch.export.ExportedProgram:
    """What a module computes of MANY observations; `inputs` are the shape and type of one, by their names."""
    from torch._subclasses.fake_tensor import FakeTensorMode  # tensors without memory

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's of its own use of itself
        with FakeTensorMode(allow_non_fake_inputs=True):
            examples = {name: torch.zeros((MANY, *shape), dtype=dtype) for name, (shape, dtype) in inputs.items()}
        program = torch.export.export(module.eval(), (), examples)
        return program.run_decompositions(_smaller_parts())


def _smaller_parts() -> dict[Any, Any]:
    """torch's own rules of how operations are made of simpler ones, and more, so that few kinds are left."""
    aten = torch.ops.aten
    more = {
        aten.native_layer_norm.default: _layer_norm,
        aten._softmax.default: _softmax,
        aten.gelu.default: _gelu,
    }
    return {**torch.export.default_decompositions(), **more}


def _layer_norm(
    x: Tensor, shape: Sequence[int], weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, ...]:
    last = [-1 - i for i in range(len(shape))]
    mean = x.mean(last, keepdim=True)
    apart = x - mean
    scale = ((apart * apart).mean(last, keepdim=True) + eps).rsqrt()
    made = apart * scale
    made = made if weight is None else made * weight
    return made if bias is None else made + bias, mean, scale


def _softmax(x: Tensor, dim: int, half_to_float: bool) -> Tensor:
    powers = (x - x.amax(dim, keepdim=True)).exp()
    return powers / powers.sum(dim, keepdim=True)


def _gelu(x: Tensor, approximate: str = "none") -> Tensor:
    if approximate == "tanh":
        return 0.5 * x * (1 + (math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)).tanh())
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))
