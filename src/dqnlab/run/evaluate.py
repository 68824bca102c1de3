"""How good a network is: greedy episodes, and an interval around their mean."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np

from ..config import MOST_EPISODES, AnyEnvironment, Env, Seed
from ..config.checks import Whole
from ..config.typed import door
from ..device import arithmetic
from ..envs.guard import Guarded
from ..envs.infos import Numbers, means
from ..envs.make import EnvSpec, close_all, make_one
from ..envs.open import NATIVE, is_native, make_envs
from ..envs.rollout import RolloutStep, rollout
from ..envs.seeds import env_seeds
from ..envs.vector import Envs, SerialEnvs
from ..envs.watchdog import watched
from ..envs.workers import Workers
from ..learn.nstep import clip_rewards
from ..learn.policy import Actor
from ..store.agent import Agent
from ..store.episodes import EpisodeWriter
from ..store.interval import over_episodes
from ..store.score import Score

SIDE_BY_SIDE = 16  # single environments that play at once


class Outcome(NamedTuple):
    """N greedy episodes."""

    returns: np.ndarray  # [N] sums of rewards
    cut: np.ndarray  # [N] bool, truncated; where the step limit is dqnlab's own, only those that reached it
    value: np.ndarray  # [N] the greedy Q-value at the first observation
    discounted: np.ndarray  # [N] what was earned from there on, clipped as it was learned, discounted by gamma
    own_limit: int | None = None  # the step limit, if it is dqnlab's own
    numbers: tuple[Numbers, ...] = ()  # what infos hold at the ends, of each episode


Tell = Callable[[Outcome], None]
"""Hears of episodes when they have ended."""

Look = Callable[[RolloutStep], None]
"""Sees every step of the episodes."""

Asks = Callable[[], bool]
"""Whether somebody wants this to stop; asked at every step, for nobody knows how long an episode lasts."""


class Left(KeyboardInterrupt):
    """Episodes were left before their end because a stop was requested."""


def pooled(parts: Sequence[Outcome]) -> Outcome:
    """Several as one."""
    returns, cut, value, discounted = (
        np.concatenate(column) for column in zip(*(part[:4] for part in parts), strict=True)
    )
    numbers = tuple(each for part in parts for each in part.numbers)
    return Outcome(returns, cut, value, discounted, parts[0].own_limit, numbers)


class Evaluator:
    """Plays greedy episodes: one per env, never the first N to finish, for short episodes finish first."""

    def __init__(
        self,
        env: Env,
        spec: EnvSpec,
        gamma: float,
        most: int | None = None,
        lend: Callable[[int], Envs] | None = None,
        reward_clip: float | None = None,
    ):
        """`most`: environments at once, where they are counted; `lend` gives them, else it makes its own.

        `reward_clip`: how rewards were clipped for learning. What is earned, discounted, is compared with what was
        learned, so it is clipped as well; returns are not.
        """
        self._env, self._spec = env, spec
        self._gamma, self._clip = gamma, reward_clip
        self._lend = lend
        self._vectors = most is None and is_native(env, max(NATIVE.values()))
        self._most = SIDE_BY_SIDE if most is None else min(SIDE_BY_SIDE, most)
        self.asks: Asks = lambda: False
        self.look: Look = lambda step: None
        self._native: dict[int, Envs] = {}  # by how many: making them costs more than a short episode
        self._single: list[Guarded] = []
        self._workers: Workers | None = None

    def play(self, actor: Actor, seeds: Sequence[int], tell: Tell | None = None) -> Outcome:
        """One episode per seed; `tell` hears of each as it ends. Raises Left."""
        size = len(seeds) if self._vectors else self._most
        parts = [self._play(actor, seeds[i : i + size], i + 1, tell) for i in range(0, len(seeds), size)]
        return pooled(parts)

    def make_first(self) -> None:
        """Makes one environment, to be played in later: so one that cannot live beside others is known before training.

        Raises:
            ConfigError, EnvironmentFault: as `make_one`.
        """
        if not self._vectors and (self._lend is None or self._env.workers):
            self._envs(1)

    def close(self) -> None:
        """Closes every environment it made; the next episodes are played in new ones."""
        vectors, single = list(self._native.values()), list(self._single)
        self._native.clear()
        self._single.clear()
        with ExitStack() as stack:
            for envs in vectors:
                stack.callback(envs.close)
            if self._workers is not None:
                stack.callback(self._workers.close)
                self._workers = None
            close_all(single, self._env.label)

    def _envs(self, num: int) -> Envs:
        """So many environments, of those that are there where possible."""
        if self._lend is not None:
            return self._lend(num)
        if self._env.workers:
            self._workers = self._workers or Workers(self._env, self._spec)
            return self._workers.lend(num)
        if self._vectors:
            if num not in self._native:
                self._native[num] = make_envs(self._env, self._spec, num, autoreset=False)
            return self._native[num]
        while len(self._single) < num:
            self._single.append(make_one(self._env))
        return SerialEnvs(self._single[:num], self._spec, self._env.label, autoreset=False)

    def _play(self, actor: Actor, seeds: Sequence[int], first: int, tell: Tell | None) -> Outcome:
        """The episodes of these seeds side by side, of which `first` is the number of the first."""
        envs = self._envs(len(seeds))
        with envs.playing("judging", first):
            return self._outcome(rollout(envs, actor, seeds), len(seeds), tell)

    def _outcome(self, steps: Iterator[RolloutStep], num: int, tell: Tell | None) -> Outcome:
        returns = np.zeros(num)
        discounted = np.zeros(num)
        cut = np.zeros(num, bool)
        value: np.ndarray | None = None
        numbers: list[Numbers] = [{}] * num
        factor = 1.0
        own = self._spec.max_episode_steps if self._spec.own_limit else None
        for played, step in enumerate(steps, 1):
            if self.asks():
                raise Left
            self.look(step)
            if value is None:
                value = step.q.max(1)
            reward = np.where(step.playing, step.reward, 0.0)
            returns += reward
            discounted += factor * clip_rewards(reward, self._clip)
            factor *= self._gamma
            if own is None or played >= own:  # before, the environment truncates for reasons of its own
                cut |= step.playing & step.truncated & ~step.terminated
            ended = step.playing & (step.terminated | step.truncated)
            for i, said in step.numbers.items():
                if step.playing[i]:  # a vector goes on with other episodes
                    numbers[i] = said
            if tell is not None and ended.any():
                said_then = tuple(numbers[i] for i in ended.nonzero()[0].tolist())
                tell(Outcome(returns[ended], cut[ended], value[ended].astype(float), discounted[ended], own, said_then))
        assert value is not None  # an episode has at least one step
        return Outcome(returns, cut, value.astype(float), discounted, own, tuple(numbers))


def score_of(outcome: Outcome) -> Score:
    """The score of N episodes."""
    returns = outcome.returns
    low, high, how = over_episodes(returns)
    return Score(
        mean=float(returns.mean()),
        low=low,
        high=high,
        minimum=float(returns.min()),
        maximum=float(returns.max()),
        episodes=len(returns),
        returns=tuple(returns.tolist()),
        cut=int(outcome.cut.sum()),
        interval=how,
        own_limit=outcome.own_limit,
        info=means(outcome.numbers),
    )


@door
def evaluate(
    agent: Agent,
    env: AnyEnvironment | None = None,
    episodes: Annotated[int, Whole(1, MOST_EPISODES)] = 100,
    seed: Seed = 0,
    record: Path | None = None,
) -> Score:
    """The score of an agent over greedy episodes that neither training nor judging ever saw.

    Args:
        agent: what `dqnlab.load` gives.
        env: where to play; the agent's own environment if none.
        episodes: how many, each with a start of its own.
        seed: other seeds give other episodes.
        record: a folder that each episode is written into, to be learned from (`Demos`, `Offline`).

    Returns:
        The mean return, undiscounted and in the environment's own rewards, with its 95 % interval.

    Raises:
        ConfigError: the environment cannot be made, or does not fit the network.
        EnvironmentFault: it broke while it was played.
        FolderError: `record` has episodes already.
    """
    return score_of(play_out(agent, episodes, seed, env=env, record=record))


def play_out(
    agent: Agent,
    episodes: int,
    seed: int,
    tell: Tell | None = None,
    env: AnyEnvironment | None = None,
    asks: Asks = lambda: False,
    record: Path | None = None,
) -> Outcome:
    """The episodes of `evaluate`; `tell` hears of each as it ends. Raises Left if a stop is requested by `asks`.

    Args:
        record: a folder, without episodes so far, that each is written into.
    """
    where = agent.env_config(env)
    with watched(where.timeout), arithmetic(agent.config.threads):
        spec = agent.check_fits(where)
        evaluator = Evaluator(where, spec, agent.config.gamma, where.copies)
        evaluator.asks = asks
        if record is not None:
            evaluator.look = EpisodeWriter(record, spec, where.label).take
        try:
            return evaluator.play(agent.actor(), env_seeds(seed, "evaluate", episodes), tell)
        finally:
            evaluator.close()
