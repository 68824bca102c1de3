"""② Pure losses per sample, between a prediction and a bootstrapped one.

A loss takes the row of the taken action and the row to bootstrap from; how the latter was chosen
is not its concern (see `targets`). Gradients flow through the prediction only: callers pass a
`next_*` that carries none.
"""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor


class Loss(NamedTuple):
    """What every loss returns, one number per sample."""

    value: Tensor  # [B] to be weighted, averaged and minimised
    error: Tensor  # [B] >= 0, without gradient: how wrong the prediction was, the sample's priority
    target: Tensor  # [B] the expected return that the prediction was pulled towards


def td_loss(q: Tensor, next_q: Tensor, reward: Tensor, discount: Tensor, huber: float | None) -> Loss:
    """Squared TD error, or with `huber` = delta its Huber form. All tensors [B].

    target = reward + discount * next_q                      (Mnih et al. 2015, Algorithm 1)
    squared:  (target - q)^2
    Huber:    (target - q)^2 / 2 within delta, linear beyond  (Huber 1964)
    """
    assert q.shape == next_q.shape == reward.shape == discount.shape, "[B] against [B, 1] would broadcast to [B, B]"
    target = reward + discount * next_q
    if huber is None:
        value = F.mse_loss(q, target, reduction="none")
    else:
        value = F.huber_loss(q, target, reduction="none", delta=huber)
    return Loss(value, (target - q.detach()).abs(), target)
