"""How a replay lies in memory: what it stores, and how much room that takes."""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .types import ObsSpec

SPARE_BYTES = 2**26  # for the frames on which episodes ended: 64 MiB


class Columns(NamedTuple):
    """All that a replay stores, as tensors on one device. F frames, C transitions."""

    frames: Tensor  # [F, *frame_shape]
    before: Tensor  # [F] int64, slot of the frame before; of one that begins an episode its own
    start: Tensor  # [C] int64, slot of the frame that a transition starts from
    action: Tensor  # [C] int64
    reward: Tensor  # [C] float32
    discount: Tensor  # [C] float32
    end: Tensor  # [C] int64, slot of the frame to bootstrap from

    def to(self, device: torch.device) -> "Columns":
        """On a device."""
        return Columns(*(column.to(device) for column in self))


class Layout(NamedTuple):
    """What decides the size of a memory, and how to read it."""

    capacity: int  # C
    obs: ObsSpec
    n: int  # most steps that a transition spans
    reach: int  # how many of the newest frames, of whatever source, a transition may need when it is stored

    @property
    def frame_bytes(self) -> int:
        """A stored frame and its link."""
        return math.prod(self.obs.frame_shape) * self.obs.dtype.itemsize + 8

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
        return self.capacity + self.spare + 2 * self.reach

    @property
    def num_bytes(self) -> int:
        """How large the memory is."""
        return self.num_frames * self.frame_bytes + self.capacity * (8 + 8 + 4 + 4 + 8)

    def allocate(self, device: torch.device) -> Columns:
        """An empty memory."""
        dtype = torch.from_numpy(np.zeros(0, self.obs.dtype)).dtype
        frames, numbers = self.num_frames, (self.capacity,)
        return Columns(
            torch.zeros((frames, *self.obs.frame_shape), dtype=dtype, device=device),
            torch.zeros(frames, dtype=torch.int64, device=device),
            torch.zeros(numbers, dtype=torch.int64, device=device),
            torch.zeros(numbers, dtype=torch.int64, device=device),
            torch.zeros(numbers, device=device),
            torch.zeros(numbers, device=device),
            torch.zeros(numbers, dtype=torch.int64, device=device),
        )


def reach_of(n: int, stack: int, num_envs: int) -> int:
    """The `reach` for one source of E envs; for several it is what all show while the slowest takes n + stack steps."""
    return (n + stack) * num_envs
