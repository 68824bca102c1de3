"""① The data that flows from environment to loss.

Shapes: E envs, M transitions in a block, B in a batch, A actions, K numbers per action.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .episode import Episode


class Transitions(NamedTuple):
    """M transitions, one array per field. A transition spans 1..n env steps of one env.

    `discount` multiplies the value of the last observation: gamma**span, and 0 if the span ended in a
    terminal state. Losses therefore need to know neither gamma, nor n, nor how an episode ended.
    Each ends in what its env showed last.
    """

    env: np.ndarray  # [M] int64, in 0..E-1
    action: np.ndarray  # [M] int64, in 0..A-1
    reward: np.ndarray  # [M] float32, discounted sum over the span
    discount: np.ndarray  # [M] float32, in [0, 1]
    span: np.ndarray  # [M] int64, env steps from the observation that the action answered to


NOTHING = torch.zeros(0)


class Draws(NamedTuple):
    """The random numbers that the three passes of an update need, [W] each: none for most networks."""

    online: Tensor = NOTHING  # of the online network, which predicts the value of `obs`
    choose: Tensor = NOTHING  # of the network that chooses the action in `next_obs`, if it is not the target network
    rate: Tensor = NOTHING  # of the target network, which rates it


class Sequences(NamedTuple):
    """What a network that remembers sees: S sequences of W successive observations of an env, U of each asked about.

    They are the rows of a batch, B = S * U of them.
    """

    frames: Tensor  # [S, W, *obs_shape], or their features [S, W, F]
    first: Tensor  # [S, W] bool, which of them begin an episode
    state: Tensor  # [S, R] float32, what was remembered before the first of them
    at: Tensor  # [S, U] int64, which of them are asked about

    @property
    def rows(self) -> Tensor:
        """Those that are asked about, [S * U, ...]."""
        num, length = self.first.shape
        start = torch.arange(0, num * length, length, device=self.at.device)
        return self.frames.flatten(0, 1).index_select(0, (start[:, None] + self.at).flatten())

    @property
    def device(self) -> torch.device:
        """Where they lie."""
        return self.frames.device

    def to(self, device: torch.device) -> "Sequences":
        """On a device."""
        return Sequences(*(each.to(device) for each in self))


Observations = Tensor | Sequences
"""[B, *obs_shape], or as many within sequences"""


class Batch(NamedTuple):
    """B sampled transitions as tensors."""

    obs: Observations
    action: Tensor  # [B] int64
    reward: Tensor  # [B] float32
    discount: Tensor  # [B] float32
    next_obs: Observations
    weight: Tensor  # [B] float32, importance weights
    draws: Draws = Draws()  # filled in by the learner
    demonstrated: Tensor = NOTHING  # [B] float32, 1 for what was recorded; none where no memory has such

    def to(self, device: torch.device) -> "Batch":
        """On a device."""
        draws = Draws(*(each.to(device) for each in self.draws))
        columns = {name: column.to(device) for name, column in self.columns().items()}
        return Batch(**columns, draws=draws)

    def columns(self) -> dict[str, Any]:
        """All that a memory gives, by name."""
        absent = ["draws", *(["demonstrated"] if self.demonstrated is NOTHING else [])]
        return {name: column for name, column in self._asdict().items() if name not in absent}


class Sample(NamedTuple):
    """Which B transitions to learn from."""

    slots: np.ndarray  # [B] int64, where they lie in the memory
    weight: np.ndarray  # [B] float32, importance weights: ones under uniform sampling


class ObsPart(NamedTuple):
    """One part of an observation that has several, as it lies in the row of numbers that is stored."""

    path: tuple[str | int, ...]  # the way to it in the environment's observation; empty if that is nothing else
    start: int  # its first number in the row
    shape: tuple[int, ...]
    dtype: np.dtype  # of the numbers that the environment gives, as an observation of nothing else would be stored
    num_states: int | None = None  # of a discrete state, which the network sees as one-hot
    lowest: int = 0  # the environment's number for state 0
    scale: float = 1.0  # what the network divides it by

    @property
    def name(self) -> str:
        """Where the environment has it: "image", "agent.speed", "0"."""
        return ".".join(map(str, self.path))

    @property
    def numbers(self) -> list[str]:
        """What each of its numbers is called: "image[0, 2]"."""
        name = self.name or "x"
        return [f"{name}[{', '.join(map(str, at))}]" if at else name for at in np.ndindex(self.shape)]

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    @property
    def place(self) -> slice:
        """Where its numbers lie in the row."""
        return slice(self.start, self.start + self.size)


class ObsSpec(NamedTuple):
    """What an observation looks like.

    What an environment shows at one moment is a *frame*: an observation, or the newest part of a stack of them.
    An observation of several parts, or with a mask of the actions that are allowed, is stored as one row of numbers:
    the parts one after the other, then the mask. In a row of stacked frames each part is that of all frames, the oldest
    first, and the mask is the newest.
    """

    shape: tuple[int, ...]  # of what the network sees
    dtype: np.dtype  # float32, uint8 (pictures and codes), bool, or int64 for the number of a discrete state
    num_states: int | None = None  # of a discrete state, which the network sees as one-hot
    stack: int = 1  # S, successive frames in one observation; above 1 it is shape[0], but in rows
    scale: float = 1.0  # what the network divides it by: the announced bound of pictures
    parts: tuple[ObsPart, ...] = ()  # of a row
    mask: int | None = None  # where in the row the mask begins: 1 for each action that is allowed, else 0

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Of one frame."""
        if self.parts and self.stack > 1:
            numbers = self.mask or self.shape[0]
            return (numbers // self.stack + self.shape[0] - numbers,)
        return self.shape[1:] if self.stack > 1 else self.shape

    def stacked(self, frames: Tensor) -> Tensor:
        """Observations [B, *shape] of S frames each, [B, S, *frame_shape]."""
        if not self.parts:
            return frames
        ends = np.cumsum([part.size // self.stack for part in self.parts]).tolist()
        parts = [frames[:, :, start:end].flatten(1) for start, end in zip([0, *ends], ends, strict=False)]
        return torch.cat([*parts, frames[:, -1, ends[-1] :]], 1)

    def in_env_numbers(self, rows: np.ndarray) -> np.ndarray:
        """Rows [..., N] with the environment's own numbers for states, which are stored from 0 on."""
        return self._moved(rows, 1)

    def in_own_numbers(self, rows: np.ndarray) -> np.ndarray:
        """Rows [..., N] in which states have the environment's own numbers, as they are stored: from 0 on."""
        return self._moved(rows, -1)

    def _moved(self, rows: np.ndarray, sign: int) -> np.ndarray:
        if not any(part.lowest for part in self.parts):
            return rows
        numbers = rows.astype(np.float32)
        for part in self.parts:
            numbers[..., part.place] += sign * part.lowest
        return numbers

    def newest(self, obs: np.ndarray) -> np.ndarray:
        """The newest frames [E, *frame_shape] of observations [E, *shape]."""
        if self.parts and self.stack > 1:
            parts = [obs[:, part.place][:, -(part.size // self.stack) :] for part in self.parts]
            return np.concatenate([*parts, obs[:, self.mask or self.shape[0] :]], 1)
        return obs[:, -1] if self.stack > 1 else obs


class Block(NamedTuple):
    """What a source of experience hands over at once.

    It follows the blocks before of the same source; blocks of other sources may come between them.
    """

    frames: np.ndarray  # [T, E, *frame_shape] what its envs showed at T moments since its last block
    first: np.ndarray  # [T, E] bool, whether a frame begins an episode
    transitions: Transitions  # that ended with the last of these frames; M may be 0
    episodes: list[Episode]  # those that ended
    steps: int  # env steps taken; a reset is none
    epsilon: float  # share of random actions at these steps
    source: int = 0  # whose block it is; each source has envs of its own
    state: np.ndarray | None = None  # [E, R] what its actor remembered before the last of these frames, if anything
    paid: np.ndarray | None = None  # [T, E] float32, with which reward each frame came; none where n says it already
