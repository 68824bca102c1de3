"""⑦ Learning: one gradient step on one batch."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .heads import at_action, row_of
from .networks import QNetwork
from .optimizer import Descent, Optimizer
from .regularizers import Regularizer
from .targets import Rule
from .types import Batch, Draws
from .weights import Flat


class Update(NamedTuple):
    """What one update computed. Tensors, so that nothing waits for a number that is not read."""

    loss: Tensor  # [] weighted mean
    error: Tensor  # [B] >= 0, the new priorities of the batch's slots, as the head measures them
    q: Tensor  # [B, A] online values before the step, -inf of forbidden actions
    target: Tensor  # [B] what the taken actions' values were pulled towards
    grad_norm: Tensor  # [] before clipping

    def in_env_units(self, scale: float, action: Tensor) -> "Update":
        """The same as the environment counts rewards, errors being |target - value|; loss and gradient as they were.

        `scale` is what rewards were divided by before learning, `action` [B] what was taken.
        """
        error = (
            self.target - at_action(self.q, action)
        ).abs()  # a head's own may have no unit, as a divergence has none
        return self._replace(error=error * scale, q=self.q * scale, target=self.target * scale)


Sync = Callable[[Tensor, Tensor, int], None]
"""(online values [P], target values [P], updates so far): moves the target network's values in place."""


@dataclass(frozen=True)
class HardSync:
    """Copies online to target whenever the update count reaches a multiple of `every` (Mnih et al. 2015)."""

    every: int

    def __call__(self, online: Tensor, target: Tensor, updates: int) -> None:
        if updates % self.every == 0:
            target.copy_(online)


@dataclass(frozen=True)
class PolyakSync:
    """target <- target + tau * (online - target), at every update (Lillicrap et al. 2016, Algorithm 1)."""

    tau: float

    def __call__(self, online: Tensor, target: Tensor, updates: int) -> None:
        target.lerp_(online, self.tau)


def loss(
    online: QNetwork, target: QNetwork, batch: Batch, rule: Rule, regularizer: Regularizer | None = None
) -> tuple[Tensor, Update]:
    """The loss [] to minimise, and what it was made of (its grad_norm still unknown, 0).

    The gradient flows through the online network's prediction for the taken actions, nowhere else.
    """
    with torch.no_grad():
        reward, next_row = rule(online, target, batch)
    values = online(batch.obs, batch.draws.online)  # [B, A, K]
    td = online.head.loss(row_of(values, batch.action), next_row, reward, batch.discount)
    value = td.value if regularizer is None else td.value + regularizer(online.expected(values, batch.obs), batch)
    mean = (batch.weight * value).mean()
    q = online.expected(values.detach(), batch.obs)
    return mean, Update(mean.detach(), td.error, q, td.target, mean.new_zeros(()))


class State(NamedTuple):
    """All that an update changes, in place."""

    online: Tensor  # [P] parameters of the online network
    target: Tensor  # [P] and of the target network
    buffers: Tensor  # [Q] what the online network keeps beside them
    target_buffers: Tensor  # [Q]
    memory: list[Tensor]  # [P] each, the optimiser's


class Learner:
    """Owns the online and target networks and the optimiser; draws what the networks need of chance."""

    def __init__(
        self,
        online: QNetwork,
        target: QNetwork,
        rule: Rule,
        sync: Sync,
        descent: Descent,
        rng: np.random.Generator,
        regularizer: Regularizer | None = None,
    ):
        self.online = online
        self.target = target.requires_grad_(False)
        self.rule = rule
        self.regularizer = regularizer
        self.sync = sync
        self._online = Flat(online)
        self._target = Flat(target)
        self._rng = rng
        self._target.values.copy_(self._online.values)
        self._target.buffers.copy_(self._online.buffers)
        self._has_buffers = self._online.buffers.numel() > 0
        self.optimizer = Optimizer(self._online.values, descent)
        self.device = self._online.values.device
        self.updates = 0

    def refresh(self, obs: Tensor) -> None:
        """Moves the buffers of both networks on by observations [B, *obs_shape], before training begins."""
        self.online.refresh(obs.to(self.device))
        self._target.buffers.copy_(self._online.buffers)

    def update(self, batch: Batch) -> Update:
        """draw -> target -> loss -> gradient -> step -> refresh -> sync."""
        batch = batch._replace(draws=self.draw(len(batch.action)))
        return self.update_with(batch.to(self.device))

    def update_with(self, batch: Batch) -> Update:
        """An update on a batch whose random numbers have been drawn."""
        self._online.gradient.zero_()
        mean, update = loss(self.online, self.target, batch, self.rule, self.regularizer)
        mean.backward()
        with torch.no_grad():
            norm = self.optimizer.step(self._online.values, self._online.gradient)
            if self._has_buffers:
                self.online.refresh(batch.obs)
            self.finish_update()
        return update._replace(grad_norm=norm)

    def draw(self, size: int) -> Draws:
        """The random numbers of an update on `size` transitions."""
        if not self.online.is_random:
            return Draws()
        return Draws(*(self.online.draw(size, self._rng) for _ in Draws._fields))

    def finish_update(self) -> None:
        """Counts an update, and syncs if it is time."""
        self.updates += 1
        self.sync(self._online.values, self._target.values, self.updates)
        if self._has_buffers:
            self.sync(self._online.buffers, self._target.buffers, self.updates)

    @property
    def state(self) -> State:
        """The tensors that it lives in."""
        online, target = self._online, self._target
        return State(online.values, target.values, online.buffers, target.buffers, self.optimizer.memory)

    def move_to(self, state: State) -> None:
        """Lives in these tensors from now on, which hold what its own held before."""
        self._online.move_to(state.online, state.buffers)
        self._target.move_to(state.target, state.target_buffers)
        self.optimizer.memory = state.memory

    @property
    def is_finite(self) -> bool:
        """Whether every weight of the online network still is a number."""
        return all(math.isfinite(end) for end in self._online.values.aminmax())  # NaN is both ends then

    def state_dict(self) -> dict[str, Any]:
        """A copy, which later updates leave alone."""
        state = {
            "online": self.online.state_dict(),
            "target": self.target.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "updates": self.updates,
            "rng": self._rng.bit_generator.state,
        }
        return copy.deepcopy(state)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.online.load_state_dict(state["online"])
        self.target.load_state_dict(state["target"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.updates = state["updates"]
        self._rng.bit_generator.state = state["rng"]
