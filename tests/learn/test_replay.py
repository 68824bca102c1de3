"""⑥ The replay, against a list; prioritised drawing, against the formulas."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dqnlab.learn.replay import Prioritized, Replay, Sampler, Uniform
from dqnlab.learn.types import Batch, Block, ObsSpec, Transitions

NUMBER = ObsSpec((1,), np.dtype(np.float32))


class InOrder:
    """A sampler that draws the first slots as they lie."""

    def added(self, slots: np.ndarray) -> None:
        pass

    def draw(self, size: int, stored: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        return np.arange(size), np.ones(size, np.float32)

    def update(self, slots: np.ndarray, error: np.ndarray) -> None:
        pass


def block(numbers: list[int] | np.ndarray, discount: float = 0.5) -> Block:
    """Transitions that can be told apart by their number."""
    t = np.array(numbers, dtype=np.float64)
    obs = t[:, None]
    transitions = Transitions(obs, t.astype(np.int64), t * 10, np.full(len(t), discount), obs + 0.25)
    return Block(transitions, np.zeros(len(t), np.int64), [], len(t), 0.0)


def replay_of(capacity: int, sampler: Sampler, *numbers: int, seed: int = 0) -> Replay:
    replay = Replay(capacity, NUMBER, sampler, np.random.default_rng(seed))
    replay.add(block(list(numbers)))
    return replay


def stored(replay: Replay) -> list[int]:
    """The numbers of all transitions, in the order of their slots (needs the InOrder sampler)."""
    return replay.sample(len(replay)).batch.action.tolist()


# ── The ring ─────────────────────────────────────────────────────────────────────────────────────


def test_the_oldest_are_overwritten_first() -> None:
    replay = replay_of(4, InOrder(), 1, 2, 3)
    replay.add(block([4, 5, 6]))
    assert stored(replay) == [5, 6, 3, 4]


@pytest.mark.parametrize("capacity", [1, 2, 10])
def test_after_31_adds_exactly_the_last_ones_are_there(capacity: int) -> None:
    replay = Replay(capacity, NUMBER, InOrder(), np.random.default_rng(0))
    for number in range(31):
        replay.add(block([number]))
        assert sorted(stored(replay)) == list(range(max(0, number + 1 - capacity), number + 1))


@settings(max_examples=50)
@given(st.integers(5, 12), st.lists(st.integers(0, 5), max_size=12))
def test_random_blocks_agree_with_a_list(capacity: int, sizes: list[int]) -> None:
    replay, naive, added = Replay(capacity, NUMBER, InOrder(), np.random.default_rng(0)), [-1] * capacity, 0
    for size in sizes:
        replay.add(block(np.arange(added, added + size)))
        for number in range(added, added + size):
            naive[number % capacity] = number
        added += size
        assert len(replay) == min(added, capacity)
    batch = replay.sample(len(replay)).batch
    expected = torch.tensor(naive[: len(replay)])
    assert batch.action.tolist() == expected.tolist()
    assert batch.obs[:, 0].tolist() == expected.tolist()
    assert batch.next_obs[:, 0].tolist() == (expected + 0.25).tolist()
    assert batch.reward.tolist() == (expected * 10.0).tolist()
    assert batch.discount.tolist() == [0.5] * len(replay)
    assert batch.weight.tolist() == [1.0] * len(replay)


@pytest.mark.parametrize("sampler", [Uniform(), Prioritized(100, 0.6, 0.4)])
def test_nothing_is_sampled_before_it_holds_enough(sampler: Sampler) -> None:
    replay = replay_of(100, sampler, *range(9))
    with pytest.raises(ValueError, match="cannot sample 10 transitions from a replay that holds 9"):
        replay.sample(10)
    replay.add(block([9]))
    assert len(replay.sample(10).slots) == 10


@pytest.mark.parametrize("dtype", ["uint8", "bool", "int64", "float32"])
def test_observations_keep_their_type_and_shape(dtype: str) -> None:
    obs = np.arange(12).reshape(2, 3, 2).astype(dtype)
    transitions = Transitions(obs, np.array([0, 1]), np.ones(2), np.ones(2), obs[::-1])
    replay = Replay(5, ObsSpec((3, 2), np.dtype(dtype)), InOrder(), np.random.default_rng(0))
    replay.add(Block(transitions, np.zeros(2, np.int64), [], 2, 0.0))
    batch = replay.sample(2).batch
    types = [str(column.dtype).removeprefix("torch.") for column in batch]
    assert types == [dtype, "int64", "float32", "float32", dtype, "float32"]
    assert batch.obs.tolist() == obs.tolist()
    assert batch.next_obs.tolist() == obs[::-1].tolist()


def test_float64_from_an_environment_is_stored_as_float32() -> None:
    batch = replay_of(5, InOrder(), 1, 2).sample(2).batch
    assert {column.dtype for column in batch if column.is_floating_point()} == {torch.float32}


def test_a_batch_has_the_columns_of_transitions_and_then_the_weight() -> None:
    assert Batch._fields == (*Transitions._fields, "weight")


def test_the_ring_shares_no_memory_with_what_goes_in_or_comes_out() -> None:
    incoming = block([1, 2])
    replay = Replay(2, NUMBER, InOrder(), np.random.default_rng(0))
    replay.add(incoming)
    for column in incoming.transitions:
        column[:] = 77
    for column in replay.sample(2).batch:
        column.fill_(99)
    assert stored(replay) == [1, 2]


def test_the_share_of_terminal_transitions_counts_what_is_stored() -> None:
    replay = Replay(4, NUMBER, Uniform(), np.random.default_rng(0))
    assert replay.terminal_share == 0
    replay.add(block([1], discount=0.0))
    assert replay.terminal_share == 1
    replay.add(block([2, 3]))
    assert replay.terminal_share == pytest.approx(1 / 3)
    replay.add(block([4, 5]))  # the second overwrites the terminal one
    assert replay.terminal_share == 0


# ── Uniform ──────────────────────────────────────────────────────────────────────────────────────


def test_uniform_draws_every_transition_equally_often() -> None:
    replay, counts = replay_of(20, Uniform(), *range(10)), np.zeros(10)
    for _ in range(1_000):
        sample = replay.sample(10)
        np.add.at(counts, sample.slots, 1)
        assert sample.batch.weight.tolist() == [1] * 10
    sigma = (10_000 * 0.1 * 0.9) ** 0.5
    assert np.abs(counts - 1_000).max() < 4 * sigma
    assert counts.std() > sigma / 3  # with replacement and not in turn


def test_a_sample_names_the_slots_it_came_from() -> None:
    sample = replay_of(20, Uniform(), *range(50, 70)).sample(20)
    assert (sample.slots + 50).tolist() == sample.batch.action.tolist()


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
    slots, _ = replay.sampler.draw(size, len(replay), np.random.default_rng(0))
    return dict(sorted(Counter(slots.tolist()).items()))


@pytest.mark.parametrize("seed", range(5))
def test_a_stratified_batch_draws_in_proportion_to_the_errors_by_hand(seed: int) -> None:
    replay = replay_of(10, Prioritized(10, alpha=1, beta=0.5, eps=0.0), 1, 2, 3, *range(5), seed=seed)
    replay.update_priorities(np.arange(8), torch.tensor([1.0, 2, 5, 0, 0, 0, 0, 0]))
    sample = replay.sample(8)
    assert sample.slots.tolist() == [0, 1, 1, 2, 2, 2, 2, 2]  # one draw from each eighth, whatever the generator
    # N p = 1, 2, 5: weights (N p)**-0.5, and the largest is 1 already
    expected = [1, *[2**-0.5] * 2, *[5**-0.5] * 5]
    assert sample.batch.weight.tolist() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("beta", "expected"), [(0.0, [1, 1]), (0.4, [1, 4**-0.4]), (1.0, [1, 0.25])])
def test_beta_says_how_far_the_weights_undo_the_bias(beta: float, expected: list[float]) -> None:
    replay = replay_of(2, Prioritized(2, alpha=2, beta=beta, eps=0.0), 1, 2)  # priorities 1 and 4
    replay.update_priorities(np.array([0, 1]), torch.tensor([1.0, 2.0]))
    slots, weight = replay.sampler.draw(5, 2, np.random.default_rng(0))
    assert slots.tolist() == [0, 1, 1, 1, 1]
    assert weight.tolist() == pytest.approx([expected[0], *expected[1:] * 4], rel=1e-6)


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
        np.testing.assert_allclose(sample.batch.weight.numpy(), weight / weight.max(), rtol=1e-5)
    assert np.all(np.abs(counts - 10_000 * p) < 4 * (10_000 * p * (1 - p)) ** 0.5)


def test_alpha_zero_is_uniform() -> None:
    replay = replay_of(8, Prioritized(8, alpha=0, beta=1), *range(4))
    replay.update_priorities(np.arange(4), torch.tensor([0.0, 1.0, 10.0, 100.0]))
    assert drawn(replay, 4) == {0: 1, 1: 1, 2: 1, 3: 1}
    assert replay.sample(4).batch.weight.tolist() == [1] * 4


def test_new_transitions_get_the_largest_error_so_far() -> None:
    replay = replay_of(4, Prioritized(4, alpha=1, beta=1, eps=0.0), 0, 1)
    replay.update_priorities(np.array([0, 1]), torch.tensor([3.0, 1.0]))
    replay.update_priorities(np.array([0]), torch.tensor([1.0]))  # the largest is remembered, not looked up
    replay.add(block([2, 3]))
    assert drawn(replay, 8) == {0: 1, 1: 1, 2: 3, 3: 3}


def test_before_any_error_all_new_transitions_are_equal() -> None:
    assert drawn(replay_of(9, Prioritized(9, alpha=0.7, beta=1), *range(6)), 6) == dict.fromkeys(range(6), 1)


def test_a_transition_that_overwrites_another_does_not_inherit_its_priority() -> None:
    replay = replay_of(2, Prioritized(2, alpha=1, beta=1, eps=0.0), 0, 1)
    replay.update_priorities(np.array([0, 1]), torch.tensor([0.0, 4.0]))
    assert set(replay.sample(2).slots) == {1}
    replay.add(block([2]))
    assert drawn(replay, 2) == {0: 1, 1: 1}


def test_a_transition_without_error_can_still_be_drawn() -> None:
    replay = replay_of(2, Prioritized(2, alpha=1, beta=1, eps=0.01), 0, 1)
    replay.update_priorities(np.array([0, 1]), torch.tensor([0.0, 0.09]))
    assert drawn(replay, 1_100)[0] == pytest.approx(100, abs=1)


def test_slots_that_hold_nothing_are_never_drawn() -> None:
    replay = replay_of(1_000, Prioritized(1_000, alpha=0.5, beta=0.5), *range(5))
    assert drawn(replay, 1_000) == dict.fromkeys(range(5), 200)
