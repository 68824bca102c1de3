"""Metrics thinned out for a page: few points, no peak lost."""

import math

import numpy as np
import pytest

from dqnlab.explain.health.signals import Column, column, since
from dqnlab.explain.series import LARGEST, MOST_POINTS, series


def rows(values: list[object]) -> list[dict[str, object]]:
    return [{"step": 10 * i, "learn/loss": value} for i, value in enumerate(values)]


def test_a_short_metric_is_kept_whole() -> None:
    found = series(rows([3.0, 1, 2.0]))
    assert list(found) == ["learn/loss"]
    assert found["learn/loss"]["step"].tolist() == [0, 10, 20]
    assert found["learn/loss"]["value"].tolist() == [3, 1, 2]
    assert found["learn/loss"]["value"].dtype == np.float32


@pytest.mark.parametrize("count", [MOST_POINTS + 1, 1_000, 12_345])
def test_a_long_one_keeps_its_ends_and_every_peak_of_a_stretch(count: int) -> None:
    rng = np.random.default_rng(count)
    value = rng.normal(size=count)
    value[count // 3], value[count // 2] = 50, -60
    found = series(rows(value.tolist()))["learn/loss"]
    assert len(found["step"]) <= MOST_POINTS
    assert found["step"][[0, -1]].tolist() == [0, 10 * (count - 1)]
    assert found["value"].max() == 50
    assert found["value"].min() == -60
    assert (np.diff(found["step"]) > 0).all()
    kept = (found["step"] / 10).astype(int)
    assert found["value"].tolist() == value[kept].astype(np.float32).tolist()


def test_nan_is_left_out_and_infinity_becomes_the_largest_number() -> None:
    found = series(rows([1.0, math.nan, math.inf, -math.inf, 1e300]))["learn/loss"]
    assert found["step"].tolist() == [0, 20, 30, 40]
    assert found["value"].tolist() == [1, LARGEST, -LARGEST, LARGEST]


def test_what_is_no_number_is_no_record() -> None:
    found = column(rows([1.0, "2", None, [3.0], True, {}, 10**400]), "learn/loss")
    assert found.step.tolist() == [0, 60]
    assert found.value.tolist() == [1, math.inf]
    assert series([{"step": "x", "learn/loss": 1.0}, {"learn/loss": 1.0}]) == {}


def test_records_come_in_the_order_of_steps() -> None:
    assert column([{"step": 2, "a": 20}, {"step": 1, "a": 10}], "a").value.tolist() == [10, 20]


def test_an_alarm_is_dated_from_where_it_holds_to_the_last_record() -> None:
    step = np.array([10.0, 20, 30, 40])
    assert since(np.array([True, False, True, True]), step) == 30
    assert since(np.array([True, True, True, True]), step) == 10
    assert since(np.array([True, True, True, False]), step) is None
    assert since(np.array([], bool), step[:0]) is None


def test_a_running_median_overlooks_a_single_peak() -> None:
    found = Column(np.arange(6.0), np.array([1.0, 1, 9, 1, 1, 1])).smooth()
    assert found.value.tolist() == [1, 1, 1, 1, 1, 1]
