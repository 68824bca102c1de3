"""Acting."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from .exploration import Choose, best
from .networks import QNetwork
from .recurrent import Remembering

QFunction = Callable[[np.ndarray], np.ndarray]
"""Observations [E, *obs_shape] -> expected returns [E, A], -inf of an action that is forbidden."""


class Actor(Protocol):
    """What values actions in E envs, step by step. It may remember what it saw since each episode began."""

    remembers: bool

    @property
    def state(self) -> np.ndarray | None:
        """The numbers [E, R] that it remembers now; none if there are none."""

    def __call__(self, obs: np.ndarray, first: np.ndarray) -> np.ndarray:
        """Observations [E, *obs_shape] and which of them begin an episode, `first` [E] -> expected returns [E, A].

        Where all begin one, E may be another than before.
        """
        ...

    def state_dict(self) -> dict[str, Any]:
        """A copy of what it remembers; the network's weights are kept elsewhere."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Remembers what the actor did whose state this is."""


class Reactive:
    """An actor that goes by what it sees now."""

    remembers = False
    state: np.ndarray | None = None

    def __init__(self, q_values: QFunction):
        self.q_values = q_values

    def __call__(self, obs: np.ndarray, first: np.ndarray) -> np.ndarray:
        return self.q_values(obs)

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


class Policy:
    """Any action that is allowed with probability epsilon, else the best by its actor; every env tosses its own coin.

    Args:
        choose: what is done without a random action.
        powers: of epsilon, one for each env, [E]; all explore alike without.
    """

    def __init__(self, actor: Actor, rng: np.random.Generator, choose: Choose = best, powers: np.ndarray | None = None):
        self.actor, self._rng = actor, rng
        self._choose, self._powers = choose, powers
        self.known: np.ndarray | None = None
        """the values [E, A] of what is to be acted on next, where a compiled update has computed them already"""

    def __call__(self, obs: np.ndarray, first: np.ndarray, epsilon: float) -> np.ndarray:
        """[E, *obs_shape] and which of them begin an episode, [E] -> actions [E] int64."""
        q, self.known = self.known, None
        if q is None:
            q = self.actor(obs, first)
        explore = self._rng.random(len(q)) < (epsilon if self._powers is None else epsilon**self._powers)
        num = np.count_nonzero(explore)  # a sixth of the cost of `any`
        if num == 0:
            return self._choose(q, self._rng)
        random = any_action(q > -np.inf, self._rng)
        return random if num == len(q) else np.where(explore, random, self._choose(q, self._rng))

    def share(self, epsilon: float) -> float:
        """Of all actions, the share that is random."""
        return epsilon if self._powers is None else float(np.mean(epsilon**self._powers))

    def state_dict(self) -> dict[str, Any]:
        return {"rng": self._rng.bit_generator.state, "actor": self.actor.state_dict(), "known": self.known}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._rng.bit_generator.state = state["rng"]
        self.known = state.get("known")  # unknown to earlier versions
        self.actor.load_state_dict(state["actor"])


def any_action(allowed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One of the allowed actions in each row of `allowed` [E, A] bool, all equally likely -> [E] int64."""
    chance = rng.random(len(allowed))
    if np.count_nonzero(allowed) == allowed.size:
        return (chance * allowed.shape[1]).astype(np.int64)
    nth = (chance * allowed.sum(1)).astype(np.int64)
    return (allowed.cumsum(1) > nth[:, None]).argmax(1)


def make_actor(network: QNetwork, rng: np.random.Generator | None = None) -> Actor:
    """An actor that acts by the network's current weights; each player of episodes has its own.

    Random numbers that the network needs are drawn from `rng`, or are their mean without one.
    """
    return Remembering(network, rng) if network.torso.state_size else Reactive(q_function(network, rng))


def q_function(network: QNetwork, rng: np.random.Generator | None = None) -> QFunction:
    """The network's Q-values for acting, always by its present weights.

    Random numbers that it needs are drawn anew for every call from `rng`, or are their mean without one.

    A chain of layers that takes observations as they are is computed by numpy on the very memory that torch trains
    (`Flat`): for one observation torch needs five times as long. A test holds both to the same values.
    """
    device = next(network.parameters()).device
    chain = network.chain()
    if chain is not None and network.encode.takes_vector and device.type == "cpu":
        return _numpy_q_function(chain)

    def q_values(obs: np.ndarray) -> np.ndarray:
        draw = None if rng is None else network.draw(len(obs), rng).to(device)
        with torch.no_grad():
            return network.q_values(torch.from_numpy(obs).to(device), draw).cpu().numpy()

    return q_values


def _numpy_q_function(chain: Sequence[nn.Linear]) -> QFunction:
    first = chain[0].weight
    place = 0
    layers: list[tuple[np.ndarray, np.ndarray]] = []

    def q_values(obs: np.ndarray) -> np.ndarray:
        nonlocal place, layers
        if first.data_ptr() != place:  # a learner made since then has moved the weights (`Flat`)
            place = first.data_ptr()
            layers = [(x.weight.detach().numpy().T, x.bias.detach().numpy()) for x in chain]
        *hidden, (last_weight, last_bias) = layers
        x = obs
        for weight, bias in hidden:
            x = x @ weight
            x += bias
            np.maximum(x, 0, out=x)
        return x @ last_weight + last_bias

    return q_values
