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
        self._obs, self._time = envs.reset(seeds), 0
        self._resting = np.zeros(envs.num_envs, bool)  # whose next step only resets
        self._num_resting = 0
        self._return = np.zeros(envs.num_envs)
        self._begun = np.zeros(envs.num_envs, int)  # when each episode took its first step

    def __iter__(self) -> Iterator[Block]:
        while True:
            yield self.step()

    def step(self) -> Block:
        """Steps every env once."""
        epsilon = self.epsilon(self.steps, self.episodes)
        action = self.policy(self._obs, epsilon)
        after, first = self.envs.step(action), self._resting  # after a reset an episode begins
        transitions = self._fold(StepResult(action, after.reward, after.terminated, after.truncated, ~first))
        frames = self._spec.newest(after.next_obs)
        if self._time == 0:
            frames = np.concatenate([self._spec.newest(self._obs), frames])
            first = np.concatenate([~first, first])
        self._time += 1
        self._return += after.reward  # a reset pays nothing
        steps = self.envs.num_envs - self._num_resting
        self._resting = after.terminated | after.truncated
        episodes = [self._finish(i) for i in self._resting.nonzero()[0].tolist()]
        self._obs, self._num_resting = after.next_obs, len(episodes)
        self.steps += steps
        self.episodes += len(episodes)
        return Block(frames, first, transitions, episodes, steps, epsilon)

    def _finish(self, i: int) -> Episode:
        episode = Episode(float(self._return[i]), int(self._time - self._begun[i]))
        self._return[i], self._begun[i] = 0.0, self._time + 1  # the next step only resets
        return episode
