"""Many functions of tensors compiled as one program: each by itself costs half a minute, however little it computes."""

from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor

from dqnlab.learn.fast.compiled import Program, Tensors, compile_program


class OneProgram:
    """Stands in for `compile_program`. The functions that it is given become one program when the first is called.

    Each call runs all of them: those that it is not about on copies of their examples.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._functions: list[Callable[..., Sequence[Tensor]]] = []
        self._examples: list[Tensors] = []
        self._sizes: list[int] = []
        self._program: Program | None = None

    def __call__(
        self, function: Callable[..., Sequence[Tensor]], example: Tensors, folder: Path, notify: object
    ) -> Program:
        assert self._program is None, "compiled already"
        number = len(self._functions)
        self._functions.append(function)
        self._examples.append([tensor.clone() for tensor in example])
        return lambda given: self._run(number, given)

    def _run(self, number: int, given: Tensors) -> Tensors:
        inputs = [given if i == number else example for i, example in enumerate(self._examples)]
        flat = [tensor for each in inputs for tensor in each]
        if self._program is None:
            self._program = compile_program(self._all, flat, self._folder, lambda line: None)
        outputs, start = self._program(flat), sum(self._sizes[:number])
        return outputs[start : start + self._sizes[number]]

    def _all(self, *tensors: Tensor) -> Tensors:
        left, outputs = iter(tensors), list[Tensor]()
        self._sizes.clear()
        for function, example in zip(self._functions, self._examples, strict=True):
            made = function(*(next(left) for _ in example))
            self._sizes.append(len(made))
            outputs += made
        return outputs
