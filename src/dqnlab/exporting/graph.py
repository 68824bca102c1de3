"""A Q-network as a short list of arithmetic, captured by torch: what every exported program is printed from.

torch records which operations its own code makes of MANY observations. That number is a prime that no layer has for a
size, so whatever is a multiple of it counts observations, and can be any number afterwards: one, for programs that act
on one at a time, or as many as there are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

MANY = 1_000_003  # observations

BY_NUMBER = frozenset(
    [
        "add",
        "sub",
        "mul",
        "div",
        "pow",
        "maximum",
        "minimum",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "logical_and",
        "logical_or",
        "logical_not",
        "where",
        "relu",
        "sigmoid",
        "tanh",
        "exp",
        "log",
        "cos",
        "sin",
        "sqrt",
        "rsqrt",
        "abs",
        "neg",
        "sign",
        "reciprocal",
        "erf",
        "cast",
    ]
)
"""operations that make each number of what they give of one number of each thing that they take"""


@dataclass(eq=False)
class Node:
    """A tensor of the program and how it is made."""

    name: str
    op: str
    args: tuple[Any, ...]
    """nodes, numbers, and tuples of them"""
    shape: tuple[int, ...]
    """multiples of MANY count observations"""
    dtype: torch.dtype
    data: Tensor | None = None
    """of a constant"""

    @property
    def inputs(self) -> list[Node]:
        """The tensors that it is made of."""
        flat = [each for arg in self.args for each in (arg if isinstance(arg, tuple) else (arg,))]
        return [each for each in flat if isinstance(each, Node)]


@dataclass
class Graph:
    """Nodes in an order in which they can be computed, constants among them."""

    inputs: list[Node]
    outputs: list[Node]
    nodes: list[Node] = field(default_factory=list)

    @property
    def constants(self) -> list[Node]:
        """The weights, and what follows from them alone."""
        return [node for node in self.nodes if node.op == "constant"]

    @property
    def steps(self) -> list[Node]:
        """What is to be computed."""
        return [node for node in self.nodes if node.op not in ("constant", "input")]
