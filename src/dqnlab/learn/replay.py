"""⑥ Replay memory: a ring of frames and a ring of the transitions between them.

Each frame is stored once, however many transitions, or stacks of successive frames, it belongs to, and linked to
the one before it. Frames and transitions are numbered in the order in which they come; number i lies in slot i % size.
Nobody else knows these numbers: a source says which of its envs a transition belongs to, and how many steps it spans.
"""

import math
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .layout import Columns, Layout
from .memory import Extremes, MemoryFacts
from .ring import Ring
from .samplers import Sampler, Slots
from .types import Batch, Block, Sample, Transitions


def gather(columns: Columns, layout: Layout, slots: Tensor, weight: Tensor) -> Batch:
    """The transitions in `slots` [B] with their weights [B]. Pure, so that it can be compiled."""
    start, action, reward, discount, end = (column.index_select(0, slots) for column in columns[2:])
    obs, next_obs = observe(columns, layout, start), observe(columns, layout, end)
    return Batch(obs, action, reward, discount, next_obs, weight)


def observe(columns: Columns, layout: Layout, newest: Tensor) -> Tensor:
    """Observations [B, *obs_shape] whose newest frames lie in slots [B].

    A stack reaches back no further than its episode: before its first frame the first one is repeated.
    """
    if layout.obs.stack == 1:
        return columns.frames.index_select(0, newest)
    slots = [newest]
    for _ in range(layout.obs.stack - 1):
        slots.append(columns.before.index_select(0, slots[-1]))
    return layout.obs.stacked(columns.frames[torch.stack(slots[::-1], 1)])


@dataclass
class Source:
    """What the replay remembers of one source: where its frames lie that transitions to come may need.

    Of its latest W = n + stack moments, the newest first.
    """

    slots: np.ndarray  # [W, E] int64, of the frames of each moment
    numbers: list[int]  # [W] of the first frame of each


class Pace(NamedTuple):
    """When a replay is learned from, and how much at a time."""

    learning_starts: int  # transitions stored, even if not all of them are held any more
    update_every: int  # env steps
    batch_size: int


class Replay:
    """The latest transitions, at most `capacity`; the oldest make room, and whatever leans on a lost frame goes too.

    Its sources may differ in pace. A transition is stored if all frames that it needs are among the newest `reach`,
    and held for as long as those of its moment are. So nothing is ever looked for: the oldest are the first to go.
    """

    def __init__(
        self,
        layout: Layout,
        sampler: Sampler,
        pace: Pace,
        rng: np.random.Generator,
        device: torch.device | None = None,
    ):
        self.layout = layout
        self.sampler = sampler
        self.pace = pace
        self._rng = rng
        self.batch_size = pace.batch_size
        self.dropped = 0
        """transitions that were not stored: their source was so slow that frames were gone, or soon would be"""
        self._oldest = 0  # number of the first transition still held
        self._sources: dict[int, Source] = {}
        self._num_frames = layout.num_frames
        self._before = np.zeros(self._num_frames, np.int64)  # how many transitions came before each frame
        self.paid = np.zeros(self._num_frames, np.float32) if layout.n > 1 else None
        """[F] the reward with which each frame came, in the environment's units; none with n = 1, NaN if not known"""
        self.tensors = layout.allocate(device or torch.device("cpu"))
        columns = self.tensors._asdict()
        self.frames = Ring({name: columns.pop(name) for name in ("frames", "before")})
        self.transitions, self._moments = Ring(columns), Ring({"transitions": torch.from_numpy(self._before)})

    def move_to(self, tensors: Columns) -> None:
        """Lives in these from now on, which hold what its own held before."""
        self.tensors = tensors
        self.frames.move_to(tensors[:2])
        self.transitions.move_to(tensors[2:])

    def __len__(self) -> int:
        return self.transitions.added - self._oldest

    @property
    def added(self) -> int:
        """Transitions ever stored."""
        return self.transitions.added

    @property
    def newest_frames(self) -> np.ndarray:
        """Slots of the frames that nothing has followed yet: what each env showed last."""
        return np.concatenate([np.zeros(0, np.int64), *(source.slots[0] for source in self._sources.values())])

    def add(self, block: Block) -> None:
        """Stores a block's frames and its transitions, of which there are at most `capacity`."""
        source = self._sources.get(block.source) or self._meet(block.source, block.first.shape[1])
        for moment in range(len(block.first)):
            new = self._show(source, block.frames[moment], block.first[moment])
            if self.paid is not None:
                self.paid[new] = math.nan if block.paid is None else block.paid[moment]
        ended, before = block.transitions, self.added
        if source.numbers[-1] < self.frames.added - self.layout.reach:
            ended = self._in_time(ended, source)
        if len(ended.action):
            start, end = source.slots[ended.span, ended.env], source.slots[0].take(ended.env)
            self.transitions.append(start, ended.action, ended.reward, ended.discount, end)
            self.sampler.added(self._slots(before, self.added))
            self._oldest = max(self._oldest, self.added - self.layout.capacity)
        self._drop_frameless()

    def _meet(self, name: int, num_envs: int) -> Source:
        """Takes up a source that was not heard of before."""
        window = self.layout.n + self.layout.obs.stack
        source = Source(np.zeros((window, num_envs), np.int64), [self.frames.added] * window)
        self._sources[name] = source
        return source

    def _show(self, source: Source, frames: np.ndarray, first: np.ndarray) -> np.ndarray:
        """Stores what the envs of a source showed next, frames [E, *frame_shape] and first [E]; the slots they got."""
        number = self.frames.added
        at, slots = number % self._num_frames, source.slots
        new = np.arange(at, at + len(frames))
        if at + len(frames) > self._num_frames:
            new %= self._num_frames
        is_there = source.numbers[0] >= number - self._num_frames
        before = np.where(first, new, slots[0]) if np.count_nonzero(first) else slots[0]
        self.frames.append(frames, before if is_there else new)
        self._before[new] = self.added
        self._moments.added = self.frames.added
        slots[1:] = slots[:-1]
        slots[0] = new
        source.numbers.insert(0, number)
        source.numbers.pop()
        return new

    def _in_time(self, new: Transitions, source: Source) -> Transitions:
        """Those transitions whose frames are among the newest `reach`; the others are counted.

        A stack is taken to reach back as far as it may, even if its episode began later.
        """
        needed = np.array(source.numbers)[new.span + self.layout.obs.stack - 1]
        kept = needed >= self.frames.added - self.layout.reach
        self.dropped += int((~kept).sum())
        return Transitions(*(column[kept] for column in new))

    def due(self, before: int, after: int) -> int:
        """How many updates are due when the env steps have become `after`: one at each multiple of `update_every`."""
        if self.added < self.pace.learning_starts:
            return 0
        return after // self.pace.update_every - before // self.pace.update_every

    def sample(self, size: int | None = None, rng: np.random.Generator | None = None) -> Sample:
        """Chooses a batch, or `size` transitions, with replacement; by its own generator unless given another.

        With another one nothing of the replay's own changes, be it how far its sampler has come.

        Raises:
            ValueError: there is none.
        """
        size = self.batch_size if size is None else size
        if size > 0 and len(self) == 0:
            raise ValueError(f"cannot sample {size} transitions from an empty replay")
        slots = self._slots(self._oldest, self.added)
        return self.sampler.draw(size, slots, self._rng) if rng is None else copy(self.sampler).draw(size, slots, rng)

    def gather(self, tensors: Columns, slots: Tensor, weight: Tensor) -> Batch:
        """The transitions in `slots` [B] of such tensors with their weights [B]. Pure."""
        return gather(tensors, self.layout, slots, weight)

    def batch(self, sample: Sample) -> Batch:
        """The sampled transitions themselves."""
        device = self.tensors.frames.device
        slots, weight = (torch.from_numpy(column).to(device) for column in sample)
        return self.gather(self.tensors, slots, weight)

    def update_priorities(self, slots: np.ndarray, error: Tensor) -> None:
        """Tells the sampler how wrong the predictions for `slots` [B] were: `error` [B] >= 0."""
        self.sampler.update(slots, error)

    @property
    def is_short(self) -> bool:
        """Whether it holds less than its capacity because episodes are so short that frames run out first."""
        return self._oldest > 0 and len(self) < 0.99 * self.layout.capacity

    @property
    def terminal_share(self) -> float:
        """The share of stored transitions that lead into a terminal state."""
        at = self._oldest % self.layout.capacity
        column = self.tensors.discount
        parts = column[at : at + len(self)], column[: max(at + len(self) - self.layout.capacity, 0)]
        return sum(len(part) - int(part.count_nonzero()) for part in parts) / max(len(self), 1)

    def facts(self) -> MemoryFacts:
        """What it holds."""
        notes = []
        if self.is_short:
            notes.append(
                f"transitions in the replay: {len(self):,} of {self.layout.capacity:,}, for its episodes are so short "
                "that its room for frames runs out first; a larger replay_capacity holds more"
            )
        if self.dropped:
            notes.append(
                f"transitions of slow sources that were not stored, for their frames were gone: {self.dropped:,}"
            )
        return MemoryFacts(len(self), self.terminal_share, tuple(notes))

    def extremes(self) -> Extremes:
        """The largest of what it holds; slots that are still free hold zeros."""
        frames = self.tensors.frames
        # Whole numbers are small, or one-hot.
        obs = largest_size(frames) / self.layout.obs.scale if frames.is_floating_point() else 1.0
        return Extremes(obs, largest_size(self.tensors.reward), self.layout.n)

    @property
    def num_bytes(self) -> int:
        """How large the tensors are."""
        return self.layout.num_bytes

    @property
    def logs(self) -> dict[str, Ring]:
        """What grows: its rows are read and written by themselves."""
        return {"frames": self.frames, "transitions": self.transitions, "moments": self._moments}

    def state_dict(self) -> dict[str, Any]:
        """All but the rows (`logs`)."""
        return {
            "oldest": self._oldest,
            "added": self.added,
            "frames_added": self.frames.added,
            "dropped": self.dropped,
            **({} if self.paid is None else {"paid": self.paid.copy()}),
            "sources": {
                str(name): {"slots": source.slots.copy(), "numbers": np.array(source.numbers)}
                for name, source in self._sources.items()
            },
            "sampler": self.sampler.state_dict(),
            "rng": self._rng.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Needs the rows as well (`logs`), before or after."""
        self._oldest = state["oldest"]
        self.frames.added = self._moments.added = state["frames_added"]
        self.transitions.added = state["added"]
        self.dropped = state["dropped"]
        if self.paid is not None:
            self.paid[:] = state.get("paid", math.nan)  # unknown to earlier versions
        sources: Mapping[str, Any] = state["sources"]
        self._sources = {
            int(name): Source(each["slots"].copy(), each["numbers"].tolist()) for name, each in sources.items()
        }
        self.sampler.load_state_dict(state["sampler"])
        self._rng.bit_generator.state = state["rng"]

    def _slots(self, start: int, stop: int) -> Slots:
        return Slots(start % self.layout.capacity, stop - start, self.layout.capacity)

    def _drop_frameless(self) -> None:
        """Drops the oldest transitions until none can need a frame that has been overwritten."""
        still = self.frames.added - self._num_frames + self.layout.reach  # a frame of which nothing is lost
        if still > 0 and (oldest := int(self._before[still % self._num_frames])) > self._oldest:
            self.sampler.dropped(self._slots(self._oldest, oldest))
            self._oldest = oldest


def largest_size(stored: Tensor) -> float:
    """The largest size in a column."""
    low, high = stored.aminmax()
    return max(-float(low), float(high))
