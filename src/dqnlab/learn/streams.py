"""Streams of more than one way from features to values."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from .layers import Branch, MakeLayer, cut
from .networks import Stream


class DuelingStream(Stream):
    """How good it is to be here, and how much better or worse than the mean each action is (Wang et al. 2016, eq. 9).

    values = state + advantage - mean over actions of advantage, for each of the K numbers.
    """

    def __init__(self, width: int, hidden: Sequence[int], num_actions: int, num_values: int, make: MakeLayer):
        """`hidden` are the units of the ReLU layers that either has for itself."""
        super().__init__()
        self.state = Branch([width, *hidden, num_values], make)
        self.advantage = Branch([width, *hidden, num_actions * num_values], make)
        self.shape = (num_actions, num_values)

    def num_draws(self, size: int) -> int:
        return self.state.num_draws(size) + self.advantage.num_draws(size)

    def draw(self, size: int, rng: np.random.Generator) -> Tensor:
        return torch.cat([self.state.draw(size, rng), self.advantage.draw(size, rng)])

    def mean_draw(self, size: int) -> Tensor:
        return torch.cat([self.state.mean_draw(size), self.advantage.mean_draw(size)])

    def forward(self, x: Tensor, draw: Tensor) -> Tensor:
        own, others = cut(draw, self.state.num_draws(len(x)))
        state = self.state.forward(x, own)
        advantage = self.advantage.forward(x, others).view(-1, *self.shape)
        return state[:, None] + advantage - advantage.mean(1, keepdim=True)

    def refresh(self) -> None:
        self.state.refresh()
        self.advantage.refresh()

    def last(self) -> list[nn.Module]:
        return [self.state.layers[-1], self.advantage.layers[-1]]
