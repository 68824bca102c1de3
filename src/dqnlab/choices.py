"""The tagged choices: for each axis, the ways to do it, each with a `kind` and only its own settings."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

from .errors import ConfigError

LARGEST = 2**63 - 1  # what an int64, a TOML file and a counter of steps can hold
MOST_LAYERS, MOST_UNITS = 100, 2**20  # so that the size of a network can be told before it is made


def require(ok: bool, name: str, value: object, wanted: str) -> None:
    """Raises ConfigError naming the field, its value and what it must be, unless `ok`."""
    if not ok:
        raise ConfigError(f"{name} must be {wanted}, got {quoted(value)}")


def quoted(value: object) -> str:
    """The value as a message shows it: a long one by its beginning, a huge number by its size."""
    if isinstance(value, int) and value.bit_length() > 128:
        return f"{value:.4e}" if value.bit_length() <= 1000 else f"a number of {value.bit_length()} bits"
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:299]}…"


def whole(name: str, value: object, low: int, high: int = LARGEST) -> None:
    ok = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    wanted = f"a whole number of at least {low}"
    if high != LARGEST:
        wanted = f"a whole number from {low} to {high:,}"
    elif isinstance(value, int) and value > high:
        wanted = "a whole number below 2**63"
    require(ok, name, value, wanted)


def between(
    name: str, value: object, low: float, high: float, *, open_low: bool = False, open_high: bool = False
) -> None:
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    ok = low <= number <= high  # NaN is in no range
    ok = ok and not (open_low and number == low) and not (open_high and number == high)
    require(ok, name, value, f"in {'(' if open_low else '['}{low:g}, {high:g}{')' if open_high else ']'}")


def written(name: str, value: object) -> None:
    """Raises ConfigError for what no file can hold: half a character, or a table that contains itself."""
    try:
        json.dumps(value, ensure_ascii=False, default=repr, skipkeys=True).encode()
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name} must be values that a text file can hold, got {quoted(value)}: {error}") from error


@dataclass(frozen=True, kw_only=True)
class Mlp:
    """Fully connected ReLU layers."""

    kind: ClassVar[str] = "mlp"
    hidden: tuple[int, ...] = (64, 64)
    """units of each hidden layer"""

    def __post_init__(self) -> None:
        require(isinstance(self.hidden, Sequence), "torso.hidden", self.hidden, "the units of each layer, as (64, 64)")
        require(len(self.hidden) > 0, "torso.hidden", self.hidden, "at least one layer")
        require(len(self.hidden) <= MOST_LAYERS, "torso.hidden", self.hidden, f"at most {MOST_LAYERS} layers")
        for units in self.hidden:
            whole("torso.hidden", units, 1, MOST_UNITS)


@dataclass(frozen=True, kw_only=True)
class Scalar:
    """One number per action: the expected return (Mnih et al. 2015)."""

    kind: ClassVar[str] = "scalar"
    huber: float | None = None
    """where the squared loss turns linear (Huber's delta); none for the plain squared error"""

    def __post_init__(self) -> None:
        if self.huber is not None:
            between("head.huber", self.huber, 0, 1e6, open_low=True)


@dataclass(frozen=True, kw_only=True)
class Greedy:
    """The target network chooses and rates the next action (Mnih et al. 2015)."""

    kind: ClassVar[str] = "greedy"


@dataclass(frozen=True, kw_only=True)
class Double:
    """The online network chooses the next action, the target network rates it (van Hasselt et al. 2016)."""

    kind: ClassVar[str] = "double"


@dataclass(frozen=True, kw_only=True)
class Uniform:
    """Every stored transition is equally likely."""

    kind: ClassVar[str] = "uniform"


@dataclass(frozen=True, kw_only=True)
class Prioritized:
    """Transitions with large errors are drawn more often (Schaul et al. 2016)."""

    kind: ClassVar[str] = "prioritized"
    alpha: float = 0.5
    """0 draws uniformly, 1 in proportion to the error"""
    beta: float = 0.4
    """how far the importance weights undo the bias: 0 not at all, 1 fully"""

    def __post_init__(self) -> None:
        between("sampler.alpha", self.alpha, 0, 1)
        between("sampler.beta", self.beta, 0, 1)


@dataclass(frozen=True, kw_only=True)
class Hard:
    """The target network is replaced by the online one now and then (Mnih et al. 2015)."""

    kind: ClassVar[str] = "hard"
    every: int = 100
    """updates between copies"""

    def __post_init__(self) -> None:
        whole("sync.every", self.every, 1)


@dataclass(frozen=True, kw_only=True)
class Polyak:
    """The target network moves a little towards the online one at every update (Lillicrap et al. 2016)."""

    kind: ClassVar[str] = "polyak"
    tau: float = 0.005
    """share of the way per update"""

    def __post_init__(self) -> None:
        between("sync.tau", self.tau, 0, 1, open_low=True)


@dataclass(frozen=True, kw_only=True)
class Adam:
    """Adam (Kingma & Ba 2015)."""

    kind: ClassVar[str] = "adam"
    lr: float = 1e-3
    """learning rate"""
    beta1: float = 0.9
    """decay of the gradient's running mean"""
    beta2: float = 0.999
    """decay of the running mean of its square"""
    eps: float = 1e-8
    """added to the denominator"""
    max_grad_norm: float | None = None
    """longest gradient; a longer one is scaled down"""

    def __post_init__(self) -> None:
        between("optimizer.lr", self.lr, 0, 10, open_low=True)
        between("optimizer.beta1", self.beta1, 0, 1, open_high=True)
        between("optimizer.beta2", self.beta2, 0, 1, open_high=True)
        between("optimizer.eps", self.eps, 0, 1, open_low=True)
        if self.max_grad_norm is not None:
            between("optimizer.max_grad_norm", self.max_grad_norm, 0, 1e9, open_low=True)


def _falling(start: float, end: float) -> None:
    """Raises ConfigError unless epsilon goes down, within [0, 1]."""
    between("epsilon.start", start, 0, 1)
    between("epsilon.end", end, 0, 1)
    require(end <= start, "epsilon.end", end, f"at most epsilon.start = {start:g}")


@dataclass(frozen=True, kw_only=True)
class Linear:
    """Epsilon falls in a straight line over the first steps, then stays."""

    kind: ClassVar[str] = "linear"
    start: float = 1.0
    end: float = 0.05
    steps: int = 10_000
    """env steps from start to end"""

    def __post_init__(self) -> None:
        _falling(self.start, self.end)
        whole("epsilon.steps", self.steps, 1)


@dataclass(frozen=True, kw_only=True)
class Geometric:
    """Epsilon is multiplied by a factor after every episode, down to a floor."""

    kind: ClassVar[str] = "geometric"
    start: float = 1.0
    end: float = 0.01
    factor: float = 0.995

    def __post_init__(self) -> None:
        _falling(self.start, self.end)
        between("epsilon.factor", self.factor, 0, 1, open_low=True)


@dataclass(frozen=True, kw_only=True)
class Constant:
    """Epsilon never changes."""

    kind: ClassVar[str] = "constant"
    value: float = 0.1

    def __post_init__(self) -> None:
        between("epsilon.value", self.value, 0, 1)


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Counted in env steps."""

    kind: ClassVar[str] = "steps"
    num: int

    def __post_init__(self) -> None:
        whole("a number of steps", self.num, 1)


@dataclass(frozen=True, kw_only=True)
class Episodes:
    """Counted in finished training episodes."""

    kind: ClassVar[str] = "episodes"
    num: int

    def __post_init__(self) -> None:
        whole("a number of episodes", self.num, 1)
