"""What a network thinks of its choices."""

from typing import NamedTuple

import numpy as np
import torch

from ..learn.networks import QNetwork


class Values(NamedTuple):
    """Expected returns and what follows from them, one row per observation."""

    q: np.ndarray  # [B, A] float32
    best: np.ndarray  # [B] int64, the action that a greedy agent takes; of equal ones the first
    gap: np.ndarray  # [B] float32, how much the best is worth above the second best; 0 if there is one action only


@torch.no_grad()
def values(network: QNetwork, obs: np.ndarray) -> Values:
    """The expected returns of stored observations [B, *obs_shape], in one batch."""
    device = next(network.parameters()).device
    q = network.q_values(torch.from_numpy(obs).to(device)).cpu()
    highest = q.topk(min(2, q.shape[1])).values
    return Values(q.numpy(), q.numpy().argmax(1), (highest[:, 0] - highest[:, -1]).numpy())
