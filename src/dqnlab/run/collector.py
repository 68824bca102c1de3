"""Collecting: steps the environments with a policy and hands out blocks of n-step transitions."""

from collections.abc import Iterator, Sequence

import numpy as np

from ..learn.nstep import NStep, StepResult
from ..learn.policy import EpsilonGreedy
from ..learn.schedules import Schedule
from ..learn.types import Block, Episode, ObsSpec
from .vector import Envs


class Collector:
    """An endless source of experience."""

    def __init__(
        self,
        envs: Envs,
        obs: ObsSpec,
        policy: EpsilonGreedy,
        epsilon: Schedule,
        fold: NStep,
        seeds: Sequence[int],
    ):
        self.envs, self.policy, self.epsilon = envs, policy, epsilon
        self.steps = self.episodes = 0
        self._spec, self._fold = obs, fold
        self._obs = envs.reset(seeds)
        self._live = np.ones(envs.num_envs, bool)
        self._return, self._length = np.zeros(envs.num_envs), np.zeros(envs.num_envs, int)
        self._begun = False

    def __iter__(self) -> Iterator[Block]:
        while True:
            yield self.step()

    def step(self) -> Block:
        """Steps every env once."""
        epsilon = self.epsilon(self.steps, self.episodes)
        action = self.policy(self._obs, epsilon)
        after, live = self.envs.step(action), self._live
        transitions = self._fold(StepResult(action, after.reward, after.terminated, after.truncated, live))
        frames, first = self._spec.newest(after.next_obs), ~live  # after a reset an episode begins
        if not self._begun:
            frames = np.concatenate([self._spec.newest(self._obs), frames])
            first, self._begun = np.concatenate([live, first]), True
        self._return += after.reward  # a reset pays nothing
        self._length += live
        ended = after.terminated | after.truncated
        episodes = [self._finish(i) for i in ended.nonzero()[0].tolist()]
        steps = int(np.count_nonzero(live))
        self._obs, self._live = after.next_obs, ~ended
        self.steps += steps
        self.episodes += len(episodes)
        return Block(frames, first, transitions, episodes, steps, epsilon)

    def _finish(self, i: int) -> Episode:
        episode = Episode(float(self._return[i]), int(self._length[i]))
        self._return[i], self._length[i] = 0.0, 0
        return episode
