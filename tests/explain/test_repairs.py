"""What repairs a finding, as settings, and from which env step on."""

from dataclasses import replace
from typing import Any

import pytest

from dqnlab.config import Adam, Config, Episodes, Hard, Steps
from dqnlab.config.toml import override
from dqnlab.explain.health.findings import Finding, Foreseen
from dqnlab.explain.health.repairs import Repair, repair_of, step_before

CONFIG = replace(Config(), optimizer=Adam(lr=0.01), sync=Hard(every=1), budget=Steps(num=10_000))


def bad(kind: str, *causes: str, **numbers: float) -> Finding:
    return Finding(kind=kind, severity="bad", causes=causes, numbers=numbers)


@pytest.mark.parametrize(
    ("finding", "table"),
    [
        (bad("diverging", "no-target"), {"sync": {"kind": "polyak", "tau": 0.02}}),
        (bad("diverging"), {"optimizer": {"lr": 0.001, "max_grad_norm": 10.0}}),
        (bad("over-estimating"), {"rule": {"kind": "double"}}),
        (bad("unbounded", "gamma-one"), {"gamma": 0.99}),
        (bad("unbounded"), {"gamma": 0.99}),
        (bad("short-memory", "small-replay"), {"replay_capacity": 500_000}),
        (bad("always-random", "random"), {"epsilon": {"kind": "linear", "start": 1.0, "end": 0.05, "steps": 3_000}}),
        (bad("not-exploring"), {"epsilon": {"kind": "linear", "start": 1.0, "end": 0.05, "steps": 3_000}}),
        (bad("limit-as-end", limit=60.0), {"env": {"max_episode_steps": 59}}),
        (bad("biased", "huber"), {"head": {"huber": "none"}, "optimizer": {"max_grad_norm": 10.0}}),
        (bad("dead-network", "high-rate"), {"optimizer": {"lr": 0.001}}),
    ],
    ids=lambda each: each.kind if isinstance(each, Finding) else "",
)
def test_a_finding_is_repaired_by_what_its_verdict_names(finding: Finding, table: dict[str, Any]) -> None:
    found = repair_of(finding, CONFIG)
    assert found is not None
    assert found.table == table
    override(CONFIG, found.table)  # and it can be


def test_several_causes_are_repaired_at_once_and_the_first_one_counts() -> None:
    found = repair_of(bad("over-estimating", "no-target", "huber", "high-rate"), CONFIG)
    assert found is not None
    assert found.table == {
        "sync": {"kind": "polyak", "tau": 0.02},
        "head": {"huber": "none"},
        "optimizer": {"lr": 0.001, "max_grad_norm": 10.0},
    }


def test_over_estimation_without_a_cause_is_met_by_smaller_steps_where_the_rule_is_no_longer_greedy() -> None:
    found = repair_of(bad("over-estimating"), override(CONFIG, {"rule": {"kind": "double"}}))
    assert found is not None
    assert found.table == {"optimizer": {"lr": 0.001, "max_grad_norm": 10.0}}


def test_a_budget_of_episodes_is_explored_for_a_share_of_them() -> None:
    found = repair_of(bad("always-random", "random"), replace(CONFIG, budget=Episodes(num=200)))
    assert found is not None
    assert found.table == {"epsilon": {"kind": "linear_episodes", "start": 1.0, "end": 0.05, "episodes": 60}}


@pytest.mark.parametrize("kind", ["blind-to-the-end", "narrow-range", "coarse-range", "healthy"])
def test_what_no_setting_repairs_in_the_middle_has_no_repair(kind: str) -> None:
    assert repair_of(bad(kind), CONFIG) is None


ROWS = [{"step": step, "eval/reward": 1.0} for step in (500, 1_000, 1_500)] + [{"step": 1_700, "learn/loss": 1.0}]


@pytest.mark.parametrize(
    ("step", "foreseen", "kept", "back"),
    [
        (1_800, None, [], 1_500),
        (1_800, 1_500, [], 1_000),
        (1_800, 1_500, [700, 1_600], 700),
        (1_800, 1_500, [1_600], 1_000),
        (400, None, [], 0),
        (None, None, [700], 0),
    ],
)
def test_one_goes_back_to_before_it_could_be_foreseen(
    step: int | None, foreseen: int | None, kept: list[int], back: int
) -> None:
    sign = None if foreseen is None else Foreseen("learn/td_error", foreseen)
    finding = Finding(kind="diverging", severity="bad", step=step, foreseen=sign)
    assert step_before(finding, Repair({}, from_start=False), ROWS, kept) == back
    assert step_before(finding, Repair({}, from_start=True), ROWS, kept) == 0
