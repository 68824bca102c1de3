"""The tagged choices: for each axis, the ways to do it, each with a `kind` and only its own settings.

`plain` names the setting that a value stands for where one is given instead of the whole: `epsilon=0.1`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from .checks import Between, Says, Whole, require, whole
from .typed import check_fields

MOST_LAYERS, MOST_UNITS = 100, 2**20  # so that the size of a network can be told before it is made

Share = Annotated[float, Between(0, 1)]
Fraction = Annotated[float, Between(0, 1, open_low=True)]
Decay = Annotated[float, Between(0, 1, open_high=True)]
Positive = Annotated[int, Whole(1)]


@dataclass(frozen=True, kw_only=True)
class Mlp:
    """Fully connected ReLU layers."""

    kind: ClassVar[str] = "mlp"
    plain: ClassVar[str] = "hidden"
    hidden: Annotated[tuple[int, ...], Says("the units of each layer, as (64, 64)")] = (64, 64)
    """units of each hidden layer"""

    def __post_init__(self) -> None:
        check_fields(self, "torso.")
        require(len(self.hidden) > 0, "torso.hidden", self.hidden, "at least one layer")
        require(len(self.hidden) <= MOST_LAYERS, "torso.hidden", self.hidden, f"at most {MOST_LAYERS} layers")
        for units in self.hidden:
            whole("torso.hidden", units, 1, MOST_UNITS)


@dataclass(frozen=True, kw_only=True)
class Scalar:
    """One number per action: the expected return (Mnih et al. 2015)."""

    kind: ClassVar[str] = "scalar"
    huber: Annotated[float | None, Between(0, 1e6, open_low=True)] = None
    """where the squared loss turns linear (Huber's delta); none for the plain squared error"""

    def __post_init__(self) -> None:
        check_fields(self, "head.")


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
    alpha: Share = 0.5
    """0 draws uniformly, 1 in proportion to the error"""
    beta: Share = 0.4
    """how far the importance weights undo the bias: 0 not at all, 1 fully"""

    def __post_init__(self) -> None:
        check_fields(self, "sampler.")


@dataclass(frozen=True, kw_only=True)
class Hard:
    """The online network is copied to the target network at regular intervals (Mnih et al. 2015)."""

    kind: ClassVar[str] = "hard"
    every: Positive = 100
    """updates between copies"""

    def __post_init__(self) -> None:
        check_fields(self, "sync.")


@dataclass(frozen=True, kw_only=True)
class Polyak:
    """The target network moves a little towards the online one at every update (Lillicrap et al. 2016)."""

    kind: ClassVar[str] = "polyak"
    tau: Fraction = 0.005
    """fraction of the distance covered per update"""

    def __post_init__(self) -> None:
        check_fields(self, "sync.")


@dataclass(frozen=True, kw_only=True)
class Adam:
    """Adam (Kingma & Ba 2015)."""

    kind: ClassVar[str] = "adam"
    plain: ClassVar[str] = "lr"
    lr: Annotated[float, Between(0, 10, open_low=True)] = 1e-3
    """learning rate"""
    beta1: Decay = 0.9
    """decay of the gradient's running mean"""
    beta2: Decay = 0.999
    """decay of the running mean of its square"""
    eps: Fraction = 1e-8
    """added to the denominator"""
    max_grad_norm: Annotated[float | None, Between(0, 1e9, open_low=True)] = None
    """largest norm of the gradient; a larger one is scaled down"""

    def __post_init__(self) -> None:
        check_fields(self, "optimizer.")


def _check_falling(epsilon: Linear | LinearEpisodes | Geometric) -> None:
    """Raises ConfigError unless epsilon goes down."""
    require(epsilon.end <= epsilon.start, "epsilon.end", epsilon.end, f"at most epsilon.start = {epsilon.start:g}")


@dataclass(frozen=True, kw_only=True)
class Linear:
    """Epsilon falls in a straight line over the first steps, then stays."""

    kind: ClassVar[str] = "linear"
    start: Share = 1.0
    end: Share = 0.05
    steps: Positive | Literal["auto"] = 10_000
    """env steps from start to end; auto takes 30 % of the budget"""

    def __post_init__(self) -> None:
        check_fields(self, "epsilon.")
        _check_falling(self)


@dataclass(frozen=True, kw_only=True)
class LinearEpisodes:
    """Epsilon falls in a straight line over the first episodes, then stays."""

    kind: ClassVar[str] = "linear_episodes"
    start: Share = 1.0
    end: Share = 0.05
    episodes: Positive = 100
    """finished training episodes from start to end"""

    def __post_init__(self) -> None:
        check_fields(self, "epsilon.")
        _check_falling(self)


@dataclass(frozen=True, kw_only=True)
class Geometric:
    """Epsilon is multiplied by a factor after every episode, down to a floor."""

    kind: ClassVar[str] = "geometric"
    start: Share = 1.0
    end: Share = 0.01
    factor: Fraction = 0.995

    def __post_init__(self) -> None:
        check_fields(self, "epsilon.")
        _check_falling(self)


@dataclass(frozen=True, kw_only=True)
class Constant:
    """Epsilon never changes."""

    kind: ClassVar[str] = "constant"
    plain: ClassVar[str] = "value"
    value: Share = 0.1

    def __post_init__(self) -> None:
        check_fields(self, "epsilon.")


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Counted in env steps."""

    kind: ClassVar[Literal["steps"]] = "steps"
    plain: ClassVar[str] = "num"
    num: Positive

    def __post_init__(self) -> None:
        check_fields(self, num="a number of steps")


@dataclass(frozen=True, kw_only=True)
class Episodes:
    """Counted in finished training episodes."""

    kind: ClassVar[Literal["episodes"]] = "episodes"
    num: Positive

    def __post_init__(self) -> None:
        check_fields(self, num="a number of episodes")
