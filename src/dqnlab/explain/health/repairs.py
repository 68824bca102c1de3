"""What would have kept a run from a finding, as settings, and from which env step on they have to hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ...config import Config
from ...config.fields import leaves
from .findings import Finding

GAMMA = 0.99
LR = 1e-3  # of Adam; where a learning rate is far too high
FOLLOWS = 0.02  # share of the way that a target network goes with each update, where there was none
CAPACITY = 50_000
END = 0.05  # of epsilon
SHARE = 0.3  # of the budget, until epsilon has come down to it
NORM = 10.0  # longest gradient
TAU = 0.03

Settings = Mapping[str, Any]
"""by their dotted names"""


class Repair(NamedTuple):
    """Settings against a finding."""

    table: Mapping[str, Any]
    """as a file has them"""
    from_start: bool
    """whether they have to hold from the first step on: a later one could not make up for what was missed"""


def repair_of(finding: Finding, config: Config) -> Repair | None:
    """The repair that a finding names: one for each of its causes, else one for its kind; none if no setting helps."""
    settings = dict(leaves(config))
    tables = [_OF_CAUSE[cause](settings, finding) for cause in finding.causes]
    if not tables and finding.kind in _OF_KIND:
        tables = [_OF_KIND[finding.kind](settings, finding)]
    table = _merged(tables)
    return Repair(table, finding.kind in _FROM_START or "random" in finding.causes) if table else None


def step_before(finding: Finding, repair: Repair, records: Sequence[Mapping[str, Any]], kept: Sequence[int]) -> int:
    """The env step to go back to: before the finding could be foreseen, or else before it showed.

    Args:
        records: the rows of metrics.jsonl.
        kept: env steps of checkpoints, one of which is taken if it is early enough; else that of an evaluation.
    """
    sign = finding.step if finding.foreseen is None else finding.foreseen.step
    if repair.from_start or sign is None:
        return 0
    judged = [row["step"] for row in records if "eval/reward" in row]
    return max([step for step in kept if step < sign] or [step for step in judged if step < sign], default=0)


def _merged(tables: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Tables as one; of settings in several the first counts."""
    found: dict[str, Any] = {}
    for table in tables:
        for name, value in table.items():
            found[name] = {**value, **found.get(name, {})} if isinstance(value, Mapping) else found.get(name, value)
    return found


# ── Single ones ──────────────────────────────────────────────────────────────────────────────────


def _target_network(settings: Settings, finding: Finding) -> Mapping[str, Any]:
    return {"sync": {"kind": "polyak", "tau": FOLLOWS}}


def _discount(settings: Settings, finding: Finding) -> Mapping[str, Any]:
    return {"gamma": GAMMA}


def _replay(settings: Settings, finding: Finding) -> Mapping[str, Any]:
    return {"replay_capacity": max(CAPACITY, 10 * settings["replay_capacity"])}


def _low_rate(settings: Settings, finding: Finding) -> Mapping[str, Any]:
    return {"optimizer": {"lr": LR}}


def _lower_rate(settings: Settings, finding: Finding) -> Mapping[str, Any]:
    return {"optimizer": {"lr": min(settings["optimizer.lr"] / 4, LR), "max_grad_norm": NORM}}


def _exploration(settings: Settings, finding: Finding) -> Mapping[str, Any]:
    kind, unit = ("linear", "steps") if settings["budget"] == "steps" else ("linear_episodes", "episodes")
    num = max(round(SHARE * settings["budget.num"]), 1)
    return {"epsilon": {"kind": kind, "start": 1.0, "end": END, unit: num}}


def _means(settings: Settings, finding: Finding) -> Mapping[str, Any]:
    return {"head": {"huber": "none"}, "optimizer": {"max_grad_norm": NORM}}


def _double(settings: Settings, finding: Finding) -> Mapping[str, Any]:
    if settings["rule"] == "greedy":
        return {"rule": {"kind": "double"}}
    return _lower_rate(settings, finding)


def _limit(settings: Settings, finding: Finding) -> Mapping[str, Any]:
    """Cuts episodes one step before the environment calls its limit the end: a cut of dqnlab's own is truncation."""
    most = int(finding.numbers["limit"]) - 1
    return {"env": {"max_episode_steps": most}} if most >= 1 else {}


def _temperature(settings: Settings, finding: Finding) -> Mapping[str, Any]:
    return {"rule": {"tau": TAU}}


_Make = Callable[[Settings, Finding], Mapping[str, Any]]
_OF_CAUSE: Mapping[str, _Make] = {
    "no-target": _target_network,
    "gamma-one": _discount,
    "small-replay": _replay,
    "high-rate": _low_rate,
    "random": _exploration,
    "huber": _means,
}
_OF_KIND: Mapping[str, _Make] = {
    "diverging": _lower_rate,
    "over-estimating": _double,
    "dead-network": _lower_rate,
    "forgetting": _lower_rate,
    "unbounded": _discount,
    "always-random": _exploration,
    "not-exploring": _exploration,
    "short-memory": _replay,
    "limit-as-end": _limit,
    "drowned": _temperature,
}
_FROM_START = {"always-random", "not-exploring", "dead-network", "drowned"}
