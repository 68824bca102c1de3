"""Configuration -> objects: the one switchboard, the only place that asks which choice was made."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from . import config as c
from .custom import make_own, own_chance
from .envs.collector import Collector, Starts
from .envs.make import EnvSpec
from .envs.offline import Clock
from .envs.recordings import Recordings
from .envs.seeds import Seat, generator
from .envs.vector import Envs
from .errors import ConfigError
from .learn.convs import IMPALA, NATURE, SMALL, Impala, MakeConv, Picture, Plain, plain_conv
from .learn.demonstrations import Demonstrated, OfflineMemory, fold
from .learn.distributional import CategoricalHead, HistogramHead, QuantileHead
from .learn.encoder import Encoder
from .learn.exploration import Choose, best, boltzmann, ladder
from .learn.extractors import Extractor, Normalizer
from .learn.formulas import AdamW, RAdam, RmsProp
from .learn.hadamax import ATARI, HadamaxConv, Product, as_it_is
from .learn.heads import Head, ScalarHead
from .learn.implicit import ImplicitHead, ImplicitStream
from .learn.layers import Branch, Dense, LayeredStream, LayeredTorso, NoisyLayer, PlainLayer
from .learn.layout import Layout, reach_of
from .learn.learner import HardSync, Learner, PolyakSync, Sync
from .learn.memory import Memory
from .learn.munchausen import MunchausenRule
from .learn.networks import LinearStream, Mlp, QNetwork, Stream, Torso
from .learn.norms import Normed, SpectralConv2d, SpectralLayer, normed_conv, settle_norms
from .learn.nstep import NStep
from .learn.optimizer import Adam, Descent, Formula, Rate, constant_rate
from .learn.policy import Policy, make_actor
from .learn.recurrent import Cell, GruCell, LstmCell, RecurrentTorso, SequenceEncoder
from .learn.regularizers import Conservative, LargeMargin, Regularizer
from .learn.replay import Pace, Replay
from .learn.rollouts import Epochs, Rollout, no_target, whole_return
from .learn.samplers import Prioritized, Sampler, Uniform
from .learn.schedules import Schedule, constant, cosine_rate, geometric, linear, linear_episodes, linear_rate
from .learn.sequences import SequenceLayout, SequenceReplay
from .learn.streams import DuelingStream
from .learn.targets import Rule, double, greedy
from .learn.types import ObsSpec
from .settle import choose_convs, settle_epsilon, settle_range, settle_rate, settle_sampler


def make_network(config: c.Config, spec: EnvSpec, scale: float = 1.0) -> QNetwork:
    """A Q-network with the weights that the run's seed begins with, which counts in rewards divided by `scale`."""
    encode, head = make_encoder(config, spec.obs), make_head(config.head, scale)
    with own_chance(config.seed):
        torso = make_torso(config, encode.width)
    if torso.state_size:
        encode = SequenceEncoder(encode, torso.state_size)
    stream = partial(make_stream, config, torso.width, spec.num_actions)
    match config.head:
        case c.Iqn(num=num, cosines=cosines):
            values = ImplicitStream(torso.width, stream(1), num, cosines)
        case _:
            with own_chance(config.seed):
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
    bootstraps = not isinstance(config.memory, c.Rollout)
    rule = make_rule(config.rule) if bootstraps else whole_return
    sync = make_sync(config.sync) if bootstraps else no_target
    descent = make_descent(config.optimizer, settle_rate(config))
    regularizer = make_regularizer(config.regularizer)
    return Learner(online, target, rule, sync, descent, generator(config.seed, "learn"), regularizer)


def make_collector(
    config: c.Config, spec: EnvSpec, envs: Envs, online: QNetwork, seat: Seat | None = None
) -> Collector | Clock:
    """The source of experience, acting by the online network if at all. The reward scale must be known.

    Args:
        seat: which of several collectors it is, if any.
    """
    assert config.reward_scale != "auto"
    if config.is_offline:
        return Clock(envs, spec.obs)
    num_envs, every = config.env.num_envs, config.checkpoint_every or None
    if seat is None:
        seat = Seat()
    else:
        every = None  # nobody saves its environments, and so nobody cuts them
    rng = seat.generator(config.seed, "act")
    policy = Policy(make_actor(online, rng), rng, make_choose(config.exploration), make_powers(config, seat))
    fold = NStep(config.n, config.gamma, num_envs, config.reward_scale, config.reward_clip)
    starts = Starts(partial(seat.seeds, config.seed, num_envs), every)
    return Collector(envs, spec.obs, policy, make_epsilon(settle_epsilon(config)), fold, starts)


def make_powers(config: c.Config, seat: Seat) -> np.ndarray | None:
    """The powers of epsilon that the envs of a collector explore with, [E]; none where all explore alike.

    A ladder goes over the envs of all collectors; of another epsilon each collector has one power, as an actor does in
    Horgan et al. (2018).
    """
    num_envs = config.env.num_envs
    match config.epsilon:
        case c.Ladder(alpha=alpha):
            return ladder(seat.num * num_envs, alpha)[seat.number * num_envs :][:num_envs]
        case _ if seat.num > 1:
            return ladder(seat.num, c.Ladder().alpha)[seat.number].repeat(num_envs)
        case _:
            return None


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
    if isinstance(config.torso, c.Custom):
        return make_own(config.torso, inputs)
    sizes = [inputs, *config.torso.hidden]
    after = 1 + len(config.stream.hidden) if isinstance(config.stream, c.Dueling) else 1
    match config:
        case c.Config(torso=c.Hadamax()):
            return LayeredTorso(sizes, partial(make_product, config), after, as_it_is)
        case c.Config(torso=(c.Gru() | c.Lstm()) as torso):
            branch = Branch(sizes, partial(make_layer, config), after + 1)
            return RecurrentTorso(branch, make_cell(torso, sizes[-1]), torso.units, torso.burn_in)
        case c.Config(layers=c.PlainLayers(), norm=c.NoNorm()):
            return Mlp(sizes)
        case _:
            return LayeredTorso(sizes, partial(make_layer, config), after)


def make_cell(torso: c.Gru | c.Lstm, inputs: int) -> Cell:
    match torso:
        case c.Gru(units=units):
            return GruCell(inputs, units)
        case c.Lstm(units=units):
            return LstmCell(inputs, units)


def make_stream(config: c.Config, width: int, num_actions: int, num_values: int) -> Stream:
    make = partial(make_layer, config)
    match config.stream, config.layers:
        case c.Custom(), _:
            return make_own(config.stream, width, num_actions, num_values)
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


def make_layout(config: c.Config, spec: EnvSpec) -> Layout | SequenceLayout:
    """How the memory will lie in that of the machine."""
    match config.torso:
        case c.Gru(burn_in=burn_in, unroll=unroll) | c.Lstm(burn_in=burn_in, unroll=unroll):
            with torch.device("meta"):  # where tensors have shapes and take no memory
                size = make_cell(config.torso, 1).state_size
            return SequenceLayout(config.replay_capacity, spec.obs, config.n, burn_in, unroll, size)
    reach = reach_of(config.n, spec.obs.stack, config.env.num_envs)
    reach += config.collectors.between(config.n + spec.obs.stack, config.env.num_envs)
    more = config.env.num_envs if isinstance(config.memory, c.Rollout) else 0
    return Layout(config.memory_size + more, spec.obs, config.n, reach)


def make_memory(
    config: c.Config,
    layout: Layout | SequenceLayout,
    device: torch.device,
    online: QNetwork,
    recordings: Recordings | None = None,
) -> Memory:
    """The memory that is learned from, by the network that learns. The reward scale must be known for recordings."""
    chosen = settle_sampler(config)
    pace = Pace(config.learning_starts, config.update_every, config.batch_size)
    rng = generator(config.seed, "replay")
    if isinstance(layout, SequenceLayout):
        return SequenceReplay(layout, make_sampler(chosen, layout.num_sequences), pace, rng, device)
    if recordings is not None:
        return make_recorded(config, layout, device, recordings)
    replay = Replay(layout, make_sampler(chosen, layout.capacity), pace, rng, device)
    match config.memory:
        case c.Replay():
            return replay
        case c.Rollout(num_steps=num_steps, num_epochs=num, td_lambda=td_lambda):
            epochs = Epochs(num_steps * config.env.num_envs, num, config.batch_size, td_lambda)
            return Rollout(replay, online, epochs, rng)
        case c.Custom():
            return make_own(config.memory, replay, online, rng)


def make_recorded(config: c.Config, layout: Layout, device: torch.device, recordings: Recordings) -> Memory:
    """The memory of recorded transitions, with a replay before them if anything else is learned from."""
    assert config.reward_scale != "auto"
    recorded = fold(recordings.episodes, config.n, config.gamma, config.reward_scale, config.reward_clip)
    chosen, rng = settle_sampler(config), generator(config.seed, "replay")
    match config.experience:
        case c.Demos(share=share, pretrain=pretrain):
            pace = Pace(config.learning_starts, config.update_every, config.batch_size)
            replay = Replay(layout, make_sampler(chosen, layout.capacity), pace, rng, device)
            return Demonstrated(replay, recorded, share, pretrain, generator(config.seed, "demos"))
        case _:
            sampler = make_sampler(chosen, len(recorded.action))
            return OfflineMemory(recorded.to(device), layout, sampler, config.batch_size, rng)


def make_head(head: c.Scalar | c.Quantiles | c.Iqn | c.C51 | c.HlGauss | c.Custom, scale: float = 1.0) -> Head:
    """A head of returns that were divided by `scale`. Raises ConfigError if the range of returns is not known."""
    match head:
        case c.Custom():
            return make_own(head, scale)
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


def make_rule(rule: c.Greedy | c.Double | c.Munchausen | c.Custom) -> Rule:
    match rule:
        case c.Custom():
            return make_own(rule)
        case c.Munchausen(alpha=alpha, tau=tau, least=least):
            return MunchausenRule(alpha, tau, least)
        case c.Greedy():
            return greedy
        case c.Double():
            return double


def make_regularizer(regularizer: c.NoRegularizer | c.Cql | c.Margin) -> Regularizer | None:
    match regularizer:
        case c.NoRegularizer():
            return None
        case c.Cql(alpha=alpha):
            return Conservative(alpha)
        case c.Margin(margin=margin, weight=weight):
            return LargeMargin(margin, weight)


def make_sampler(sampler: c.Uniform | c.Prioritized | c.Custom, capacity: int) -> Sampler:
    match sampler:
        case c.Custom():
            return make_own(sampler, capacity)
        case c.Uniform():
            return Uniform()
        case c.Prioritized(alpha=alpha, beta=beta, beta_end=None):
            return Prioritized(capacity, alpha, beta)
        case c.Prioritized(alpha=alpha, beta=beta, beta_end=float(end), updates=int(updates)):
            return Prioritized(capacity, alpha, beta, beta_end=end, updates=updates)
        case _:
            raise AssertionError("the updates are to be settled first")


def make_sync(sync: c.Hard | c.Polyak | c.Custom) -> Sync:
    match sync:
        case c.Custom():
            return make_own(sync)
        case c.Hard(every=every):
            return HardSync(every)
        case c.Polyak(tau=tau):
            return PolyakSync(tau)


def make_choose(exploration: c.EpsilonGreedy | c.Boltzmann | c.Custom) -> Choose:
    match exploration:
        case c.Custom():
            return make_own(exploration)
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
