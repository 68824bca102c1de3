"""Small networks, batches and learners that the tests of learning share."""

import copy
import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from dqnlab.learn.convs import Picture, find_pictures
from dqnlab.learn.extractors import Extractor
from dqnlab.learn.fast.stack import Player, Stack
from dqnlab.learn.layout import Layout, reach_of
from dqnlab.learn.learner import HardSync, Learner, Sync, Update
from dqnlab.learn.networks import QNetwork
from dqnlab.learn.replay import Pace, Replay
from dqnlab.learn.samplers import Prioritized, Uniform
from dqnlab.learn.targets import Rule, double, greedy
from dqnlab.learn.types import Batch, Block, ObsSpec, Sample, Transitions

from .. import nets
from ..nets import mlp

VECTOR = ObsSpec((4,), np.dtype(np.float32))
NEVER = HardSync(10**9)
LAYOUT = Layout(200, VECTOR, n=3, reach=reach_of(3, 1, num_envs=2))
MEMBER: dict[str, Any] = {"rule": double, "max_grad_norm": None, "prioritised": True}
"""How the agents of stacks differ from others. What is compiled for three of them is one program for all tests."""


def build_random(
    seed: int = 0,
    hidden: Sequence[int] = (8, 8),
    num_actions: int = 2,
    obs: ObsSpec = VECTOR,
    huber: float | None = None,
    conv: Callable[[Picture], Extractor] | None = None,
) -> QNetwork:
    convs = {} if conv is None else {number: conv(view) for number, view in find_pictures(obs, 2).items()}
    return mlp(obs, num_actions, hidden, seed, huber, convs)


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
    learner = nets.learner(online, target, rule, sync, nets.adam(lr, max_grad_norm=max_grad_norm))
    learner.target.load_state_dict(weights)
    return learner


def hash_of(network: QNetwork) -> str:
    digest = hashlib.sha256()
    for w in network.state_dict().values():
        digest.update(w.numpy().tobytes())
    return digest.hexdigest()


class Agent(NamedTuple):
    """All that learns, and nothing that acts."""

    learner: Learner
    replay: Replay

    def sample(self) -> Sample:
        return self.replay.sample()

    def update(self, sample: Sample) -> Update:
        return self.learner.update(self.replay.batch(sample))

    def fill(self, seed: int) -> None:
        """Stores as many new transitions between unrelated frames as it can hold; some are terminal."""
        layout, rng, envs = self.replay.layout, np.random.default_rng(seed), np.arange(2)
        for number in range(-layout.n, layout.capacity // 2):
            frames, first = _frames(rng, layout.obs, 2), rng.random((1, 2)) < 0.3
            discount, span = rng.choice([0.0, 0.9, 0.99], size=2), rng.integers(1, 1 + layout.n, size=2)
            moved = Transitions(envs, rng.integers(2, size=2), rng.normal(size=2), discount, span)
            if number < 0:  # what is there to begin with
                moved = Transitions(*(column[:0] for column in moved))
            self.replay.add(Block(frames[None], first, moved, [], 0, 0.0))

    @property
    def tensors(self) -> list[torch.Tensor]:
        """All that learning changes, [P] each."""
        return [self.learner.state.online, self.learner.state.target, *self.learner.optimizer.memory]


def _frames(rng: np.random.Generator, obs: ObsSpec, count: int) -> np.ndarray:
    """Frames [count, *frame_shape] of noise over the whole range of their kind."""
    shape = (count, *obs.frame_shape)
    if obs.num_states is not None:
        return rng.integers(obs.num_states, size=shape)
    if obs.dtype == "float32":
        frames = rng.normal(size=shape).astype(np.float32)
        if obs.mask is not None:  # the first action is always allowed, others by chance
            frames[:, obs.mask :] = rng.integers(2, size=frames[:, obs.mask :].shape)
            frames[:, obs.mask] = 1
        return frames
    return rng.integers(2 if obs.dtype == "bool" else 256, size=shape).astype(obs.dtype)


def build_agent(
    seed: int = 0,
    rule: Rule = greedy,
    huber: float | None = None,
    max_grad_norm: float | None = 0.5,
    layout: Layout = LAYOUT,
    prioritised: bool = False,
    hidden: Sequence[int] = (8, 8),
    sync: Sync | None = None,
    conv: Callable[[Picture], Extractor] | None = None,
    **adam: float,
) -> Agent:
    online, target = (build_random(seed, hidden, obs=layout.obs, huber=huber, conv=conv) for _ in range(2))
    sampler = Prioritized(layout.capacity, 0.6, 0.4) if prioritised else Uniform()
    replay = Replay(layout, sampler, Pace(1, 1, 16), np.random.default_rng(seed))
    descent = nets.adam(max_grad_norm=max_grad_norm, **adam)
    agent = Agent(nets.learner(online, target, rule, sync or HardSync(3), descent), replay)
    agent.fill(seed)
    return agent


def build_stack(
    agents: Sequence[Agent], cache: Path, said: list[str] | None = None, players: Sequence[Player] = ()
) -> Stack:
    say = ([] if said is None else said).append
    return Stack([each.learner for each in agents], [each.replay for each in agents], players, cache, say)


@pytest.fixture(scope="session")
def agent_of() -> Callable[..., Agent]:
    """Builds an agent with a full replay, whose target follows every third update."""
    return build_agent


@pytest.fixture(scope="session")
def member_of() -> Callable[..., Agent]:
    """Builds an agent of a stack."""
    return partial(build_agent, **MEMBER)


@pytest.fixture(scope="session")
def stack_of() -> Callable[..., Stack]:
    """Builds a stack of agents that learn from batches of 16."""
    return build_stack


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
