"""Heads that describe a return by more than its mean.

K numbers per action: quantiles, or logits over a fixed range of returns. Their losses are pure, as the scalar one's is
(see `losses`): gradients flow through the prediction only.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .heads import Head
from .losses import Loss


class QuantileHead(Head):
    """K quantiles of the return, at the midpoints of K equal shares (Dabney et al. 2018, QR-DQN)."""

    def __init__(self, num: int, kappa: float):
        super().__init__()
        self.width = num
        self.kappa = kappa

    def q_values(self, values: Tensor) -> Tensor:
        return values.mean(-1)

    def loss(self, row: Tensor, next_row: Tensor, reward: Tensor, discount: Tensor) -> Loss:
        target = reward[:, None] + discount[:, None] * next_row
        error = (target.mean(1) - row.detach().mean(1)).abs()
        return Loss(quantile_loss(row, target, self.kappa), error, target.mean(1))


def quantile_loss(row: Tensor, target: Tensor, kappa: float, tau: Tensor | None = None) -> Tensor:
    """Quantile Huber loss [B] of K predicted quantiles against N samples of the target: row [B, K], target [B, N].

    u = target_j - row_i;  sum over i of the mean over j of |tau_i - 1{u < 0}| * huber(u) / kappa
    (Dabney et al. 2018, equation 10 and Algorithm 1).

    Args:
        tau: the levels of the predicted quantiles [B, K]; (i + 1/2) / K if there are none.
    """
    if tau is None:
        tau = ((torch.arange(row.shape[1], device=row.device) + 0.5) / row.shape[1]).expand_as(row)
    apart = target[:, None, :] - row[:, :, None]  # [B, K, N]
    with torch.no_grad():
        weight = torch.where(apart < 0, 1 - tau[:, :, None], tau[:, :, None])
    # of the difference: compiled, Huber's loss of the broadcast pair takes more than three times as long
    huber = F.huber_loss(apart, torch.zeros_like(apart), reduction="none", delta=kappa)
    return (weight * huber).sum(2).sum(1) / (kappa * target.shape[1])


class CategoricalHead(Head):
    """Probabilities of K returns that are evenly spaced from v_min to v_max, as logits (Bellemare et al. 2017, C51)."""

    proportional = False

    def __init__(self, num: int, v_min: float, v_max: float):
        super().__init__()
        self.width = num
        self.v_min, self.v_max = v_min, v_max

    def q_values(self, values: Tensor) -> Tensor:
        return values.softmax(-1) @ self.returns(values)

    def loss(self, row: Tensor, next_row: Tensor, reward: Tensor, discount: Tensor) -> Loss:
        wanted = self.wanted(next_row, reward, discount)
        return cross_entropy(row, wanted, wanted @ self.returns(row))

    def wanted(self, next_row: Tensor, reward: Tensor, discount: Tensor) -> Tensor:
        """The probabilities [B, K] that the prediction is pulled towards."""
        moved = reward[:, None] + discount[:, None] * self.returns(next_row)
        return project(next_row.softmax(1), moved, self.v_min, self.v_max)

    def returns(self, like: Tensor) -> Tensor:
        """The returns [K] whose probabilities it gives."""
        return torch.linspace(self.v_min, self.v_max, self.width, device=like.device)


def project(probability: Tensor, returns: Tensor, v_min: float, v_max: float) -> Tensor:
    """Probabilities [B, K] of `returns` [B, K], shared out to the nearest two of K evenly spaced ones.

    p_i = sum over j of max(0, 1 - |clip(returns_j) - z_i| / step) * probability_j  (Bellemare et al. 2017, equation 7).
    """
    num = returns.shape[1]
    place = ((returns - v_min) * ((num - 1) / (v_max - v_min))).clamp(0, num - 1)  # in steps from v_min
    slots = torch.arange(num, device=returns.device)
    share = (1 - (place[:, None, :] - slots[:, None]).abs()).clamp(min=0)  # [B, K to, K from]
    return (share * probability[:, None, :]).sum(2)


class HistogramHead(Head):
    """Probabilities of K bins of returns, whose target is a normal distribution around the mean of what follows.

    HL-Gauss (Imani & White 2018; for values Farebrother et al. 2024, section 3.1): regression by classification.
    """

    proportional = False

    def __init__(self, num: int, v_min: float, v_max: float, sigma: float):
        """`sigma` is the deviation of the target, in bins."""
        super().__init__()
        self.width = num
        self.v_min, self.v_max = v_min, v_max
        self.sigma = sigma

    def q_values(self, values: Tensor) -> Tensor:
        return values.softmax(-1) @ self.centres(values)

    def loss(self, row: Tensor, next_row: Tensor, reward: Tensor, discount: Tensor) -> Loss:
        target = reward + discount * (next_row.softmax(1) @ self.centres(row))
        loss = cross_entropy(row, self.histogram(target), target)
        return loss._replace(error=(target - self.q_values(row.detach())).abs())

    def centres(self, like: Tensor) -> Tensor:
        """The middles [K] of the bins."""
        half = (self.v_max - self.v_min) / self.width / 2
        return torch.linspace(self.v_min + half, self.v_max - half, self.width, device=like.device)

    def histogram(self, target: Tensor) -> Tensor:
        """The probabilities [B, K] of the bins around targets [B], which count as at most v_max and at least v_min."""
        step = (self.v_max - self.v_min) / self.width
        edges = torch.linspace(self.v_min, self.v_max, self.width + 1, device=target.device)
        apart = (edges - target.clamp(self.v_min, self.v_max)[:, None]) / (math.sqrt(2) * self.sigma * step)
        below = torch.erf(apart)  # [B, K + 1]
        return below.diff(dim=1) / (below[:, -1:] - below[:, :1])


def cross_entropy(row: Tensor, wanted: Tensor, target: Tensor) -> Loss:
    """Of logits [B, K] against probabilities [B, K], whose mean is `target` [B]; the error is their divergence.

    The divergence, KL(wanted || predicted), is the cross entropy less what no prediction could avoid, so a priority of
    0 means that nothing is left to learn (Hessel et al. 2018).
    """
    value = F.cross_entropy(row, wanted, reduction="none")
    own = -(wanted * wanted.clamp(min=1e-12).log()).sum(1)
    return Loss(value, (value.detach() - own).clamp(min=0), target)
