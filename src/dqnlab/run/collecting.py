"""A collector in a process of its own: environments and a copy of the network, which answer for one learner."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np
import torch
from torch import Tensor

from ..build import make_collector, make_network
from ..config import Config
from ..device import arithmetic
from ..envs.collector import Collector
from ..envs.make import EnvSpec
from ..envs.open import make_envs
from ..envs.remote import BatchAnswer, WeightSource
from ..envs.said import said_by
from ..envs.seeds import Seat
from ..envs.watchdog import watched
from ..envs.worker import answered
from ..learn.learner import Learner
from ..learn.types import Block
from ..learn.weights import Flat


def newest_of(learner: Learner) -> WeightSource:
    """The weights of a learner, as they are sent."""

    def vector() -> np.ndarray:
        state = learner.state
        return torch.cat([state.online, state.buffers]).cpu().numpy()

    return WeightSource(lambda: learner.updates, vector)


class Elsewhere:
    """A process that a collector can be made in."""

    def __init__(self, paths: Sequence[str]):
        """`paths`: where whoever asks looks for modules."""
        sys.path += [path for path in paths if path not in sys.path]
        self._collector: RemoteCollector | None = None

    def make(self, config: Config, spec: EnvSpec, seat: Seat) -> None:
        """Makes it. What it is made of is only unpacked here, when its modules can be found."""
        self._collector = RemoteCollector(config, spec, seat)

    def answer(self, weights: np.ndarray | None, steps: int, episodes: int) -> BatchAnswer:
        """As the collector does."""
        assert self._collector is not None
        return self._collector.answer(weights, steps, episodes)

    def close(self) -> None:
        """As the collector does."""
        if self._collector is not None:
            self._collector.close()


class RemoteCollector:
    """One of several collectors of a run. Errors are answers, so that whoever asked can raise them.

    `config` is that of the run, with no value left open.
    """

    def __init__(self, config: Config, spec: EnvSpec, seat: Seat):
        self._config = config
        self._spec = spec
        self._seat = seat
        self._held = ExitStack()
        self._made: tuple[Collector, Flat] | None = None

    def answer(self, weights: np.ndarray | None, steps: int, episodes: int) -> BatchAnswer:
        """A batch, from a moment of the run on: env steps and episodes of all collectors until then.

        Args:
            weights: [P] float32; those that were given last if none.
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            blocks, error = answered(self._collect, (weights, steps, episodes))
        return BatchAnswer(blocks or [], error, [said_by(each.message) for each in caught])

    def close(self) -> None:
        """Closes the environments."""
        self._held.close()

    def _collect(self, weights: np.ndarray | None, steps: int, episodes: int) -> list[Block]:
        collector, flat = self._made = self._made or self._make()
        if weights is not None:
            _give(flat, torch.from_numpy(weights.copy()))  # what came from elsewhere is only read
        collector.steps, collector.episodes = steps, episodes  # which epsilon goes by
        return [collector.step() for _ in range(self._config.collectors.batch_steps)]

    def _make(self) -> tuple[Collector, Flat]:
        config = self._config
        self._held.enter_context(watched(config.env.timeout))
        self._held.enter_context(arithmetic(config.threads))
        assert config.reward_scale != "auto"  # nor is anything else left open
        online = make_network(config, self._spec, config.reward_scale)
        flat = Flat(online)
        envs = make_envs(config.env, self._spec, config.env.num_envs)
        self._held.callback(envs.close)
        collector = make_collector(config, self._spec, envs, online, self._seat)
        assert isinstance(collector, Collector)  # something is collected (`Collectors.check_fits`)
        return collector, flat


def _give(flat: Flat, weights: Tensor) -> None:
    """Puts weights [P + Q] into a network: its parameters, then its buffers."""
    parameters, buffers = weights.split([flat.values.numel(), flat.buffers.numel()])
    with torch.no_grad():
        flat.values.copy_(parameters)
        flat.buffers.copy_(buffers)
