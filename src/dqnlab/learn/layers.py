"""Fully connected layers that are more than a matrix and a bias, and what is built of them."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .networks import BareLinear, Part, Stream, Torso
from .types import NOTHING


class Dense(Part):
    """The contract of a layer: features [B, inputs], random numbers [W] -> [B, outputs]."""

    def forward(self, x: Tensor, draw: Tensor) -> Tensor:
        raise NotImplementedError

    def refresh(self) -> None:
        """Moves its buffers (float32) on, in place: once after every update."""


def cut(draw: Tensor, num: int) -> tuple[Tensor, Tensor]:
    """The first of the random numbers, and the others. Where none are wanted nothing is cut, which has its price."""
    return (draw[:num], draw[num:]) if num else (NOTHING, draw)


MakeLayer = Callable[[int, int, int], Dense]
"""(inputs, outputs, how many layers of the network come after it) -> a layer."""

Activation = Callable[[Tensor], Tensor]


class PlainLayer(Dense):
    """A matrix and a bias."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.linear = BareLinear(inputs, outputs)

    def forward(self, x: Tensor, draw: Tensor) -> Tensor:
        return self.linear.forward(x)


class NoisyLayer(Dense):
    """A layer with learned noise on every weight, one for each pass (Fortunato et al. 2018, factorised, equation 10).

    weight = mean + sigma * f(out) f(in)^T and bias = mean + sigma * f(out), with f(x) = sign(x) sqrt(|x|) of normal
    numbers. Every sigma begins at `sigma` / sqrt(inputs).
    """

    def __init__(self, inputs: int, outputs: int, sigma: float):
        super().__init__()
        self.mean = BareLinear(inputs, outputs)
        self.weight_sigma = nn.Parameter(torch.full((outputs, inputs), sigma / inputs**0.5))
        self.bias_sigma = nn.Parameter(torch.full((outputs,), sigma / inputs**0.5))

    def num_draws(self, size: int) -> int:
        return self.mean.in_features + self.mean.out_features

    def draw(self, size: int, rng: np.random.Generator) -> Tensor:
        return torch.from_numpy(rng.standard_normal(self.num_draws(size), np.float32))

    def mean_draw(self, size: int) -> Tensor:
        return torch.zeros(self.num_draws(size))

    def forward(self, x: Tensor, draw: Tensor) -> Tensor:
        noise = draw.sign() * draw.abs().sqrt()
        into, out = noise[: self.mean.in_features], noise[self.mean.in_features :]
        weight = self.mean.weight + self.weight_sigma * out[:, None] * into
        return F.linear(x, weight, self.mean.bias + self.bias_sigma * out)


class Branch(Part):
    """Layers with an activation between every two. Each takes its own random numbers, in their order."""

    def __init__(self, sizes: Sequence[int], make: MakeLayer, after: int = 0, act: Activation = torch.relu):
        """`after` is how many layers of the network come after the last of these."""
        super().__init__()
        heights = range(after + len(sizes) - 2, after - 1, -1)
        self.layers = nn.ModuleList(make(*pair, height) for pair, height in zip(pairwise(sizes), heights, strict=True))
        self.act = act

    def parts(self) -> list[Dense]:
        """The layers."""
        return [layer for layer in self.layers if isinstance(layer, Dense)]

    def num_draws(self, size: int) -> int:
        return sum(layer.num_draws(size) for layer in self.parts())

    def draw(self, size: int, rng: np.random.Generator) -> Tensor:
        return torch.cat([layer.draw(size, rng) for layer in self.parts()])

    def mean_draw(self, size: int) -> Tensor:
        return torch.cat([layer.mean_draw(size) for layer in self.parts()])

    def refresh(self) -> None:
        """Moves the buffers of its layers on, in place."""
        for layer in self.parts():
            layer.refresh()

    def outputs(self, x: Tensor, draw: Tensor) -> list[Tensor]:
        """What each layer gives, before any activation."""
        made: list[Tensor] = []
        for layer in self.parts():
            own, draw = cut(draw, layer.num_draws(len(x)))
            made.append(layer.forward(self.act(made[-1]) if made else x, own))
        return made

    def forward(self, x: Tensor, draw: Tensor) -> Tensor:
        """[B, inputs], random numbers [W] -> what the last layer gives, [B, outputs]."""
        return self.outputs(x, draw)[-1]


class LayeredTorso(Torso):
    """Hidden layers of any kind, each with an activation behind it."""

    def __init__(self, sizes: Sequence[int], make: MakeLayer, after: int = 1, act: Activation = torch.relu):
        """`after` is how many layers of the network come after the last of these."""
        super().__init__()
        self.width = sizes[-1]
        self.branch = Branch(sizes, make, after, act)

    def num_draws(self, size: int) -> int:
        return self.branch.num_draws(size)

    def draw(self, size: int, rng: np.random.Generator) -> Tensor:
        return self.branch.draw(size, rng)

    def mean_draw(self, size: int) -> Tensor:
        return self.branch.mean_draw(size)

    def forward(self, x: Tensor, draw: Tensor) -> Tensor:
        return self.branch.act(self.branch.forward(x, draw))

    def activations(self, x: Tensor, draw: Tensor) -> list[Tensor]:
        return [self.branch.act(out) for out in self.branch.outputs(x, draw)]

    def refresh(self, x: Tensor) -> None:
        self.branch.refresh()


class LayeredStream(Stream):
    """A single layer of any kind."""

    def __init__(self, width: int, num_actions: int, num_values: int, make: MakeLayer):
        super().__init__()
        self.layer = make(width, num_actions * num_values, 0)
        self.shape = (num_actions, num_values)

    def num_draws(self, size: int) -> int:
        return self.layer.num_draws(size)

    def draw(self, size: int, rng: np.random.Generator) -> Tensor:
        return self.layer.draw(size, rng)

    def mean_draw(self, size: int) -> Tensor:
        return self.layer.mean_draw(size)

    def forward(self, x: Tensor, draw: Tensor) -> Tensor:
        return self.layer.forward(x, draw).view(-1, *self.shape)

    def last(self) -> list[nn.Module]:
        return [self.layer]
