"""Configuration -> objects: the one switchboard, the only place that asks which choice was made."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch

from . import config as c
from .learn.heads import Head, ScalarHead
from .learn.learner import Learner, Sync, Update, hard_sync, polyak_sync
from .learn.networks import QNetwork
from .learn.nstep import NStep
from .learn.optimizer import AdamSettings
from .learn.policy import EpsilonGreedy, q_function
from .learn.replay import Layout, Replay
from .learn.samplers import Prioritized, Sampler, Uniform
from .learn.schedules import Schedule, constant, geometric, linear, linear_episodes
from .learn.targets import Rule, double, greedy
from .learn.types import Sample
from .presets import Planned, plan
from .run.collector import Collector, Starts
from .run.device import arithmetic, cache_folder, choose_memory, resolve_device
from .run.envs import EnvSpec
from .run.evaluate import Evaluator
from .run.events import Event
from .run.judge import Judge, Rules
from .run.once import said_once
from .run.remarks import Remark, remarks
from .run.seeds import env_seeds, generator
from .run.train import Loop, Period, Plan, Progress, run, train
from .run.vector import Envs, open_envs
from .settle import settle, settle_epsilon
from .typed import door

APART = "the replay does not fit on the device of the networks"
WEIGHT_BYTES = 28  # float32 in three networks, two gradients and Adam's two running means

Notify = Callable[[str], None]
"""Takes a line for the user."""

Updater = Callable[[Mapping[int, Sample]], Mapping[int, Update]]
"""Answers samples, by the number of the system that asks, with their updates."""

say: Notify = logging.getLogger("dqnlab").warning


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
    update: Updater | None = None
    """how samples are answered, if that has been prepared (`make_update`)"""
    stack: int = 1
    """how many systems share one compiled update, this one included"""
    _closed: bool = field(default=False, init=False)

    def loop(self) -> Loop:
        """The training loop, which waits for its updates."""
        return train(self.collector, self.replay, self.learner, self.judge, self.plan, self.progress)

    def events(self, notify: Notify = say) -> Iterator[Event]:
        """Trains alone; each event comes after the state it speaks of has changed."""
        update = self.update or make_update([self], notify)
        yield from run(self.loop(), lambda sample: update({0: sample})[0])

    def state_dict(self) -> dict[str, Any]:
        """Everything that decides how the run goes on, but for the rows of the replay (`Replay.logs`)."""
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on as the run would whose state this is. To be called before its update is prepared (`make_update`)."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict[str, Any]:
        names = ("collector", "replay", "learner", "judge", "progress")
        return {name: getattr(self, name) for name in names}

    def close(self) -> None:
        """Closes the environments; a second time does nothing."""
        if self._closed:
            return
        self._closed = True
        with ExitStack() as stack:  # the judge's too if those of training do not answer
            stack.callback(self.judge.evaluator.close)
            self.collector.envs.close()


@door()
def events(config: Planned) -> Iterator[Event]:
    """Trains as configured and yields what happens; leaves nothing on disk. Stop by leaving the iteration."""
    return _events(plan(config))


def _events(config: c.Config) -> Iterator[Event]:
    with said_once():
        system = assemble(config)
        try:
            with arithmetic(config.threads):
                yield from system.events()
        finally:
            system.close()


def assemble(config: c.Config) -> System:
    """Builds a run. Raises ConfigError, EnvironmentFault or ResourceError before anything has been written."""
    spec, envs = open_envs(config.env)
    try:
        device = resolve_device(config.device)
        layout, memory = find_room(config, spec, device)
        config = settle(config, spec, envs)
        learner, scratch = make_learner(config, spec, device), make_network(config, spec).to(device)
        sampler = make_sampler(config.sampler, config.replay_capacity)
        collector = make_collector(config, spec, envs, learner.online)
        system = System(
            config,
            spec,
            collector,
            Replay(layout, sampler, generator(config.seed, "replay"), memory),
            learner,
            make_judge(config, spec, scratch, collector),
            make_plan(config),
            Progress(),
        )
        collector.at_cut = system.judge.evaluator.close
        return system
    except BaseException:
        envs.close()
        raise


def find_room(config: c.Config, spec: EnvSpec, device: torch.device) -> tuple[Layout, torch.device]:
    """How the replay is laid out, and where. Raises ResourceError if it or the networks do not fit."""
    with torch.device("meta"):  # where tensors have shapes and take no memory
        weights = sum(p.numel() for p in make_network(config, spec).parameters())
    seen = f"{spec.obs.num_states:,} states" if spec.obs.num_states else f"observations {spec.obs.shape}"
    what = f"a network with torso.hidden = {config.torso.hidden} for {seen}"
    choose_memory(weights * WEIGHT_BYTES, torch.device("cpu"), what)
    layout = Layout(config.replay_capacity, spec.obs, config.env.num_envs, config.n)
    return layout, choose_memory(layout.num_bytes, device, f"replay_capacity = {layout.capacity:,}")


def make_update(systems: Sequence[System], notify: Notify = say) -> Updater:
    """How samples of the systems, by index, are answered: by one compiled update of all if chosen, else one by one.

    Where compiling fails, `notify` is told so, and the systems' configurations say that nothing was compiled.
    """

    def plain(samples: Mapping[int, Sample]) -> dict[int, Update]:
        return {i: systems[i].learner.update(systems[i].replay.batch(sample)) for i, sample in samples.items()}

    def uncompiled(why: str) -> Updater:
        notify(f"the update runs uncompiled: {why}")
        for system in systems:
            system.config = replace(system.config, compile="off")
        return plain

    if systems[0].config.compile == "off":
        return plain
    if systems[0].replay.memory.frames.device != systems[0].learner.device:
        return uncompiled(APART)
    from .learn.compiled import CompileError
    from .learn.stack import Stack

    if len(systems) > 1:  # each had room alone
        needed = sum(system.replay.layout.num_bytes for system in systems)
        choose_memory(needed, systems[0].learner.device, f"the replay of {len(systems)} seeds at once")
    try:
        learners, replays = [each.learner for each in systems], [each.replay for each in systems]
        stack = Stack(learners, replays, systems[0].config.batch_size, cache_folder(), notify)
    except CompileError as e:
        return uncompiled(str(e))
    for system in systems:
        system.stack = len(systems)
    return stack.update


def make_network(config: c.Config, spec: EnvSpec) -> QNetwork:
    """A Q-network with the weights that the run's seed begins with, whose values are the environment's own."""
    draws = torch.Generator().manual_seed(config.seed)
    return QNetwork(spec.obs, spec.num_actions, config.torso.hidden, make_head(config.head), draws)


def make_learner(config: c.Config, spec: EnvSpec, device: torch.device) -> Learner:
    """The learner, whose networks count as its divided rewards do. The reward scale must be known."""
    assert config.reward_scale != "auto"
    online, target = (make_network(config, spec).to(device) for _ in range(2))
    online.reward_scale = target.reward_scale = config.reward_scale
    return Learner(online, target, make_rule(config.rule), make_sync(config.sync), make_adam(config.optimizer))


def make_collector(config: c.Config, spec: EnvSpec, envs: Envs, online: QNetwork) -> Collector:
    """The source of experience, acting by the online network. The reward scale must be known."""
    assert config.reward_scale != "auto"
    num_envs = config.env.num_envs
    policy = EpsilonGreedy(q_function(online), generator(config.seed, "act"))
    fold = NStep(config.n, config.gamma, num_envs, config.reward_scale)
    every = config.checkpoint_every or None
    starts = Starts(partial(env_seeds, config.seed, "train", num_envs), every)
    return Collector(envs, spec.obs, policy, make_epsilon(settle_epsilon(config)), fold, starts)


def make_judge(config: c.Config, spec: EnvSpec, scratch: QNetwork, collector: Collector) -> Judge:
    """The judge, with a network of its own, and environments of its own if there is room for any."""
    rules = Rules(
        config.seed,
        config.select_episodes,
        config.confirm_episodes,
        config.score_episodes,
        spec.reward_threshold,
        config.stop_when_solved,
    )
    copies, training = config.env.copies, config.env.num_envs
    most = None if copies is None else copies - training or training  # with none left, those of training
    evaluator = Evaluator(config.env, spec, config.gamma, most, collector.lend if copies == training else None)
    return Judge(evaluator, scratch, rules)


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


def make_remarks(config: c.Config, spec: EnvSpec) -> list[Remark]:
    """What is to be said of a run before it begins."""
    return remarks(config, spec, make_plan(config), make_epsilon(settle_epsilon(config)))


def make_period(period: c.Steps | c.Episodes) -> Period:
    match period:
        case c.Steps(num=num):
            return Period("steps", num)
        case c.Episodes(num=num):
            return Period("episodes", num)


def make_adam(adam: c.Adam) -> AdamSettings:
    return AdamSettings(adam.lr, adam.beta1, adam.beta2, adam.eps, adam.max_grad_norm)


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


def make_epsilon(epsilon: c.Linear | c.LinearEpisodes | c.Geometric | c.Constant) -> Schedule:
    match epsilon:
        case c.Linear(start=start, end=end, steps=steps):
            assert steps != "auto", "to be settled first"
            return linear(start, end, steps)
        case c.LinearEpisodes(start=start, end=end, episodes=episodes):
            return linear_episodes(start, end, episodes)
        case c.Geometric(start=start, end=end, factor=factor):
            return geometric(start, end, factor)
        case c.Constant(value=value):
            return constant(value)
