"""① The data that flows from environment to loss.

Shapes: E envs, M transitions in a block, B in a batch, A actions, K numbers per action.
"""

from typing import NamedTuple

import numpy as np
from torch import Tensor


class ObsSpec(NamedTuple):
    """What one stored observation looks like."""

    shape: tuple[int, ...]
    dtype: np.dtype  # float32, uint8 (pixels), bool, or int64 for the number of a discrete state
    num_states: int | None = None  # of a discrete state, which the network sees as one-hot


class Transitions(NamedTuple):
    """M transitions, one array per field. A transition spans 1..n env steps.

    `discount` multiplies the value at `next_obs`: gamma**span, and 0 if the span ended in a
    terminal state. Losses therefore need to know neither gamma, nor n, nor how an episode ended.
    """

    obs: np.ndarray  # [M, *obs_shape]
    action: np.ndarray  # [M] int64, in 0..A-1
    reward: np.ndarray  # [M] float32, discounted sum over the span
    discount: np.ndarray  # [M] float32, in [0, 1]
    next_obs: np.ndarray  # [M, *obs_shape], the state to bootstrap from


class Episode(NamedTuple):
    """A finished episode as the environment scored it: nothing clipped, nothing discounted."""

    ret: float  # the return: sum of rewards
    length: int  # env steps


class Block(NamedTuple):
    """What a source of experience hands over at once."""

    transitions: Transitions  # M may be 0
    env: np.ndarray  # [M] int64, which env each transition came from
    episodes: list[Episode]  # those that ended
    steps: int  # env steps taken; a reset is none
    epsilon: float  # share of random actions at these steps


class Batch(NamedTuple):
    """B sampled transitions as tensors."""

    obs: Tensor  # [B, *obs_shape]
    action: Tensor  # [B] int64
    reward: Tensor  # [B] float32
    discount: Tensor  # [B] float32
    next_obs: Tensor  # [B, *obs_shape]
    weight: Tensor  # [B] float32, importance weights: ones under uniform sampling


class Sample(NamedTuple):
    """A batch and the replay slots it came from."""

    batch: Batch
    slots: np.ndarray  # [B] int64
