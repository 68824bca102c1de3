"""Configuration -> objects: the one switchboard, the only place that asks which choice was made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from . import config as c
from .learn.heads import Head, ScalarHead
from .learn.learner import Learner, Sync, hard_sync, polyak_sync
from .learn.networks import QNetwork
from .learn.nstep import NStep
from .learn.optimizer import AdamSettings
from .learn.policy import EpsilonGreedy, q_function
from .learn.replay import Prioritized, Replay, Sampler, Uniform
from .learn.schedules import Schedule, constant, geometric, linear
from .learn.targets import Rule, double, greedy
from .run.collector import Collector
from .run.device import arithmetic, resolve_device
from .run.envs import EnvSpec, describe
from .run.evaluate import Evaluator
from .run.events import Event
from .run.judge import Judge, Rules
from .run.seeds import env_seeds, generator
from .run.train import Period, Plan, Progress, train
from .run.vector import make_envs


@dataclass
class System:
    """Everything that one run consists of while it lives."""

    config: c.Config
    spec: EnvSpec
    collector: Collector
    replay: Replay
    learner: Learner
    judge: Judge
    plan: Plan
    progress: Progress

    def events(self) -> Iterator[Event]:
        """Trains; each event comes after the state it speaks of has changed."""
        yield from train(self.collector, self.replay, self.learner, self.judge, self.plan, self.progress)

    def close(self) -> None:
        """Closes the environments."""
        self.collector.envs.close()
        self.judge.evaluator.close()


def events(config: c.Config) -> Iterator[Event]:
    """Trains as configured and yields what happens; leaves nothing on disk. Stop by leaving the iteration."""
    system = assemble(config)
    try:
        with arithmetic(config.threads):
            yield from system.events()
    finally:
        system.close()


def assemble(config: c.Config) -> System:
    """Builds a run. Raises ConfigError or EnvironmentFault before anything has been written."""
    spec = describe(config.env)
    device = resolve_device(config.device)
    online, target, scratch = (make_network(config, spec).to(device) for _ in range(3))
    adam = AdamSettings(
        config.optimizer.lr,
        config.optimizer.beta1,
        config.optimizer.beta2,
        config.optimizer.eps,
        config.optimizer.max_grad_norm,
    )
    learner = Learner(online, target, make_rule(config.rule), make_sync(config.sync), adam)
    sampler = make_sampler(config.sampler, config.replay_capacity)
    return System(
        config,
        spec,
        make_collector(config, spec, online),
        Replay(config.replay_capacity, spec.obs, sampler, generator(config.seed, "replay")),
        learner,
        make_judge(config, spec, scratch),
        make_plan(config),
        Progress(),
    )


def make_network(config: c.Config, spec: EnvSpec) -> QNetwork:
    """A Q-network with the weights that the run's seed begins with."""
    draws = torch.Generator().manual_seed(config.seed)
    return QNetwork(spec.obs, spec.num_actions, config.torso.hidden, make_head(config.head), draws)


def make_collector(config: c.Config, spec: EnvSpec, online: QNetwork) -> Collector:
    """The source of experience, acting by the online network."""
    num_envs = config.env.num_envs
    envs = make_envs(config.env, spec, num_envs)
    policy = EpsilonGreedy(q_function(online), generator(config.seed, "act"))
    fold = NStep(config.n, config.gamma, num_envs, spec.obs)
    return Collector(envs, policy, make_epsilon(config.epsilon), fold, env_seeds(config.seed, "train", num_envs))


def make_judge(config: c.Config, spec: EnvSpec, scratch: QNetwork) -> Judge:
    """The judge, with environments and a network of its own."""
    rules = Rules(
        config.seed,
        config.select_episodes,
        config.confirm_episodes,
        config.score_episodes,
        spec.reward_threshold,
        config.stop_when_solved,
    )
    return Judge(Evaluator(config.env, spec, config.gamma), scratch, rules)


def make_plan(config: c.Config) -> Plan:
    """When things happen."""
    return Plan(
        make_period(config.budget),
        make_period(config.evaluate_every),
        config.learning_starts,
        config.batch_size,
        config.update_every,
        config.metrics_every,
    )


def make_period(period: c.Steps | c.Episodes) -> Period:
    match period:
        case c.Steps(num=num):
            return Period("steps", num)
        case c.Episodes(num=num):
            return Period("episodes", num)


def make_head(head: c.Scalar) -> Head:
    return ScalarHead(head.huber)


def make_rule(rule: c.Greedy | c.Double) -> Rule:
    match rule:
        case c.Greedy():
            return greedy
        case c.Double():
            return double


def make_sampler(sampler: c.Uniform | c.Prioritized, capacity: int) -> Sampler:
    match sampler:
        case c.Uniform():
            return Uniform()
        case c.Prioritized(alpha=alpha, beta=beta):
            return Prioritized(capacity, alpha, beta)


def make_sync(sync: c.Hard | c.Polyak) -> Sync:
    match sync:
        case c.Hard(every=every):
            return hard_sync(every)
        case c.Polyak(tau=tau):
            return polyak_sync(tau)


def make_epsilon(epsilon: c.Linear | c.Geometric | c.Constant) -> Schedule:
    match epsilon:
        case c.Linear(start=start, end=end, steps=steps):
            return linear(start, end, steps)
        case c.Geometric(start=start, end=end, factor=factor):
            return geometric(start, end, factor)
        case c.Constant(value=value):
            return constant(value)
