"""A memory of sequences, for networks that remember (R2D2, Kapturowski et al. 2019).

What an env shows goes through a window of W = burn-in + unroll + n moments, final observations and new beginnings among
them. Every `unroll` moments the window is stored as one row: what was seen, where episodes begin, and what the actor
remembered before the first moment. So rows overlap by what only brings a memory up to date, or is bootstrapped from,
and each transition is in exactly one of them.
"""

import math
from collections.abc import Mapping
from copy import copy
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .memory import Extremes, MemoryFacts
from .replay import Pace
from .ring import Ring
from .samplers import Sampler, Slots
from .types import Batch, Block, ObsSpec, Sample, Sequences

FULL = 0.9  # of the capacity, below which it is said that less is held
ETA = 0.9  # share of the largest error in a sequence's priority, the rest is their mean (Kapturowski et al. 2019)


class Rows(NamedTuple):
    """All that the memory stores, as tensors on one device. C sequences of W moments, of which U may start something.

    Where an episode had ended nothing starts: there the first transition of the sequence stands in, and counts nothing.
    """

    frames: Tensor  # [C, W, *obs_shape]
    first: Tensor  # [C, W] bool, which of them begin an episode
    state: Tensor  # [C, R] float32, what the actor remembered before the first
    start: Tensor  # [C, U] int64, the moment that a transition starts from
    end: Tensor  # [C, U] int64, the one to bootstrap from
    action: Tensor  # [C, U] int64
    reward: Tensor  # [C, U] float32
    discount: Tensor  # [C, U] float32
    counts: Tensor  # [C, U] float32, 1 or 0


class SequenceLayout(NamedTuple):
    """What decides the size of the memory."""

    capacity: int  # transitions
    obs: ObsSpec
    n: int  # most steps that a transition spans
    burn_in: int
    unroll: int  # U
    state_size: int  # R

    @property
    def num_sequences(self) -> int:
        """C."""
        return self.capacity // self.unroll

    @property
    def length(self) -> int:
        """W."""
        return self.burn_in + self.unroll + self.n

    @property
    def least(self) -> int:
        """How many transitions a full memory holds even if every episode lasts a single step."""
        return self.num_sequences * (self.unroll // 2)

    @property
    def num_bytes(self) -> int:
        """How large the memory is."""
        moment = math.prod(self.obs.shape) * self.obs.dtype.itemsize + 1
        transition = 8 + 8 + 8 + 4 + 4 + 4
        return self.num_sequences * (self.length * moment + 4 * self.state_size + self.unroll * transition)

    def allocate(self, device: torch.device) -> Rows:
        """An empty memory."""
        dtype = torch.from_numpy(np.zeros(0, self.obs.dtype)).dtype
        num, size = self.num_sequences, (self.num_sequences, self.unroll)
        return Rows(
            torch.zeros((num, self.length, *self.obs.shape), dtype=dtype, device=device),
            torch.zeros((num, self.length), dtype=torch.bool, device=device),
            torch.zeros((num, self.state_size), device=device),
            *(torch.zeros(size, dtype=torch.int64, device=device) for _ in range(3)),
            *(torch.zeros(size, device=device) for _ in range(3)),
        )


class Shown(NamedTuple):
    """What the envs of a source showed at one moment, and the transitions that started there."""

    frame: np.ndarray  # [E, *obs_shape]
    first: np.ndarray  # [E] bool
    state: np.ndarray  # [E, R]
    action: np.ndarray  # [E]
    reward: np.ndarray  # [E]
    discount: np.ndarray  # [E]
    span: np.ndarray  # [E] env steps; 0 where none started, or none has ended yet


def _moments(columns: Mapping[str, np.ndarray]) -> list[Shown]:
    """A window from its columns [moments, E, ...]; each moment may be written to."""
    return [Shown(*moment) for moment in zip(*(columns[name].copy() for name in Shown._fields), strict=True)]


class SequenceReplay:
    """The latest sequences of all sources, one row each; the oldest make room. A slot is a sequence."""

    def __init__(
        self,
        layout: SequenceLayout,
        sampler: Sampler,
        pace: Pace,
        rng: np.random.Generator,
        device: torch.device | None = None,
    ):
        self.layout = layout
        self.sampler = sampler
        self.pace = pace
        self.batch_size = pace.batch_size // layout.unroll
        self.added = 0
        """transitions ever stored"""
        self._rng = rng
        self._windows: dict[int, list[Shown]] = {}  # of each source, the oldest moment first
        self.tensors = layout.allocate(device or torch.device("cpu"))
        self.rows = Ring(self.tensors._asdict())

    def add(self, block: Block) -> None:
        """Takes what a source showed and the transitions that ended; stores every sequence that is complete now."""
        window = self._windows.setdefault(block.source, [])
        for moment, (frame, first) in enumerate(zip(block.frames, block.first, strict=True)):
            known = block.state if moment == len(block.first) - 1 else None  # before, only the first of episodes come
            window.append(self._shown(frame, first, known))
        new = block.transitions
        for span in np.unique(new.span).tolist():
            which = new.span == span
            at, env = window[-1 - span], new.env[which]
            for column, field in zip(at[3:], (new.action, new.reward, new.discount, new.span), strict=True):
                column[env] = field[which]
        while len(window) >= self.layout.length:
            self._store(window[: self.layout.length])
            del window[: self.layout.unroll]

    def _shown(self, frame: np.ndarray, first: np.ndarray, state: np.ndarray | None) -> Shown:
        num = len(first)
        remembered = np.zeros((num, self.layout.state_size), np.float32) if state is None else state
        reward, discount = np.zeros((2, num), np.float32)
        return Shown(frame, first, remembered, np.zeros(num, int), reward, discount, np.zeros(num, int))

    def _store(self, window: list[Shown]) -> None:
        """Stores a whole window, a sequence for each env in which anything started."""
        burn_in, unroll = self.layout.burn_in, self.layout.unroll
        frames, first = (np.stack([moment[i] for moment in window], 1) for i in range(2))
        learned = window[burn_in : burn_in + unroll]
        action, reward, discount, span = (np.stack([moment[i] for moment in learned], 1) for i in range(3, 7))
        started = span > 0
        own = np.where(started, np.arange(unroll), started.argmax(1)[:, None])  # [E, U]
        action, reward, discount, span = (
            np.take_along_axis(column, own, 1) for column in (action, reward, discount, span)
        )
        start = burn_in + own
        counts = started.astype(np.float32)
        columns = frames, first, window[0].state, start, start + span, action, reward, discount, counts
        kept = started.any(1)
        before = self.rows.added
        self.rows.append(*(column[kept] for column in columns))
        self.added += int(started.sum())
        if self.rows.added > before:
            self.sampler.added(self._slots(before, self.rows.added))

    def due(self, before: int, after: int) -> int:
        """How many updates are due when the env steps have become `after`: one at each multiple of `update_every`."""
        if self.added < self.pace.learning_starts:
            return 0
        return after // self.pace.update_every - before // self.pace.update_every

    def sample(self, size: int | None = None, rng: np.random.Generator | None = None) -> Sample:
        """Chooses a batch of sequences, or `size`, with replacement; by its own generator unless given another."""
        size = self.batch_size if size is None else size
        slots = self._slots(*self.rows.bounds)
        return self.sampler.draw(size, slots, self._rng) if rng is None else copy(self.sampler).draw(size, slots, rng)

    def at(self, slots: np.ndarray) -> Rows:
        """The sequences in `slots` [S]."""
        where = torch.from_numpy(slots).to(self.tensors.frames.device)
        return Rows(*(column.index_select(0, where) for column in self.tensors))

    def gather(self, tensors: Rows, slots: Tensor, weight: Tensor) -> Batch:
        """The transitions of the sequences in `slots` [S] of such tensors, with their weights [S]. Pure."""
        rows = Rows(*(column.index_select(0, slots) for column in tensors))
        share = rows.counts.mean()  # so that the weighted mean is one over those that count
        return Batch(
            Sequences(rows.frames, rows.first, rows.state, rows.start),
            rows.action.flatten(),
            rows.reward.flatten(),
            rows.discount.flatten(),
            Sequences(rows.frames, rows.first, rows.state, rows.end),
            (weight[:, None] * rows.counts / share).flatten(),
        )

    def batch(self, sample: Sample) -> Batch:
        """The transitions of the sampled sequences."""
        device = self.tensors.frames.device
        slots, weight = (torch.from_numpy(column).to(device) for column in sample)
        return self.gather(self.tensors, slots, weight)

    def update_priorities(self, slots: np.ndarray, error: Tensor) -> None:
        """Tells the sampler how wrong the predictions for the sequences in `slots` [S] were: `error` [S * U] >= 0."""
        each = error.view(len(slots), -1)
        self.sampler.update(slots, ETA * each.amax(1) + (1 - ETA) * each.mean(1))

    def facts(self) -> MemoryFacts:
        """What it holds; slots that are still free count nothing."""
        counts = self.tensors.counts
        size, capacity = int(counts.sum()), self.layout.capacity
        notes = []
        if self.rows.added >= self.rows.size and size < FULL * capacity:
            notes.append(
                f"transitions in the replay: {size:,} of {capacity:,}, for in sequences the last observation of each "
                "episode takes the room of one; a larger replay_capacity holds more"
            )
        return MemoryFacts(size, int(counts[self.tensors.discount == 0].sum()) / max(size, 1), tuple(notes))

    def extremes(self) -> Extremes:
        """The largest of what it holds; slots that are still free hold zeros."""
        frames = self.tensors.frames
        obs = float(frames.abs().max()) / self.layout.obs.scale if frames.is_floating_point() else 1.0
        return Extremes(obs, float(self.tensors.reward.abs().max()), self.layout.n)

    def move_to(self, tensors: Rows) -> None:
        """Lives in these from now on, which hold what its own held before."""
        self.tensors = tensors
        self.rows.move_to(tensors)

    @property
    def num_bytes(self) -> int:
        """How large the tensors are."""
        return self.layout.num_bytes

    @property
    def logs(self) -> dict[str, Ring]:
        """What grows: its rows are read and written by themselves."""
        return {"sequences": self.rows}

    def state_dict(self) -> dict[str, Any]:
        """All but the rows (`logs`)."""
        return {
            "added": self.added,
            "sequences": self.rows.added,
            "windows": {
                str(source): {name: np.stack([moment[i] for moment in window]) for i, name in enumerate(Shown._fields)}
                for source, window in self._windows.items()
                if window
            },
            "sampler": self.sampler.state_dict(),
            "rng": self._rng.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Needs the rows as well (`logs`), before or after."""
        self.added = state["added"]
        self.rows.added = state["sequences"]
        self._windows = {int(source): _moments(columns) for source, columns in state["windows"].items()}
        self.sampler.load_state_dict(state["sampler"])
        self._rng.bit_generator.state = state["rng"]

    def _slots(self, start: int, stop: int) -> Slots:
        num = self.layout.num_sequences
        return Slots(start % num, stop - start, num)
