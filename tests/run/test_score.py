"""The mean over seeds and its interval: literal numbers, and what each rule promises."""

import math
import statistics

import numpy as np
import pytest

from dqnlab.run.score import T_95, bootstrap, seeds_mean


def test_two_seeds_get_the_wide_interval_of_student() -> None:
    found = seeds_mean([100.0, 200.0])
    assert (found.mean, found.seeds) == (150.0, 2)
    assert found.low == pytest.approx(150 - 12.706 * 50)  # standard error 50
    assert found.high == pytest.approx(150 + 12.706 * 50)
    assert "Student" in found.interval
    assert "over seeds" in found.interval


def test_nine_seeds_are_the_most_for_student() -> None:
    scores = [float(i) for i in range(1, 10)]
    found = seeds_mean(scores)
    half = 2.306 * statistics.stdev(scores) / 3
    assert (found.low, found.high) == (pytest.approx(5 - half), pytest.approx(5 + half))
    assert "Student" in found.interval


def test_from_ten_seeds_on_they_are_resampled() -> None:
    scores = [float(i) for i in range(10)]
    found = seeds_mean(scores)
    assert (found.low, found.high) == bootstrap(np.array(scores))
    assert "bootstrap over seeds" in found.interval


def test_one_seed_has_a_mean_and_no_interval() -> None:
    found = seeds_mean([475.0])
    assert (found.mean, found.low, found.high) == (475.0, None, None)


def test_equal_scores_have_an_interval_of_no_width() -> None:
    for num in (2, 9, 10):
        found = seeds_mean([500.0] * num)
        assert (found.low, found.high) == (500.0, 500.0)


def tail(t: float, freedom: int) -> float:
    """The probability beyond ±t, by Simpson's rule over Student's density: an independent twin of the table."""
    scale = math.gamma((freedom + 1) / 2) / (math.sqrt(freedom * math.pi) * math.gamma(freedom / 2))
    x, step = np.linspace(0, t, 20_001, retstep=True)
    density = scale * (1 + x**2 / freedom) ** (-(freedom + 1) / 2)
    inside = step / 3 * (density[0] + 4 * density[1:-1:2].sum() + 2 * density[2:-1:2].sum() + density[-1])
    return 1 - 2 * float(inside)


@pytest.mark.parametrize("freedom", range(1, 9))
def test_five_in_a_hundred_lie_beyond_each_point_of_the_table(freedom: int) -> None:
    assert tail(T_95[freedom], freedom) == pytest.approx(0.05, abs=3e-5)
    assert len(T_95) == 8
