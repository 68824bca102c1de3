"""A graph for one observation as loops over flat arrays, in the words that C and JavaScript have in common.

Every operation is one pattern: loops over the places of what is made, loops over what is added up or of which the
largest is taken, and an expression of arrays whose places are sums of loop counters times steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from ..errors import ConfigError
from .graph import BY_NUMBER, Graph, Node

COUNTERS = "ijklmpqr"

Steps = tuple[int, ...]
"""of a place in an array, for one more of each loop's counter"""


@dataclass(frozen=True)
class Dialect:
    """What differs between two languages."""

    name: str
    counter: str
    """the type of loop counters"""
    sum: str
    """the type of a sum"""
    forms: dict[str, str]
    """what each operation on numbers looks like"""
    number: Callable[[float], str]
    """how a number is written"""


@dataclass(frozen=True)
class Read:
    """An array that is read at a place that depends on the loops' counters."""

    array: str
    start: int
    steps: Steps


@dataclass(frozen=True)
class Nest:
    """One pattern of loops."""

    array: str
    """what is made"""
    start: int
    steps: Steps
    sizes: Steps
    """of the loops, first those over what is made"""
    num_reduced: int
    """how many of the last ones are over what is added up"""
    expression: str
    """with {0}, {1} … for what is read"""
    reads: tuple[Read, ...]
    begin: str = ""
    """what a sum begins with, {0} … as well"""
    join: str = ""
    """how it goes on: sum or amax"""
    divide: int = 1


def shared_forms() -> dict[str, str]:
    """Operations that are written alike."""
    return {
        "add": "({} + {})",
        "sub": "({} - {})",
        "mul": "({} * {})",
        "div": "({} / {})",
        "eq": "({} == {})",
        "ne": "({} != {})",
        "lt": "({} < {})",
        "le": "({} <= {})",
        "gt": "({} > {})",
        "ge": "({} >= {})",
        "logical_and": "({} && {})",
        "logical_or": "({} || {})",
        "logical_not": "(!{})",
        "where": "({} ? {} : {})",
        "neg": "(-{})",
        "cast": "{}",
    }


def contiguous(shape: Sequence[int]) -> Steps:
    """The steps of an array whose last axis changes first."""
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


class Loops:
    """The loops of a graph, and where its constants lie in one array `w`."""

    def __init__(self, graph: Graph, dialect: Dialect):
        self.dialect = dialect
        self._graph = graph
        self.weights: list[Tensor] = []
        """flat, in their order in `w`"""
        self.num_weights = 0
        self._places: dict[tuple[Node, bool], int] = {}
        self._used: dict[Node, int] = {}
        for node in [*graph.steps]:
            for each in node.inputs:
                self._used[each] = self._used.get(each, 0) + 1
        for each in graph.outputs:
            self._used[each] = 2  # somebody else reads it too

    def buffers(self) -> list[tuple[str, int]]:
        """The arrays that are needed, with their sizes."""
        return [(node.name, math.prod(node.shape)) for node in self._graph.steps if self._is_made(node)]

    def text(self) -> list[list[str]]:
        """The lines of the program, those of each array by themselves."""
        made = [node for node in self._graph.steps if self._is_made(node)]
        return [[line for nest in self._nests(node) for line in self._lines(nest)] for node in made]

    def place(self, node: Node) -> tuple[str, int]:
        """Where a tensor lies: in which array, and from where on."""
        if node.op == "constant":
            return "w", self._kept(node)
        return self.place(node.args[0]) if node.op == "reshape" else (node.name, 0)

    def _kept(self, node: Node, turned: bool = False) -> int:
        """Where a constant lies in `w`, or that with its two axes turned."""
        assert node.data is not None
        if (node, turned) not in self._places:
            self._places[node, turned] = self.num_weights
            self.weights.append((node.data.T if turned else node.data).float().flatten())
            self.num_weights += node.data.numel()
        return self._places[node, turned]

    def _is_made(self, node: Node) -> bool:
        """Whether it is an array, and neither another name of one nor a part of somebody's expression."""
        return node.op != "reshape" and not self._is_inside(node)

    def _is_inside(self, node: Node) -> bool:
        """Whether what each of its numbers comes to is written where the only one who reads it is made."""
        if node.op == "full":
            return True
        if node.op not in BY_NUMBER or self._used.get(node, 0) != 1:
            return False
        (reader,) = [each for each in self._graph.steps if node in each.inputs]
        return reader.op in ("sum", "mean") or (reader.op in BY_NUMBER and reader.shape == node.shape)

    # ── What each operation is ───────────────────────────────────────────────────────────────────

    def _nests(self, node: Node) -> list[Nest]:
        steps = contiguous(node.shape)
        if node.op in BY_NUMBER:
            expression, reads = self._expression(node, node.shape)
            return [Nest(node.name, 0, steps, node.shape, 0, expression, reads)]
        x = node.args[0]
        match node.op, node.args[1:]:
            case (("permute" | "expand" | "slice"), _):
                start, own = self._moved(node)
                return [self._copy(node, 0, steps, node.shape, x, own, start)]
            case "cat", (axis,):
                nests, at = list[Nest](), 0
                for each in x:
                    nests.append(self._copy(node, at * steps[axis], steps, each.shape, each, contiguous(each.shape)))
                    at += each.shape[axis]
                return nests
            case "repeat", (counts,):
                sizes = tuple(size * step for size, step in zip(x.shape, steps, strict=True))
                places = [sum(at * size for at, size in zip(place, sizes, strict=True)) for place in np.ndindex(counts)]
                return [self._copy(node, first, steps, x.shape, x, contiguous(x.shape)) for first in places]
            case "pad", (before, _, value):
                fill = Nest(node.name, 0, steps, node.shape, 0, self.dialect.number(value), ())
                first = sum(low * step for low, step in zip(before, steps, strict=True))
                return [fill, self._copy(node, first, steps, x.shape, x, contiguous(x.shape))]
            case (("sum" | "mean" | "amax"), (axes,)):
                return [self._reduced(node, x, axes)]
            case "matmul", (weight, bias):
                return [self._matmul(node, x, weight, bias)]
            case "conv2d", (weight, bias, stride, dilation):
                return [self._conv(node, x, weight, bias, stride, dilation)]
            case "max_pool2d", (window, stride):
                return [self._pool(node, x, window, stride)]
            case name, _:
                raise ConfigError(
                    f"this network cannot be exported as {self.dialect.name}: its operation {name!r} has no form there"
                )

    def _moved(self, node: Node) -> tuple[int, Steps]:
        """Where a view of another array begins, and its steps there."""
        x = node.args[0]
        steps = contiguous(x.shape)
        if node.op == "permute":
            return 0, tuple(steps[axis] for axis in node.args[1])
        if node.op == "expand":
            more = len(node.shape) - len(x.shape)
            kept = [step if size > 1 else 0 for size, step in zip(x.shape, steps, strict=True)]
            return 0, (*[0] * more, *kept)
        _, axis, start, _, by = node.args
        return start * steps[axis], tuple(step * (by if at == axis else 1) for at, step in enumerate(steps))

    def _read(self, node: Node, steps: Iterable[int], start: int = 0) -> Read:
        array, place = self.place(node)
        return Read(array, place + start, tuple(steps))

    def _copy(
        self, node: Node, first: int, steps: Steps, sizes: Sequence[int], x: Node, own: Steps, start: int = 0
    ) -> Nest:
        """Numbers of `x` put into `node` from `first` on."""
        if x.op == "full":
            return Nest(node.name, first, steps, tuple(sizes), 0, self._part(x, sizes)[0], ())
        return Nest(node.name, first, steps, tuple(sizes), 0, "{0}", (self._read(x, own, start),))

    def _reduced(self, node: Node, x: Node, axes: Steps) -> Nest:
        kept = [axis for axis in range(len(x.shape)) if axis not in axes]
        order = [*kept, *axes]
        expression, reads = self._expression(x, x.shape) if self._is_inside(x) else self._leaf(x, x.shape)
        turned = tuple(Read(each.array, each.start, tuple(each.steps[axis] for axis in order)) for each in reads)
        sizes = tuple(x.shape[axis] for axis in order)
        made = (*contiguous([x.shape[axis] for axis in kept]), *[0] * len(axes))
        join, begin = ("amax", self.dialect.number(-math.inf)) if node.op == "amax" else ("sum", "0")
        divide = math.prod(x.shape[axis] for axis in axes) if node.op == "mean" else 1
        return Nest(node.name, 0, made, sizes, len(axes), expression, turned, begin, join, divide)

    def _matmul(self, node: Node, x: Node, weight: Node, bias: Node | None) -> Nest:
        rows, inputs = x.shape
        outputs = weight.shape[1]
        reads = [self._read(x, (inputs, 0, 1))]
        if weight.op == "constant":  # turned, so that the innermost loop reads one number after the other
            reads.append(Read("w", self._kept(weight, turned=True), (0, inputs, 1)))
        else:
            reads.append(self._read(weight, (0, 1, outputs)))
        if bias is not None:
            reads.append(self._read(bias, (0, 1, 0)))
        begin = "0" if bias is None else "{2}"
        return Nest(node.name, 0, (outputs, 1, 0), (rows, outputs, inputs), 1, "{0} * {1}", tuple(reads), begin, "sum")

    def _conv(self, node: Node, x: Node, weight: Node, bias: Node | None, stride: Steps, dilation: Steps) -> Nest:
        num, channels, rows, columns = node.shape
        plane, line = contiguous(x.shape)[1:3]
        window = weight.shape[1:]
        reads = [
            self._read(
                x,
                (plane * x.shape[1], 0, line * stride[0], stride[1], plane, line * dilation[0], dilation[1]),
            ),
            self._read(weight, (0, math.prod(window), 0, 0, *contiguous(window))),
        ]
        if bias is not None:
            reads.append(self._read(bias, (0, 1, 0, 0, 0, 0, 0)))
        begin = "0" if bias is None else "{2}"
        sizes = (num, channels, rows, columns, *window)
        made = (*contiguous(node.shape), 0, 0, 0)
        return Nest(node.name, 0, made, sizes, 3, "{0} * {1}", tuple(reads), begin, "sum")

    def _pool(self, node: Node, x: Node, window: Steps, stride: Steps) -> Nest:
        whole, plane, line, _ = contiguous(x.shape)
        read = self._read(x, (whole, plane, line * stride[0], stride[1], line, 1))
        made = (*contiguous(node.shape), 0, 0)
        begin = self.dialect.number(-math.inf)
        return Nest(node.name, 0, made, (*node.shape, *window), 2, "{0}", (read,), begin, "amax")

    # ── Expressions ──────────────────────────────────────────────────────────────────────────────

    def _expression(self, node: Node, shape: Sequence[int]) -> tuple[str, tuple[Read, ...]]:
        """What each of its numbers comes to, over loops of the sizes of `shape`."""
        form = self.dialect.forms.get(node.op)
        if form is None:
            raise ConfigError(
                f"this network cannot be exported as {self.dialect.name}: its operation {node.op!r} has no form there"
            )
        reads: list[Read] = []
        parts = []
        for each in node.args:
            text, own = self._part(each, shape)
            parts.append(_moved_numbers(_bare(text) if form.endswith("({})") else text, len(reads)))
            reads += own
        return form.format(*parts), tuple(reads)

    def _part(self, value: Any, shape: Sequence[int]) -> tuple[str, tuple[Read, ...]]:
        if not isinstance(value, Node):
            return self.dialect.number(float(value)), ()
        if value.op == "full":
            return self.dialect.number(float(value.args[0])), ()
        if value.data is not None and value.data.numel() == 1:
            return self.dialect.number(float(value.data)), ()
        return self._expression(value, shape) if self._is_inside(value) else self._leaf(value, shape)

    def _leaf(self, node: Node, shape: Sequence[int]) -> tuple[str, tuple[Read, ...]]:
        """A tensor that is read, the same number again where its axis has but one."""
        more = len(shape) - len(node.shape)
        pairs = zip(node.shape, contiguous(node.shape), shape[more:], strict=True)
        steps = [0 if size == 1 and wanted != 1 else step for size, step, wanted in pairs]
        return "{0}", (self._read(node, (*[0] * more, *steps)),)

    # ── Text ─────────────────────────────────────────────────────────────────────────────────────

    def _lines(self, nest: Nest) -> list[str]:
        nest = _joined(nest)
        counters = COUNTERS[: len(nest.sizes)]
        outer = len(nest.sizes) - nest.num_reduced
        read = [f"{each.array}[{_place(each.start, each.steps, counters)}]" for each in nest.reads]
        target = f"{nest.array}[{_place(nest.start, nest.steps, counters)}]"
        heads = [
            f"for ({self.dialect.counter} {name} = 0; {name} < {size}; {name}++)"
            for name, size in zip(counters, nest.sizes, strict=True)
        ]
        value = _bare(nest.expression.format(*read))
        if not nest.join:
            return _nested(heads, [f"{target} = {value};"])
        body = [f"{self.dialect.sum} sum = {nest.begin.format(*read)};"]
        added = f"sum += {value};" if nest.join == "sum" else f"if ({value} > sum) sum = {value};"
        body += _nested(heads[outer:], [added])
        body.append(f"{target} = sum{f' / {nest.divide}' if nest.divide != 1 else ''};")
        return _nested(heads[:outer], body) if heads[:outer] else ["{", *(f"  {each}" for each in body), "}"]


def _joined(nest: Nest) -> Nest:
    """The same with fewer loops: those of one turn left out, and those joined that run as one through every array."""
    reduced = [axis >= len(nest.sizes) - nest.num_reduced for axis in range(len(nest.sizes))]
    every = [nest.steps, *(each.steps for each in nest.reads)]
    kept: list[tuple[int, bool, list[int]]] = []  # size, whether reduced, steps of each array
    for axis, size in enumerate(nest.sizes):
        own = [steps[axis] for steps in every]
        if size == 1:
            continue
        if kept and kept[-1][1] == reduced[axis]:
            before, _, outer = kept[-1]
            if all(far == near * size for far, near in zip(outer, own, strict=True)):
                kept[-1] = (before * size, reduced[axis], own)
                continue
        kept.append((size, reduced[axis], own))
    columns = [tuple(steps[i] for _, _, steps in kept) for i in range(len(every))]
    reads = tuple(Read(each.array, each.start, steps) for each, steps in zip(nest.reads, columns[1:], strict=True))
    sizes = tuple(size for size, _, _ in kept)
    num_reduced = sum(is_reduced for _, is_reduced, _ in kept)
    return Nest(
        nest.array, nest.start, columns[0], sizes, num_reduced, nest.expression, reads, nest.begin, nest.join,
        nest.divide,
    )  # fmt: skip


def _moved_numbers(text: str, by: int) -> str:
    """An expression whose {0}, {1} … count from `by` on."""
    if by == 0:
        return text
    pieces = text.split("{")
    moved = [pieces[0]]
    for piece in pieces[1:]:
        number, _, rest = piece.partition("}")
        moved.append(f"{int(number) + by}}}{rest}")
    return "{".join(moved)


def _place(start: int, steps: Sequence[int], counters: str) -> str:
    terms = [name if step == 1 else f"{name} * {step}" for name, step in zip(counters, steps, strict=True) if step]
    return " + ".join(([str(start)] if start or not terms else []) + terms)


def _bare(text: str) -> str:
    """Without brackets around the whole."""
    if not text.startswith("("):
        return text
    depth = 0
    for at, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return text[1:-1] if at == len(text) - 1 else text
    return text


def _nested(heads: Sequence[str], body: Sequence[str]) -> list[str]:
    """Loops around statements, in as few lines as can be read."""
    if not heads:
        return list(body)
    *outer, last = heads
    whole = " ".join([*outer, last])
    if len(body) == 1 and len(whole) + len(body[0]) < 110:
        return [f"{whole} {body[0]}"]
    return [f"{whole} {{", *(f"  {each}" for each in body), "}"]
