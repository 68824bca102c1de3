"""Which stored transitions to learn from."""

from typing import Any, NamedTuple, Protocol

import numpy as np
from torch import Tensor

from .sumtree import SumTree
from .types import Sample


class Slots(NamedTuple):
    """`num` slots of a ring from `first` on; after its last slot comes slot 0."""

    first: int
    num: int
    capacity: int

    def numbers(self) -> np.ndarray:
        """Each of them, [num]."""
        return np.arange(self.first, self.first + self.num) % self.capacity


class Sampler(Protocol):
    """Chooses slots."""

    def added(self, slots: Slots) -> None:
        """New transitions lie in `slots`."""

    def dropped(self, slots: Slots) -> None:
        """What lay in `slots` is gone."""

    def draw(self, size: int, held: Slots, rng: np.random.Generator) -> Sample:
        """`size` of the held transitions, with replacement."""

    def update(self, slots: np.ndarray, error: Tensor) -> None:
        """The transitions in `slots` [B] were last off by `error` [B] >= 0."""

    def state_dict(self) -> dict[str, Any]:
        """What decides the draws to come."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Draws as the sampler would whose state this is."""


class Uniform:
    """Every stored transition is equally likely; errors are ignored."""

    def added(self, slots: Slots) -> None:
        pass

    def dropped(self, slots: Slots) -> None:
        pass

    def draw(self, size: int, held: Slots, rng: np.random.Generator) -> Sample:
        end = held.first + held.num
        drawn = rng.random(size)  # `integers` takes five times as long
        drawn *= held.num
        slots = drawn.astype(np.int64)
        slots += held.first
        if end > held.capacity:
            slots %= held.capacity
        return Sample(slots, np.ones(size, np.float32))

    def update(self, slots: np.ndarray, error: Tensor) -> None:
        pass

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


class Prioritized:
    """Proportional prioritisation (Schaul et al. 2016, §3.3-3.4).

    A transition is drawn with probability p ~ (error + eps)**alpha, stratified over the batch, and weighs
    (N p)**-beta, scaled so that the heaviest of the batch weighs 1. New ones get the largest error so far.

    Args:
        beta_end: what beta is from batch number `updates` on, to which it goes in a straight line.
    """

    def __init__(
        self,
        capacity: int,
        alpha: float,
        beta: float,
        eps: float = 1e-6,
        *,
        beta_end: float | None = None,
        updates: int = 1,
    ):
        self.alpha = alpha
        self.eps = eps
        self._betas = beta, beta if beta_end is None else beta_end
        self._updates, self._drawn = updates, 0
        self._tree, self._largest = SumTree(capacity), 1.0

    def added(self, slots: Slots) -> None:
        self._tree.set(slots.numbers(), np.full(slots.num, self._largest))

    def dropped(self, slots: Slots) -> None:
        self._tree.set(slots.numbers(), np.zeros(slots.num))

    def draw(self, size: int, held: Slots, rng: np.random.Generator) -> Sample:
        slots = self._tree.find((np.arange(size) + rng.random(size)) / size * self._tree.total)
        priority = self._tree.get(slots)
        self._drawn += 1
        # N and the sum of all priorities cancel where the heaviest is scaled to 1.
        return Sample(slots, ((priority.min() / priority) ** self.beta).astype(np.float32))

    @property
    def beta(self) -> float:
        """The power that the latest batch was weighed with."""
        begin, end = self._betas
        return begin + (end - begin) * min((self._drawn - 1) / max(self._updates - 1, 1), 1.0)

    def update(self, slots: np.ndarray, error: Tensor) -> None:
        priority = (error.cpu().numpy().astype(np.float64) + self.eps) ** self.alpha
        self._largest = max(self._largest, float(priority.max()))
        self._tree.set(slots, priority)

    def state_dict(self) -> dict[str, Any]:
        priority = self._tree.get(np.arange(self._tree.size))
        return {"priority": priority, "largest": self._largest, "drawn": self._drawn}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._tree.set(np.arange(self._tree.size), state["priority"])
        self._largest = state["largest"]
        self._drawn = state.get("drawn", 0)  # unknown to earlier versions, whose beta stayed as it was
