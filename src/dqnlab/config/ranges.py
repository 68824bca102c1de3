"""Where the best value of a setting is looked for, if nobody says where: data, one line a setting.

`dqn tune` searches those of them that the configuration has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Numbers:
    """Every number from `low` to `high`."""

    low: float
    high: float
    log: bool = False
    """whether what counts is by how many times two of them differ"""
    whole: bool = False


@dataclass(frozen=True)
class OneOf:
    """One of these values; of a choice of kind, its kinds."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Around:
    """From the value of the configuration divided by this to that value times this, by factors."""

    factor: float


@dataclass(frozen=True)
class Times:
    """The value of the configuration times each of these; of a list, each of its numbers."""

    factors: tuple[float, ...] = (0.5, 1, 2)


@dataclass(frozen=True)
class OfBudget:
    """Shares of the budget, by factors."""

    low: float
    high: float


RANGES: dict[str, Numbers | OneOf | Around | Times | OfBudget] = {
    "optimizer.lr": Around(10),
    "gamma": OneOf((0.9, 0.95, 0.98, 0.99, 0.995, 0.999)),
    "n": OneOf((1, 3, 5, 10)),  # few, for each has a compiled program of its own
    "epsilon.end": Numbers(0.005, 0.2, log=True),
    "epsilon.value": Numbers(0.005, 0.5, log=True),
    "epsilon.steps": OfBudget(0.02, 0.5),
    "sync.every": Around(10),
    "sync.tau": Around(10),
    "batch_size": Times(),
    "update_every": Around(4),
    "torso.hidden": Times(),
    "sampler.alpha": Numbers(0.1, 0.9),
    "layers.sigma": Numbers(0.1, 1.0, log=True),
    "rule.tau": Around(10),
    "exploration.temperature": Around(10),
    "memory.num_epochs": Around(2),
    "memory.td_lambda": Numbers(0.5, 0.98),
    "torso.units": Times(),
}
"""dotted setting -> its range; the value of the configuration itself is always in it"""
