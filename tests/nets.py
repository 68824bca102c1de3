"""Plain networks and learners, as most tests need them."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from dqnlab.learn.encoder import Encoder
from dqnlab.learn.extractors import Extractor
from dqnlab.learn.heads import ScalarHead
from dqnlab.learn.learner import Learner, Sync
from dqnlab.learn.networks import LinearStream, Mlp, QNetwork
from dqnlab.learn.optimizer import Adam, Descent
from dqnlab.learn.targets import Rule
from dqnlab.learn.types import NOTHING, ObsSpec


def mlp(
    obs: ObsSpec,
    num_actions: int,
    hidden: Sequence[int],
    seed: int = 0,
    huber: float | None = None,
    convs: Mapping[int, Extractor] = MappingProxyType({}),
) -> QNetwork:
    """A chain of ReLU layers with one number per action, behind convolutions if there are any."""
    encode, head = Encoder(obs, convs), ScalarHead(huber)
    stream = LinearStream(hidden[-1], num_actions, head.width)
    return QNetwork(encode, Mlp([encode.width, *hidden]), stream, head, torch.Generator().manual_seed(seed))


def q_values_of(network: QNetwork, features: Tensor) -> Tensor:
    """[B, F], what its encoder makes of observations -> expected returns [B, A]."""
    return network.head.q_values(network.stream(network.torso(features, NOTHING), NOTHING))


def num_actions(network: QNetwork) -> int:
    return network.linears()[-1].out_features // network.head.width


def adam(
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    max_grad_norm: float | None = None,
) -> Descent:
    """Adam at a constant learning rate."""
    return Descent(Adam(beta1, beta2, eps), lambda update: lr, max_grad_norm)


def learner(online: QNetwork, target: QNetwork, rule: Rule, sync: Sync, descent: Descent | None = None) -> Learner:
    """A learner whose random numbers, should it need any, are those of seed 0."""
    return Learner(online, target, rule, sync, descent or adam(), np.random.default_rng(0))
