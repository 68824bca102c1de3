"""The mean over seeds and its interval: literal numbers."""

import statistics

import pytest

from dqnlab.store.interval import seeds_mean


def test_two_seeds_get_the_wide_interval_of_student() -> None:
    found = seeds_mean([100.0, 200.0])
    assert (found.mean, found.seeds) == (150.0, 2)
    assert found.low == pytest.approx(150 - 12.7062 * 50, abs=1e-3)  # standard error 50
    assert found.high == pytest.approx(150 + 12.7062 * 50, abs=1e-3)
    assert found.interval == "95 % Student t over seeds"


@pytest.mark.parametrize(("num", "t"), [(9, 2.306004), (10, 2.262157), (30, 2.045230)])
def test_any_number_of_seeds_gets_the_interval_of_student(num: int, t: float) -> None:
    scores = [float(i) for i in range(num)]
    found = seeds_mean(scores)
    half = t * statistics.stdev(scores) / num**0.5
    assert (found.low, found.high) == pytest.approx((found.mean - half, found.mean + half), abs=1e-4)


def test_one_seed_has_a_mean_and_no_interval() -> None:
    found = seeds_mean([475.0])
    assert (found.mean, found.low, found.high) == (475.0, None, None)
    assert found.interval == "none: one seed says nothing about others"


@pytest.mark.parametrize("num", [2, 9, 10])
def test_equal_scores_show_no_spread_and_get_no_interval(num: int) -> None:
    found = seeds_mean([500.0] * num)
    assert (found.mean, found.low, found.high) == (500.0, None, None)
    assert found.interval == f"none: no spread seen in {num} seeds"


def test_scores_that_differ_by_rounding_alone_agree() -> None:
    assert seeds_mean([0.1 + 0.2, 0.3]).low is None


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_leaves_no_interval(odd: float) -> None:
    found = seeds_mean([1.0, 2.0, odd])
    assert (found.low, found.high) == (None, None)
    assert found.interval == "none: not every seed gave a finite number"


def test_no_seed_has_no_mean() -> None:
    with pytest.raises(ValueError, match="no seed"):
        seeds_mean([])
