"""Implicit quantiles: the network is asked for any quantile of the return, and answers those that chance chose."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from .distributional import quantile_loss
from .heads import Head
from .layers import cut
from .losses import Loss
from .networks import BareLinear, Stream


class ImplicitStream(Stream):
    """Values of N quantiles whose levels tau are random numbers, one each (Dabney et al. 2018, IQN, equation 4).

    features * relu(linear(cos(pi i tau) for i = 0 … )) goes through another stream. The levels are handed on behind the
    values, so that whoever computes a loss knows them: K = 2 N.
    """

    def __init__(self, width: int, inner: Stream, num: int, cosines: int):
        """`inner` gives one number per action."""
        super().__init__()
        self.embed = BareLinear(cosines, width)
        self.inner = inner
        self.num = num

    def num_draws(self, size: int) -> int:
        return size * self.num + self.inner.num_draws(size * self.num)

    def draw(self, size: int, rng: np.random.Generator) -> Tensor:
        levels = torch.from_numpy(rng.random(size * self.num, np.float32))
        return torch.cat([levels, self.inner.draw(size * self.num, rng)])

    def mean_draw(self, size: int) -> Tensor:
        """The midpoints of N equal shares, for each observation."""
        levels = ((torch.arange(self.num) + 0.5) / self.num).repeat(size)
        return torch.cat([levels, self.inner.mean_draw(size * self.num)])

    def forward(self, x: Tensor, draw: Tensor) -> Tensor:
        size = len(x)
        levels, others = cut(draw, size * self.num)
        waves = torch.arange(self.embed.in_features, device=x.device) * math.pi
        embedded = self.embed.forward((levels[:, None] * waves).cos()).relu()  # [B N, width]
        values = self.inner.forward(x.repeat_interleave(self.num, 0) * embedded, others)  # [B N, A, 1]
        values = values.view(size, self.num, -1).transpose(1, 2)  # [B, A, N]
        return torch.cat([values, levels.view(size, 1, self.num).expand_as(values)], 2)

    def refresh(self) -> None:
        self.inner.refresh()

    def last(self) -> list[nn.Module]:
        return self.inner.last()


class ImplicitHead(Head):
    """N quantiles of the return, and behind them their levels."""

    def __init__(self, num: int, kappa: float):
        super().__init__()
        self.width = 2 * num
        self.num = num
        self.kappa = kappa

    def q_values(self, values: Tensor) -> Tensor:
        return values[:, :, : self.num].mean(-1)

    def loss(self, row: Tensor, next_row: Tensor, reward: Tensor, discount: Tensor) -> Loss:
        quantiles, levels = row[:, : self.num], row[:, self.num :].detach()
        target = reward[:, None] + discount[:, None] * next_row[:, : self.num]
        error = (target.mean(1) - quantiles.detach().mean(1)).abs()
        return Loss(quantile_loss(quantiles, target, self.kappa, levels), error, target.mean(1))
