"""Optimisers on one flat vector.

torch's own import its compiler first, which takes longer than solving CartPole; on a flat vector the whole of Adam is
eight operations.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor

TINY = 1e-30  # below anything that eps leaves visible; the root of an exact zero takes ten times as long

Rate = Callable[[int], float]
"""Number of the update, from 1 on -> learning rate."""


class Formula(Protocol):
    """What a step adds to the parameters. Pure, but for what it remembers."""

    num_memory: ClassVar[int]
    """how many vectors [P] it remembers"""

    def factors(self, steps: int, lr: float) -> tuple[float, ...]:
        """What step number `steps`, from 1 on, multiplies by, whatever the parameters are; always as many."""
        ...

    def __call__(
        self, values: Tensor, gradient: Tensor, memory: list[Tensor], factors: Sequence[float | Tensor]
    ) -> Tensor:
        """The change of `values` [P] by a step of these factors; changes the vectors of `memory` in place."""


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba 2015, Algorithm 1). It remembers the running mean and mean square of the gradient."""

    beta1: float
    beta2: float
    eps: float
    num_memory: ClassVar[int] = 2

    def factors(self, steps: int, lr: float) -> tuple[float, ...]:
        return (1 - self.beta2**steps) ** -0.5, -lr / (1 - self.beta1**steps)

    def __call__(
        self, values: Tensor, gradient: Tensor, memory: list[Tensor], factors: Sequence[float | Tensor]
    ) -> Tensor:
        mean, square = running_means(memory, gradient, self.beta1, self.beta2)
        unbiased, rate = factors
        root = (square + TINY).sqrt() * unbiased
        return mean / (root + self.eps) * rate


def running_means(memory: list[Tensor], gradient: Tensor, beta1: float, beta2: float) -> tuple[Tensor, Tensor]:
    """The running mean and mean square [P] of the gradient, which are the memory, moved on in place by this one."""
    mean, square = memory
    mean.copy_(mean.lerp(gradient, 1 - beta1))  # not lerp_, which vmap does agent by agent
    square.copy_(square.lerp(gradient * gradient, 1 - beta2))
    return mean, square


def clip(gradient: Tensor, max_norm: float | None) -> tuple[Tensor, Tensor]:
    """The gradient [P], scaled down to `max_norm` if it is longer, and the norm [] that it had."""
    norm = gradient.norm()
    return (gradient if max_norm is None else gradient * (max_norm / (norm + 1e-6)).clamp(max=1)), norm


def constant_rate(lr: float) -> Rate:
    """The same learning rate for every update."""
    return lambda update: lr


class Descent(NamedTuple):
    """How to move against a gradient."""

    formula: Formula
    lr: Rate
    max_grad_norm: float | None  # the longest gradient taken as it is


class Optimizer:
    """Moves one parameter vector, and keeps what its formula remembers."""

    def __init__(self, values: Tensor, descent: Descent):
        self.descent, self.steps = descent, 0
        self.memory = [torch.zeros_like(values) for _ in range(descent.formula.num_memory)]

    def step(self, values: Tensor, gradient: Tensor) -> Tensor:
        """Moves `values` [P] in place against `gradient` [P]; returns the gradient's norm [] before clipping."""
        gradient, norm = clip(gradient, self.descent.max_grad_norm)
        values += self.descent.formula(values, gradient, self.memory, self.next_factors)
        self.steps += 1
        return norm

    @property
    def lr(self) -> float:
        """The learning rate of the latest step."""
        return self.descent.lr(self.steps)

    @property
    def next_lr(self) -> float:
        """The learning rate of the next step."""
        return self.descent.lr(self.steps + 1)

    @property
    def next_factors(self) -> tuple[float, ...]:
        """What the next step multiplies by."""
        return self.descent.formula.factors(self.steps + 1, self.next_lr)

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "memory": self.memory}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps = state["steps"]
        for own, loaded in zip(self.memory, state["memory"], strict=True):
            own.copy_(loaded)
