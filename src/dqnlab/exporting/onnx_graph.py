"""A graph as ONNX operations, for any number of observations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ..errors import ConfigError
from .graph import MANY, Graph, Node

OPSET = 18
IR_VERSION = 10  # so that older runtimes open it too

_NAMES = {
    "add": "Add",
    "sub": "Sub",
    "mul": "Mul",
    "div": "Div",
    "pow": "Pow",
    "maximum": "Max",
    "minimum": "Min",
    "eq": "Equal",
    "lt": "Less",
    "le": "LessOrEqual",
    "gt": "Greater",
    "ge": "GreaterOrEqual",
    "logical_and": "And",
    "logical_or": "Or",
    "logical_not": "Not",
    "where": "Where",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    **{name: name.capitalize() for name in ("tanh", "exp", "log", "cos", "sin", "sqrt", "abs", "neg", "sign", "erf")},
    "reciprocal": "Reciprocal",
}
_REDUCED = {"sum": "ReduceSum", "mean": "ReduceMean", "amax": "ReduceMax"}


class OnnxWriter:
    """Collects the nodes and constants of a model."""

    def __init__(self) -> None:
        import onnx

        self._onnx = onnx
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def write(self, graph: Graph, counted: str) -> None:
        """The whole of a graph; observations are counted by the first axis of the input `counted`."""
        self._counted = counted
        for node in graph.constants:
            assert node.data is not None
            self.constants.append(self._onnx.numpy_helper.from_array(node.data.numpy(), node.name))
        for node in graph.steps:
            self._step(node)

    def add(self, kind: str, inputs: Sequence[str], name: str = "", **attributes: Any) -> str:
        """One operation; returns the name of what it gives."""
        name = name or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(self._onnx.helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, value: Any, dtype: Any = np.int64) -> str:
        """A constant of numpy's; returns its name."""
        name = f"number_{len(self.constants)}"
        self.constants.append(self._onnx.numpy_helper.from_array(np.array(value, dtype), name))
        return name

    def type_of(self, dtype: torch.dtype | np.dtype) -> int:
        """ONNX's number for a type."""
        return self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(str(dtype).removeprefix("torch.")))

    def sizes(self, shape: Sequence[int]) -> str:
        """Sizes as a tensor, those that count observations computed from how many there are."""
        if not any(map(_is_open, shape)):
            return self.constant(list(shape))
        num = self.add("Shape", [self._counted], start=0, end=1)
        parts = [
            self.add("Mul", [num, self.constant([size // MANY])]) if _is_open(size) else self.constant([size])
            for size in shape
        ]
        return self.add("Concat", parts, axis=0)

    def _operand(self, value: Any, dtype: torch.dtype) -> str:
        if isinstance(value, Node):
            return value.name
        return self.constant(value, np.dtype(str(dtype).removeprefix("torch.")))

    def _step(self, node: Node) -> None:
        if node.op in _NAMES or node.op in ("rsqrt", "ne"):
            self._by_number(node)
            return
        x = node.args[0]
        match node.op, node.args[1:]:
            case "matmul", (weight, None):
                self.add("MatMul", [x.name, weight.name], node.name)
            case "matmul", (weight, bias):
                self.add("Gemm", [x.name, weight.name, bias.name], node.name)
            case ("sum" | "mean" | "amax") as name, (axes,):
                keeps = int(len(node.shape) == len(x.shape))
                self.add(_REDUCED[name], [x.name, self.constant(axes)], node.name, keepdims=keeps)
            case "reshape", ():
                open_ones = [-1 if _is_open(size) else size for size in node.shape]
                self.add("Reshape", [x.name, self.constant(open_ones)], node.name)
            case "permute", (axes,):
                self.add("Transpose", [x.name], node.name, perm=list(axes))
            case "expand", ():
                self.add("Expand", [x.name, self.sizes(node.shape)], node.name)
            case "slice", (axis, start, end, step):
                ends = [self.sizes([start]), self.sizes([end]), self.constant([axis]), self.constant([step])]
                self.add("Slice", [x.name, *ends], node.name)
            case "cat", (axis,):
                self.add("Concat", [each.name for each in x], node.name, axis=axis)
            case "repeat", (counts,):
                self.add("Tile", [x.name, self.sizes(counts)], node.name)
            case "full", ():
                self.add("Expand", [self._operand(x, node.dtype), self.sizes(node.shape)], node.name)
            case "pad", (before, after, value):
                fill = self.constant(value, np.float32)
                self.add("Pad", [x.name, self.constant([*before, *after]), fill], node.name)
            case "conv2d", (weight, bias, stride, dilation):
                operands = [each.name for each in (x, weight, bias) if each is not None]
                self.add("Conv", operands, node.name, strides=list(stride), dilations=list(dilation))
            case "max_pool2d", (window, stride):
                self.add("MaxPool", [x.name], node.name, kernel_shape=list(window), strides=list(stride))
            case "cast", ():
                self.add("Cast", [x.name], node.name, to=self.type_of(node.dtype))
            case name, _:
                raise ConfigError(f"this network cannot be exported as ONNX: its operation {name!r} has no form there")

    def _by_number(self, node: Node) -> None:
        tensors = [each for each in node.args[node.op == "where" :] if isinstance(each, Node)]
        operands = [self._operand(each, tensors[0].dtype if tensors else node.dtype) for each in node.args]
        if node.op == "rsqrt":
            self.add("Reciprocal", [self.add("Sqrt", operands)], node.name)
        elif node.op == "ne":
            self.add("Not", [self.add("Equal", operands)], node.name)
        else:
            self.add(_NAMES[node.op], operands, node.name)


def _is_open(size: int) -> bool:
    return size != 0 and size % MANY == 0


def one_size(shape: Sequence[int], name: str = "observations") -> list[int | str]:
    """A shape as a model announces it."""
    return [name if _is_open(size) else size for size in shape] if math.prod(shape) else list(shape)
