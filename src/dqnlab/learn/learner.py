"""⑦ Learning: one gradient step on one batch."""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .heads import row_of
from .networks import QNetwork
from .optimizer import Adam, AdamSettings
from .targets import Rule
from .types import Batch
from .weights import Flat


class Update(NamedTuple):
    """What one update computed. Tensors, so that nobody waits for a number that nobody reads."""

    loss: Tensor  # [] weighted mean
    error: Tensor  # [B] >= 0, the new priorities of the batch's slots
    q: Tensor  # [B, A] online values before the step
    target: Tensor  # [B] what the taken actions' values were pulled towards
    grad_norm: Tensor  # [] before clipping

    def in_env_units(self, scale: float) -> "Update":
        """The same with values, targets and errors as the environment counts rewards; loss and gradient as they were.

        `scale` is what rewards were divided by before learning.
        """
        if scale == 1:
            return self
        return self._replace(error=self.error * scale, q=self.q * scale, target=self.target * scale)


Sync = Callable[[Tensor, Tensor, int], None]
"""(online values [P], target values [P], updates so far): moves the target network's values in place."""


def hard_sync(every: int) -> Sync:
    """Copies online to target whenever the update count reaches a multiple of `every` (Mnih et al. 2015)."""

    def sync(online: Tensor, target: Tensor, updates: int) -> None:
        if updates % every == 0:
            target.copy_(online)

    return sync


def polyak_sync(tau: float) -> Sync:
    """target <- target + tau * (online - target), at every update (Lillicrap et al. 2016, Algorithm 1)."""

    def sync(online: Tensor, target: Tensor, updates: int) -> None:
        target.lerp_(online, tau)

    return sync


def loss(online: QNetwork, target: QNetwork, batch: Batch, rule: Rule) -> tuple[Tensor, Update]:
    """The loss [] to minimise, and what it was made of (its grad_norm still unknown, 0).

    The gradient flows through the online network's prediction for the taken actions, nowhere else.
    """
    with torch.no_grad():
        reward, next_row = rule(online, target, batch)
    values = online(batch.obs)  # [B, A, K]
    td = online.head.loss(row_of(values, batch.action), next_row, reward, batch.discount)
    mean = (batch.weight * td.value).mean()
    q = online.head.q_values(values.detach())
    return mean, Update(mean.detach(), td.error, q, td.target, mean.new_zeros(()))


class Learner:
    """Owns the online and target networks and the optimiser."""

    def __init__(self, online: QNetwork, target: QNetwork, rule: Rule, sync: Sync, adam: AdamSettings):
        self.online, self.target, self.rule, self.sync = online, target.requires_grad_(False), rule, sync
        self._online, self._target = Flat(online), Flat(target)
        self._target.values.copy_(self._online.values)
        self.optimizer = Adam(self._online.values, adam)
        self.device = self._online.values.device
        self.updates = 0

    def update(self, batch: Batch) -> Update:
        """target -> loss -> gradient -> step -> sync."""
        batch = Batch(*(column.to(self.device) for column in batch))
        self._online.gradient.zero_()
        mean, update = loss(self.online, self.target, batch, self.rule)
        mean.backward()
        with torch.no_grad():
            norm = self.optimizer.step(self._online.values, self._online.gradient)
            self.finish_update()
        return update._replace(grad_norm=norm)

    def finish_update(self) -> None:
        """Counts an update, and syncs if it is time."""
        self.updates += 1
        self.sync(self._online.values, self._target.values, self.updates)

    @property
    def values(self) -> tuple[Tensor, Tensor]:
        """All parameters of the online and of the target network, as one vector [P] each."""
        return self._online.values, self._target.values

    def move_to(self, online: Tensor, target: Tensor, mean: Tensor, square: Tensor) -> None:
        """Lives in these tensors [P] from now on, which hold what its own held before."""
        self._online.move_to(online)
        self._target.move_to(target)
        self.optimizer.mean, self.optimizer.square = mean, square

    @property
    def is_finite(self) -> bool:
        """Whether every weight of the online network still is a number."""
        return bool(self._online.values.isfinite().all())

    def state_dict(self) -> dict[str, Any]:
        """A copy, which later updates leave alone."""
        state = {
            "online": self.online.state_dict(),
            "target": self.target.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "updates": self.updates,
        }
        return copy.deepcopy(state)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.online.load_state_dict(state["online"])
        self.target.load_state_dict(state["target"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.updates = state["updates"]
