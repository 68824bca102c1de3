"""One greedy episode in each of E envs: what evaluating, watching and explaining have in common."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from ..learn.policy import Actor
from .infos import Numbers
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
    next_obs: np.ndarray  # [E, *obs_shape]
    numbers: Mapping[int, Numbers] = MappingProxyType({})  # of the infos of those that ended


class Watched:
    """An actor that calls an observer before it acts, while the environments still show what it sees."""

    def __init__(self, actor: Actor, look: Callable[[], None]):
        self.remembers = actor.remembers
        self._actor = actor
        self._look = look
        self.state_dict, self.load_state_dict = actor.state_dict, actor.load_state_dict

    @property
    def state(self) -> np.ndarray | None:
        return self._actor.state

    def __call__(self, obs: np.ndarray, first: np.ndarray) -> np.ndarray:
        self._look()
        return self._actor(obs, first)


def rollout(envs: Envs, actor: Actor, seeds: Sequence[int]) -> Iterator[RolloutStep]:
    """Plays exactly one episode in every env, without exploration, until the last has ended."""
    obs = envs.reset(seeds)
    playing = np.ones(envs.num_envs, bool)
    first = playing
    while playing.any():
        q = actor(obs, first)
        action = q.argmax(1)
        after = envs.step(action)
        ends = after.terminated, after.truncated
        yield RolloutStep(obs, q, action, after.reward, *ends, playing, after.next_obs, after.numbers)
        playing = playing & ~(after.terminated | after.truncated)
        obs, first = after.next_obs, np.zeros(envs.num_envs, bool)
