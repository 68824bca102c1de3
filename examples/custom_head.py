"""A head of your own: one number per action, as in the first DQN, but with another loss.

    python examples/custom_head.py
    cd examples && dqn train CartPole-v1 head:custom_head:LogCosh --head.width 2

The logarithm of the hyperbolic cosine is square for small errors and linear for large ones, and smooth in between.
"""

import math
from typing import Annotated

import torch
from torch.nn.functional import softplus

import dqnlab
from dqnlab.config import Between, Custom
from dqnlab.learn.heads import ScalarHead
from dqnlab.learn.losses import Loss


class LogCosh(Custom, place="head"):
    """One number per action, with the log-cosh loss."""

    width: Annotated[float, Between(0, 1e6, open_low=True)] = 1.0
    """errors well below it count by their square, errors well above it by their size"""

    def make(self, scale: float) -> "LogCoshHead":
        return LogCoshHead(self.width / scale)  # rewards are learned divided by `scale`, and so are values


class LogCoshHead(ScalarHead):
    def __init__(self, width: float) -> None:
        super().__init__()
        self.size = width

    def loss(self, row: torch.Tensor, next_row: torch.Tensor, reward: torch.Tensor, discount: torch.Tensor) -> Loss:
        target = reward + discount * next_row[:, 0]
        error = target - row[:, 0]
        x = error / self.size
        return Loss(self.size**2 * (x + softplus(-2 * x) - math.log(2)), error.detach().abs(), target)


if __name__ == "__main__":
    run = dqnlab.train(dqnlab.Config(head=LogCosh(width=2.0)), trackers=("none",))
    print(run.score)
