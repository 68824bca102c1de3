"""What is exported: the values of every action, from an observation as the environment gives it.

Shapes: B observations, N numbers of a row, A actions, R numbers that are remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..learn.layers import cut
from ..learn.networks import QNetwork
from ..learn.recurrent import RecurrentTorso
from ..learn.types import ObsSpec, Sequences
from ..store.agent import Agent
from .capture import capture


class Portable(nn.Module):
    """A network that counts states as its environment does: observations [B, *obs_shape] -> expected returns [B, A].

    Rows hold the parts of an observation one after the other, then the mask; a forbidden action is worth -inf.
    """

    lowest: Tensor

    def __init__(self, agent: Agent):
        super().__init__()
        self.network = deepcopy(agent.network).cpu().requires_grad_(False)
        obs = agent.spec.obs
        lowest = torch.zeros(obs.shape) if obs.parts else torch.tensor(agent.spec.obs_start)
        for part in obs.parts:
            lowest[part.place] = part.lowest
        self.counts_from_zero = not lowest.any()
        self.register_buffer("lowest", lowest)

    def forward(self, obs: Tensor) -> Any:
        """[B, *obs_shape] -> [B, A]."""
        return self.network.q_values(self.counted(obs))

    def counted(self, obs: Tensor) -> Tensor:
        """The observations as they are stored, with states from 0 on."""
        return obs if self.counts_from_zero else obs - self.lowest


class Remembered(Portable):
    """One whose network remembers: it takes what was remembered [B, R], zeros at first, and gives what is then."""

    def forward(self, obs: Tensor, state: Tensor) -> Any:  # type: ignore[override]
        """[B, *obs_shape], [B, R] -> [B, A], [B, R]."""
        network, torso = self.network, self.network.torso
        assert isinstance(torso, RecurrentTorso)
        stored = self.counted(obs)
        goes_on = torch.zeros_like(state[:, :1], dtype=torch.bool)
        seen = Sequences(stored.unsqueeze(1), goes_on, state, goes_on.long())
        own, others = cut(network.mean_draw(len(obs)), torso.num_draws(len(obs)))
        now = torso.unroll(network.encode.forward(seen), own)[:, -1]
        values = network.stream.forward(now[:, : torso.width], others)
        return network.expected(values, seen), now


def state_size(network: QNetwork) -> int:
    """R: how many numbers it remembers; 0 if it remembers nothing."""
    return network.torso.state_size


def example(obs: ObsSpec) -> Tensor:
    """One observation as it goes in: of its own type, and of float32 if it is a row."""
    return (
        torch.zeros(obs.shape, dtype=torch.float32) if obs.parts else torch.from_numpy(np.zeros(obs.shape, obs.dtype))
    )


def captured(agent: Agent) -> torch.export.ExportedProgram:
    """What the network of an agent computes: of `obs` and, if it remembers, `state`.

    Raises:
        ConfigError: torch cannot record it, as where a part of one's own decides by the numbers that it is given.
    """
    seen = example(agent.spec.obs)
    inputs: dict[str, tuple[Sequence[int], torch.dtype]] = {"obs": (seen.shape, seen.dtype)}
    if size := state_size(agent.network):
        inputs["state"] = ((size,), torch.float32)
    module = Remembered(agent) if size else Portable(agent)
    try:
        return capture(module, inputs)
    except Exception as e:  # of torch's many kinds, and of whatever a part of one's own may raise
        raise ConfigError(f"this network cannot be exported, for torch cannot record it: {_first_line(e)}") from e


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
