"""What can be said of each kind of part: one table for each axis. Of a kind without an entry the numbers are shown.

An entry promises that the words and formulas for it are true of every run with that kind, in the text of a step and on
the page.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .. import config as c
from ..learn.distributional import CategoricalHead, HistogramHead, QuantileHead
from ..learn.formulas import AdamW, RAdam, RmsProp
from ..learn.heads import Head, ScalarHead
from ..learn.implicit import ImplicitHead
from ..learn.learner import HardSync, PolyakSync, Sync
from ..learn.munchausen import MunchausenRule
from ..learn.optimizer import Adam, Formula
from ..learn.regularizers import Conservative, LargeMargin, Regularizer
from ..learn.targets import Rule, double, greedy

Network = Literal["online", "target"]
Chance = Literal["uniform", "by error"]


@dataclass(frozen=True)
class TdLoss:
    """target = reward + discount * next value; the loss is the square of target - prediction, or Huber's form of it."""

    huber: float | None  # where it turns linear
    kind: Literal["td"] = "td"


@dataclass(frozen=True)
class QuantileLoss:
    """Each predicted quantile against each target, reward + discount * a quantile of what follows."""

    kappa: float  # where Huber's form of it turns linear
    drawn: bool  # whether chance chose the levels of the quantiles
    kind: Literal["quantiles"] = "quantiles"


@dataclass(frozen=True)
class CategoricalLoss:
    """The cross entropy to the probabilities that the returns have once reward and discount have moved them."""

    low: float  # the ends of the returns, in the environment's units
    high: float
    kind: Literal["categories"] = "categories"


@dataclass(frozen=True)
class HistogramLoss:
    """The cross entropy to a normal distribution around the target, over bins."""

    low: float  # the ends of the bins, in the environment's units
    high: float
    sigma: float  # in bins
    kind: Literal["histogram"] = "histogram"


@dataclass(frozen=True)
class Soft:
    """A soft policy of the target network, softmax(Q / tau), values what follows and is paid for how sure it is."""

    alpha: float
    tau: float  # in the environment's units
    least: float  # likewise


@dataclass(frozen=True)
class CqlTerm:
    """alpha * (log of the sum over actions of exp Q - Q of the action taken), of values as they are learned."""

    alpha: float
    kind: Literal["cql"] = "cql"


@dataclass(frozen=True)
class MarginTerm:
    """weight * (the largest of Q + margin of the other actions, Q of the one shown, less the latter), if it was shown.

    Of values as they are learned.
    """

    margin: float
    weight: float
    kind: Literal["margin"] = "margin"


@dataclass(frozen=True)
class Moments:
    """A step by the running means of the gradient and of its square: Adam's, and its kin's."""

    kind: Literal["adam", "adamw", "radam"]
    beta1: float
    beta2: float
    eps: float
    weight_decay: float = 0.0


@dataclass(frozen=True)
class Deviation:
    """A step by the gradient over its running deviation."""

    decay: float  # of both running means
    eps: float  # added to the variance
    kind: Literal["rmsprop"] = "rmsprop"


AnyTerm = CqlTerm | MarginTerm
AnyLoss = TdLoss | QuantileLoss | CategoricalLoss | HistogramLoss

CHOOSERS: Mapping[Rule, Network] = {greedy: "target", double: "online"}
SOFT: Mapping[type, Callable[[Any, float], Soft]] = {
    MunchausenRule: lambda rule, scale: Soft(rule.alpha, rule.tau * scale, rule.least * scale)
}
LOSSES: Mapping[type[Head], Callable[[Any, float], AnyLoss]] = {
    ScalarHead: lambda head, scale: TdLoss(head.huber),
    QuantileHead: lambda head, scale: QuantileLoss(head.kappa, drawn=False),
    ImplicitHead: lambda head, scale: QuantileLoss(head.kappa, drawn=True),
    CategoricalHead: lambda head, scale: CategoricalLoss(head.v_min * scale, head.v_max * scale),
    HistogramHead: lambda head, scale: HistogramLoss(head.v_min * scale, head.v_max * scale, head.sigma),
}
TERMS: Mapping[type, Callable[[Any], AnyTerm]] = {
    Conservative: lambda made: CqlTerm(made.alpha),
    LargeMargin: lambda made: MarginTerm(made.margin, made.weight),
}
CHANCES: Mapping[type, Chance] = {c.Uniform: "uniform", c.Prioritized: "by error"}
FORMULAS: Mapping[type, Callable[[Any], Moments | Deviation]] = {
    Adam: lambda adam: Moments("adam", adam.beta1, adam.beta2, adam.eps),
    AdamW: lambda made: Moments("adamw", made.adam.beta1, made.adam.beta2, made.adam.eps, made.weight_decay),
    RAdam: lambda radam: Moments("radam", radam.beta1, radam.beta2, radam.eps),
    RmsProp: lambda made: Deviation(made.decay, made.eps),
}
SYNCS = (HardSync, PolyakSync)


def chooser_of(rule: Rule) -> Network | None:
    """Which network chooses the next action, to bootstrap from its value by the target network."""
    return CHOOSERS.get(rule)


def soft_of(rule: Rule, reward_scale: float) -> Soft | None:
    """The soft policy that values what follows, of a rule with one."""
    made = SOFT.get(type(rule))
    return None if made is None else made(rule, reward_scale)


def loss_of(head: Head, reward_scale: float) -> AnyLoss | None:
    """How target and loss come about."""
    made = LOSSES.get(type(head))
    return None if made is None else made(head, reward_scale)


def term_of(regularizer: Regularizer) -> AnyTerm | None:
    """What is added to the head's loss."""
    made = TERMS.get(type(regularizer))
    return None if made is None else made(regularizer)


def chance_of(sampler: object) -> Chance | None:
    """How likely each stored transition is to be drawn."""
    return CHANCES.get(type(sampler))


def formula_of(formula: Formula) -> Moments | Deviation | None:
    """How a gradient becomes a step."""
    made = FORMULAS.get(type(formula))
    return None if made is None else made(formula)


def sync_of(sync: Sync) -> HardSync | PolyakSync | None:
    """How the target network follows."""
    return sync if isinstance(sync, SYNCS) else None
