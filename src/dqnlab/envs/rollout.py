"""One greedy episode in each of E envs: what evaluating, watching and explaining have in common."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ..learn.policy import QFunction
from .vector import Envs


class RolloutStep(NamedTuple):
    """One step of E episodes; where `playing` is False the episode had ended before."""

    obs: np.ndarray  # [E, *obs_shape]
    q: np.ndarray  # [E, A]
    action: np.ndarray  # [E]
    reward: np.ndarray  # [E]
    terminated: np.ndarray  # [E] bool
    truncated: np.ndarray  # [E] bool
    playing: np.ndarray  # [E] bool


def rollout(envs: Envs, q_values: QFunction, seeds: Sequence[int]) -> Iterator[RolloutStep]:
    """Plays exactly one episode in every env, without exploration, until the last has ended."""
    obs = envs.reset(seeds)
    playing = np.ones(envs.num_envs, bool)
    while playing.any():
        q = q_values(obs)
        action = q.argmax(1)
        after = envs.step(action)
        yield RolloutStep(obs, q, action, after.reward, after.terminated, after.truncated, playing)
        playing = playing & ~(after.terminated | after.truncated)
        obs = after.next_obs
