"""Which transitions are drawn: evenly, or by the formulas of prioritisation."""

from collections import Counter

import numpy as np
import pytest
import torch

from dqnlab.learn.layout import Layout
from dqnlab.learn.replay import Pace, Replay
from dqnlab.learn.samplers import Prioritized, Sampler, Slots, Uniform
from dqnlab.learn.types import Block, ObsSpec, Transitions

NUMBER = ObsSpec((), np.dtype(np.int64), num_states=10**6)


def block(numbers: list[int], source: int = 0) -> Block:
    """Transitions of one step that can be told apart by their number, of as many envs, which begin with it."""
    t, one = np.array(numbers, dtype=np.int64), np.ones(len(numbers), np.int64)
    moved = Transitions(np.arange(len(t)), t, t * 10.0, np.full(len(t), 0.5), one)
    return Block(np.stack([t, t]), np.stack([one > 0, one == 0]), moved, [], len(t), 0.0, source)


def replay_of(capacity: int, sampler: Sampler, *numbers: int, seed: int = 0) -> Replay:
    replay = Replay(
        Layout(capacity, NUMBER, n=1, reach=2 * capacity), sampler, Pace(1, 1, 16), np.random.default_rng(seed)
    )
    replay.add(block(list(numbers)))
    return replay


# ── Uniform ──────────────────────────────────────────────────────────────────────────────────────


def test_uniform_draws_every_transition_equally_often() -> None:
    replay, counts = replay_of(20, Uniform(), *range(10)), np.zeros(10)
    for _ in range(1_000):
        sample = replay.sample(10)
        np.add.at(counts, sample.slots, 1)
        assert sample.weight.tolist() == [1] * 10
    sigma = (10_000 * 0.1 * 0.9) ** 0.5
    assert np.abs(counts - 1_000).max() < 4 * sigma
    assert counts.std() > sigma / 3  # with replacement and not in turn


def test_uniform_draws_from_what_is_held_wherever_it_begins_and_around_the_end() -> None:
    counts = np.zeros(10)
    for seed in range(200):
        slots, weight = Uniform().draw(20, Slots(first=7, num=5, capacity=10), np.random.default_rng(seed))
        np.add.at(counts, slots, 1)
        assert weight.tolist() == [1] * 20
    assert set(counts.nonzero()[0]) == {7, 8, 9, 0, 1}
    assert np.abs(counts[[7, 8, 9, 0, 1]] - 800).max() < 4 * (4_000 * 0.2 * 0.8) ** 0.5


def test_uniform_ignores_errors() -> None:
    with_errors, without = (replay_of(10, Uniform(), *range(10)) for _ in range(2))
    with_errors.update_priorities(np.arange(10), torch.arange(10.0) * 100)
    assert with_errors.sample(10).slots.tolist() == without.sample(10).slots.tolist()


@pytest.mark.parametrize("prioritised", [False, True])
def test_drawing_by_another_generator_leaves_the_own_one_alone(prioritised: bool) -> None:
    asked, left = (replay_of(50, Prioritized(50, 1, 1) if prioritised else Uniform(), *range(50)) for _ in range(2))
    other = [asked.sample(20, np.random.default_rng(5)).slots.tolist() for _ in range(2)]
    assert other[0] == other[1]
    assert asked.sample(20).slots.tolist() == left.sample(20).slots.tolist() != other[0]


# ── Prioritised ──────────────────────────────────────────────────────────────────────────────────


def drawn(replay: Replay, size: int) -> dict[int, int]:
    """How often each slot is drawn in one batch, which may be larger than what is stored."""
    held = Slots((replay.added - len(replay)) % replay.layout.capacity, len(replay), replay.layout.capacity)
    slots, _ = replay.sampler.draw(size, held, np.random.default_rng(0))
    return dict(sorted(Counter(slots.tolist()).items()))


@pytest.mark.parametrize("seed", range(5))
def test_a_stratified_batch_draws_in_proportion_to_the_errors_by_hand(seed: int) -> None:
    replay = replay_of(10, Prioritized(10, alpha=1, beta=0.5, eps=0.0), 1, 2, 3, *range(5), seed=seed)
    replay.update_priorities(np.arange(8), torch.tensor([1.0, 2, 5, 0, 0, 0, 0, 0]))
    sample = replay.sample(8)
    assert sample.slots.tolist() == [0, 1, 1, 2, 2, 2, 2, 2]  # one draw from each eighth, whatever the generator
    # N p = 1, 2, 5: weights (N p)**-0.5, and the largest is 1 already
    expected = [1, *[2**-0.5] * 2, *[5**-0.5] * 5]
    assert sample.weight.tolist() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("beta", "expected"), [(0.0, [1, 1]), (0.4, [1, 4**-0.4]), (1.0, [1, 0.25])])
def test_beta_says_how_far_the_weights_undo_the_bias(beta: float, expected: list[float]) -> None:
    replay = replay_of(2, Prioritized(2, alpha=2, beta=beta, eps=0.0), 1, 2)  # priorities 1 and 4
    replay.update_priorities(np.array([0, 1]), torch.tensor([1.0, 2.0]))
    slots, weight = replay.sampler.draw(5, Slots(0, 2, 2), np.random.default_rng(0))
    assert slots.tolist() == [0, 1, 1, 1, 1]
    assert weight.tolist() == pytest.approx([expected[0], *expected[1:] * 4], rel=1e-6)


def test_beta_goes_to_its_end_in_a_straight_line_and_stays_there() -> None:
    sampler = Prioritized(4, alpha=1, beta=0.4, beta_end=1.0, updates=4)
    sampler.added(Slots(0, 4, 4))
    seen = []
    for _ in range(6):
        sampler.draw(2, Slots(0, 4, 4), np.random.default_rng(0))
        seen.append(sampler.beta)
    assert seen == pytest.approx([0.4, 0.6, 0.8, 1.0, 1.0, 1.0])


def test_beta_continues_where_it_was() -> None:
    def made() -> Prioritized:
        sampler = Prioritized(4, alpha=1, beta=0.0, beta_end=1.0, updates=11)
        sampler.added(Slots(0, 4, 4))
        return sampler

    sampler, resumed = made(), made()
    for _ in range(3):
        sampler.draw(2, Slots(0, 4, 4), np.random.default_rng(0))
    resumed.load_state_dict(sampler.state_dict())
    for each in (sampler, resumed):
        each.draw(2, Slots(0, 4, 4), np.random.default_rng(0))
    assert (sampler.beta, resumed.beta) == (pytest.approx(0.3), pytest.approx(0.3))


def test_many_draws_follow_the_formulas_after_random_updates() -> None:
    rng, alpha, beta, eps = np.random.default_rng(1), 0.6, 0.4, 1e-3
    replay = replay_of(37, Prioritized(37, alpha, beta, eps), *range(30))
    error = np.ones(30) - eps  # a new one counts as an error of 1, before anything larger was seen
    for _ in range(50):
        slots, new = rng.permutation(30)[:8], rng.exponential(size=8)
        replay.update_priorities(slots, torch.from_numpy(new))
        error[slots] = new
    p = (error + eps) ** alpha / sum((error + eps) ** alpha)
    counts = np.zeros(30)
    for _ in range(400):
        sample = replay.sample(25)
        np.add.at(counts, sample.slots, 1)
        weight = (30 * p[sample.slots]) ** -beta
        np.testing.assert_allclose(sample.weight, weight / weight.max(), rtol=1e-5)
    assert np.all(np.abs(counts - 10_000 * p) < 4 * (10_000 * p * (1 - p)) ** 0.5)


def test_alpha_zero_is_uniform() -> None:
    replay = replay_of(8, Prioritized(8, alpha=0, beta=1), *range(4))
    replay.update_priorities(np.arange(4), torch.tensor([0.0, 1.0, 10.0, 100.0]))
    assert drawn(replay, 4) == {0: 1, 1: 1, 2: 1, 3: 1}
    assert replay.sample(4).weight.tolist() == [1] * 4


def test_new_transitions_get_the_largest_error_so_far() -> None:
    replay = replay_of(4, Prioritized(4, alpha=1, beta=1, eps=0.0), 0, 1)
    replay.update_priorities(np.array([0, 1]), torch.tensor([3.0, 1.0]))
    replay.update_priorities(np.array([0]), torch.tensor([1.0]))  # the largest is remembered, not looked up
    replay.add(block([2, 3], source=1))
    assert drawn(replay, 8) == {0: 1, 1: 1, 2: 3, 3: 3}


def test_before_any_error_all_new_transitions_are_equal() -> None:
    assert drawn(replay_of(9, Prioritized(9, alpha=0.7, beta=1), *range(6)), 6) == dict.fromkeys(range(6), 1)


def test_a_transition_that_overwrites_another_does_not_inherit_its_priority() -> None:
    replay = replay_of(2, Prioritized(2, alpha=1, beta=1, eps=0.0), 0, 1)
    replay.update_priorities(np.array([0, 1]), torch.tensor([0.0, 4.0]))
    assert set(replay.sample(2).slots) == {1}
    replay.add(block([2], source=1))
    assert drawn(replay, 2) == {0: 1, 1: 1}


def test_a_transition_without_error_can_still_be_drawn() -> None:
    replay = replay_of(2, Prioritized(2, alpha=1, beta=1, eps=0.01), 0, 1)
    replay.update_priorities(np.array([0, 1]), torch.tensor([0.0, 0.09]))
    assert drawn(replay, 1_100)[0] == pytest.approx(100, abs=1)


def test_slots_that_hold_nothing_are_never_drawn() -> None:
    replay = replay_of(1_000, Prioritized(1_000, alpha=0.5, beta=0.5), *range(5))
    assert drawn(replay, 1_000) == dict.fromkeys(range(5), 200)


def test_what_was_dropped_is_never_drawn_again() -> None:
    sampler = Prioritized(8, alpha=1, beta=1, eps=0.0)
    sampler.added(Slots(0, 8, 8))
    sampler.update(np.arange(8), torch.tensor([9.0, 9, 1, 1, 1, 1, 1, 1]))
    sampler.dropped(Slots(0, 2, 8))
    slots, weight = sampler.draw(600, Slots(first=2, num=6, capacity=8), np.random.default_rng(0))
    assert Counter(slots.tolist()) == dict.fromkeys(range(2, 8), 100)
    assert weight.tolist() == [1] * 600
