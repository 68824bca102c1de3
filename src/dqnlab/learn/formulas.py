"""Formulas of steps beside Adam's, on one flat vector (see `optimizer`)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from .optimizer import TINY, Adam, running_means


@dataclass(frozen=True)
class AdamW:
    """Adam whose weights also shrink by themselves, apart from the gradient (Loshchilov & Hutter 2019, Algorithm 2)."""

    adam: Adam
    weight_decay: float
    num_memory: ClassVar[int] = Adam.num_memory

    def factors(self, steps: int, lr: float) -> tuple[float, ...]:
        return (*self.adam.factors(steps, lr), -lr * self.weight_decay)

    def __call__(
        self, values: Tensor, gradient: Tensor, memory: list[Tensor], factors: Sequence[float | Tensor]
    ) -> Tensor:
        *adam, shrink = factors
        return values * shrink + self.adam(values, gradient, memory, adam)


@dataclass(frozen=True)
class RAdam:
    """Adam that follows the mean alone until the mean square can be trusted (Liu et al. 2020, Algorithm 2)."""

    beta1: float
    beta2: float
    eps: float
    num_memory: ClassVar[int] = 2

    def factors(self, steps: int, lr: float) -> tuple[float, ...]:
        rate = -lr / (1 - self.beta1**steps)
        most = 2 / (1 - self.beta2) - 1
        now = most - 2 * steps * self.beta2**steps / (1 - self.beta2**steps)  # the length of an average as good as this
        if now <= 5:  # 4 in the paper; torch too waits one step more
            return rate, 0.0
        certainty = math.sqrt((now - 4) * (now - 2) * most / ((most - 4) * (most - 2) * now))
        return 0.0, rate * certainty * math.sqrt(1 - self.beta2**steps)

    def __call__(
        self, values: Tensor, gradient: Tensor, memory: list[Tensor], factors: Sequence[float | Tensor]
    ) -> Tensor:
        mean, square = running_means(memory, gradient, self.beta1, self.beta2)
        alone, scaled = factors
        return mean * alone + mean / ((square + TINY).sqrt() + self.eps) * scaled


@dataclass(frozen=True)
class RmsProp:
    """The gradient over its running deviation: RMSProp, centred (Graves 2013, equations 38 to 40; Mnih et al. 2015)."""

    decay: float
    eps: float
    num_memory: ClassVar[int] = 2

    def factors(self, steps: int, lr: float) -> tuple[float, ...]:
        return (-lr,)

    def __call__(
        self, values: Tensor, gradient: Tensor, memory: list[Tensor], factors: Sequence[float | Tensor]
    ) -> Tensor:
        mean, square = running_means(memory, gradient, self.decay, self.decay)
        (rate,) = factors
        variance = (square - mean * mean).clamp(min=0)  # rounding may put it below
        return gradient / (variance + self.eps).sqrt() * rate
