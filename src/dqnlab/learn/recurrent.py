"""Torsos that remember: hidden layers, then one recurrent layer that is unrolled over sequences of observations.

Shapes: S sequences of W observations, U of each asked about, F features, H units, R numbers that are remembered.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .encoder import Encoder
from .layers import Branch, cut
from .networks import BareLinear, QNetwork, Torso
from .types import NOTHING, Sequences


class Cell(nn.Module):
    """The contract of a recurrent layer: what is new [S, F] and what is remembered [S, R] -> what is remembered then.

    The first H of the numbers that it remembers are what it hands on. All products with what is new can be computed at
    once, for they do not depend on what is remembered.
    """

    state_size: int
    new: BareLinear
    """the products [.., G] of the features"""

    def step(self, new: Tensor, state: Tensor) -> Tensor:
        """Products [S, G] and what is remembered [S, R] -> [S, R]."""
        raise NotImplementedError


class GruCell(Cell):
    """Gated recurrent unit, in the order of torch's `GRUCell` (Cho et al. 2014).

    reset, update = sigmoid of sums;   candidate = tanh(new + reset * old);   h' = (1 - update) * candidate + update * h
    """

    def __init__(self, inputs: int, units: int):
        super().__init__()
        self.state_size = units
        self.new, self.old = BareLinear(inputs, 3 * units), BareLinear(units, 3 * units)

    def step(self, new: Tensor, state: Tensor) -> Tensor:
        old = self.old.forward(state)
        units = state.shape[1]
        reset, update = (new + old)[:, : 2 * units].sigmoid().split(units, 1)
        candidate = (new[:, 2 * units :] + reset * old[:, 2 * units :]).tanh()
        return candidate + update * (state - candidate)


class LstmCell(Cell):
    """Long short-term memory, in the order of torch's `LSTMCell` (Hochreiter & Schmidhuber 1997; Gers et al. 2000).

    It remembers what it hands on, h, and a cell c:   c' = forget * c + input * candidate;   h' = output * tanh(c')
    """

    def __init__(self, inputs: int, units: int):
        super().__init__()
        self.state_size = 2 * units
        self.new, self.old = BareLinear(inputs, 4 * units), BareLinear(units, 4 * units)

    def step(self, new: Tensor, state: Tensor) -> Tensor:
        hidden, cell = state.chunk(2, 1)
        into, forget, candidate, out = (new + self.old.forward(hidden)).chunk(4, 1)
        cell = forget.sigmoid() * cell + into.sigmoid() * candidate.tanh()
        return torch.cat([out.sigmoid() * cell.tanh(), cell], 1)


class RecurrentTorso(Torso):
    """Hidden ReLU layers of any kind, if any, and a recurrent layer.

    What is remembered begins as zeros in every episode. Of a sequence the first `burn_in` steps bring it up to date:
    no gradient flows back into them (Kapturowski et al. 2019).
    """

    def __init__(self, branch: Branch, cell: Cell, units: int, burn_in: int):
        """`branch` may have no layers."""
        super().__init__()
        self.width = units
        self.state_size = cell.state_size
        self.branch = branch
        self.cell = cell
        self.burn_in = burn_in

    def num_draws(self, size: int) -> int:
        return self.branch.num_draws(size)

    def draw(self, size: int, rng: np.random.Generator) -> Tensor:
        return self.branch.draw(size, rng) if self.branch.layers else NOTHING

    def mean_draw(self, size: int) -> Tensor:
        return self.branch.mean_draw(size) if self.branch.layers else NOTHING

    def forward(self, x: Sequences, draw: Tensor) -> Tensor:
        """Features in sequences, random numbers [W] -> what is handed on for each that is asked about, [S * U, H]."""
        return x._replace(frames=self.unroll(x, draw)[:, :, : self.width]).rows

    def activations(self, x: Sequences, draw: Tensor) -> list[Tensor]:
        hidden = [self.branch.act(out) for out in self.branch.outputs(x.frames.flatten(0, 1), draw)]
        return [*hidden, self.unroll(x, draw)[:, :, : self.width].flatten(0, 1)]

    def refresh(self, x: Any) -> None:
        self.branch.refresh()

    def unroll(self, x: Sequences, draw: Tensor) -> Tensor:
        """What is remembered after each observation, [S, W, R]."""
        num, length = x.first.shape
        features = x.frames.flatten(0, 1)
        if self.branch.layers:
            features = self.branch.act(self.branch.forward(features, draw))
        new = self.cell.new.forward(features).view(num, length, -1)
        state = x.state
        remembered = []
        for step in range(length):
            if step == self.burn_in:
                state = state.detach()
            state = self.cell.step(new[:, step], state.masked_fill(x.first[:, step, None], 0))
            remembered.append(state)
        return torch.stack(remembered, 1)


class SequenceEncoder(Encoder):
    """The features of every observation in sequences.

    Observations [B, *obs_shape] by themselves are sequences of one, each of which begins an episode.
    """

    def __init__(self, single: Encoder, state_size: int):
        """Takes over the extractors of an encoder of single observations."""
        super().__init__(single.obs, {int(number): each for number, each in single.extractors.items()})  # type: ignore[misc]
        self.state_size = state_size

    def forward(self, obs: Any) -> Sequences:
        seen = self._sequences(obs)
        return seen._replace(frames=super().forward(seen.frames.flatten(0, 1)).view(*seen.first.shape, -1))

    def rows(self, obs: Any) -> Tensor:
        return self._sequences(obs).rows

    def refresh(self, obs: Any) -> None:
        super().refresh(self.rows(obs))

    def _sequences(self, obs: Any) -> Sequences:
        if isinstance(obs, Sequences):
            return obs
        first = torch.ones((len(obs), 1), dtype=torch.bool, device=obs.device)
        state = torch.zeros((len(obs), self.state_size), device=obs.device)
        return Sequences(obs.unsqueeze(1), first, state, torch.zeros_like(first, dtype=torch.int64))


class Remembering:
    """An actor that goes by what it sees and what it remembers of the episode, always by its network's present weights.

    Random numbers that the network needs are drawn anew for every call from `rng`, or are their mean without one.
    """

    remembers = True

    def __init__(self, network: QNetwork, rng: np.random.Generator | None = None):
        torso = network.torso
        assert isinstance(torso, RecurrentTorso)
        self._network, self._torso = network, torso
        self._rng = rng
        self._device = next(network.parameters()).device
        self.state: np.ndarray = np.zeros((0, torso.state_size), np.float32)

    def __call__(self, obs: np.ndarray, first: np.ndarray) -> np.ndarray:
        network, torso = self._network, self._torso
        num = len(obs)
        if len(self.state) != num:
            self.state = np.zeros((num, torso.state_size), np.float32)
        given = (obs[:, None], first[:, None], self.state, np.zeros((num, 1), np.int64))
        seen = Sequences(*(torch.from_numpy(each) for each in given)).to(self._device)
        draw = network.mean_draw(num) if self._rng is None else network.draw(num, self._rng)
        own, others = cut(draw.to(self._device), torso.num_draws(num))
        with torch.no_grad():
            state = torso.unroll(network.encode.forward(seen), own)[:, -1]
            q = network.expected(network.stream.forward(state[:, : torso.width], others), seen)
        self.state = state.cpu().numpy()
        return q.cpu().numpy()

    def state_dict(self) -> dict[str, Any]:
        return {"state": self.state.copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.state = state["state"].copy()
