"""From env steps to n-step transitions, against a window per env written with a deque."""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqnlab.learn.nstep import NStep, StepResult


class Row(NamedTuple):
    """One transition in plain numbers; its observations are told by the vector step that showed them."""

    env: int
    start: int
    action: int
    reward: float
    discount: float
    end: int


def fold(nstep: NStep, step: StepResult) -> list[Row]:
    moved, time = nstep(step), nstep._steps
    columns = (moved.env, time - moved.span, moved.action, moved.reward, moved.discount)
    return [Row(*row, end=time) for row in zip(*(column.tolist() for column in columns), strict=True)]


class SlowNStep:
    """The same with one deque of open steps per env."""

    def __init__(self, n: int, gamma: float, num_envs: int):
        self.n, self.gamma = n, gamma
        self.steps = 0
        self.windows: list[deque[tuple[int, int, float]]] = [deque() for _ in range(num_envs)]

    def __call__(self, step: StepResult) -> list[Row]:
        found = []
        self.steps += 1
        for env, window in enumerate(self.windows):
            if not step.live[env]:
                continue
            window.append((self.steps - 1, step.action[env], step.reward[env]))
            ended = step.terminated[env] or step.truncated[env]
            while window and (ended or len(window) == self.n):
                span = len(window)
                reward = sum(self.gamma**k * r for k, (_, _, r) in enumerate(window))
                discount = 0.0 if step.terminated[env] else self.gamma**span
                start, action, _ = window.popleft()
                found.append((-span, Row(env, start, action, reward, discount, self.steps)))
        return [row for _, row in sorted(found)]


def random_steps(num_envs: int, count: int, seed: int) -> Iterator[StepResult]:
    """Episodes of random lengths and ends, each followed by a reset."""
    rng = np.random.default_rng(seed)
    live = np.ones(num_envs, bool)
    for _ in range(count):
        # how it ends: 0 terminated, 1 truncated, 2 both, else not at all
        end = np.where(live, rng.integers(15, size=num_envs), 9)
        yield StepResult(
            action=rng.integers(5, size=num_envs),
            reward=np.where(live, rng.integers(-9, 10, size=num_envs), 1e6),  # a reset's reward means nothing
            terminated=(end == 0) | (end == 2),
            truncated=(end == 1) | (end == 2),
            live=live,
        )
        live = end > 2


def episode(rewards: list[float], terminated: bool) -> Iterator[StepResult]:
    """One env's episode; actions 0, 1, 2, …"""
    for t, reward in enumerate(rewards):
        last = t == len(rewards) - 1
        yield StepResult(
            np.array([t]),
            np.array([reward]),
            np.array([last and terminated]),
            np.array([last and not terminated]),
            np.array([True]),
        )


@pytest.mark.parametrize(("terminated", "discounts"), [(True, [0.0, 0.0, 0.0]), (False, [0.125, 0.25, 0.5])])
def test_the_tails_of_an_episode_by_hand(terminated: bool, discounts: list[float]) -> None:
    nstep = NStep(3, 0.5, 1)
    blocks = [fold(nstep, step) for step in episode([1, 2, 4, 8], terminated)]
    assert blocks[:3] == [[], [], [Row(0, 0, 0, 1 + 1 + 1, 0.125, 3)]]
    rewards = [2 + 2 + 2, 4 + 4, 8]
    assert blocks[3] == [Row(0, t + 1, t + 1, rewards[t], discounts[t], 4) for t in range(3)]


@settings(max_examples=60)
@given(st.integers(1, 4), st.integers(1, 5), st.sampled_from([0.0, 0.9, 1.0]), st.integers(0, 10**6))
def test_random_episodes_agree_with_a_deque_per_env(num_envs: int, n: int, gamma: float, seed: int) -> None:
    fast, slow = NStep(n, gamma, num_envs), SlowNStep(n, gamma, num_envs)
    for step in random_steps(num_envs, 40, seed):
        rows, expected = fold(fast, step), slow(step)
        assert [row[:3] for row in rows] == [row[:3] for row in expected]
        np.testing.assert_allclose(np.array(rows), np.array(expected), rtol=1e-5, atol=1e-5)


@settings(max_examples=30)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 10**6))
def test_every_step_starts_exactly_one_transition_of_its_own_env(num_envs: int, n: int, seed: int) -> None:
    nstep = NStep(n, 0.9, num_envs)
    started: list[tuple[int, int]] = []  # env, vector step
    handed_out: list[tuple[int, int]] = []
    open_steps = np.zeros(num_envs, int)
    for t, step in enumerate(random_steps(num_envs, 60, seed)):
        rows = fold(nstep, step)
        started += [(env, t) for env in step.live.nonzero()[0].tolist()]
        handed_out += [(row.env, row.start) for row in rows]
        assert all(1 <= row.end - row.start <= n for row in rows)
        ended = step.terminated | step.truncated
        open_steps = np.where(ended, 0, np.minimum(open_steps + step.live, n - 1))
    assert len(handed_out) == len(set(handed_out))
    assert set(handed_out) <= set(started)
    assert len(started) - len(handed_out) == open_steps.sum()


@pytest.mark.parametrize("n", [1, 2, 3, 5, 10])
def test_a_corridors_values_solve_every_transition_whatever_n(n: int) -> None:
    value = [0.9**4, 0.9**3, 0.9**2, 0.9, 1.0, 123.0]  # beyond the end nothing counts
    nstep = NStep(n, 0.9, 1)
    rows = [row for _ in range(3) for step in episode([0, 0, 0, 0, 1], True) for row in fold(nstep, step)]
    assert len(rows) == 15
    for row in rows:
        begun = row.start - row.start % 5  # the five steps of each episode follow each other without a reset
        assert row.reward + row.discount * value[row.end - begun] == pytest.approx(value[row.start - begun])


@pytest.mark.parametrize("n", [1, 2, 3, 5, 10])
def test_a_truncated_episode_still_bootstraps(n: int) -> None:
    nstep = NStep(n, 0.9, 1)  # reward 1 for ever is worth 10, however often the episode is cut
    rows = [row for _ in range(3) for step in episode([1] * 5, False) for row in fold(nstep, step)]
    assert len(rows) == 15
    assert [row.reward + row.discount * 10 for row in rows] == pytest.approx([10] * 15)


def test_where_both_ends_meet_the_episode_terminated() -> None:
    step = next(episode([1.0], True))._replace(truncated=np.array([True]))
    assert fold(NStep(3, 0.9, 1), step) == [Row(0, 0, 0, 1, 0, 1)]


def test_the_rewards_of_two_envs_are_never_mixed() -> None:
    nstep = NStep(2, 1.0, 2)
    rows = []
    for _ in range(4):
        nobody = np.zeros(2, bool)
        step = StepResult(np.array([0, 1]), np.array([1.0, 100.0]), nobody, nobody, ~nobody)
        rows += fold(nstep, step)
    assert {(row.env, row.action, row.reward) for row in rows} == {(0, 0, 2), (1, 1, 200)}


def test_a_reset_starts_no_transition_and_ends_none() -> None:
    nstep = NStep(1, 0.9, 1)
    step = next(episode([7.0], True))
    assert len(fold(nstep, step)) == 1
    reset = step._replace(live=np.array([False]), reward=np.array([1e6]))  # whatever else it says
    assert fold(nstep, reset) == []
    assert fold(nstep, step) == [Row(0, 2, 0, 7, 0, 3)]  # but it shows a frame


def test_the_reward_of_a_reset_is_lost_on_the_next_episode() -> None:
    nstep = NStep(3, 1.0, 1)
    last, first, second = next(episode([7.0], True)), *episode([1, 2], True)
    fold(nstep, last)
    fold(nstep, last._replace(live=np.array([False]), reward=np.array([1e6])))
    rows = [row for step in (first, second) for row in fold(nstep, step)]
    assert [row.reward for row in rows] == [3, 2]


def test_a_block_may_hold_no_transition() -> None:
    transitions = NStep(3, 0.9, 2)(next(random_steps(2, 1, seed=0)))
    assert [column.shape for column in transitions] == [(0,)] * 5


def test_what_is_handed_out_has_the_types_of_the_replay() -> None:
    yes, no = np.array([True]), np.array([False])
    transitions = NStep(2, 0.9, 1)(StepResult(np.array([1]), np.array([1.0]), no, yes, yes))
    assert [str(column.dtype) for column in transitions] == ["int64", "int64", "float32", "float32", "int64"]


def test_a_cut_truncates_what_is_open_and_nothing_more() -> None:
    nstep, nobody = NStep(3, 0.5, 2), np.zeros(2, bool)
    for step in (StepResult(np.array([t, t]), np.ones(2), nobody, nobody, np.array([True, t > 0])) for t in range(2)):
        assert len(nstep(step).action) == 0
    cut = nstep.cut()
    assert (cut.env.tolist(), cut.span.tolist(), cut.action.tolist()) == ([0, 0, 1], [2, 1, 1], [0, 1, 1])
    assert (cut.reward.tolist(), cut.discount.tolist()) == ([1.5, 1, 1], [0.25, 0.5, 0.5])
    assert len(nstep.cut().action) == 0


def test_later_changes_to_what_went_in_do_not_reach_what_was_handed_out() -> None:
    nstep = NStep(2, 0.9, 1)
    first, second = episode([1, 2], True)
    nstep(first)
    for column in first:
        column[:] = 0
    transitions = nstep(second)
    for column in second:
        column[:] = 0
    nstep(next(episode([9], True)))  # and the window moves on
    assert transitions.action.tolist() == [0, 1]
    assert transitions.reward.tolist() == pytest.approx([1 + 0.9 * 2, 2])
    assert (transitions.env.tolist(), transitions.span.tolist()) == ([0, 0], [2, 1])


@pytest.mark.parametrize(("n", "rewards"), [(1, [1.0, -1.0, 0.5]), (3, [1 - 0.5 + 0.125, -1 + 0.25, 0.5])])
def test_each_reward_is_clipped_before_it_is_summed_and_divided(n: int, rewards: list[float]) -> None:
    fold = NStep(n, 0.5, 1, reward_scale=2.0, reward_clip=1.0)
    learned: list[float] = []
    for number, reward in enumerate((8.0, -9.0, 0.5)):
        ends = np.array([number == 2])
        step = StepResult(np.array([0]), np.array([reward]), ends, ~ends & False, np.array([True]))
        learned += fold(step).reward.tolist()
    assert learned == [each / 2 for each in rewards]
