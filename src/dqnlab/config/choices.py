"""The tagged choices: for each axis, the ways to do it, each with a `kind` and only its own settings.

`plain` names the setting that a value stands for where one is given instead of the whole: `epsilon=0.1`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from .checks import Between, Says, Whole, require, whole
from .typed import check_fields

MOST_LAYERS, MOST_UNITS = 100, 2**20  # so that the size of a network can be told before it is made
MOST_NUMBERS = 1_000  # per action

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
        check_layers("torso.hidden", self.hidden)


def check_layers(name: str, hidden: tuple[int, ...]) -> None:
    """Raises ConfigError unless these can be the units of layers."""
    require(len(hidden) <= MOST_LAYERS, name, hidden, f"at most {MOST_LAYERS} layers")
    for units in hidden:
        whole(name, units, 1, MOST_UNITS)


@dataclass(frozen=True, kw_only=True)
class Scalar:
    """One number per action: the expected return (Mnih et al. 2015)."""

    kind: ClassVar[str] = "scalar"
    huber: Annotated[float | None, Between(0, 1e6, open_low=True)] = None
    """where the squared loss turns linear (Huber's delta); none for the plain squared error"""

    def __post_init__(self) -> None:
        check_fields(self, "head.")


@dataclass(frozen=True, kw_only=True)
class Quantiles:
    """Quantiles of the return, by quantile regression (Dabney et al. 2018, QR-DQN)."""

    kind: ClassVar[str] = "qr"
    num: Annotated[int, Whole(1, MOST_NUMBERS)] = 51
    """quantiles per action (200 in the paper, for pictures)"""
    kappa: Annotated[float, Between(0, 1e6, open_low=True)] = 1.0
    """where the loss turns linear, as Huber's delta"""

    def __post_init__(self) -> None:
        check_fields(self, "head.")


@dataclass(frozen=True, kw_only=True)
class C51:
    """Probabilities of evenly spaced returns (Bellemare et al. 2017)."""

    kind: ClassVar[str] = "c51"
    num: Annotated[int, Whole(2, MOST_NUMBERS)] = 51
    """returns per action"""
    v_min: Annotated[float | Literal["auto"], Between(-1e30, 1e30)] = "auto"
    """the lowest return, discounted; auto is -v_max"""
    v_max: Annotated[float | Literal["auto"], Between(-1e30, 1e30)] = "auto"
    """the highest return, discounted (10 in the paper); auto takes what random play before training says is possible"""

    def __post_init__(self) -> None:
        check_fields(self, "head.")
        _check_range(self)


@dataclass(frozen=True, kw_only=True)
class HlGauss:
    """Probabilities of bins of returns, towards a normal distribution around the target (Farebrother et al. 2024)."""

    kind: ClassVar[str] = "hl_gauss"
    num: Annotated[int, Whole(2, MOST_NUMBERS)] = 51
    """bins per action"""
    v_min: Annotated[float | Literal["auto"], Between(-1e30, 1e30)] = "auto"
    """the lowest return, discounted; auto is -v_max"""
    v_max: Annotated[float | Literal["auto"], Between(-1e30, 1e30)] = "auto"
    """the highest return, discounted; auto takes what random play before training says is possible"""
    sigma: Annotated[float, Between(0, 1e3, open_low=True)] = 0.75
    """standard deviation of the target, in bins"""

    def __post_init__(self) -> None:
        check_fields(self, "head.")
        _check_range(self)


def _check_range(head: C51 | HlGauss) -> None:
    """Raises ConfigError unless the range of returns is one."""
    if head.v_max == "auto" or head.v_min == "auto":
        require(head.v_min == "auto", "head.v_min", head.v_min, "auto where head.v_max is")
        require(head.v_max == "auto" or head.v_max > 0, "head.v_max", head.v_max, "above 0 where head.v_min is auto")
    else:
        require(head.v_min < head.v_max, "head.v_min", head.v_min, f"below head.v_max = {head.v_max:g}")


@dataclass(frozen=True, kw_only=True)
class PlainStream:
    """One linear layer from features to values."""

    kind: ClassVar[str] = "plain"


@dataclass(frozen=True, kw_only=True)
class Dueling:
    """The value of the state, and of each action the advantage over their mean (Wang et al. 2016)."""

    kind: ClassVar[str] = "dueling"
    hidden: Annotated[tuple[int, ...], Says("the units of each layer, as (64,), or none")] = (64,)
    """units of the hidden layers that either has for itself"""

    def __post_init__(self) -> None:
        check_fields(self, "stream.")
        check_layers("stream.hidden", self.hidden)


@dataclass(frozen=True, kw_only=True)
class Greedy:
    """The target network chooses and rates the next action (Mnih et al. 2015)."""

    kind: ClassVar[str] = "greedy"


@dataclass(frozen=True, kw_only=True)
class Double:
    """The online network chooses the next action, the target network rates it (van Hasselt et al. 2016)."""

    kind: ClassVar[str] = "double"


@dataclass(frozen=True, kw_only=True)
class Munchausen:
    """A soft policy bootstraps, and is paid for how sure it was (Vieillard et al. 2020)."""

    kind: ClassVar[str] = "munchausen"
    alpha: Share = 0.9
    """share of the logarithm of the policy that is added to the reward"""
    tau: Annotated[float, Between(0, 1e6, open_low=True)] = 0.03
    """temperature of the policy, in returns as they are learned"""
    least: Annotated[float, Between(-1e6, 0)] = -1.0
    """the lowest that is added to the reward, before alpha"""

    def __post_init__(self) -> None:
        check_fields(self, "rule.")


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
