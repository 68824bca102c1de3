"""Adam on one flat vector.

torch's own optimisers import its compiler first, which takes longer than solving CartPole; on a flat
vector the whole of Adam is eight operations.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

TINY = 1e-30  # below anything that eps leaves visible; the root of an exact zero takes ten times as long


class AdamSettings(NamedTuple):
    """The constants of Adam, and the longest gradient it takes as it is."""

    lr: float
    beta1: float
    beta2: float
    eps: float
    max_grad_norm: float | None


def adam(gradient: Tensor, mean: Tensor, square: Tensor, steps: int | Tensor, s: AdamSettings) -> Tensor:
    """What one step of Adam adds to the parameters (Kingma & Ba 2015, Algorithm 1); all tensors [P].

    The running mean and mean square of the gradient change in place. `steps` counts from 1.
    """
    mean.copy_(mean.lerp(gradient, 1 - s.beta1))  # not lerp_, which vmap does agent by agent
    square.copy_(square.lerp(gradient * gradient, 1 - s.beta2))
    root = (square + TINY).sqrt() * (1 - s.beta2**steps) ** -0.5
    return mean / (root + s.eps) * (-s.lr / (1 - s.beta1**steps))


def clip(gradient: Tensor, max_norm: float | None) -> tuple[Tensor, Tensor]:
    """The gradient [P], scaled down to `max_norm` if it is longer, and the norm [] that it had."""
    norm = gradient.norm()
    return (gradient if max_norm is None else gradient * (max_norm / (norm + 1e-6)).clamp(max=1)), norm


class Adam:
    """The running means of Adam for one parameter vector."""

    def __init__(self, values: Tensor, settings: AdamSettings):
        self.settings, self.steps = settings, 0
        self.mean, self.square = torch.zeros_like(values), torch.zeros_like(values)

    def step(self, values: Tensor, gradient: Tensor) -> Tensor:
        """Moves `values` [P] in place against `gradient` [P]; returns the gradient's norm [] before clipping."""
        self.steps += 1
        gradient, norm = clip(gradient, self.settings.max_grad_norm)
        values += adam(gradient, self.mean, self.square, self.steps, self.settings)
        return norm

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "mean": self.mean, "square": self.square}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps = state["steps"]
        self.mean.copy_(state["mean"])
        self.square.copy_(state["square"])
