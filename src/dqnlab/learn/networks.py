"""⑤ Q-networks: encoder -> torso -> stream -> head.

Shapes: B observations, F features, A actions, K numbers per action, W random numbers.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .convs import BareConv2d
from .encoder import Encoder
from .heads import Head, ScalarHead
from .types import NOTHING, Observations, ObsSpec


class Part(nn.Module):
    """What a torso and a stream have in common: the random numbers that they need are data.

    A part never draws while it computes: `draw` makes the numbers, and `forward` is given them. Most parts need none.
    """

    def num_draws(self, size: int) -> int:
        """W: how many random numbers a pass of `size` observations needs."""
        return 0

    def draw(self, size: int, rng: np.random.Generator) -> Tensor:
        """Draws them, [W]."""
        return NOTHING

    def mean_draw(self, size: int) -> Tensor:
        """The numbers [W] that stand for their mean: zeros for noise."""
        return NOTHING


class Torso(Part):
    """The contract of the hidden layers: features [B, F] -> [B, width]."""

    width: int
    state_size = 0
    """R: how many numbers it remembers from one observation of an episode to the next"""

    def forward(self, x: Any, draw: Tensor) -> Tensor:
        """[B, F], random numbers [W] -> [B, width]."""
        raise NotImplementedError

    def activations(self, x: Any, draw: Tensor) -> list[Tensor]:
        """What each hidden layer hands on, [B, units]."""
        raise NotImplementedError

    def refresh(self, x: Tensor) -> None:
        """Moves its buffers (float32) on, in place, by a batch of features [B, F]: once after every update."""


class Stream(Part):
    """The contract of what turns the torso's output into K numbers per action."""

    def forward(self, x: Tensor, draw: Tensor) -> Tensor:
        """[B, width], random numbers [W] -> values [B, A, K]."""
        raise NotImplementedError

    def last(self) -> list[nn.Module]:
        """The layers to be multiplied if the values shall be."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Moves its buffers (float32) on, in place: once after every update."""


class QNetwork(nn.Module):
    """Describes the return of every action. Weights are drawn from `generator` alone."""

    def __init__(self, encode: Encoder, torso: Torso, stream: Stream, head: Head, generator: torch.Generator):
        super().__init__()
        self.encode = encode
        self.torso = torso
        self.stream = stream
        self.head = head
        # Whether any part needs random numbers. Where none does, cutting up an empty vector costs an update 5 %.
        self.is_random = self.num_draws(1) > 0
        # What its values are counted in: it learned from rewards that were divided by this. Plain data, no weight.
        self.reward_scale = 1.0
        initialise(self, generator)

    @property
    def obs(self) -> ObsSpec:
        """What it sees."""
        return self.encode.obs

    def forward(self, obs: Observations, draw: Tensor | None = None) -> Tensor:
        """[B, *obs_shape], random numbers [W], by default their mean -> values [B, A, K]."""
        # `forward`, not a call: calling a module costs as much as the arithmetic of so small a layer.
        features = self.encode.forward(obs)
        if not self.is_random:
            return self.stream.forward(self.torso.forward(features, NOTHING), NOTHING)
        size = len(self.encode.rows(obs))
        if draw is None:
            draw = self.mean_draw(size).to(features.device)
        own = self.torso.num_draws(size)
        return self.stream.forward(self.torso.forward(features, draw[:own]), draw[own:])

    def q_values(self, obs: Observations, draw: Tensor | None = None) -> Tensor:
        """[B, *obs_shape], random numbers [W], by default their mean -> expected returns [B, A]."""
        return self.expected(self.forward(obs, draw), obs)

    def expected(self, values: Tensor, obs: Observations) -> Tensor:
        """Values [B, A, K] in observations [B, *obs_shape] -> expected returns [B, A], -inf of a forbidden action."""
        q = self.head.q_values(values)
        if self.obs.mask is None:
            return q
        return q.masked_fill(self.encode.rows(obs)[:, self.obs.mask :] == 0, -math.inf)

    def num_draws(self, size: int) -> int:
        """W: how many random numbers a pass of `size` observations needs."""
        return self.torso.num_draws(size) + self.stream.num_draws(size)

    def draw(self, size: int, rng: np.random.Generator) -> Tensor:
        """Draws them, [W]."""
        return torch.cat([self.torso.draw(size, rng), self.stream.draw(size, rng)])

    def mean_draw(self, size: int) -> Tensor:
        """The numbers [W] that stand for their mean."""
        return torch.cat([self.torso.mean_draw(size), self.stream.mean_draw(size)])

    @torch.no_grad()
    def refresh(self, obs: Observations) -> None:
        """Moves its buffers on by a batch of observations [B, *obs_shape], in place."""
        self.encode.refresh(obs)
        if next(self.torso.buffers(), None) is not None:  # else convolutions would look in vain
            self.torso.refresh(self.encode.forward(obs))
        self.stream.refresh()

    def linears(self) -> list[nn.Linear]:
        """The fully connected layers in the order in which data passes them."""
        return [module for module in self.modules() if isinstance(module, nn.Linear)]

    def chain(self) -> list[nn.Linear] | None:
        """Its layers, if from the features on it is nothing but these with a ReLU between every two; else None.

        The last one gives one number per action. Whoever computes a network without calling it asks here, and leaves it
        to `forward` if there is no chain.
        """
        if (type(self.torso), type(self.stream), type(self.head)) != (Mlp, LinearStream, ScalarHead):
            return None
        layers = self.linears()
        more = len(list(self.parameters())) + len(list(self.buffers())) - 2 * len(layers)
        return layers if more == 0 else None


class Mlp(Torso):
    """Fully connected ReLU layers."""

    def __init__(self, sizes: Sequence[int]):
        super().__init__()
        self.width = sizes[-1]
        self.layers = nn.ModuleList(BareLinear(*pair) for pair in pairwise(sizes))

    def forward(self, x: Tensor, draw: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer.forward(x).relu()
        return x

    def activations(self, x: Tensor, draw: Tensor) -> list[Tensor]:
        outputs = [x]
        for layer in self.layers:
            outputs.append(layer.forward(outputs[-1]).relu())
        return outputs[1:]


class LinearStream(Stream):
    """A single linear layer."""

    def __init__(self, width: int, num_actions: int, num_values: int):
        super().__init__()
        self.linear = BareLinear(width, num_actions * num_values)
        self.shape = (num_actions, num_values)

    def forward(self, x: Tensor, draw: Tensor) -> Tensor:
        return self.linear.forward(x).view(-1, *self.shape)

    def last(self) -> list[nn.Module]:
        return [self.linear]


class BareLinear(nn.Linear):
    """torch's layer without its initialisation, which would draw from the global generator."""

    def reset_parameters(self) -> None:
        """Leaves the memory as it is, for `initialise`."""


@torch.no_grad()
def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draws every weight and bias uniformly in +-1/sqrt(inputs of a unit), the law of torch's own layers."""
    for module in network.modules():
        if isinstance(module, BareLinear | BareConv2d):
            bound = 1 / math.sqrt(module.weight[0].numel())
            assert module.bias is not None
            module.weight.uniform_(-bound, bound, generator=generator)
            module.bias.uniform_(-bound, bound, generator=generator)
