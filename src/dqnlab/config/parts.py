"""The tagged choices of what a network is made of (see `choices`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from ..errors import ConfigError
from .checks import Between, Says, Whole, require, whole
from .custom import Custom
from .typed import check_fields

MOST_LAYERS, MOST_UNITS = 100, 2**20  # so that the size of a network can be told before it is made
MOST_NUMBERS = 1_000  # per action
LONGEST_SEQUENCE = 1_000  # steps


@dataclass(frozen=True, kw_only=True)
class Mlp:
    """Fully connected ReLU layers."""

    kind: ClassVar[str] = "mlp"
    plain: ClassVar[str] = "hidden"
    hidden: Annotated[tuple[int, ...], Says("the units of each layer, as (64, 64)")] = (64, 64)
    """units of each hidden layer"""

    def __post_init__(self) -> None:
        _check_hidden(self)


@dataclass(frozen=True, kw_only=True)
class Hadamax:
    """Each hidden layer is the product of two, layer-normed and through a GELU (Kooi et al. 2025)."""

    kind: ClassVar[str] = "hadamax"
    plain: ClassVar[str] = "hidden"
    hidden: Annotated[tuple[int, ...], Says("the units of each layer, as (64, 64)")] = (64, 64)
    """units of each hidden layer"""

    def __post_init__(self) -> None:
        _check_hidden(self)


@dataclass(frozen=True, kw_only=True)
class Gru:
    """ReLU layers, then gated recurrent units, which remember what an episode has shown (Cho et al. 2014)."""

    kind: ClassVar[str] = "gru"
    hidden: Annotated[tuple[int, ...], Says("the units of each layer, as (64, 64)")] = (64,)
    """units of each hidden layer before the recurrent one, if there is any"""
    units: Annotated[int, Whole(1, MOST_UNITS)] = 64
    """units of the recurrent layer"""
    burn_in: Annotated[int, Whole(0, LONGEST_SEQUENCE)] = 8
    """steps of a sequence that only bring its memory up to date, before those that are learned from"""
    unroll: Annotated[int, Whole(1, LONGEST_SEQUENCE)] = 16
    """steps of a sequence that are learned from; what must be remembered for longer is hard to learn"""

    def __post_init__(self) -> None:
        check_fields(self, "torso.")
        check_layers("torso.hidden", self.hidden)


@dataclass(frozen=True, kw_only=True)
class Lstm:
    """ReLU layers, then long short-term memory: remembers what an episode has shown (Hochreiter & Schmidhuber 1997)."""

    kind: ClassVar[str] = "lstm"
    hidden: Annotated[tuple[int, ...], Says("the units of each layer, as (64, 64)")] = (64,)
    """units of each hidden layer before the recurrent one, if there is any"""
    units: Annotated[int, Whole(1, MOST_UNITS)] = 64
    """units of the recurrent layer"""
    burn_in: Annotated[int, Whole(0, LONGEST_SEQUENCE)] = 8
    """steps of a sequence that only bring its memory up to date, before those that are learned from"""
    unroll: Annotated[int, Whole(1, LONGEST_SEQUENCE)] = 16
    """steps of a sequence that are learned from; what must be remembered for longer is hard to learn"""

    def __post_init__(self) -> None:
        check_fields(self, "torso.")
        check_layers("torso.hidden", self.hidden)


def _check_hidden(torso: Mlp | Hadamax) -> None:
    """Raises ConfigError unless it has hidden layers, and these can be."""
    check_fields(torso, "torso.")
    require(len(torso.hidden) > 0, "torso.hidden", torso.hidden, "at least one layer")
    check_layers("torso.hidden", torso.hidden)


def check_layers(name: str, hidden: tuple[int, ...]) -> None:
    """Raises ConfigError unless these can be the units of layers."""
    require(len(hidden) <= MOST_LAYERS, name, hidden, f"at most {MOST_LAYERS} layers")
    for units in hidden:
        whole(name, units, 1, MOST_UNITS)


@dataclass(frozen=True, kw_only=True)
class PlainLayers:
    """Fully connected layers are a matrix and a bias."""

    kind: ClassVar[str] = "plain"


@dataclass(frozen=True, kw_only=True)
class Noisy:
    """Fully connected layers have learned noise on every weight, which explores (Fortunato et al. 2018)."""

    kind: ClassVar[str] = "noisy"
    sigma: Annotated[float, Between(0, 10, open_low=True)] = 0.5
    """deviation that the noise begins with, times the root of a unit's inputs; use it with a small epsilon"""

    def __post_init__(self) -> None:
        check_fields(self, "layers.")


@dataclass(frozen=True, kw_only=True)
class NoNorm:
    """No layer is normalised."""

    kind: ClassVar[str] = "none"


@dataclass(frozen=True, kw_only=True)
class LayerNorm:
    """What hidden layers and convolutions give is normalised before the ReLU (Ba et al. 2016; Gallici et al. 2024)."""

    kind: ClassVar[str] = "layer"


@dataclass(frozen=True, kw_only=True)
class SpectralNorm:
    """Weights are divided by their largest singular value (Miyato et al. 2018; Gogianu et al. 2021)."""

    kind: ClassVar[str] = "spectral"
    on: Literal["last_hidden", "residual"] = "last_hidden"
    """which layers: the last hidden one (Gogianu et al.), or the convolutions inside of conv impala's residual blocks
    (Clark et al. 2024)"""

    def __post_init__(self) -> None:
        check_fields(self, "norm.")

    def check_fits(
        self,
        conv: str,
        torso: Mlp | Hadamax | Gru | Lstm | Custom,
        layers: PlainLayers | Noisy,
        stream: PlainStream | Dueling | Custom,
    ) -> None:
        """Raises ConfigError where these have no layer for it."""
        if self.on == "residual":
            if conv not in ("impala", "auto_impala"):
                raise ConfigError(
                    f"norm.on = {self.on!r} is for the residual blocks of conv = 'impala' or 'auto_impala', and "
                    f"conv = {conv!r} has none: use norm.on = 'last_hidden'"
                )
        elif isinstance(layers, Noisy):
            raise ConfigError(
                f"norm = {self.kind!r} divides weights by what they are, and those of layers = {layers.kind!r} are "
                f"others in every pass: use norm = {LayerNorm.kind!r}, or layers = {PlainLayers.kind!r}"
            )
        elif not isinstance(torso, Mlp) and not (isinstance(stream, Dueling) and stream.hidden):
            raise ConfigError(
                f"norm = {self.kind!r} is for the last hidden layer, and torso = {torso.kind!r} normalises its own as "
                f"it will: use norm = {NoNorm.kind!r}, or torso = {Mlp.kind!r}"
            )


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
class Iqn:
    """Quantiles of the return at levels that chance chooses (Dabney et al. 2018, implicit quantile networks)."""

    kind: ClassVar[str] = "iqn"
    num: Annotated[int, Whole(1, MOST_NUMBERS)] = 32
    """quantiles for each observation that is looked at"""
    cosines: Annotated[int, Whole(1, MOST_NUMBERS)] = 64
    """cosines of a level that the network sees"""
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
