from dataclasses import replace

import pytest
import torch

from dqnlab.learn.learner import Update
from dqnlab.run.events import Event, Updated
from dqnlab.track.rows import returns, row

from .conftest import EVENTS

ROWS = {
    "episode": (30, {"train/reward": 21.0, "train/epsilon": 0.9, "train/length": 21.0, "train/episode": 2.0}),
    "update": (
        100,
        {
            "learn/loss": 1.5,
            "learn/td_error": 1.0,
            "learn/td_bias": -0.25,
            "learn/q_mean": 3.5,
            "learn/q_max": 6.0,
            "learn/action_gap": 1.5,  # (4 - 2 + 6 - 5) / 2
            "learn/target_mean": 3.5,
            "learn/grad_norm": 0.25,
            "learn/dead_units": 0.125,
            "learn/updates": 7.0,
            "learn/lr": 0.0005,
            "replay/size": 90.0,
            "replay/terminal_share": 0.03125,
            "collectors/updates_behind": 12.5,
        },
    ),
    "evaluation": (
        200,
        {
            "eval/reward": 10.5,
            "eval/min": 9.0,
            "eval/max": 12.0,
            "eval/best_avg_reward": 11.0,
            "eval/value": 8.0,
            "eval/discounted_return": 7.5,
            "eval/overestimation": 0.5,
        },
    ),
    "confirmation": (200, {"confirm/reward": 485.0, "confirm/attempt": 2.0, "confirm/passed": 1.0}),
}


@pytest.mark.parametrize("kind", ROWS)
def test_row_has_exactly_these_numbers(kind: str) -> None:
    assert row(EVENTS[kind]) == ROWS[kind]


@pytest.mark.parametrize("kind", ROWS)
def test_row_holds_plain_floats_only(kind: str) -> None:
    found = row(EVENTS[kind])
    assert found is not None
    assert {type(value) for value in found[1].values()} == {float}


def test_end_of_a_block_has_no_row() -> None:
    assert row(EVENTS["block"]) is None


def test_single_action_has_no_gap() -> None:
    event = EVENTS["update"]
    assert isinstance(event, Updated)
    narrow = replace(event, update=event.update._replace(q=torch.ones(2, 1)))
    found = row(narrow)
    assert found is not None
    assert "learn/action_gap" not in found[1]
    assert found[1]["learn/q_mean"] == 1.0


def test_diverged_update_is_recorded_as_it_is() -> None:
    event = EVENTS["update"]
    assert isinstance(event, Updated)
    update: Update = event.update._replace(loss=torch.tensor(float("inf")))
    found = row(replace(event, update=update))
    assert found is not None
    assert found[1]["learn/loss"] == float("inf")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("evaluation", {"eval/returns": [9.0, 12.0]}),
        ("confirmation", {"confirm/returns": [480.0, 490.0]}),
        ("episode", {}),
        ("update", {}),
    ],
)
def test_single_returns_are_kept_apart_from_the_row(kind: str, expected: dict[str, list[float]]) -> None:
    event: Event = EVENTS[kind]
    assert returns(event) == expected
