"""A network's weights: as one vector while it learns, under their names in a file."""

from collections import OrderedDict
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from .networks import QNetwork


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


LAST_LAYER = ("stream.weight", "stream.bias")  # linear in what rewards are counted in


def export_weights(network: QNetwork) -> OrderedDict[str, Tensor]:
    """A copy of the weights, on the CPU, as files hold them: their values are in the environment's own units.

    What a network has learned from divided rewards (`reward_scale`) its last layer is multiplied by here.
    A chain of layers is written under the names of the classic module, an `nn.Sequential` called `fc` of linear layers
    with ReLUs between them (`fc.0.weight`, `fc.2.weight` …), any other network under its own.
    """
    names, scale = _file_names(network), network.reward_scale
    copies = ((own, w.detach().cpu().clone()) for own, w in network.state_dict().items())
    return OrderedDict((names.get(own, own), w * scale if own in LAST_LAYER else w) for own, w in copies)


def import_weights(network: QNetwork, weights: Mapping[str, Tensor]) -> None:
    """Copies weights from a file into the network; its last layer is divided by the network's `reward_scale`.

    Raises:
        KeyError, RuntimeError: names or shapes are not this network's.
    """
    own_names = network.state_dict().keys()
    names = {} if own_names == weights.keys() else _file_names(network)  # files of before had a network's own
    wanted = {names.get(own, own): own for own in own_names}
    if wrong := wanted.keys() ^ weights.keys():
        raise KeyError(f"missing or not known to this network: {', '.join(sorted(wrong))}")
    found = {own: weights[name] for name, own in wanted.items()}
    scaled = {own: w / network.reward_scale if own in LAST_LAYER else w for own, w in found.items()}
    network.load_state_dict(scaled)


def classic_names(depth: int) -> list[str]:
    """What so many linear layers are called in the classic module: every second place is a ReLU's."""
    return [f"fc.{2 * i}" for i in range(depth)]


def _file_names(network: QNetwork) -> dict[str, str]:
    """Own name -> name in a file, where they differ."""
    chain = network.chain()
    if chain is None:
        return {}
    own = {module: name for name, module in network.named_modules()}
    pairs = zip(chain, classic_names(len(chain)), strict=True)
    return {f"{own[layer]}.{part}": f"{classic}.{part}" for layer, classic in pairs for part in ("weight", "bias")}


@torch.no_grad()
def dead_units(network: QNetwork, obs: Tensor) -> float:
    """The share of hidden ReLU units that are zero on every one of the observations [B, *obs_shape]."""
    activations = network.torso.activations(network.features(obs))
    return torch.cat([(out == 0).all(0) for out in activations]).float().mean().item()
