"""⑥ Replay memory: a ring of transitions, and a sampler that says which slots to draw."""

from typing import Protocol

import numpy as np
import torch

from .sumtree import SumTree
from .types import Batch, Block, ObsSpec, Sample, Transitions


class Sampler(Protocol):
    """Chooses slots."""

    def added(self, slots: np.ndarray) -> None:
        """New transitions lie in `slots` [M]."""

    def draw(self, size: int, stored: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Slots [B] among the first `stored`, and their importance weights [B] float32 in (0, 1]."""

    def update(self, slots: np.ndarray, error: np.ndarray) -> None:
        """The transitions in `slots` [B] were last off by `error` [B] >= 0."""


class Replay:
    """Ring of `capacity` transitions; the oldest are overwritten first."""

    def __init__(self, capacity: int, obs: ObsSpec, sampler: Sampler, rng: np.random.Generator):
        self.capacity, self.sampler, self._rng = capacity, sampler, rng
        self._added = 0  # ever
        self._columns = Transitions(
            obs=np.zeros((capacity, *obs.shape), obs.dtype),
            action=np.zeros(capacity, np.int64),
            reward=np.zeros(capacity, np.float32),
            discount=np.zeros(capacity, np.float32),
            next_obs=np.zeros((capacity, *obs.shape), obs.dtype),
        )

    def __len__(self) -> int:
        return min(self._added, self.capacity)

    def add(self, block: Block) -> None:
        """Stores a block of at most `capacity` transitions."""
        size = len(block.transitions.action)
        if size == 0:
            return
        slots = (self._added + np.arange(size)) % self.capacity
        for column, new in zip(self._columns, block.transitions, strict=True):
            column[slots] = new
        self.sampler.added(slots)
        self._added += size

    def sample(self, size: int, rng: np.random.Generator | None = None) -> Sample:
        """Draws `size` transitions with replacement, by the replay's own generator unless given another.

        Raises:
            ValueError: fewer than `size` are stored.
        """
        if len(self) < size:
            raise ValueError(f"cannot sample {size} transitions from a replay that holds {len(self)}")
        slots, weight = self.sampler.draw(size, len(self), self._rng if rng is None else rng)
        columns = (torch.from_numpy(column.take(slots, 0)) for column in self._columns)
        return Sample(Batch(*columns, weight=torch.from_numpy(weight)), slots)

    def update_priorities(self, slots: np.ndarray, error: torch.Tensor) -> None:
        """Tells the sampler how wrong the predictions for `slots` [B] were: `error` [B] >= 0."""
        self.sampler.update(slots, error.cpu().numpy())

    @property
    def terminal_share(self) -> float:
        """The share of stored transitions that lead into a terminal state."""
        return float(np.mean(self._columns.discount[: len(self)] == 0)) if len(self) else 0.0


class Uniform:
    """Every stored transition is equally likely; errors are ignored."""

    def added(self, slots: np.ndarray) -> None:
        pass

    def draw(self, size: int, stored: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        return rng.integers(stored, size=size), np.ones(size, np.float32)

    def update(self, slots: np.ndarray, error: np.ndarray) -> None:
        pass


class Prioritized:
    """Proportional prioritisation (Schaul et al. 2016, §3.3-3.4).

    A transition is drawn with probability p ~ (error + eps)**alpha, stratified over the batch, and weighs
    (N p)**-beta, scaled so that the heaviest of the batch weighs 1. New ones get the largest error so far.
    """

    def __init__(self, capacity: int, alpha: float, beta: float, eps: float = 1e-6):
        self.alpha, self.beta, self.eps = alpha, beta, eps
        self._tree, self._largest = SumTree(capacity), 1.0

    def added(self, slots: np.ndarray) -> None:
        self._tree.set(slots, np.full(len(slots), self._largest**self.alpha))

    def draw(self, size: int, stored: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        slots = self._tree.find((np.arange(size) + rng.random(size)) / size * self._tree.total)
        probability = self._tree.get(slots) / self._tree.total
        weight = (stored * probability) ** -self.beta
        return slots, (weight / weight.max()).astype(np.float32)

    def update(self, slots: np.ndarray, error: np.ndarray) -> None:
        priority = error.astype(np.float64) + self.eps
        self._largest = max(self._largest, float(priority.max()))
        self._tree.set(slots, priority**self.alpha)
