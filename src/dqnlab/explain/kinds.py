"""What can be said of each kind of part: one table for each axis. Of a kind without an entry the numbers are shown.

An entry promises that the words and formulas for it are true of every run with that kind, in the text of a step and on
the page.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .. import config as c
from ..learn.heads import Head, ScalarHead
from ..learn.learner import HardSync, PolyakSync, Sync
from ..learn.optimizer import Adam, Formula
from ..learn.targets import Rule, double, greedy

Network = Literal["online", "target"]
Chance = Literal["uniform", "by error"]


@dataclass(frozen=True)
class TdLoss:
    """target = reward + discount * next value; the loss is the square of target - prediction, or Huber's form of it."""

    huber: float | None  # where it turns linear


CHOOSERS: Mapping[Rule, Network] = {greedy: "target", double: "online"}
LOSSES: Mapping[type[Head], Callable[[Any], TdLoss]] = {ScalarHead: lambda head: TdLoss(head.huber)}
CHANCES: Mapping[type, Chance] = {c.Uniform: "uniform", c.Prioritized: "by error"}
FORMULAS = (Adam,)
SYNCS = (HardSync, PolyakSync)


def chooser_of(rule: Rule) -> Network | None:
    """Which network chooses the next action, to bootstrap from its value by the target network."""
    return CHOOSERS.get(rule)


def loss_of(head: Head) -> TdLoss | None:
    """How target and loss come about."""
    made = LOSSES.get(type(head))
    return None if made is None else made(head)


def chance_of(sampler: object) -> Chance | None:
    """How likely each stored transition is to be drawn."""
    return CHANCES.get(type(sampler))


def formula_of(formula: Formula) -> Adam | None:
    """How a gradient becomes a step."""
    return formula if isinstance(formula, FORMULAS) else None


def sync_of(sync: Sync) -> HardSync | PolyakSync | None:
    """How the target network follows."""
    return sync if isinstance(sync, SYNCS) else None
