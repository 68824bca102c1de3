"""Memories of recorded episodes: alone, or beside what the agent meets itself. What was recorded stays for ever."""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .layout import Columns, Layout
from .memory import Extremes, MemoryFacts
from .nstep import NStep, StepResult
from .replay import Pace, Replay, gather, largest_size
from .ring import Ring
from .samplers import Sampler, Slots
from .types import Batch, Block, Sample

SIDE_BY_SIDE = 256  # episodes that are folded at once


class RecordedEpisode(NamedTuple):
    """One recorded episode of T steps; one that neither terminated nor was truncated counts as truncated."""

    frames: np.ndarray  # [T + 1, *frame_shape] what the environment showed, as it is stored
    action: np.ndarray  # [T] int64, in 0..A-1
    reward: np.ndarray  # [T] float64, the environment's own
    terminated: bool


def fold(recordings: Sequence[RecordedEpisode], n: int, gamma: float, scale: float, clip: float | None) -> Columns:
    """Recorded episodes as a memory holds them, in tensors on the CPU: folded as those of the agent itself are."""
    lengths = [len(each.action) for each in recordings]
    frames = np.concatenate([each.frames for each in recordings])
    first = np.cumsum([0, *(length + 1 for length in lengths[:-1])])  # the frame that each episode begins with
    before = np.arange(len(frames)) - 1
    before[first] = first
    parts = []
    for at in range(0, len(recordings), SIDE_BY_SIDE):
        some = slice(at, at + SIDE_BY_SIDE)
        parts.append(_fold_some(recordings[some], first[some], n, gamma, scale, clip))
    start, action, reward, discount, end = (np.concatenate(column) for column in zip(*parts, strict=True))
    columns = (frames, before, start, action, reward, discount, end)
    return Columns(*(torch.from_numpy(np.ascontiguousarray(column)) for column in columns))


def _fold_some(
    recordings: Sequence[RecordedEpisode], first: np.ndarray, n: int, gamma: float, scale: float, clip: float | None
) -> tuple[np.ndarray, ...]:
    """Start, action, reward, discount and end [M] of the transitions of some episodes, those of one after another."""
    num = len(recordings)
    length = np.array([len(each.action) for each in recordings])
    action, reward = np.zeros((length.max(), num), np.int64), np.zeros((length.max(), num))
    for i, each in enumerate(recordings):
        action[: length[i], i] = each.action
        reward[: length[i], i] = each.reward
    terminates = np.array([each.terminated for each in recordings])
    make = NStep(n, gamma, num, scale, clip)
    made = []
    for t in range(len(action)):
        last = length == t + 1
        step = StepResult(action[t], reward[t], last & terminates, last & ~terminates, t < length)
        new = make(step)
        end = first[new.env] + t + 1
        made.append((new.env, end - new.span, new.action, new.reward, new.discount, end))
    env, *columns = (np.concatenate(column) for column in zip(*made, strict=True))
    order = np.argsort(env, kind="stable")
    return tuple(column[order] for column in columns)


class OfflineMemory:
    """Nothing but recorded transitions: each step of training is an update."""

    def __init__(self, columns: Columns, layout: Layout, sampler: Sampler, batch_size: int, rng: np.random.Generator):
        self.tensors = columns
        self.batch_size = batch_size
        self.layout = layout
        self._rng = rng
        self._sampler = sampler
        self._held = Slots(0, len(columns.action), len(columns.action))
        sampler.added(self._held)

    def add(self, block: Block) -> None:
        """There is nothing to store."""

    def due(self, before: int, after: int) -> int:
        return after - before

    def sample(self, size: int | None = None, rng: np.random.Generator | None = None) -> Sample:
        """Chooses a batch, or `size` transitions; by its own generator unless given another."""
        size = self.batch_size if size is None else size
        held = self._held
        return self._sampler.draw(size, held, self._rng) if rng is None else copy(self._sampler).draw(size, held, rng)

    def gather(self, tensors: Columns, slots: Tensor, weight: Tensor) -> Batch:
        batch = gather(tensors, self.layout, slots, weight)
        return batch._replace(demonstrated=torch.ones_like(weight))

    def batch(self, sample: Sample) -> Batch:
        return _batch(self, sample)

    def observations(self, num: int, rng: np.random.Generator) -> Any:
        """Some of what was seen, [num, *obs_shape]."""
        slots = rng.integers(self._held.num, size=num)
        return self.batch(Sample(slots, np.ones(num, np.float32))).obs

    def update_priorities(self, slots: np.ndarray, error: Tensor) -> None:
        self._sampler.update(slots, error)

    def facts(self) -> MemoryFacts:
        return MemoryFacts(self._held.num, terminal_share(self.tensors.discount))

    def extremes(self) -> Extremes:
        return extremes_of(self.tensors, self.layout)

    def move_to(self, tensors: Columns) -> None:
        self.tensors = tensors

    @property
    def num_bytes(self) -> int:
        return bytes_of(self.tensors)

    @property
    def logs(self) -> Mapping[str, Ring]:
        return {}

    def state_dict(self) -> dict[str, Any]:
        return {"sampler": self._sampler.state_dict(), "rng": self._rng.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._sampler.load_state_dict(state["sampler"])
        self._rng.bit_generator.state = state["rng"]


class Demonstrated:
    """A replay, and recorded transitions behind it, of which every batch has the same share.

    Until the replay holds enough to learn from, whole batches are of recorded ones. These are drawn uniformly, with a
    weight of 1, whatever the replay's own sampler does. Slots from the replay's capacity on are recorded ones.
    """

    def __init__(self, own: Replay, recorded: Columns, share: float, pretrain: int, rng: np.random.Generator):
        """`pretrain` updates are due at once, before there is anything else to learn from."""
        self.batch_size = own.batch_size
        self.own = own
        self._pace: Pace = own.pace
        self._pretrain = pretrain
        self._rng = rng
        self._capacity, self._num = len(own.tensors.action), len(recorded.action)
        self._own_frames = len(own.tensors.frames)
        self._share = min(max(round(share * own.batch_size), 1), own.batch_size)
        device = own.tensors.frames.device
        behind = recorded._replace(
            **{name: getattr(recorded, name) + self._own_frames for name in ("before", "start", "end")}
        )
        pairs = zip(own.tensors, behind.to(device), strict=True)
        self.move_to(Columns(*(torch.cat(pair) for pair in pairs)))

    def move_to(self, tensors: Columns) -> None:
        self.tensors = tensors
        frames, transitions = self._own_frames, self._capacity
        sizes = [frames, frames, *[transitions] * 5]
        self.own.move_to(Columns(*(column[:size] for column, size in zip(tensors, sizes, strict=True))))

    @property
    def recorded(self) -> Columns:
        """What was recorded, by slots of its own."""
        frames = self._own_frames
        behind = Columns(*(c[frames:] for c in self.tensors[:2]), *(c[self._capacity :] for c in self.tensors[2:]))
        return behind._replace(**{name: getattr(behind, name) - frames for name in ("before", "start", "end")})

    def add(self, block: Block) -> None:
        self.own.add(block)

    def due(self, before: int, after: int) -> int:
        every = self._pace.update_every
        return after // every - before // every + (self._pretrain if before == 0 else 0)

    def sample(self, size: int | None = None, rng: np.random.Generator | None = None) -> Sample:
        """Chooses a batch, or `size` transitions; by its own generator unless given another."""
        size = self.batch_size if size is None else size
        has_begun = self.own.added >= self._pace.learning_starts
        num = max(round(self._share * size / self.batch_size), 1) if has_begun else size
        slots = self._capacity + (self._rng if rng is None else rng).integers(self._num, size=num)
        weight = np.ones(num, np.float32)
        if num == size:
            return Sample(slots, weight)
        own = self.own.sample(size - num, rng)
        return Sample(np.concatenate([own.slots, slots]), np.concatenate([own.weight, weight]))

    def gather(self, tensors: Columns, slots: Tensor, weight: Tensor) -> Batch:
        batch = gather(tensors, self.own.layout, slots, weight)
        return batch._replace(demonstrated=(slots >= self._capacity).to(weight.dtype))

    def batch(self, sample: Sample) -> Batch:
        return _batch(self, sample)

    def update_priorities(self, slots: np.ndarray, error: Tensor) -> None:
        own = slots < self._capacity
        if own.any():
            self.own.update_priorities(slots[own], error[torch.from_numpy(own).to(error.device)])

    def facts(self) -> MemoryFacts:
        own = self.own.facts()
        size = own.size + self._num
        discount = self.tensors.discount[self._capacity :]
        terminal = own.size * own.terminal_share + self._num * terminal_share(discount)
        return MemoryFacts(size, terminal / size, own.notes)

    def extremes(self) -> Extremes:
        return extremes_of(self.tensors, self.own.layout)

    @property
    def num_bytes(self) -> int:
        return bytes_of(self.tensors)

    @property
    def logs(self) -> Mapping[str, Ring]:
        return self.own.logs

    def state_dict(self) -> dict[str, Any]:
        return {"own": self.own.state_dict(), "rng": self._rng.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.own.load_state_dict(state["own"])
        self._rng.bit_generator.state = state["rng"]


def _batch(memory: OfflineMemory | Demonstrated, sample: Sample) -> Batch:
    device = memory.tensors.frames.device
    slots, weight = (torch.from_numpy(column).to(device) for column in sample)
    return memory.gather(memory.tensors, slots, weight)


def terminal_share(discount: Tensor) -> float:
    """The share of transitions [M] that lead into a terminal state."""
    return float((discount == 0).float().mean())


def extremes_of(columns: Columns, layout: Layout) -> Extremes:
    """The largest of what columns hold; slots that are still free hold zeros."""
    frames = columns.frames
    obs = largest_size(frames) / layout.obs.scale if frames.is_floating_point() else 1.0  # whole numbers are small
    return Extremes(obs, largest_size(columns.reward), layout.n)


def bytes_of(columns: Columns) -> int:
    """How large they are."""
    return sum(column.numel() * column.element_size() for column in columns)
