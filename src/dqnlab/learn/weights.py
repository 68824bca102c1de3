"""A network's weights: as one vector while it learns, under their names in a file."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from .networks import QNetwork
from .types import Observations


class Flat:
    """All parameters of a network as one vector, their gradients as another, and its buffers as a third.

    The network's own tensors become views into them, so one operation on `values` [P] is an operation
    on every layer. Assigning new tensors to the network's parameters would break this; copying does not.
    """

    def __init__(self, network: nn.Module):
        self._parameters, self._buffers = list(network.parameters()), list(network.buffers())
        values = torch.cat([p.detach().flatten() for p in self._parameters])
        buffers = torch.cat([values[:0], *(b.flatten() for b in self._buffers)])
        self.gradient = torch.zeros_like(values)
        for p, gradient in zip(self._parameters, views(self.gradient, self._parameters), strict=True):
            p.grad = gradient
        self.move_to(values, buffers)

    def move_to(self, values: Tensor, buffers: Tensor) -> None:
        """Makes parameters and buffers views into `values` [P] and `buffers` [Q], whatever these hold."""
        self.values, self.buffers = values, buffers
        for p, view in zip(self._parameters, views(values, self._parameters), strict=True):
            p.data = view
        for b, view in zip(self._buffers, views(buffers, self._buffers), strict=True):
            b.data = view


def views(vector: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """A vector cut into tensors of these shapes."""
    parts = vector.split([each.numel() for each in like])
    return [part.view_as(each) for part, each in zip(parts, like, strict=True)]


def export_weights(network: QNetwork) -> OrderedDict[str, Tensor]:
    """A copy of the weights, on the CPU, as files hold them: their values are in the environment's own units.

    What a network has learned from divided rewards (`reward_scale`) its last layer is multiplied by here.
    A chain of layers is written under the names of the classic module, an `nn.Sequential` called `fc` of linear layers
    with ReLUs between them (`fc.0.weight`, `fc.2.weight` …), any other network under its own.
    """
    names = file_names(network)
    last = last_layer(network)
    scale = network.reward_scale
    copies = ((own, w.detach().cpu().clone()) for own, w in network.state_dict().items())
    return OrderedDict((names.get(own, own), w * scale if own in last else w) for own, w in copies)


def import_weights(network: QNetwork, weights: Mapping[str, Tensor]) -> None:
    """Copies weights from a file into the network; its last layer is divided by the network's `reward_scale`.

    Raises:
        ValueError, RuntimeError: names or shapes are not this network's.
    """
    names, last = file_names(network), last_layer(network)
    wanted = {names.get(own, own): own for own in network.state_dict()}
    if wanted.keys() != weights.keys():
        missing = sorted(wanted.keys() - weights.keys())
        unknown = sorted(weights.keys() - wanted.keys())
        said = [f"it lacks {_some(missing)}"] * bool(missing) + [f"it has {_some(unknown)} too many"] * bool(unknown)
        raise ValueError("; ".join(said))
    found = {own: weights[name] for name, own in wanted.items()}
    scaled = {own: w / network.reward_scale if own in last else w for own, w in found.items()}
    network.load_state_dict(scaled)


def _some(names: Sequence[str]) -> str:
    """Names for a message, the first two of many."""
    more = len(names) - 2
    return ", ".join(names[:2]) + (f" and {more:,} more" if more > 0 else "")


def classic_names(depth: int) -> list[str]:
    """The names of this many linear layers in the classic module, where every second place is a ReLU."""
    return [f"fc.{2 * i}" for i in range(depth)]


def file_names(network: QNetwork) -> dict[str, str]:
    """Own name -> name in a file, where they differ."""
    chain = network.chain()
    if chain is None:
        return {}
    own = {module: name for name, module in network.named_modules()}
    pairs = zip(chain, classic_names(len(chain)), strict=True)
    return {f"{own[layer]}.{part}": f"{classic}.{part}" for layer, classic in pairs for part in ("weight", "bias")}


def last_layer(network: QNetwork) -> set[str]:
    """The own names of the weights that its values are proportional to; none where a head's range says the unit."""
    last = network.stream.last() if network.head.proportional else []
    modules = {name: module for name, module in network.named_modules() if module in last}
    return {f"{name}.{part}" for name, module in modules.items() for part, _ in module.named_parameters()}


@torch.no_grad()
def dead_units(network: QNetwork, obs: Observations) -> float:
    """The share of hidden ReLU units that are zero on every one of the observations [B, *obs_shape]."""
    features = network.encode(obs)
    draw = network.torso.mean_draw(len(features)).to(features.device)
    activations = network.torso.activations(features, draw)
    return torch.cat([(out == 0).all(0) for out in activations]).float().mean().item()
