"""① The data that flows from environment to loss.

Shapes: E envs, M transitions in a block, B in a batch, A actions, K numbers per action.

What an environment shows at one moment is a *frame*. Frames are numbered in the order in which they come:
env e shows frame t * E + e at its vector step t. A transition names its two observations by their frames,
so that each is stored once, however many transitions, or stacks of successive frames, it belongs to.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class ObsSpec(NamedTuple):
    """What an observation looks like."""

    shape: tuple[int, ...]  # of what the network sees
    dtype: np.dtype  # float32, uint8 (pictures and codes), bool, or int64 for the number of a discrete state
    num_states: int | None = None  # of a discrete state, which the network sees as one-hot
    stack: int = 1  # successive frames in one observation; above 1 it is shape[0]
    scale: float = 1.0  # what the network divides it by: the announced bound of pictures

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Of one frame."""
        return self.shape[1:] if self.stack > 1 else self.shape

    def newest(self, obs: np.ndarray) -> np.ndarray:
        """The newest frames [E, *frame_shape] of observations [E, *shape]."""
        return obs[:, -1] if self.stack > 1 else obs


class Transitions(NamedTuple):
    """M transitions, one array per field. A transition spans 1..n env steps.

    `discount` multiplies the value of the last observation: gamma**span, and 0 if the span ended in a
    terminal state. Losses therefore need to know neither gamma, nor n, nor how an episode ended.
    """

    start: np.ndarray  # [M] int64, number of the frame that the action answered to
    action: np.ndarray  # [M] int64, in 0..A-1
    reward: np.ndarray  # [M] float32, discounted sum over the span
    discount: np.ndarray  # [M] float32, in [0, 1]
    end: np.ndarray  # [M] int64, number of the frame to bootstrap from


class Episode(NamedTuple):
    """A finished episode as the environment scored it: nothing clipped, nothing discounted."""

    ret: float  # the return: sum of rewards
    length: int  # env steps


class Block(NamedTuple):
    """What a source of experience hands over at once."""

    frames: np.ndarray  # [F, *frame_shape] those that no block before has brought, in the order of their numbers
    first: np.ndarray  # [F] bool, whether a frame begins an episode
    transitions: Transitions  # M may be 0; frame number % E says which env one came from
    episodes: list[Episode]  # those that ended
    steps: int  # env steps taken; a reset is none
    epsilon: float  # share of random actions at these steps


NOTHING = torch.zeros(0)


class Draws(NamedTuple):
    """The random numbers that the three passes of an update need, [W] each: none for most networks."""

    online: Tensor = NOTHING  # of the online network, which predicts the value of `obs`
    choose: Tensor = NOTHING  # of the network that chooses the action in `next_obs`, if it is not the target network
    rate: Tensor = NOTHING  # of the target network, which rates it


class Batch(NamedTuple):
    """B sampled transitions as tensors."""

    obs: Tensor  # [B, *obs_shape]
    action: Tensor  # [B] int64
    reward: Tensor  # [B] float32
    discount: Tensor  # [B] float32
    next_obs: Tensor  # [B, *obs_shape]
    weight: Tensor  # [B] float32, importance weights
    draws: Draws = Draws()  # filled in by the learner

    def to(self, device: torch.device) -> "Batch":
        """On a device."""
        draws = Draws(*(each.to(device) for each in self.draws))
        columns = {name: column.to(device) for name, column in self.columns().items()}
        return Batch(**columns, draws=draws)

    def columns(self) -> dict[str, Tensor]:
        """All but the random numbers, by name."""
        return {name: column for name, column in self._asdict().items() if name != "draws"}


class Sample(NamedTuple):
    """Which B transitions to learn from."""

    slots: np.ndarray  # [B] int64, where they lie in the replay
    weight: np.ndarray  # [B] float32, importance weights: ones under uniform sampling
