"""Which inputs made the best action better than the second best.

Integrated gradients (Sundararajan, Taly and Yan 2017): on the straight line from a baseline to the observation,
the mean gradient of the gap with respect to each input, times the way which that input goes. Their sum is the
difference of the gap between both ends (completeness); what a finite number of steps misses of it is returned.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dqnlab.errors import ConfigError
from dqnlab.learn.networks import QNetwork

from ..nets import num_actions, q_values_of

STEPS = 256
"""Points on the line; the page takes as many."""


class Attribution(NamedTuple):
    """Shares of the gap Q[best] - Q[second] per input. Both actions are those best at the observation."""

    best: np.ndarray  # [B] int64
    second: np.ndarray  # [B] int64
    gap: np.ndarray  # [B] float32, at the observation
    baseline_gap: np.ndarray  # [B] float32, of the same two actions at the baseline: may be negative
    parts: np.ndarray  # [B, features] float32
    residual: np.ndarray  # [B] float32: sum of the parts, minus (gap - baseline_gap)


def attribution(network: QNetwork, obs: np.ndarray, baseline: np.ndarray, steps: int = STEPS) -> Attribution:
    """Splits the gaps of stored observations [B, *obs_shape] among the inputs, by the midpoint rule.

    Args:
        baseline: [features] what the line starts from, as the first layer sees it: the mean observation visited.
        steps: points on the line. For a network that is linear between both ends one is exact.

    Raises:
        ConfigError: no gap to explain, no steps, or a baseline of another length.
    """
    device = next(network.parameters()).device
    with torch.no_grad():
        inputs = network.encode(torch.from_numpy(obs).to(device))
    start = torch.as_tensor(baseline, dtype=inputs.dtype, device=device)
    _check(network, inputs, start, steps)
    with torch.no_grad():
        allowed = network.q_values(torch.from_numpy(obs).to(device))
        pair = allowed.argsort(stable=True, dim=1, descending=True)[:, :2]  # of equals the first
        gap, at_start = _gaps(network, inputs, pair), _gaps(network, start.expand_as(inputs), pair)
    way = inputs - start
    slope = torch.zeros_like(inputs)
    for step in range(steps):  # one point of every line at a time: memory stays that of one batch
        slope += _slope(network, start + way * ((step + 0.5) / steps), pair)
    parts = way * slope / steps
    residual = parts.sum(1) - (gap - at_start)
    return Attribution(*(x.cpu().numpy() for x in (pair[:, 0], pair[:, 1], gap, at_start, parts, residual)))


def _check(network: QNetwork, inputs: Tensor, baseline: Tensor, steps: int) -> None:
    if num_actions(network) < 2:
        raise ConfigError(f"num_actions = {num_actions(network)}: a gap needs a second action; explain another network")
    if steps < 1:
        raise ConfigError(f"steps = {steps}: the line needs at least one point; {STEPS} is usual")
    if baseline.shape != inputs.shape[1:]:
        raise ConfigError(
            f"the baseline has shape {tuple(baseline.shape)}, the network takes {inputs.shape[1]} inputs: "
            "pass the mean of its features"
        )


def _gaps(network: QNetwork, inputs: Tensor, pair: Tensor) -> Tensor:
    """Q[first of the pair] - Q[second], [B]."""
    first, second = q_values_of(network, inputs).gather(1, pair).unbind(1)
    return first - second


def _slope(network: QNetwork, inputs: Tensor, pair: Tensor) -> Tensor:
    """Of the gap with respect to each input, [B, features]."""
    with torch.enable_grad():
        x = inputs.detach().requires_grad_()
        return torch.autograd.grad(_gaps(network, x, pair).sum(), x)[0]
