"""The tagged choices of how a gradient becomes a step (see `choices`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from .checks import Between
from .choices import Decay, Fraction, Positive
from .typed import check_fields


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


@dataclass(frozen=True, kw_only=True)
class AdamW:
    """Adam with weights that shrink by themselves (Loshchilov & Hutter 2019)."""

    kind: ClassVar[str] = "adamw"
    plain: ClassVar[str] = "lr"
    lr: Annotated[float, Between(0, 10, open_low=True)] = 1e-3
    """learning rate"""
    beta1: Decay = 0.9
    """decay of the gradient's running mean"""
    beta2: Decay = 0.999
    """decay of the running mean of its square"""
    eps: Fraction = 1e-8
    """added to the denominator"""
    weight_decay: Annotated[float, Between(0, 1)] = 0.01
    """share of each weight, times the learning rate, that is lost with every update"""
    max_grad_norm: Annotated[float | None, Between(0, 1e9, open_low=True)] = None
    """largest norm of the gradient; a larger one is scaled down"""

    def __post_init__(self) -> None:
        check_fields(self, "optimizer.")


@dataclass(frozen=True, kw_only=True)
class RAdam:
    """Adam that starts slowly by its own measure (Liu et al. 2020)."""

    kind: ClassVar[str] = "radam"
    plain: ClassVar[str] = "lr"
    lr: Annotated[float, Between(0, 10, open_low=True)] = 1e-3
    """learning rate"""
    beta1: Decay = 0.9
    """decay of the gradient's running mean"""
    beta2: Annotated[float, Between(0.8, 1, open_high=True)] = 0.999
    """decay of the running mean of its square"""
    eps: Fraction = 1e-8
    """added to the denominator"""
    max_grad_norm: Annotated[float | None, Between(0, 1e9, open_low=True)] = None
    """largest norm of the gradient; a larger one is scaled down"""

    def __post_init__(self) -> None:
        check_fields(self, "optimizer.")


@dataclass(frozen=True, kw_only=True)
class RmsProp:
    """The gradient over its running deviation, as in the first DQN (Graves 2013; Mnih et al. 2015)."""

    kind: ClassVar[str] = "rmsprop"
    plain: ClassVar[str] = "lr"
    lr: Annotated[float, Between(0, 10, open_low=True)] = 2.5e-4
    """learning rate"""
    decay: Decay = 0.95
    """of the gradient's running mean, and of the mean of its square"""
    eps: Fraction = 0.01
    """added to the variance"""
    max_grad_norm: Annotated[float | None, Between(0, 1e9, open_low=True)] = None
    """largest norm of the gradient; a larger one is scaled down"""

    def __post_init__(self) -> None:
        check_fields(self, "optimizer.")


@dataclass(frozen=True, kw_only=True)
class ConstantRate:
    """The learning rate stays as it is."""

    kind: ClassVar[str] = "constant"


@dataclass(frozen=True, kw_only=True)
class LinearRate:
    """The learning rate falls, or rises, in a straight line over the first updates, then stays."""

    kind: ClassVar[str] = "linear"
    end: Annotated[float, Between(0, 1e6)] = 0.0
    """what it is multiplied by at the end"""
    updates: Positive | Literal["auto"] = "auto"
    """updates from start to end; auto takes those of the budget, where that is counted in steps"""

    def __post_init__(self) -> None:
        check_fields(self, "lr_schedule.")


@dataclass(frozen=True, kw_only=True)
class CosineRate:
    """The learning rate follows half a cosine wave over the first updates, then stays (Loshchilov & Hutter 2017)."""

    kind: ClassVar[str] = "cosine"
    end: Annotated[float, Between(0, 1e6)] = 0.0
    """what it is multiplied by at the end"""
    updates: Positive | Literal["auto"] = "auto"
    """updates from start to end; auto takes those of the budget, where that is counted in steps"""

    def __post_init__(self) -> None:
        check_fields(self, "lr_schedule.")
