"""Intervals: literal numbers, a slow twin, and how often the truth lies outside."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from dqnlab.store.interval import hall, over_episodes, over_seeds, student_t

Draw = Callable[[np.random.Generator, int], np.ndarray]


def tail(t: float, freedom: int) -> float:
    """The probability beyond ±t, by Simpson's rule over the angle of Student's density: an independent twin."""
    scale = math.gamma((freedom + 1) / 2) / (math.sqrt(math.pi) * math.gamma(freedom / 2))
    x, step = np.linspace(0, math.atan(t / math.sqrt(freedom)), 20_001, retstep=True)
    density = scale * np.cos(x) ** (freedom - 1)
    inside = step / 3 * (density[0] + 4 * density[1:-1:2].sum() + 2 * density[2:-1:2].sum() + density[-1])
    return 1 - 2 * float(inside)


@pytest.mark.parametrize("freedom", [*range(1, 41), 99, 100, 299])
def test_five_in_a_hundred_lie_beyond_the_point_of_student(freedom: int) -> None:
    assert tail(student_t(freedom), freedom) == pytest.approx(0.05, abs=1e-9)


@pytest.mark.parametrize(
    ("freedom", "point"),
    [(1, 12.706205), (2, 4.302653), (3, 3.182446), (9, 2.262157), (29, 2.045230), (99, 1.984217), (10**6, 1.959966)],
)
def test_the_points_of_student_are_those_of_the_tables(freedom: int, point: float) -> None:
    assert student_t(freedom) == pytest.approx(point, abs=1e-6)


def test_without_skewness_and_pseudo_episodes_hall_is_student() -> None:
    unit = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    half = student_t(4) * unit.std(ddof=1) / 5**0.5
    assert hall(unit, 0.0) == pytest.approx((0.5 - half, 0.5 + half))


def test_hall_undoes_the_skewness_as_its_cubic_says() -> None:
    """At either end the cubic of the studentised distance is Student's point, by the paper's own formula."""
    unit = np.array([0.0, 0.6, 0.9, 1.0, 1.0, 1.0, 1.0, 1.0])
    weighted = np.concatenate([np.repeat(unit, 2), [0.0, 1.0]])  # half an episode at each end, all twice
    mean, deviation = weighted.mean(), weighted.std()
    skewness = ((weighted - mean) ** 3).mean() / deviation**3
    for end, t in zip(hall(unit, 0.5), (student_t(7), -student_t(7)), strict=True):
        away = (mean - end) / (deviation * (8 / 7) ** 0.5)
        cubic = away + skewness * away**2 / 3 + skewness**2 * away**3 / 27 + skewness / (6 * 9)
        assert cubic * 9**0.5 == pytest.approx(t)


def test_one_failure_among_many_successes_pulls_the_lower_end_down() -> None:
    low, high, _ = over_episodes(np.array([0.0] + [1.0] * 49))
    assert low is not None
    assert 0.75 < low < 0.8935  # Clopper and Pearson's exact lower end
    assert high == 1.0


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12, 1e150])
def test_the_unit_of_the_rewards_does_not_matter(scale: float) -> None:
    returns = np.array([1.0, 2.0, 2.0, 7.0])
    low, high, _ = over_episodes(returns)
    assert low is not None
    assert high is not None
    assert over_episodes(returns * scale)[:2] == pytest.approx((low * scale, high * scale))
    assert over_episodes(-returns)[:2] == pytest.approx((-high, -low))


@pytest.mark.parametrize("num", [2, 3, 5, 9, 10, 50])
def test_the_mean_is_inside_and_from_ten_episodes_on_the_ends_are_among_the_returns(num: int) -> None:
    rng = np.random.default_rng(num)
    for power in (1, 8, 40):
        returns = rng.random(num) ** power
        low, high, _ = over_episodes(returns)
        assert low is not None
        assert high is not None
        assert low <= returns.mean() <= high
        assert num < 10 or returns.min() <= low <= high <= returns.max()


@pytest.mark.parametrize(
    "values", [[], [5.0], [5.0] * 7, [1.0, math.nan], [math.inf, 1.0], [math.inf] * 2, [-1e308, 1e308]]
)
def test_whoever_cannot_say_how_sure_it_is_has_no_interval(values: list[float]) -> None:
    for interval in (over_episodes, over_seeds):
        if not values:
            with pytest.raises(ValueError, match="at all"):
                interval(np.array(values))
            continue
        low, high, how = interval(np.array(values))
        assert (low, high) == (None, None)
        assert how.startswith("none: ")


def capped(failures: float) -> tuple[Draw, float]:
    """Returns of 500, but for some share that failed anywhere before."""

    def draw(rng: np.random.Generator, num: int) -> np.ndarray:
        return np.where(rng.random(num) < failures, rng.uniform(0, 500, num), 500.0)

    return draw, 500 - 250 * failures


def successes(share: float) -> tuple[Draw, float]:
    return lambda rng, num: (rng.random(num) < share).astype(float), share


NORMAL: tuple[Draw, float] = (lambda rng, num: rng.normal(10, 3, num), 10.0)


@pytest.mark.parametrize("num", [20, 50, 100])
@pytest.mark.parametrize(
    ("draw", "truth"),
    [NORMAL, *map(capped, (0.02, 0.05, 0.1, 0.3)), *map(successes, (0.05, 0.5, 0.8, 0.9, 0.95, 0.99))],
    ids=lambda each: f"{each:g}" if isinstance(each, float) else "",
)
def test_few_intervals_lie_wholly_above_the_truth_and_few_below(draw: Draw, truth: float, num: int) -> None:
    rng = np.random.default_rng(num)
    found = [over_episodes(draw(rng, num)) for _ in range(1500)]
    above = np.mean([each.low is not None and each.low > truth + 1e-9 for each in found])
    below = np.mean([each.high is not None and each.high < truth - 1e-9 for each in found])
    assert above <= 0.035 + 0.005  # one error of 1,500 samples: docs/results.md has the figures of 20,000
    assert below <= 0.035 + 0.005


@pytest.mark.parametrize("num", [3, 10, 30])
def test_the_interval_over_seeds_holds_the_truth_as_often_as_it_says(num: int) -> None:
    rng = np.random.default_rng(num)
    for draw in (lambda: rng.normal(size=num), lambda: rng.gamma(8, size=num) - 8):
        found = [over_seeds(draw()) for _ in range(3000)]
        held = np.mean([low <= 0 <= high for low, high, _ in found])  # type: ignore[operator]
        assert held >= 0.935 - 0.009  # two errors of 3,000 samples
