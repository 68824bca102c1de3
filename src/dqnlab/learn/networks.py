"""⑤ Q-networks: input -> torso -> stream -> head."""

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from .heads import Head
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

    @property
    def is_plain(self) -> bool:
        """Whether it takes a float vector as it is and gives one number per action."""
        return self.takes_vector and self.head.width == 1


class Mlp(nn.Module):
    """Fully connected ReLU layers."""

    def __init__(self, sizes: Sequence[int]):
        super().__init__()
        self.layers = nn.ModuleList(Linear(*pair) for pair in pairwise(sizes))

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


class Flat:
    """All parameters of a network as one vector, and their gradients as another.

    The network's own tensors become views into them, so one operation on `values` [P] is an operation
    on every layer. Assigning new tensors to the network's parameters would break this; copying does not.
    """

    def __init__(self, network: nn.Module):
        self._parameters = list(network.parameters())
        self.gradient = torch.zeros(sum(p.numel() for p in self._parameters), device=self._parameters[0].device)
        for p, gradient in zip(self._parameters, self._views(self.gradient), strict=True):
            p.grad = gradient
        self.move_to(torch.cat([p.detach().flatten() for p in self._parameters]))

    def move_to(self, values: Tensor) -> None:
        """Makes the network's parameters views into `values` [P], whatever they hold."""
        self.values = values
        for p, view in zip(self._parameters, self._views(values), strict=True):
            p.data = view

    def _views(self, vector: Tensor) -> list[Tensor]:
        parts = vector.split([p.numel() for p in self._parameters])
        return [part.view_as(p) for part, p in zip(parts, self._parameters, strict=True)]


CLASSIC_LAYERS = ("fc.0", "fc.2", "fc.4")
LAST_LAYER = ("stream.weight", "stream.bias")  # linear in what rewards are counted in


def export_weights(network: QNetwork) -> "OrderedDict[str, Tensor]":
    """A copy of the weights, on the CPU, as files hold them: their values are in the environment's own units.

    What a network has learned from divided rewards (`reward_scale`) its last layer is multiplied by here.
    A plain network with two hidden layers is written under the names of the classic module (`fc.0.weight` …),
    any other under its own.
    """
    names, scale = _file_names(network), network.reward_scale
    copies = ((own, w.detach().cpu().clone()) for own, w in network.state_dict().items())
    return OrderedDict((names.get(own, own), w * scale if own in LAST_LAYER else w) for own, w in copies)


def import_weights(network: QNetwork, weights: Mapping[str, Tensor]) -> None:
    """Copies weights from a file into the network; its last layer is divided by the network's `reward_scale`.

    Raises:
        KeyError, RuntimeError: names or shapes are not this network's.
    """
    names = _file_names(network)
    wanted = {names.get(own, own): own for own in network.state_dict()}
    if wrong := wanted.keys() ^ weights.keys():
        raise KeyError(f"missing or not known to this network: {', '.join(sorted(wrong))}")
    found = {own: weights[name] for name, own in wanted.items()}
    scaled = {own: w / network.reward_scale if own in LAST_LAYER else w for own, w in found.items()}
    network.load_state_dict(scaled)


def _file_names(network: QNetwork) -> dict[str, str]:
    """Own name -> name in a file, where they differ."""
    if not (network.is_plain and len(network.hidden) == 2):
        return {}
    own = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    pairs = zip(own, CLASSIC_LAYERS, strict=True)
    return {f"{mine}.{part}": f"{classic}.{part}" for mine, classic in pairs for part in ("weight", "bias")}


@torch.no_grad()
def dead_units(network: QNetwork, obs: Tensor) -> float:
    """The share of hidden ReLU units that are zero on every one of the observations [B, *obs_shape]."""
    activations = network.torso.activations(network.features(obs))
    return torch.cat([(out == 0).all(0) for out in activations]).float().mean().item()
