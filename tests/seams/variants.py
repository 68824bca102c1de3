"""Parts that dqnlab does not have, each at one seam: what the coming ones will be like."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from dqnlab.config import Config
from dqnlab.learn.heads import Head
from dqnlab.learn.losses import Loss, td_loss
from dqnlab.learn.networks import BareLinear, Mlp, QNetwork, Stream
from dqnlab.learn.optimizer import Descent, constant_rate
from dqnlab.learn.types import Batch


class Normed(Mlp):
    """A torso with a layer norm behind its layers."""

    def __init__(self, sizes: list[int]):
        super().__init__(sizes)
        self.norm = nn.LayerNorm(sizes[-1])

    def forward(self, x: Tensor, draw: Tensor) -> Tensor:
        return self.norm(super().forward(x, draw))


class NoisyTorso(Mlp):
    """A torso with a layer that uses random numbers: a learned share of noise on every unit, one for each pass."""

    def __init__(self, sizes: list[int]):
        super().__init__(sizes)
        self.sigma = nn.Parameter(torch.full((sizes[-1],), 0.5))

    def num_draws(self, size: int) -> int:
        return self.width

    def draw(self, size: int, rng: np.random.Generator) -> Tensor:
        return torch.from_numpy(rng.standard_normal(self.width, np.float32))

    def mean_draw(self, size: int) -> Tensor:
        return torch.zeros(self.width)

    def forward(self, x: Tensor, draw: Tensor) -> Tensor:
        return super().forward(x, draw) + self.sigma * draw


class NoisyStream(Stream):
    """A stream that uses a random number for each observation, behind a torso that may use some of its own."""

    def __init__(self, width: int, num_actions: int, num_values: int):
        super().__init__()
        self.linear, self.shape = BareLinear(width, num_actions * num_values), (num_actions, num_values)

    def num_draws(self, size: int) -> int:
        return size

    def draw(self, size: int, rng: np.random.Generator) -> Tensor:
        return torch.from_numpy(rng.random(size, np.float32))

    def mean_draw(self, size: int) -> Tensor:
        return torch.full((size,), 0.5)

    def forward(self, x: Tensor, draw: Tensor) -> Tensor:
        return self.linear(x * (0.5 + draw[:, None])).view(-1, *self.shape)

    def last(self) -> list[nn.Module]:
        return [self.linear]


class Centred(Mlp):
    """A torso with a buffer: the running mean of its features, which it takes off."""

    mean: Tensor

    def __init__(self, sizes: list[int]):
        super().__init__(sizes)
        self.register_buffer("mean", torch.zeros(sizes[0]))

    def forward(self, x: Tensor, draw: Tensor) -> Tensor:
        return super().forward(x - self.mean, draw)

    def activations(self, x: Tensor, draw: Tensor) -> list[Tensor]:
        return super().activations(x - self.mean, draw)

    def refresh(self, x: Tensor) -> None:
        self.mean.copy_(self.mean.lerp(x.mean(0), 0.05))


class Pair(Head):
    """Two numbers per action, whose mean is the expected return."""

    width = 2

    def q_values(self, values: Tensor) -> Tensor:
        return values.mean(-1)

    def loss(self, row: Tensor, next_row: Tensor, reward: Tensor, discount: Tensor) -> Loss:
        one, other = (td_loss(row[:, i], next_row[:, i], reward, discount, None) for i in range(2))
        return Loss(one.value + other.value, one.error + other.error, (one.target + other.target) / 2)


def soft(online: QNetwork, target: QNetwork, batch: Batch) -> tuple[Tensor, Tensor]:
    """A rule that chooses nobody: the mean of all actions, and a small reward for what it expected of those allowed."""
    values = target(batch.next_obs, batch.draws.rate)
    expected = target.q_values(batch.obs, batch.draws.choose)
    allowed = expected > -torch.inf
    bonus = 0.01 * torch.where(allowed, expected, 0).sum(1) / allowed.sum(1)
    return batch.reward + bonus, values.mean(1)


@dataclass(frozen=True)
class Momentum:
    """An optimiser with one vector of memory: a running sum of gradients (Polyak 1964)."""

    share: float
    num_memory: ClassVar[int] = 1

    def factors(self, steps: int, lr: float) -> tuple[float, ...]:
        return (-lr,)

    def __call__(
        self, values: Tensor, gradient: Tensor, memory: list[Tensor], factors: Sequence[float | Tensor]
    ) -> Tensor:
        memory[0].copy_(memory[0] * self.share + gradient)
        return memory[0] * factors[0]


@dataclass(frozen=True)
class Follow:
    """A sync of another kind: the mean of both at every fourth update."""

    def __call__(self, online: Tensor, target: Tensor, updates: int) -> None:
        if updates % 4 == 0:
            target.copy_((online + target) / 2)


def falling(update: int) -> float:
    """A learning rate that falls with every update."""
    return 1e-3 / (1 + update / 50)


def momentum(optimizer: Any, schedule: Any) -> Descent:
    return Descent(Momentum(0.9), constant_rate(1e-4), 10.0)


def falling_momentum(optimizer: Any, schedule: Any) -> Descent:
    return Descent(Momentum(0.9), falling, 10.0)


def scheduled(optimizer: Any, schedule: Any) -> Descent:
    return Descent(BUILT["make_descent"](optimizer, schedule).formula, falling, None)


def torso(kind: type[Mlp]) -> Callable[[Config, int], Mlp]:
    return lambda config, inputs: kind([inputs, *config.torso.hidden])


BUILT: dict[str, Callable[..., Any]] = {}
"""The functions of `build` as they are (filled in by the tests' fixture)."""

VARIANTS: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "a layer norm": {"make_torso": torso(Normed)},
    "two numbers per action": {"make_head": lambda head, scale: Pair()},
    "a layer that uses a draw": {"make_torso": torso(NoisyTorso)},
    "draws for each observation": {
        "make_torso": torso(NoisyTorso),
        "make_stream": lambda config, *sizes: NoisyStream(*sizes),
    },
    "a torso with a buffer": {"make_torso": torso(Centred)},
    "one state tensor": {"make_descent": momentum},
    "a learning-rate schedule": {"make_descent": scheduled},
    "a rule without an entry": {"make_rule": lambda rule: soft},
    "a sync without an entry": {"make_sync": lambda sync: Follow()},
    "all at once": {
        "make_torso": torso(Centred),
        "make_stream": lambda config, *sizes: NoisyStream(*sizes),
        "make_head": lambda head, scale: Pair(),
        "make_rule": lambda rule: soft,
        "make_descent": falling_momentum,
        "make_sync": lambda sync: Follow(),
    },
}
"""What each puts in the place of functions of `build`."""
