"""⑤ Q-networks: input -> torso -> stream -> head."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from .heads import Head, ScalarHead
from .types import ObsSpec


class QNetwork(nn.Module):
    """Describes the return of every action: hidden layers (the torso), then one linear stream of A * K numbers.

    Weights are drawn from `generator` alone.
    """

    def __init__(self, obs: ObsSpec, num_actions: int, hidden: Sequence[int], head: Head, generator: torch.Generator):
        super().__init__()
        inputs = (obs.num_states or 1) * math.prod(obs.shape)
        self.obs, self.num_actions, self.hidden = obs, num_actions, tuple(hidden)
        self.torso = Mlp([inputs, *hidden])
        self.stream = Linear(hidden[-1], num_actions * head.width)
        self.head = head
        # Whether an observation already is what the first layer wants.
        self.takes_vector = obs.num_states is None and len(obs.shape) == 1 and obs.dtype == "float32" and obs.scale == 1
        # What its values are counted in: it learned from rewards that were divided by this. Plain data, no weight.
        self.reward_scale = 1.0
        initialise(self, generator)

    def forward(self, obs: Tensor) -> Tensor:
        """[B, *obs_shape] -> values [B, A, K]."""
        return self._describe(self.features(obs))

    def _describe(self, features: Tensor) -> Tensor:
        # `forward`, not a call: calling a module costs as much as the arithmetic of so small a layer.
        x = self.torso.forward(features)
        return self.stream.forward(x).view(-1, self.num_actions, self.head.width)

    def q_values(self, obs: Tensor) -> Tensor:
        """[B, *obs_shape] -> expected returns [B, A]."""
        return self.head.q_values(self.forward(obs))

    def q_values_of(self, features: Tensor) -> Tensor:
        """[B, features], what `features` makes of observations -> expected returns [B, A]."""
        return self.head.q_values(self._describe(features))

    def features(self, obs: Tensor) -> Tensor:
        """Stored observations as the first layer wants them, [B, features]: pictures in [0, 1], states one-hot."""
        if self.takes_vector:
            return obs
        if not self.obs.shape:  # a single number
            obs = obs.unsqueeze(-1)
        if self.obs.num_states is not None:
            # Not `one_hot`: it looks at the values, which a compiled program and a stack of agents cannot.
            states = torch.arange(self.obs.num_states, device=obs.device)
            return (obs.unsqueeze(-1) == states).flatten(1).float()
        vector = obs.flatten(1).float()
        return vector if self.obs.scale == 1 else vector / self.obs.scale

    def linears(self) -> list[nn.Linear]:
        """The fully connected layers in the order in which data passes them."""
        return [module for module in self.modules() if isinstance(module, nn.Linear)]

    def chain(self) -> list[nn.Linear] | None:
        """Its layers, if from `features` on it is nothing but these with a ReLU between every two; else None.

        The last one gives one number per action. Whoever computes a network without calling it asks here, and leaves it
        to `forward` if there is no chain.
        """
        if (type(self.torso), type(self.stream), type(self.head)) != (Mlp, Linear, ScalarHead):
            return None
        layers: list[nn.Linear] = [*self.torso.linears, self.stream]
        more = len(list(self.parameters())) + len(list(self.buffers())) - 2 * len(layers)
        return layers if more == 0 else None


class Mlp(nn.Module):
    """Fully connected ReLU layers."""

    def __init__(self, sizes: Sequence[int]):
        super().__init__()
        self.layers = nn.ModuleList(Linear(*pair) for pair in pairwise(sizes))

    @property
    def linears(self) -> list[nn.Linear]:
        """Its layers in the order in which data passes them."""
        return [layer for layer in self.layers if isinstance(layer, Linear)]

    def forward(self, x: Tensor) -> Tensor:
        """[B, sizes[0]] -> [B, sizes[-1]]."""
        for layer in self.layers:
            x = layer.forward(x).relu()
        return x

    def activations(self, x: Tensor) -> list[Tensor]:
        """What each layer hands on, [B, units]."""
        outputs = [x]
        for layer in self.layers:
            outputs.append(layer.forward(outputs[-1]).relu())
        return outputs[1:]


class Linear(nn.Linear):
    """torch's layer without its initialisation, which would draw from the global generator."""

    def reset_parameters(self) -> None:
        """Leaves the memory as it is, for `initialise`."""


@torch.no_grad()
def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draws every weight and bias uniformly in +-1/sqrt(inputs), the law of torch's own Linear."""
    for module in network.modules():
        if isinstance(module, Linear):
            bound = 1 / math.sqrt(module.in_features)
            module.weight.uniform_(-bound, bound, generator=generator)
            module.bias.uniform_(-bound, bound, generator=generator)
