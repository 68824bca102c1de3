"""What torch has recorded as a graph: a rule for each operation, and what follows from weights alone computed."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import ConfigError
from .graph import BY_NUMBER, MANY, Graph, Node


def read_graph(program: torch.export.ExportedProgram, batch: int | None = None) -> Graph:
    """The graph of a captured program, for so many observations, or for any number of them.

    What follows from weights alone is computed here, once.

    Raises:
        ConfigError: it has an operation that no exported program knows.
    """
    return _Reader(program, batch).graph()


class _Reader:
    def __init__(self, program: torch.export.ExportedProgram, batch: int | None):
        self._program, self._batch = program, batch
        self._found: dict[Any, Any] = {}  # torch's node -> ours, or several
        self._nodes: list[Node] = []
        self._inputs: list[Node] = []

    def graph(self) -> Graph:
        held = self._held()
        outputs: list[Node] = []
        for node in self._program.graph.nodes:
            if node.op == "placeholder":
                self._found[node] = self._given(node, held)
            elif node.op == "call_function" and not str(node.target).startswith("aten._assert"):
                self._found[node] = self._called(node)
            elif node.op == "output":
                outputs = [self._found[each] for each in node.args[0]]
        return Graph(self._inputs, outputs, self._needed(outputs))

    def _held(self) -> dict[str, tuple[str, Tensor]]:
        """The tensors that the program holds: their name, by that of torch's node."""
        program, found = self._program, {}
        for spec in program.graph_signature.input_specs:
            if spec.target is not None:
                tensors = program.state_dict if spec.target in program.state_dict else program.constants
                found[spec.arg.name] = (spec.target.removeprefix("network."), tensors[spec.target].detach())
        return found

    def _given(self, node: Any, held: Mapping[str, tuple[str, Tensor]]) -> Node:
        if node.name in held:
            return self._constant(*held[node.name])
        value = node.meta["val"]
        self._inputs.append(self._add("input", (), value.shape, value.dtype, node.name))
        return self._inputs[-1]

    def _called(self, node: Any) -> Any:
        args = self._known(node.args)
        if node.target is operator.getitem:
            return args[0][args[1]]
        kwargs = self._known(dict(node.kwargs))
        value = node.meta["val"]
        several = value if isinstance(value, (list, tuple)) else [value]
        sizes = [size for each in several if isinstance(each, Tensor) for size in each.shape]
        is_open = self._batch is None and any(size and size % MANY == 0 for size in sizes)
        if not is_open and all(each.op == "constant" for each in _nodes_in((*args, *kwargs.values()))):
            return self._computed(node, args, kwargs)
        name = str(node.target).split(".")[1]
        rule = _RULES.get(name)
        if rule is None and name not in BY_NUMBER:
            raise ConfigError(f"this network cannot be exported: its operation {name!r} has no form in other languages")
        made = rule(self, args, kwargs, value) if rule else self.by_number(name, args, value)
        return made

    def _computed(self, node: Any, args: Any, kwargs: Any) -> Any:
        """What constants alone come to."""
        real = _mapped(args, lambda each: each.data)
        made = node.target(*real, **_mapped(kwargs, lambda each: each.data))
        tensors = made if isinstance(made, (list, tuple)) else [made]
        above = _nodes_in(args)
        keeps = above and str(node.target).split(".")[1] in ("permute", "view", "squeeze", "unsqueeze", "clone")
        found = [self._constant(above[0].name if keeps else node.name, each.contiguous()) for each in tensors]
        return found if isinstance(made, (list, tuple)) else found[0]

    def _known(self, value: Any) -> Any:
        """Arguments with our nodes in place of torch's, and the number of observations that was asked for."""
        if isinstance(value, torch.fx.Node):
            return self._found[value]
        if isinstance(value, (list, tuple)):
            return tuple(map(self._known, value))
        if isinstance(value, dict):
            return {name: self._known(each) for name, each in value.items()}
        return self._size(value) if type(value) is int else value

    def _size(self, size: int) -> int:
        counts = self._batch is not None and size > 0 and size % MANY == 0
        return size // MANY * (self._batch or 1) if counts else size

    def _constant(self, name: str, data: Tensor) -> Node:
        return self._add("constant", (), data.shape, data.dtype, name, data)

    def _add(
        self, op: str, args: tuple[Any, ...], shape: Iterable[int], dtype: torch.dtype, name: str = "", data: Any = None
    ) -> Node:
        sizes = tuple(map(self._size, shape))
        self._nodes.append(Node(name or f"x{len(self._nodes)}", op, args, sizes, dtype, data))
        return self._nodes[-1]

    # ── Rules ────────────────────────────────────────────────────────────────────────────────────

    def by_number(self, op: str, args: tuple[Any, ...], value: Tensor) -> Node:
        """Operands of one type, as torch promotes them; nothing where it is known what comes of it."""
        known = self._without_effect(op, args)
        if known is not None and known.shape == tuple(map(self._size, value.shape)):
            return self.cast(known, value.dtype)
        tensors = [each for each in args[op == "where" :] if isinstance(each, Node)]
        dtype = tensors[0].dtype
        for each in tensors[1:]:
            dtype = torch.promote_types(dtype, each.dtype)
        cast = [self.cast(each, dtype) if each in tensors else each for each in args]
        return self._add(op, tuple(cast), value.shape, value.dtype)

    def _without_effect(self, op: str, args: tuple[Any, ...]) -> Node | None:
        """The operand that is chosen by a condition that never changes, or that nothing is added to."""
        if op == "where" and args[0].op == "full":
            return args[1] if args[0].args[0] else args[2]
        if op == "add" and isinstance(args[1], Node) and args[1].op == "full" and args[1].args[0] == 0:
            return args[0]
        return None

    def cast(self, node: Node, dtype: torch.dtype) -> Node:
        if node.dtype == dtype:
            return node
        if node.data is not None:
            return self._constant(node.name, node.data.to(dtype))
        if node.op == "full":
            return self._add("full", node.args, node.shape, dtype)
        return self._add("cast", (node,), node.shape, dtype)

    def plain(self, op: str, args: tuple[Any, ...], value: Tensor) -> Node:
        """An operation whose result torch has described."""
        return self._add(op, args, value.shape, value.dtype)

    def sliced(self, x: Node, dim: int, start: int, end: int, step: int = 1) -> Node:
        dim %= len(x.shape)
        size = x.shape[dim]
        start, end = (max(each + size, 0) if each < 0 else min(each, size) for each in (start, end))
        shape = list(x.shape)
        shape[dim] = max(-(-(end - start) // step), 0)
        if (start, end, step) == (0, size, 1):
            return x
        return self._add(
            *(("full", x.args) if x.op == "full" else ("slice", (x, dim, start, end, step))), shape, x.dtype
        )

    def padded(self, x: Node, before: Sequence[int], after: Sequence[int], value: float) -> Node:
        """With so many places more, before and after each of the axes."""
        if not any((*before, *after)):
            return x
        shape = [low + size + high for low, size, high in zip(before, x.shape, after, strict=True)]
        return self._add("pad", (x, tuple(before), tuple(after), value), shape, x.dtype)

    def on_all_sides(self, x: Node, margins: Sequence[int], value: float) -> Node:
        """Pictures [B, C, H, W] with a margin."""
        around = (0, 0, *_pair(margins))
        return self.padded(x, around, around, value)

    def _needed(self, outputs: Sequence[Node]) -> list[Node]:
        """The nodes that anything depends on, each name once."""
        needed, todo = set[int](), list(outputs)
        while todo:
            node = todo.pop()
            if id(node) not in needed:
                needed.add(id(node))
                todo += node.inputs
        kept = [node for node in self._nodes if id(node) in needed or node.op == "input"]
        names = set[str]()
        for node in kept:
            if node.op == "constant":
                base, number = node.name, 1
                while node.name in names:
                    number += 1
                    node.name = f"{base}_{number}"
                names.add(node.name)
        return kept


def _nodes_in(values: Iterable[Any]) -> list[Node]:
    flat = [each for value in values for each in (value if isinstance(value, tuple) else (value,))]
    return [each for each in flat if isinstance(each, Node)]


def _mapped(value: Any, change: Callable[[Node], Any]) -> Any:
    if isinstance(value, Node):
        return change(value)
    if isinstance(value, tuple):
        return tuple(_mapped(each, change) for each in value)
    if isinstance(value, dict):
        return {name: _mapped(each, change) for name, each in value.items()}
    return value


def _pair(sizes: Sequence[int]) -> tuple[int, int]:
    return (sizes[0], sizes[0]) if len(sizes) == 1 else (sizes[0], sizes[1])


Rule = Callable[[_Reader, Any, Any, Any], Any]
"""(reader, arguments, named arguments, what torch says of the result) -> a node, or several."""


def _same(reader: _Reader, args: Any, kwargs: Any, value: Any) -> Node:
    """The same numbers in another shape, or of another type."""
    x = reader.cast(args[0], value.dtype)
    while x.op == "reshape":
        x = x.args[0]
    made = reader.plain(*(("full", x.args) if x.op == "full" else ("reshape", (x,))), value)
    return x if x.shape == made.shape else made


def _rows(reader: _Reader, args: Any, kwargs: Any, value: Any) -> Node:
    """All rows in their order, which a network that remembers picks out of sequences of one."""
    x, dim, at = args
    while at.op == "reshape":
        at = at.args[0]
    in_order = at.args[:2] == (0, x.shape[0]) if at.data is None else at.data.tolist() == list(range(x.shape[0]))
    if dim != 0 or not in_order:
        raise ConfigError("this network cannot be exported: it picks rows by number, for which there is no form")
    return x


def _reduced(op: str) -> Rule:
    def rule(reader: _Reader, args: Any, kwargs: Any, value: Any) -> Node:
        x, dims = args[0], args[1] if len(args) > 1 else None
        axes = range(len(x.shape)) if dims is None or dims == () else (dims if isinstance(dims, tuple) else (dims,))
        return reader.plain(op, (x, tuple(sorted(axis % len(x.shape) for axis in axes))), value)

    return rule


def _clamp(reader: _Reader, args: Any, kwargs: Any, value: Any) -> Node:
    x, low, high = (*args, None, None)[:3]
    for op, bound in (("maximum", kwargs.get("min", low)), ("minimum", kwargs.get("max", high))):
        x = x if bound is None else reader.by_number(op, (x, bound), value)
    return x


def _split(reader: _Reader, args: Any, kwargs: Any, value: Any) -> list[Node]:
    x, dim = args[0], args[2] if len(args) > 2 else kwargs.get("dim", 0)
    parts, start = list[Node](), 0
    for each in value:
        size = reader._size(each.shape[dim])
        parts.append(reader.sliced(x, dim, start, start + size))
        start += size
    return parts


def _select(reader: _Reader, args: Any, kwargs: Any, value: Any) -> Node:
    x, dim, at = args
    at = at + x.shape[dim % len(x.shape)] if at < 0 else at
    return _same(reader, (reader.sliced(x, dim, at, at + 1),), kwargs, value)


def _slice(reader: _Reader, args: Any, kwargs: Any, value: Any) -> Node:
    x, dim, start, end, step = (*args, None, None, None, None)[:5]
    return reader.sliced(x, dim or 0, start or 0, x.shape[dim or 0] if end is None else end, step or 1)


def _pad(reader: _Reader, args: Any, kwargs: Any, value: Any) -> Node:
    x, margins = args[0], args[1]
    fill = float(args[2]) if len(args) > 2 else 0.0
    none = [0] * (len(x.shape) - len(margins) // 2)
    before, after = ([*none, *reversed(margins[side::2])] for side in (0, 1))
    return reader.padded(x, before, after, fill)


def _conv(reader: _Reader, args: Any, kwargs: Any, value: Any) -> Node:
    x, weight, bias, stride, margins, dilation, transposed, _, groups = args
    if transposed or groups != 1 or len(x.shape) != 4:
        raise ConfigError("this network cannot be exported: of convolutions only plain ones of pictures can be")
    x = reader.on_all_sides(x, margins, 0.0)
    return reader.plain("conv2d", (x, weight, bias, _pair(stride), _pair(dilation)), value)


_POOLS: list[Any] = [None, None, (), (0,), (1,), False]
"""arguments of a maximum over windows, where they are left out"""


def _pool(reader: _Reader, args: Any, kwargs: Any, value: Any) -> list[Node]:
    x, kernel, stride, margins, dilation, up = [*args, *_POOLS[len(args) :]]
    if up or any(each != 1 for each in dilation):
        raise ConfigError("this network cannot be exported: of maxima over windows only plain ones can be")
    x = reader.on_all_sides(x, margins, -math.inf)
    return [reader.plain("max_pool2d", (x, _pair(kernel), _pair(stride or kernel)), value[0])]


def _addmm(reader: _Reader, args: Any, kwargs: Any, value: Any) -> Node:
    bias, x, weight = args
    return reader.plain("matmul", (x, weight, bias), value)


def _cat(reader: _Reader, args: Any, kwargs: Any, value: Any) -> Node:
    if len(args[0]) == 1:
        return args[0][0]
    return reader.plain("cat", (args[0], (args[1] if len(args) > 1 else 0) % len(value.shape)), value)


def _of_bools(op: str) -> Rule:
    def rule(reader: _Reader, args: Any, kwargs: Any, value: Any) -> Node:
        if value.dtype != torch.bool:
            raise ConfigError("this network cannot be exported: it combines the bits of whole numbers")
        return reader.by_number(op, args, value)

    return rule


def _as(op: str) -> Rule:
    return lambda reader, args, kwargs, value: reader.plain(op, args, value)


_RULES: dict[str, Rule] = {
    **dict.fromkeys(("view", "_unsafe_view", "squeeze", "unsqueeze", "clone", "alias", "detach", "_to_copy"), _same),
    **{op: _reduced(op) for op in ("sum", "mean", "amax")},
    "clamp": _clamp,
    "split_with_sizes": _split,
    "split": _split,
    "select": _select,
    "slice": _slice,
    "constant_pad_nd": _pad,
    "convolution": _conv,
    "max_pool2d_with_indices": _pool,
    "addmm": _addmm,
    "mm": lambda reader, args, kwargs, value: reader.plain("matmul", (*args, None), value),
    "permute": lambda reader, args, kwargs, value: reader.plain(
        "permute", (args[0], tuple(axis % len(args[0].shape) for axis in args[1])), value
    ),
    "expand": lambda reader, args, kwargs, value: reader.plain("expand", (args[0],), value),
    "cat": _cat,
    "repeat": _as("repeat"),
    "full": lambda reader, args, kwargs, value: reader.plain("full", (args[1],), value),
    "full_like": lambda reader, args, kwargs, value: reader.plain("full", (args[1],), value),
    "arange": lambda reader, args, kwargs, value: reader.plain("arange", args, value),
    "index_select": _rows,
    **{f"bitwise_{op}": _of_bools(f"logical_{op}") for op in ("and", "or", "not")},
}
