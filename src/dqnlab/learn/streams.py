"""Streams of more than one way from features to values."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from .networks import BareLinear, Stream


class DuelingStream(Stream):
    """How good it is to be here, and how much better or worse than the mean each action is (Wang et al. 2016, eq. 9).

    values = state + advantage - mean over actions of advantage, for each of the K numbers.
    """

    def __init__(self, width: int, hidden: Sequence[int], num_actions: int, num_values: int):
        """`hidden` are the units of the ReLU layers that either has for itself."""
        super().__init__()
        self.state = _branch([width, *hidden, num_values])
        self.advantage = _branch([width, *hidden, num_actions * num_values])
        self.shape = (num_actions, num_values)

    def forward(self, x: Tensor, draw: Tensor) -> Tensor:
        advantage = self.advantage(x).view(-1, *self.shape)
        return self.state(x)[:, None] + advantage - advantage.mean(1, keepdim=True)

    def last(self) -> list[nn.Module]:
        return [self.state[-1], self.advantage[-1]]


def _branch(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers of these sizes, with a ReLU between every two."""
    layers: list[nn.Module] = []
    for pair in pairwise(sizes):
        layers += [BareLinear(*pair), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
