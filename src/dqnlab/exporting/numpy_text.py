"""A graph as plain numpy: one line for each operation, and the helpers that these need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ..errors import ConfigError
from .graph import MANY, Graph, Node

_FORMS = {
    "add": "{} + {}",
    "sub": "{} - {}",
    "mul": "{} * {}",
    "div": "{} / {}",
    "pow": "{} ** {}",
    "eq": "{} == {}",
    "ne": "{} != {}",
    "lt": "{} < {}",
    "le": "{} <= {}",
    "gt": "{} > {}",
    "ge": "{} >= {}",
    "maximum": "np.maximum({}, {})",
    "minimum": "np.minimum({}, {})",
    "logical_and": "np.logical_and({}, {})",
    "logical_or": "np.logical_or({}, {})",
    "logical_not": "np.logical_not({})",
    "where": "np.where({}, {}, {})",
    "relu": "np.maximum({}, 0)",
    "sigmoid": "0.5 * (1 + np.tanh(0.5 * {}))",
    "rsqrt": "1 / np.sqrt({})",
    "reciprocal": "1 / {}",
    "neg": "-{}",
    "erf": "np.vectorize(math.erf, otypes=[np.float32])({})",
    **{name: f"np.{name}({{}})" for name in ("tanh", "exp", "log", "cos", "sin", "sqrt", "abs", "sign")},
}

_HELPERS = {
    "conv2d": '''
def conv2d(x, weight, bias, stride, dilation):
    """Pictures [B, C', H', W'] -> [B, C, H, W]."""
    rows, columns = ((size - 1) * by + 1 for size, by in zip(weight.shape[2:], dilation))
    windows = np.lib.stride_tricks.sliding_window_view(x, (rows, columns), (2, 3))
    windows = windows[:, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]
    made = np.tensordot(windows, weight, ((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
    return made if bias is None else made + bias[:, None, None]
''',
    "max_pool2d": '''
def max_pool2d(x, window, stride):
    """The largest number of each window of pictures [B, C, H, W]."""
    windows = np.lib.stride_tricks.sliding_window_view(x, window, (2, 3))
    return windows[:, :, :: stride[0], :: stride[1]].max((4, 5))
''',
}


def helpers(graph: Graph) -> str:
    """The functions that its lines call."""
    return "".join(f"\n{text}" for name, text in _HELPERS.items() if any(node.op == name for node in graph.steps))


def lines(graph: Graph) -> list[str]:
    """One statement for each step; inputs go by their names, `n` is the number of observations."""
    return [f"{node.name} = {_expression(node)}" for node in graph.steps]


def operand(value: Any) -> str:
    """An operand: a tensor by its name, a number as it is written."""
    if isinstance(value, Node):
        return f"W[{value.name!r}]" if value.op == "constant" else value.name
    if isinstance(value, float) and not math.isfinite(value):
        return "np.nan" if math.isnan(value) else ("-np.inf" if value < 0 else "np.inf")
    return repr(value)


def _expression(node: Node) -> str:
    if node.op in _FORMS:
        operands = [operand(each) for each in node.args]
        return _FORMS[node.op].format(*(f"({each})" if each.startswith("-") else each for each in operands))
    x = operand(node.args[0])
    match node.op, node.args[1:]:
        case "matmul", (weight, None):
            return f"{x} @ {operand(weight)}"
        case "matmul", (weight, bias):
            return f"{x} @ {operand(weight)} + {operand(bias)}"
        case ("sum" | "mean" | "amax") as name, (axes,):
            keeps = ", keepdims=True" if len(node.shape) == len(node.args[0].shape) else ""
            return f"{x}.{name.removeprefix('a')}({axes}{keeps})"
        case "reshape", ():
            return f"{x}.reshape({_tuple(_open(node.shape))})"
        case "permute", (axes,):
            return f"{x}.transpose({axes})"
        case "expand", ():
            return f"np.broadcast_to({x}, {_tuple(map(size_text, node.shape))})"
        case "slice", (axis, start, end, step):
            by = f":{step}" if step != 1 else ""
            return f"{x}[{':, ' * axis}{size_text(start)}:{size_text(end)}{by}]"
        case "cat", (axis,):
            return f"np.concatenate([{', '.join(map(operand, node.args[0]))}], {axis})"
        case "repeat", (counts,):
            return f"np.tile({x}, {_tuple(map(size_text, counts))})"
        case "full", ():
            return f"np.full({_tuple(map(size_text, node.shape))}, {x}, {numpy_type(node.dtype)})"
        case "pad", (before, after, value):
            margins = list(zip(before, after, strict=True))
            return f"np.pad({x}, {margins}, constant_values={operand(value)})"
        case ("conv2d" | "max_pool2d") as name, more:
            return f"{name}({', '.join([x, *map(operand, more)])})"
        case "cast", ():
            return f"{x}.astype({numpy_type(node.dtype)})"
        case name, _:
            raise ConfigError(f"this network cannot be exported as numpy: its operation {name!r} has no form there")


def numpy_type(dtype: torch.dtype) -> str:
    """As it is written: np.float32."""
    name = np.dtype(str(dtype).removeprefix("torch.")).name
    return f"np.{'bool_' if name == 'bool' else name}"


def size_text(size: int) -> str:
    """A size: a number, or so many times `n`."""
    if size == 0 or size % MANY:
        return str(size)
    return "n" if size == MANY else f"{size // MANY} * n"


def _open(shape: Sequence[int]) -> list[str]:
    """The sizes, of which the one that counts observations may be left to numpy."""
    return ["-1" if size and size % MANY == 0 else str(size) for size in shape]


def _tuple(sizes: Any) -> str:
    listed = list(sizes)
    return f"({', '.join(listed)}{',' * (len(listed) == 1)})"
