"""Random episodes of an environment, and what was seen in them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from gymnasium import spaces

from ...envs.contract import Contract, Listener
from ...envs.guard import Guarded
from ...envs.make import EnvSpec
from ...errors import EnvironmentFault

MANY = 1_024  # numbers in an observation from which on only some observations are measured
ONE_IN = 16


class RunningRange:
    """Least, largest, mean and standard deviation of vectors [D], by dimension."""

    def __init__(self) -> None:
        self.count = 0
        self._low = self._high = self._origin = self._sum = self._squares = np.zeros(0)

    def add(self, values: np.ndarray) -> None:
        """Takes one more vector [D] of finite numbers."""
        values = values.astype(np.float64)
        if self.count == 0:
            self._low = self._high = self._origin = values
            self._sum, self._squares = np.zeros_like(values), np.zeros_like(values)
        self.count += 1
        self._low, self._high = np.minimum(self._low, values), np.maximum(self._high, values)
        away = values - self._origin  # small numbers, whose squares lose nothing
        self._sum, self._squares = self._sum + away, self._squares + away**2

    @property
    def low(self) -> np.ndarray:
        return self._low

    @property
    def high(self) -> np.ndarray:
        return self._high

    @property
    def mean(self) -> np.ndarray:
        return self._origin + self._sum / max(self.count, 1)

    @property
    def std(self) -> np.ndarray:
        return np.sqrt(np.maximum(self._squares / max(self.count, 1) - (self._sum / max(self.count, 1)) ** 2, 0))


class Timed(Contract):
    """A contract that takes the time of each call, which training has no use for."""

    def __init__(self, spec: EnvSpec, space: spaces.Space[Any], listener: Listener):
        super().__init__(spec, space, listener)
        self._seconds, self._calls = {"reset": 0.0, "step": 0.0}, {"reset": 0, "step": 0}
        self.last_info: Any = None
        """of the first episode that ended"""

    def mean_seconds(self, check: str) -> float:
        """How long a call of "reset" or "step" took in the mean; 0 if there was none."""
        return self._seconds[check] / max(self._calls[check], 1)

    def _call(self, env: Guarded, check: str, call: Callable[..., Any], *given: Any) -> Any:
        begun = time.perf_counter()
        try:
            answer = super()._call(env, check, call, *given)
        finally:
            self._seconds[check] += time.perf_counter() - begun
            self._calls[check] += 1
        if check == "step" and self.last_info is None and isinstance(answer, tuple) and len(answer) == 5:
            self.last_info = answer[4] if any(end is True or end is np.True_ for end in answer[2:4]) else None
        return answer


@dataclass
class Play:
    """What random play has shown."""

    steps: int = 0
    returns: list[float] = field(default_factory=list)
    """of episodes that ended"""
    lengths: list[int] = field(default_factory=list)
    terminated: int = 0
    """episodes that ended in a terminal state"""
    truncated: int = 0
    """episodes that were cut, and not terminated at the same step"""
    open: int = 0
    """steps of the episode that was still going on"""
    observations: RunningRange = field(default_factory=RunningRange)
    in_place: bool = False
    """whether an observation changed after it was returned"""
    rewards: RunningRange = field(default_factory=RunningRange)
    microseconds_per_step: float = 0.0
    microseconds_per_reset: float = 0.0
    last_info: Any = None
    """of the first episode that ended"""


def play_at_random(env: Guarded, contract: Timed, rng: np.random.Generator, steps: int, seconds: float) -> Play:
    """Plays for this many steps or seconds, or until the environment can no longer be used."""
    player = _Player(env, contract, rng)
    until = time.perf_counter() + seconds
    try:
        player.begin(0)
        while player.play.steps < steps and time.perf_counter() < until:
            player.step()
    except EnvironmentFault:
        pass  # what there was to say is among the findings; what was seen until then still counts
    play = player.play
    play.microseconds_per_step = 1e6 * contract.mean_seconds("step")
    play.last_info = contract.last_info
    play.microseconds_per_reset = 1e6 * contract.mean_seconds("reset")
    return play


class _Player:
    """Plays, and watches what comes back."""

    def __init__(self, env: Guarded, contract: Contract, rng: np.random.Generator):
        self.play = Play()
        self._env = env
        self._contract = contract
        self._rng = rng
        self._kept: list[np.ndarray] = []
        self._return = 0.0
        self._copies: list[bytes] = []
        self._obs: np.ndarray | None = None
        self._looks = 0

    def begin(self, seed: int | None) -> None:
        """Only the first episode is given a seed, as in training."""
        answer = self._contract.reset(self._env, seed)
        self._return, self.play.open = 0.0, 0
        self._look(answer.given, answer.obs)

    def step(self) -> None:
        play = self.play
        answer = self._contract.step(self._env, some_action(self._contract.spec, self._obs, self._rng.random()))
        play.steps += 1
        play.open += 1
        self._return += answer.reward
        play.rewards.add(np.array([answer.reward]))
        self._look(answer.given, answer.obs)
        if answer.terminated or answer.truncated:
            play.terminated += answer.terminated
            play.truncated += answer.truncated and not answer.terminated
            play.returns.append(self._return)
            play.lengths.append(play.open)
            self.begin(None)

    def _look(self, given: Any, obs: np.ndarray | None) -> None:
        """Measures an observation, and whether the one before has changed since."""
        if [array.tobytes() for array in self._kept] != self._copies:
            self.play.in_place = True
        self._kept = list(_arrays(given))
        self._copies = [array.tobytes() for array in self._kept]
        self._obs = obs
        if obs is not None and (obs.size <= MANY or self._looks % ONE_IN == 0):
            spec = self._contract.spec
            self.play.observations.add(obs.reshape(-1)[: spec.obs.mask] + spec.obs_start)
        self._looks += 1


def some_action(spec: EnvSpec, obs: np.ndarray | None, chance: float) -> int:
    """The action that a number in [0, 1) stands for, of those allowed in a stored observation, if that is known."""
    allowed = np.arange(spec.num_actions)
    if obs is not None and spec.obs.mask is not None:
        allowed = obs[spec.obs.mask :].nonzero()[0]
    return int(allowed[int(chance * len(allowed))])


def _arrays(given: Any) -> Iterator[np.ndarray]:
    """The arrays that an observation consists of."""
    if isinstance(given, np.ndarray):
        yield given
    elif type(given) in (dict, tuple):
        for part in given.values() if type(given) is dict else given:
            yield from _arrays(part)
