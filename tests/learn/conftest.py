"""Small networks, batches and learners that the tests of learning share."""

import copy
import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from dqnlab.learn.heads import ScalarHead
from dqnlab.learn.learner import Learner, Sync, hard_sync
from dqnlab.learn.networks import QNetwork
from dqnlab.learn.optimizer import AdamSettings
from dqnlab.learn.targets import Rule, greedy
from dqnlab.learn.types import Batch, ObsSpec

VECTOR = ObsSpec((4,), np.dtype(np.float32))
ADAM = AdamSettings(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, max_grad_norm=None)
NEVER = hard_sync(10**9)


def build_random(
    seed: int = 0,
    hidden: Sequence[int] = (8, 8),
    num_actions: int = 2,
    obs: ObsSpec = VECTOR,
    huber: float | None = None,
) -> QNetwork:
    return QNetwork(obs, num_actions, hidden, ScalarHead(huber), torch.Generator().manual_seed(seed))


@torch.no_grad()
def build_constant(*q: float, huber: float | None = None) -> QNetwork:
    network = build_random(num_actions=len(q), huber=huber)
    for parameter in network.parameters():
        parameter.zero_()
    network.linears()[-1].bias.copy_(torch.tensor(q))
    return network


def build_batch(size: int = 32, seed: int = 0, num_actions: int = 2) -> Batch:
    draws = torch.Generator().manual_seed(seed)
    return Batch(
        torch.randn(size, 4, generator=draws),
        torch.randint(num_actions, (size,), generator=draws),
        torch.randn(size, generator=draws),
        torch.rand(size, generator=draws) * torch.randint(2, (size,), generator=draws),  # some are terminal
        torch.randn(size, 4, generator=draws),
        torch.rand(size, generator=draws) + 0.1,
    )


def build_learner(
    online: QNetwork,
    target: QNetwork,
    rule: Rule = greedy,
    sync: Sync = NEVER,
    lr: float = 1e-3,
    max_grad_norm: float | None = None,
) -> Learner:
    weights = copy.deepcopy(target.state_dict())
    learner = Learner(online, target, rule, sync, ADAM._replace(lr=lr, max_grad_norm=max_grad_norm))
    learner.target.load_state_dict(weights)
    return learner


def hash_of(network: QNetwork) -> str:
    digest = hashlib.sha256()
    for w in network.state_dict().values():
        digest.update(w.numpy().tobytes())
    return digest.hexdigest()


@pytest.fixture(scope="session")
def random_network() -> Callable[..., QNetwork]:
    """Builds a network whose weights are drawn from a seed."""
    return build_random


@pytest.fixture(scope="session")
def constant_network() -> Callable[..., QNetwork]:
    """Builds a network that says the same Q-values at every observation."""
    return build_constant


@pytest.fixture(scope="session")
def random_batch() -> Callable[..., Batch]:
    """Builds a batch of noise, some of it terminal, with uneven weights."""
    return build_batch


@pytest.fixture(scope="session")
def learner_of() -> Callable[..., Learner]:
    """Builds a learner whose target network keeps the weights it came with, and never syncs unless told to."""
    return build_learner


@pytest.fixture(scope="session")
def fingerprint() -> Callable[[QNetwork], str]:
    """A hash of all weights."""
    return hash_of
