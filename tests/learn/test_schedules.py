"""Epsilon as a function of progress."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqnlab.learn.schedules import constant, geometric, linear, linear_episodes

SHARE = st.floats(0, 1)


@pytest.mark.parametrize(
    ("step", "expected"), [(0, 1.0), (2_500, 0.7625), (5_000, 0.525), (10_000, 0.05), (10**9, 0.05)]
)
def test_linear_falls_in_a_straight_line_and_stays(step: int, expected: float) -> None:
    for episode in (0, 7_000):  # which do not count
        assert linear(1.0, 0.05, 10_000)(step, episode) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("episode", "expected"), [(0, 1.0), (1, 0.995), (2, 0.990025), (918, 0.01003663), (919, 0.01)])
def test_geometric_shrinks_per_episode_down_to_its_floor(episode: int, expected: float) -> None:
    for step in (0, 10**6):  # which do not count
        assert geometric(1.0, 0.01, 0.995)(step, episode) == pytest.approx(expected, rel=1e-6)


def test_geometric_agrees_with_multiplying_after_every_episode() -> None:
    epsilon, schedule = 0.9, geometric(0.9, 0.05, 0.97)
    for episode in range(300):
        assert schedule(0, episode) == pytest.approx(epsilon, rel=1e-9)
        epsilon = max(0.05, epsilon * 0.97)


def test_constant_never_changes() -> None:
    assert {constant(0.1)(step, episode) for step in (0, 1, 10**9) for episode in (0, 1, 10**9)} == {0.1}


@given(SHARE, SHARE, st.integers(1, 10_000), st.floats(0.01, 1))
def test_every_schedule_only_falls_from_start_to_end(a: float, b: float, steps: int, factor: float) -> None:
    start, end = max(a, b), min(a, b)
    for schedule in (linear(start, end, steps), geometric(start, end, factor)):
        values = [schedule(t, t) for t in range(0, 20_000, 499)]
        assert values[0] == start
        assert all(after <= before + 1e-12 for before, after in pairwise(values))
        assert all(end - 1e-12 <= value <= start for value in values)
    assert linear(start, end, steps)(steps, 0) == pytest.approx(end, abs=1e-12)


@pytest.mark.parametrize(("episode", "expected"), [(0, 1.0), (25, 0.7625), (50, 0.525), (100, 0.05), (10**6, 0.05)])
def test_linear_by_episodes_counts_episodes_only(episode: int, expected: float) -> None:
    for step in (0, 10**6):
        assert linear_episodes(1.0, 0.05, 100)(step, episode) == pytest.approx(expected, abs=1e-12)
