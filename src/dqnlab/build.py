"""Configuration -> objects: the one switchboard, the only place that asks which choice was made."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import torch

from . import config as c
from .envs.collector import Collector, Starts
from .envs.make import EnvSpec
from .envs.open import open_envs
from .envs.seeds import env_seeds, generator
from .envs.trial import Rewards, measure_rewards
from .envs.vector import Envs
from .envs.watchdog import watched
from .errors import ConfigError
from .learn.convs import IMPALA, NATURE, SMALL, Impala, MakeConv, Picture, Plain, find_pictures, plain_conv
from .learn.distributional import CategoricalHead, HistogramHead, QuantileHead
from .learn.encoder import Encoder
from .learn.exploration import Choose, best, boltzmann, ladder
from .learn.extractors import Extractor, Normalizer
from .learn.formulas import AdamW, RAdam, RmsProp
from .learn.hadamax import ATARI, HadamaxConv, Product, as_it_is
from .learn.heads import Head, ScalarHead
from .learn.implicit import ImplicitHead, ImplicitStream
from .learn.layers import Dense, LayeredStream, LayeredTorso, NoisyLayer, PlainLayer
from .learn.layout import Layout, reach_of
from .learn.learner import HardSync, Learner, PolyakSync, Sync
from .learn.memory import Memory
from .learn.munchausen import MunchausenRule
from .learn.networks import LinearStream, Mlp, QNetwork, Stream, Torso
from .learn.norms import Normed, SpectralConv2d, SpectralLayer, normed_conv, settle_norms
from .learn.nstep import NStep
from .learn.optimizer import Adam, Descent, Formula, Rate, constant_rate
from .learn.policy import Policy, make_actor
from .learn.replay import Pace, Replay
from .learn.samplers import Prioritized, Sampler, Uniform
from .learn.schedules import Schedule, constant, cosine_rate, geometric, linear, linear_episodes, linear_rate
from .learn.streams import DuelingStream
from .learn.targets import Rule, double, greedy
from .learn.types import ObsSpec

UPDATES_THAT_PAY = 40_000  # an update saves some 0.4 ms, compiling for the first time takes some 15 s
EXPLORATION = 0.3  # of the budget, where epsilon.steps is "auto"
LEAST_SIDE = {"auto": 10, "small": 3, "nature": 36, "impala": 3, "hadamax": 3}  # pixels; below, an array is no picture
EPISODE_STEPS = 200  # a guess, for budgets counted in episodes


def settle(config: c.Config, spec: EnvSpec, envs: Envs) -> c.Config:
    """The configuration with a value wherever it says that one shall be found: what the run's own files hold."""
    rewards = measure_rewards(envs, spec, config.reward_clip) if config.measures_rewards else Rewards(1, 1)
    most = rewards.most_return(config.gamma, spec.max_episode_steps)
    return replace(
        config,
        env=settle_env(config.env, spec),
        head=settle_range(config.head, most) if isinstance(config.head, c.C51 | c.HlGauss) else config.head,
        reward_scale=rewards.scale if config.reward_scale == "auto" else config.reward_scale,
        lr_schedule=settle_rate(config),
        sampler=settle_sampler(config),
        epsilon=settle_epsilon(config),
        compile="on" if should_compile(config, spec.obs) else "off",
    )


def settle_range(head: c.C51 | c.HlGauss, most: float) -> c.C51 | c.HlGauss:
    """The head with a range of returns: up to `most` if nothing else is said, and as wide below 0 as above."""
    v_max = most if head.v_max == "auto" else head.v_max
    return replace(head, v_min=-v_max if head.v_min == "auto" else head.v_min, v_max=v_max)


def settle_env(env: c.Env, spec: EnvSpec) -> c.Env:
    """The environment's settings, completed by what trying it has shown."""
    return replace(env, action_mask="off" if spec.obs.mask is None else "on")


def foresee_settings(config: c.Config) -> c.Config:
    """The settings that a run of this configuration would find: makes its environments and closes them again."""
    with watched(config.env.timeout):
        spec, envs = open_envs(config.env)
        try:
            return settle(config, spec, envs)
        finally:
            envs.close()


def settle_rate(config: c.Config) -> c.ConstantRate | c.LinearRate | c.CosineRate:
    """The schedule of the learning rate in updates, which a later end of the run leaves as it is."""
    schedule = config.lr_schedule
    if isinstance(schedule, c.ConstantRate) or schedule.updates != "auto":
        return schedule
    return replace(schedule, updates=expected_updates(config))


def settle_sampler(config: c.Config) -> c.Uniform | c.Prioritized:
    """The sampler, with beta's way in updates, which a later end of the run leaves as it is."""
    sampler = config.sampler
    if isinstance(sampler, c.Prioritized) and sampler.beta_end is not None and sampler.updates == "auto":
        return replace(sampler, updates=expected_updates(config))
    return sampler


def expected_updates(config: c.Config) -> int:
    """As many as the budget has; a guess where that is counted in episodes."""
    steps = config.budget.num * (1 if isinstance(config.budget, c.Steps) else EPISODE_STEPS)
    return max((steps - config.learning_starts) // config.update_every, 1)


def settle_epsilon(config: c.Config) -> c.Linear | c.LinearEpisodes | c.Geometric | c.Constant | c.Ladder:
    """The schedule in steps or episodes, which a later end of the run leaves as it is."""
    match config.epsilon, config.budget:
        case c.Linear(start=start, end=end, steps="auto"), c.Steps(num=num):
            return c.Linear(start=start, end=end, steps=max(round(EXPLORATION * num), 1))
        case c.Linear(start=start, end=end, steps="auto"), c.Episodes(num=num):
            return c.LinearEpisodes(start=start, end=end, episodes=max(round(EXPLORATION * num), 1))
    return config.epsilon


def choose_convs(config: c.Config, obs: ObsSpec) -> dict[int, tuple[str, Picture]]:
    """Which convolutions look at what of an observation: their kind and how it is a picture, by the number of the part.

    Raises:
        ConfigError: convolutions were asked for where nothing is a picture, or none large enough.
    """
    if config.conv == "none":
        return {}
    least = LEAST_SIDE[config.conv]
    found = find_pictures(obs, least)
    if config.conv == "auto":
        return {
            number: ("nature" if min(picture.sides) >= LEAST_SIDE["nature"] else "small", picture)
            for number, picture in found.items()
        }
    if not found:
        seen = ", ".join(str(part.shape) for part in obs.parts or (obs,))
        raise ConfigError(
            f"conv = {config.conv!r} is for pictures of at least {least} pixels a side, and env {config.env.label!r} "
            f"shows {seen}: leave conv out"
        )
    return {number: (config.conv, picture) for number, picture in found.items()}


def should_compile(config: c.Config, obs: ObsSpec) -> bool:
    """Whether to compile the update: as chosen, or if there may be enough updates to pay for it even the first time.

    Only the configuration and the shape of observations decide, so that the same run always computes the same.
    """
    if config.compile != "auto" or config.device == "cuda":  # on a GPU it was never measured: only if asked
        return config.compile == "on"
    if any(kind != "small" for kind, _ in choose_convs(config, obs).values()):
        return False  # their products are the same as uncompiled, and take nearly all the time
    steps = config.budget.num * (1 if isinstance(config.budget, c.Steps) else EPISODE_STEPS)
    return steps // config.update_every >= UPDATES_THAT_PAY


# ── Objects ──────────────────────────────────────────────────────────────────────────────────────


def make_network(config: c.Config, spec: EnvSpec, scale: float = 1.0) -> QNetwork:
    """A Q-network with the weights that the run's seed begins with, which counts in rewards divided by `scale`."""
    encode, head = make_encoder(config, spec.obs), make_head(config.head, scale)
    torso = make_torso(config, encode.width)
    stream = partial(make_stream, config, torso.width, spec.num_actions)
    match config.head:
        case c.Iqn(num=num, cosines=cosines):
            values = ImplicitStream(torso.width, stream(1), num, cosines)
        case _:
            values = stream(head.width)
    network = QNetwork(encode, torso, values, head, torch.Generator().manual_seed(config.seed))
    network.reward_scale = scale
    settle_norms(network)
    return network


def sketch_network(config: c.Config, spec: EnvSpec) -> QNetwork:
    """A network of the size that a run's will have, where its range of returns is not known yet."""
    if isinstance(config.head, c.C51 | c.HlGauss):
        config = replace(config, head=settle_range(config.head, 1.0))
    return make_network(config, spec)


def make_encoder(config: c.Config, obs: ObsSpec) -> Encoder:
    """What makes features of observations.

    Raises:
        ConfigError: as `choose_convs`; or there is nothing to normalise.
    """
    chosen = choose_convs(config, obs)
    extractors = {number: make_conv(kind, picture, config.norm) for number, (kind, picture) in chosen.items()}
    if config.normalize_obs:
        for number, part in enumerate(obs.parts or (obs,)):
            if part.num_states is None and number not in extractors:
                extractors[number] = Normalizer(math.prod(part.shape))
        if len(extractors) == len(chosen):
            raise ConfigError(
                f"normalize_obs = True is for numbers, and env {config.env.label!r} shows only states or pictures that "
                "convolutions look at: leave it out"
            )
    return Encoder(obs, extractors)


def make_conv(kind: str, picture: Picture, norm: c.NoNorm | c.LayerNorm | c.SpectralNorm) -> Extractor:
    make: MakeConv = normed_conv if isinstance(norm, c.LayerNorm) else plain_conv
    match kind, norm:
        case "impala", c.SpectralNorm(on="residual"):
            return Impala(picture, IMPALA, make, SpectralConv2d)
        case "impala", _:
            return Impala(picture, IMPALA, make)
        case "hadamax", _:
            return HadamaxConv(picture, ATARI)
        case "nature", _:
            return Plain(picture, NATURE, make)
        case _:
            return Plain(picture, SMALL, make)


def make_learner(config: c.Config, spec: EnvSpec, device: torch.device) -> Learner:
    """The learner, whose networks count as its divided rewards do. The reward scale must be known."""
    assert config.reward_scale != "auto"
    online, target = (make_network(config, spec, config.reward_scale).to(device) for _ in range(2))
    rule = make_rule(config.rule)
    sync = make_sync(config.sync)
    descent = make_descent(config.optimizer, settle_rate(config))
    return Learner(online, target, rule, sync, descent, generator(config.seed, "learn"))


def make_collector(config: c.Config, spec: EnvSpec, envs: Envs, online: QNetwork) -> Collector:
    """The source of experience, acting by the online network. The reward scale must be known."""
    assert config.reward_scale != "auto"
    num_envs = config.env.num_envs
    rng = generator(config.seed, "act")
    powers = ladder(num_envs, config.epsilon.alpha) if isinstance(config.epsilon, c.Ladder) else None
    policy = Policy(make_actor(online, rng), rng, make_choose(config.exploration), powers)
    fold = NStep(config.n, config.gamma, num_envs, config.reward_scale, config.reward_clip)
    every = config.checkpoint_every or None
    starts = Starts(partial(env_seeds, config.seed, "train", num_envs), every)
    return Collector(envs, spec.obs, policy, make_epsilon(settle_epsilon(config)), fold, starts)


def make_descent(
    optimizer: c.Adam | c.AdamW | c.RAdam | c.RmsProp, schedule: c.ConstantRate | c.LinearRate | c.CosineRate
) -> Descent:
    return Descent(make_formula(optimizer), make_rate(optimizer.lr, schedule), optimizer.max_grad_norm)


def make_formula(optimizer: c.Adam | c.AdamW | c.RAdam | c.RmsProp) -> Formula:
    match optimizer:
        case c.Adam(beta1=beta1, beta2=beta2, eps=eps):
            return Adam(beta1, beta2, eps)
        case c.AdamW(beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay):
            return AdamW(Adam(beta1, beta2, eps), weight_decay)
        case c.RAdam(beta1=beta1, beta2=beta2, eps=eps):
            return RAdam(beta1, beta2, eps)
        case c.RmsProp(decay=decay, eps=eps):
            return RmsProp(decay, eps)


def make_rate(lr: float, schedule: c.ConstantRate | c.LinearRate | c.CosineRate) -> Rate:
    match schedule:
        case c.ConstantRate():
            return constant_rate(lr)
        case c.LinearRate(end=end, updates=int(updates)):
            return linear_rate(lr, end, updates)
        case c.CosineRate(end=end, updates=int(updates)):
            return cosine_rate(lr, end, updates)
        case _:
            raise AssertionError("the updates are to be settled first")


def make_torso(config: c.Config, inputs: int) -> Torso:
    sizes = [inputs, *config.torso.hidden]
    after = 1 + len(config.stream.hidden) if isinstance(config.stream, c.Dueling) else 1
    match config:
        case c.Config(torso=c.Hadamax()):
            return LayeredTorso(sizes, partial(make_product, config), after, as_it_is)
        case c.Config(layers=c.PlainLayers(), norm=c.NoNorm()):
            return Mlp(sizes)
        case _:
            return LayeredTorso(sizes, partial(make_layer, config), after)


def make_stream(config: c.Config, width: int, num_actions: int, num_values: int) -> Stream:
    make = partial(make_layer, config)
    match config.stream, config.layers:
        case c.Dueling(hidden=hidden), _:
            return DuelingStream(width, hidden, num_actions, num_values, make)
        case _, c.PlainLayers():
            return LinearStream(width, num_actions, num_values)
        case _:
            return LayeredStream(width, num_actions, num_values, make)


def make_layer(config: c.Config, inputs: int, outputs: int, after: int) -> Dense:
    """A fully connected layer that so many others come after: the last one is never normalised."""
    match config.norm:
        case c.LayerNorm() if after > 0:
            return Normed(make_weights(config.layers, inputs, outputs), outputs)
        case c.SpectralNorm(on="last_hidden") if after == 1:
            return SpectralLayer(inputs, outputs)
        case _:
            return make_weights(config.layers, inputs, outputs)


def make_product(config: c.Config, inputs: int, outputs: int, after: int) -> Dense:
    return Product(*(Normed(make_weights(config.layers, inputs, outputs), outputs) for _ in range(2)))


def make_weights(layers: c.PlainLayers | c.Noisy, inputs: int, outputs: int) -> Dense:
    match layers:
        case c.PlainLayers():
            return PlainLayer(inputs, outputs)
        case c.Noisy(sigma=sigma):
            return NoisyLayer(inputs, outputs, sigma)


def make_layout(config: c.Config, spec: EnvSpec) -> Layout:
    """How the replay will lie in memory."""
    reach = reach_of(config.n, spec.obs.stack, config.env.num_envs)
    return Layout(config.replay_capacity, spec.obs, config.n, reach)


def make_memory(config: c.Config, layout: Layout, device: torch.device) -> Memory:
    """The memory that is learned from."""
    sampler = make_sampler(settle_sampler(config), config.replay_capacity)
    pace = Pace(config.learning_starts, config.update_every, config.batch_size)
    return Replay(layout, sampler, pace, generator(config.seed, "replay"), device)


def make_head(head: c.Scalar | c.Quantiles | c.Iqn | c.C51 | c.HlGauss, scale: float = 1.0) -> Head:
    """A head of returns that were divided by `scale`. Raises ConfigError if the range of returns is not known."""
    match head:
        case c.Scalar(huber=huber):
            return ScalarHead(huber)
        case c.Quantiles(num=num, kappa=kappa):
            return QuantileHead(num, kappa)
        case c.Iqn(num=num, kappa=kappa):
            return ImplicitHead(num, kappa)
        case c.C51(num=num, v_min=float(low), v_max=float(high)):
            return CategoricalHead(num, low / scale, high / scale)
        case c.HlGauss(num=num, v_min=float(low), v_max=float(high), sigma=sigma):
            return HistogramHead(num, low / scale, high / scale, sigma)
        case _:
            raise ConfigError("head.v_max = 'auto' is measured when a run begins, and written down then: give a number")


def make_rule(rule: c.Greedy | c.Double | c.Munchausen) -> Rule:
    match rule:
        case c.Munchausen(alpha=alpha, tau=tau, least=least):
            return MunchausenRule(alpha, tau, least)
        case c.Greedy():
            return greedy
        case c.Double():
            return double


def make_sampler(sampler: c.Uniform | c.Prioritized, capacity: int) -> Sampler:
    match sampler:
        case c.Uniform():
            return Uniform()
        case c.Prioritized(alpha=alpha, beta=beta, beta_end=None):
            return Prioritized(capacity, alpha, beta)
        case c.Prioritized(alpha=alpha, beta=beta, beta_end=float(end), updates=int(updates)):
            return Prioritized(capacity, alpha, beta, beta_end=end, updates=updates)
        case _:
            raise AssertionError("the updates are to be settled first")


def make_sync(sync: c.Hard | c.Polyak) -> Sync:
    match sync:
        case c.Hard(every=every):
            return HardSync(every)
        case c.Polyak(tau=tau):
            return PolyakSync(tau)


def make_choose(exploration: c.EpsilonGreedy | c.Boltzmann) -> Choose:
    match exploration:
        case c.EpsilonGreedy():
            return best
        case c.Boltzmann(temperature=temperature):
            return boltzmann(temperature)


def make_epsilon(epsilon: c.Linear | c.LinearEpisodes | c.Geometric | c.Constant | c.Ladder) -> Schedule:
    match epsilon:
        case c.Linear(start=start, end=end, steps=steps):
            assert steps != "auto", "to be settled first"
            return linear(start, end, steps)
        case c.LinearEpisodes(start=start, end=end, episodes=episodes):
            return linear_episodes(start, end, episodes)
        case c.Geometric(start=start, end=end, factor=factor):
            return geometric(start, end, factor)
        case c.Constant(value=value) | c.Ladder(base=value):
            return constant(value)
