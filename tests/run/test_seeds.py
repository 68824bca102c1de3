"""Streams of seeds never meet, whatever the run's own seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqnlab.envs.seeds import STREAMS, USES, env_seeds, generator

RUN_SEEDS = st.integers(0, 2**32 - 1)


def span(stream: str) -> tuple[int, int]:
    """The lowest and the highest of a thousand seeds of a stream, of ten runs with ten draws each."""
    seeds = [s for run in range(10) for draw in range(10) for s in env_seeds(run, stream, 10, draw)]
    return min(seeds), max(seeds)


def test_streams_draw_from_ranges_that_do_not_overlap() -> None:
    ends = [end for stream in sorted(STREAMS, key=span) for end in span(stream)]
    assert ends == sorted(ends)


@given(RUN_SEEDS, st.sampled_from(STREAMS), st.integers(1, 300))
@settings(max_examples=30)
def test_seeds_are_distinct_and_every_environment_accepts_them(seed: int, stream: str, num: int) -> None:
    seeds = env_seeds(seed, stream, num)
    assert len(set(seeds)) == len(seeds) == num
    assert all(type(s) is int and 0 <= s < 2**31 for s in seeds)


def test_the_same_question_gets_the_same_seeds() -> None:
    assert env_seeds(3, "select", 20, draw=2) == env_seeds(3, "select", 20, draw=2)


@pytest.mark.parametrize("stream", STREAMS)
def test_other_draws_and_other_runs_get_other_seeds(stream: str) -> None:
    asked = [env_seeds(3, stream, 20), env_seeds(3, stream, 20, draw=1), env_seeds(4, stream, 20)]
    assert len({seed for seeds in asked for seed in seeds}) == 60


def test_parts_of_a_run_draw_different_numbers_and_the_same_ones_again() -> None:
    draws = [generator(seed, use).random(4).tolist() for seed in (0, 1) for use in USES]
    assert len({tuple(d) for d in draws}) == 2 * len(USES)
    np.testing.assert_array_equal(generator(1, USES[-1]).random(4), draws[-1])


def test_new_streams_and_parts_leave_the_numbers_of_the_old_ones_alone() -> None:
    assert STREAMS[:6] == ("train", "select", "confirm-1", "confirm-2", "evaluate", "film")
    assert USES[:3] == ("act", "replay", "record")


def test_no_generator_repeats_what_the_seeds_were_drawn_from() -> None:
    room = 2**28
    drawn = {tuple(s % room for s in env_seeds(0, stream, 5)) for stream in STREAMS}
    parts = {tuple(generator(0, use).choice(room, size=5, replace=False, shuffle=False).tolist()) for use in ("act",)}
    assert len(drawn) == len(STREAMS)
    assert not drawn & parts
