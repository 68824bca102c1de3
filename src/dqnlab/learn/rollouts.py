"""Rollouts: what was just seen is learned from a few times, towards returns of the network's own, and forgotten (PQN).

Shapes: M transitions of a rollout, B in a batch, K numbers per action.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .layout import Columns
from .memory import Extremes, MemoryFacts
from .networks import QNetwork
from .replay import Replay, observe
from .ring import Ring
from .types import Batch, Block, Sample


class RolloutColumns(NamedTuple):
    """All that a rollout stores, as tensors on one device: the columns of a replay, and the returns."""

    frames: Tensor
    before: Tensor
    start: Tensor
    action: Tensor
    reward: Tensor
    discount: Tensor
    end: Tensor
    returns: Tensor  # [C] float32

    @property
    def stored(self) -> Columns:
        """Those of a replay."""
        return Columns(*self[:-1])


class Epochs(NamedTuple):
    """How a rollout is learned from."""

    size: int  # transitions that make a rollout
    num: int  # how often each is learned from
    batch_size: int
    td_lambda: float


class Recursion(NamedTuple):
    """The lambda-returns of M transitions in the order of time, and what they are made of."""

    slots: np.ndarray  # [M] where they lie
    reward: np.ndarray  # [M]
    discount: np.ndarray  # [M]
    value: np.ndarray  # [M] of the best action where each led to
    following: np.ndarray  # [M] the number of the transition that starts there, -1 where none does
    returns: np.ndarray  # [M] float64


class Rollout:
    """Waits for `size` transitions of single steps, has each learned from `num` times in a random order, forgets them.

    What is learned is their lambda-return, by the network that learns: `reward` of a batch holds it, and `discount` is
    0, for nothing is left to bootstrap from (Gallici et al. 2024, Algorithm 1). Frames are kept as a replay keeps them.
    """

    def __init__(self, replay: Replay, online: QNetwork, epochs: Epochs, rng: np.random.Generator):
        """`replay`, which draws nothing, has room for a rollout and as many transitions more as come at once."""
        self.batch_size = epochs.batch_size
        self.tensors = RolloutColumns(*replay.tensors, torch.zeros_like(replay.tensors.reward))
        self.replay = replay
        self._online = online
        self._epochs = epochs
        self._rng = rng
        self._held = 0  # the newest transitions, which make up the rollout
        self._is_over = False  # whether it has been learned from
        self._order = np.zeros(0, np.int64)  # the slots to learn from, epoch after epoch
        self._given = 0  # of them

    def move_to(self, tensors: RolloutColumns) -> None:
        """Lives in these from now on, which hold what its own held before."""
        self.tensors = tensors
        self.replay.move_to(tensors.stored)

    @property
    def slots(self) -> np.ndarray:
        """Where its transitions lie [M], in the order in which they came."""
        held = min(self._held, len(self.replay))
        return np.arange(self.replay.added - held, self.replay.added) % self.replay.layout.capacity

    def add(self, block: Block) -> None:
        """Stores a block; after a rollout was learned from, the first of the next."""
        if self._is_over:
            self._held = 0
            self._is_over = False
        self.replay.add(block)
        self._held += len(block.transitions.action)

    def due(self, before: int, after: int) -> int:
        """How many updates are due: none until the rollout is whole, then as many batches as its epochs fill."""
        if self._held < self._epochs.size or self._is_over:
            return 0
        self._prepare()
        self._is_over = True
        return len(self._order) // self.batch_size

    def sample(self) -> Sample:
        """The next batch. Raises ValueError: there is no transition."""
        if self._given + self.batch_size > len(self._order):
            self._prepare()
        chosen = self._order[self._given : self._given + self.batch_size]
        self._given += self.batch_size
        return Sample(chosen, np.ones(self.batch_size, np.float32))

    def _prepare(self) -> None:
        """Computes the returns by the network as it is, and shuffles every epoch by itself."""
        slots = self.slots
        if not len(slots):
            raise ValueError("cannot sample from an empty rollout")
        returns = torch.from_numpy(self.returns().astype(np.float32))
        at = torch.from_numpy(slots)
        self.tensors.returns[at.to(self.tensors.returns.device)] = returns.to(self.tensors.returns.device)
        num = max(self._epochs.num, -(-self.batch_size // len(slots)))
        self._order = np.concatenate([self._rng.permutation(slots) for _ in range(num)])
        self._given = 0

    def returns(self) -> np.ndarray:
        """The lambda-returns [M] float64 of its transitions, by the network as it is."""
        return self.recursion().returns

    @torch.no_grad()
    def recursion(self) -> Recursion:
        """The lambda-returns of its transitions by the network as it is, with what they are made of; M may be 0."""
        slots, layout = self.slots, self.replay.layout
        stored = self.tensors.stored
        start, end = (column.cpu().numpy()[slots] for column in (stored.start, stored.end))
        parts = np.array_split(end, max(-(-len(end) // self.batch_size), 1))
        value = np.concatenate([self._values(part) for part in parts if len(part)] or [np.zeros(0, np.float32)])
        begun = np.full(layout.num_frames, -1)  # frame -> the transition that starts from it
        begun[start] = np.arange(len(slots))
        reward, discount = (column.cpu().numpy()[slots] for column in (stored.reward, stored.discount))
        returns = lambda_returns(reward, discount, value, begun[end], self._epochs.td_lambda)
        return Recursion(slots, reward, discount, value, begun[end], returns)

    def _values(self, frames: np.ndarray) -> np.ndarray:
        """What the network expects of the best action, where the newest frames lie in these slots [B]."""
        stored = self.tensors.stored
        obs = observe(stored, self.replay.layout, torch.from_numpy(frames).to(stored.frames.device))
        return self._online.q_values(obs.to(next(self._online.parameters()).device)).amax(1).cpu().numpy()

    def gather(self, tensors: RolloutColumns, slots: Tensor, weight: Tensor) -> Batch:
        """The transitions in `slots` [B] of such tensors with their weights [B]. Pure."""
        start, action, returns = (c.index_select(0, slots) for c in (tensors.start, tensors.action, tensors.returns))
        obs = observe(tensors.stored, self.replay.layout, start)
        return Batch(obs, action, returns, torch.zeros_like(returns), obs, weight)  # nothing follows a whole return

    def batch(self, sample: Sample) -> Batch:
        """The sampled transitions themselves."""
        device = self.tensors.frames.device
        slots, weight = (torch.from_numpy(column).to(device) for column in sample)
        return self.gather(self.tensors, slots, weight)

    def update_priorities(self, slots: np.ndarray, error: Tensor) -> None:
        """All are as likely whatever their error."""

    def facts(self) -> MemoryFacts:
        """What it holds."""
        discount = self.tensors.discount[torch.from_numpy(self.slots).to(self.tensors.discount.device)]
        ended = len(discount) - int(discount.count_nonzero())
        return MemoryFacts(len(discount), ended / max(len(discount), 1), self.replay.facts().notes)

    def extremes(self) -> Extremes:
        """The largest of what it holds."""
        return self.replay.extremes()

    @property
    def num_bytes(self) -> int:
        """How large the tensors are."""
        return self.replay.num_bytes + self.tensors.returns.nbytes

    @property
    def logs(self) -> Mapping[str, Ring]:
        """What grows: its rows are read and written by themselves."""
        return self.replay.logs

    def state_dict(self) -> dict[str, Any]:
        """All but the rows (`logs`)."""
        return {
            "replay": self.replay.state_dict(),
            "held": self._held,
            "is_over": self._is_over,
            "order": self._order.copy(),
            "given": self._given,
            "returns": self.tensors.returns.cpu().clone(),
            "rng": self._rng.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Needs the rows as well (`logs`), before or after."""
        self.replay.load_state_dict(state["replay"])
        self._held = state["held"]
        self._is_over = state["is_over"]
        self._order = state["order"].copy()
        self._given = state["given"]
        self.tensors.returns.copy_(state["returns"])
        self._rng.bit_generator.state = state["rng"]


def lambda_returns(
    reward: np.ndarray, discount: np.ndarray, value: np.ndarray, following: Sequence[int] | np.ndarray, td_lambda: float
) -> np.ndarray:
    """The lambda-returns [M] float64 of transitions in the order of time.

    G = reward + discount * ((1 - lambda) * value + lambda * G of the transition that follows), and where none does,
    at the end of the rollout or of an episode that was cut, reward + discount * value.    (Gallici et al. 2024, eq. 2)

    Args:
        reward, discount: [M]; a discount of 0 is the end.
        value: [M] what the best action is expected to bring in the observation that each led to.
        following: [M] the number of the transition that starts there; -1 where none does.
    """
    found = [0.0] * len(reward)
    columns = (column.tolist() for column in (reward, discount, value, np.asarray(following)))
    for i, (paid, factor, worth, next_one) in reversed(list(enumerate(zip(*columns, strict=True)))):
        if factor == 0:  # whatever a network thinks of it, and no action may be allowed there
            found[i] = paid
        elif next_one < 0:
            found[i] = paid + factor * worth
        else:
            found[i] = paid + factor * ((1 - td_lambda) * worth + td_lambda * found[next_one])
    return np.array(found)


def whole_return(online: QNetwork, target: QNetwork, batch: Batch) -> tuple[Tensor, Tensor]:
    """A rule for batches whose reward is the whole return: no network is asked, and nothing [B, K] follows."""
    return batch.reward, batch.reward.new_zeros(len(batch.reward), online.head.width)


def no_target(online: Tensor, target: Tensor, updates: int) -> None:
    """A sync for learning that asks no target network: it stays as it was."""
