"""What the training loop and the learner ask of a memory of any kind."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from torch import Tensor

from .ring import Ring
from .types import Batch, Block, Sample


class MemoryFacts(NamedTuple):
    """What a memory holds now, as a run reports it."""

    size: int  # transitions
    terminal_share: float  # of them, that lead into a terminal state
    notes: tuple[str, ...] = ()  # what somebody who reads the result should know, in sentences


class Extremes(NamedTuple):
    """The largest sizes that a memory holds, to find out what learning ran away from."""

    obs: float  # as the network sees it
    reward: float
    n: int  # most steps over which a reward is summed


Gather = Callable[[Any, Tensor, Tensor], Batch]
"""`Memory.gather`."""


class Memory(Protocol):
    """Stores what sources hand over and decides what is learned from, and when."""

    batch_size: int
    """slots of a sample"""

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All that `gather` reads, on one device."""
        ...

    def add(self, block: Block) -> None:
        """Stores a block."""

    def due(self, before: int, after: int) -> int:
        """How many updates are due now that the env steps, `before` until this block, are `after`."""

    def sample(self) -> Sample:
        """Chooses what the next update learns from, by `batch_size` slots."""

    def gather(self, tensors: Any, slots: Tensor, weight: Tensor) -> Batch:
        """The B transitions in `slots` [S] of such tensors as its own. Pure, so that it can be compiled."""
        ...

    def batch(self, sample: Sample) -> Batch:
        """The sampled transitions themselves."""

    def update_priorities(self, slots: np.ndarray, error: Tensor) -> None:
        """Hears how wrong the predictions of the B transitions in `slots` [S] were: `error` [B] >= 0."""

    def facts(self) -> MemoryFacts:
        """What it holds."""

    def extremes(self) -> Extremes:
        """The largest of what it holds. Looks at all of it."""

    def move_to(self, tensors: Any) -> None:
        """Lives in these tensors from now on, which hold what its own held before."""

    @property
    def num_bytes(self) -> int:
        """How large the tensors are; what was saved fits only a memory of the same size."""

    @property
    def logs(self) -> Mapping[str, Ring]:
        """What grows: its rows are read and written by themselves."""

    def state_dict(self) -> dict[str, Any]:
        """All but the rows (`logs`)."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Needs the rows as well (`logs`), before or after."""
