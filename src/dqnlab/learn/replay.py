"""⑥ Replay memory: a ring of frames and a ring of the transitions between them."""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .ring import Ring
from .samplers import Sampler, Slots
from .types import Batch, Block, ObsSpec, Sample

SPARE_BYTES = 2**26  # for the frames on which episodes ended: 64 MiB


class Memory(NamedTuple):
    """All that is stored, as tensors on one device. F frames, C transitions."""

    frames: Tensor  # [F, *frame_shape], frame number i in slot i % F
    first: Tensor  # [F] bool, whether the frame begins an episode
    start: Tensor  # [C] int64, slot of the frame that a transition starts from
    action: Tensor  # [C] int64
    reward: Tensor  # [C] float32
    discount: Tensor  # [C] float32
    end: Tensor  # [C] int64, slot of the frame to bootstrap from


class Layout(NamedTuple):
    """What decides the size of a memory, and how to read it."""

    capacity: int  # C
    obs: ObsSpec
    num_envs: int  # E: frames of one env are E apart
    n: int  # most steps that a transition spans

    @property
    def reach(self) -> int:
        """How many frames before its end a transition may need."""
        return (self.n + self.obs.stack) * self.num_envs

    @property
    def frame_bytes(self) -> int:
        """A stored frame, and whether it begins an episode."""
        return math.prod(self.obs.frame_shape) * self.obs.dtype.itemsize + 1

    @property
    def spare(self) -> int:
        """Room for frames on which an episode ended, which start nothing.

        There is one in each episode, so one for each transition where every episode lasts a single step. That is what
        there is room for as far as SPARE_BYTES go: of small observations always, so that such a replay holds what its
        capacity promises, whatever the environment does. Of large ones, whose episodes are long, one in a hundred is
        enough, and twice the memory would be too much; `least` says what is promised then. Growing when it is needed
        would cost a second compilation, and memory that nobody saw coming.
        """
        most = max(self.capacity // 100, 1000, SPARE_BYTES // self.frame_bytes)
        return min(self.capacity, most)

    @property
    def least(self) -> int:
        """How many transitions a full replay holds even if every episode lasts a single step."""
        return (self.capacity + self.spare) // 2

    @property
    def num_frames(self) -> int:
        """F: one per transition, the spare ones, those that start what is still open, and what reaches back."""
        return self.capacity + self.spare + self.n * self.num_envs + self.reach

    @property
    def num_bytes(self) -> int:
        """How large the memory is."""
        return self.num_frames * self.frame_bytes + self.capacity * (8 + 8 + 4 + 4 + 8)

    def allocate(self, device: torch.device) -> Memory:
        """An empty memory."""
        dtype = torch.from_numpy(np.zeros(0, self.obs.dtype)).dtype
        frames, numbers = self.num_frames, (self.capacity,)
        return Memory(
            torch.zeros((frames, *self.obs.frame_shape), dtype=dtype, device=device),
            torch.zeros(frames, dtype=torch.bool, device=device),
            torch.zeros(numbers, dtype=torch.int64, device=device),
            torch.zeros(numbers, dtype=torch.int64, device=device),
            torch.zeros(numbers, device=device),
            torch.zeros(numbers, device=device),
            torch.zeros(numbers, dtype=torch.int64, device=device),
        )


def gather(memory: Memory, layout: Layout, slots: Tensor, weight: Tensor) -> Batch:
    """The transitions in `slots` [B] with their weights [B]. Pure, so that it can be compiled."""
    start, action, reward, discount, end = (column.index_select(0, slots) for column in memory[2:])
    obs, next_obs = observe(memory, layout, start), observe(memory, layout, end)
    return Batch(obs, action, reward, discount, next_obs, weight)


def observe(memory: Memory, layout: Layout, newest: Tensor) -> Tensor:
    """Observations [B, *obs_shape] whose newest frames lie in slots [B].

    A stack reaches back no further than its episode: before its first frame the first one is repeated.
    """
    if layout.obs.stack == 1:
        return memory.frames.index_select(0, newest)
    slots = [newest]
    for _ in range(layout.obs.stack - 1):
        before = (slots[-1] - layout.num_envs) % layout.num_frames
        slots.append(torch.where(memory.first.index_select(0, slots[-1]), slots[-1], before))
    return memory.frames[torch.stack(slots[::-1], 1)]


class Replay:
    """The latest transitions, at most `capacity`; the oldest make room, and whatever leans on a lost frame goes too."""

    def __init__(self, layout: Layout, sampler: Sampler, rng: np.random.Generator, device: torch.device | None = None):
        self.layout, self.sampler, self._rng = layout, sampler, rng
        self._oldest = 0  # number of the first transition still held
        self._number = np.zeros(layout.capacity, np.int64)  # of each transition's first frame
        self._num_frames, self._reach = layout.num_frames, layout.reach
        self.memory = layout.allocate(device or torch.device("cpu"))
        columns = self.memory._asdict()
        self.frames = Ring({name: columns.pop(name) for name in ("frames", "first")})
        self.transitions, self.starts = Ring(columns), Ring({"number": torch.from_numpy(self._number)})

    def move_to(self, memory: Memory) -> None:
        """Lives in `memory` from now on, which holds what it held before."""
        self.memory = memory
        self.frames.live_in(memory[:2])
        self.transitions.live_in(memory[2:])

    def __len__(self) -> int:
        return self.transitions.added - self._oldest

    @property
    def added(self) -> int:
        """Transitions ever."""
        return self.transitions.added

    def add(self, block: Block) -> None:
        """Stores a block's frames and its transitions, of which there are at most `capacity`."""
        self.frames.append(block.frames, block.first)
        new, size, before = block.transitions, self._num_frames, self.added
        if len(new.action):
            self.transitions.append(new.start % size, new.action, new.reward, new.discount, new.end % size)
            self.starts.append(new.start)
            self.sampler.added(self._slots(before, self.added))
            self._oldest = max(self._oldest, self.added - self.layout.capacity)
        self._drop_frameless()

    def sample(self, size: int, rng: np.random.Generator | None = None) -> Sample:
        """Chooses `size` transitions with replacement, by the replay's own generator unless given another.

        Raises:
            ValueError: there is none.
        """
        if size > 0 and len(self) == 0:
            raise ValueError(f"cannot sample {size} transitions from an empty replay")
        return self.sampler.draw(size, self._slots(self._oldest, self.added), self._rng if rng is None else rng)

    def batch(self, sample: Sample) -> Batch:
        """The sampled transitions themselves."""
        device = self.memory.frames.device
        slots, weight = (torch.from_numpy(column).to(device) for column in sample)
        return gather(self.memory, self.layout, slots, weight)

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
        column = self.memory.discount
        parts = column[at : at + len(self)], column[: max(at + len(self) - self.layout.capacity, 0)]
        return sum(int((part == 0).sum()) for part in parts) / max(len(self), 1)

    @property
    def logs(self) -> dict[str, Ring]:
        """What grows: its rows are read and written by themselves."""
        return {"frames": self.frames, "transitions": self.transitions, "starts": self.starts}

    def state_dict(self) -> dict[str, Any]:
        """All but the rows (`logs`)."""
        return {
            "oldest": self._oldest,
            "added": self.added,
            "frames_added": self.frames.added,
            "sampler": self.sampler.state_dict(),
            "rng": self._rng.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Needs the rows as well (`logs`), before or after."""
        self._oldest, self.frames.added = state["oldest"], state["frames_added"]
        self.transitions.added = self.starts.added = state["added"]
        self.sampler.load_state_dict(state["sampler"])
        self._rng.bit_generator.state = state["rng"]

    def _slots(self, start: int, stop: int) -> Slots:
        return Slots(start % self.layout.capacity, stop - start, self.layout.capacity)

    def _drop_frameless(self) -> None:
        """Drops the oldest transitions until none needs a frame that has been overwritten.

        Transitions lie in the order in which they ended, so one may have started up to n steps before its neighbour.
        """
        lost = self.frames.added - self._num_frames + self._reach
        before = self._oldest
        while self._oldest < self.added and self._number[self._oldest % self.layout.capacity] < lost:
            self._oldest += 1
        if self._oldest > before:
            self.sampler.dropped(self._slots(before, self._oldest))
