"""What the collector hands out is what happened: no more, no less, to the right episode."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from dqnlab.config import Env
from dqnlab.envs.collector import Collector, Starts
from dqnlab.envs.make import describe
from dqnlab.envs.open import make_envs
from dqnlab.learn.nstep import NStep
from dqnlab.learn.policy import Policy, Reactive
from dqnlab.learn.schedules import constant
from dqnlab.learn.types import Block


def collector(env: Env, num_envs: int = 1, n: int = 1, epsilon: Any = None, seeds: Sequence[int] = ()) -> Collector:
    spec = describe(env)
    policy = Policy(Reactive(lambda obs: np.zeros((num_envs, spec.num_actions))), np.random.default_rng(0))
    envs = make_envs(env, spec, num_envs)
    fold = NStep(n, 0.9, num_envs)
    return Collector(
        envs,
        spec.obs,
        policy,
        epsilon or constant(1.0),
        fold,
        Starts(lambda draw: list(seeds or range(num_envs)), None),
    )


def until(source: Collector, episodes: int) -> list[Block]:
    blocks = []
    while source.episodes < episodes:
        blocks.append(source.step())
    return blocks


def joined(blocks: list[Block], field: str) -> np.ndarray:
    return np.concatenate([getattr(block.transitions, field) for block in blocks])


def frames_of(blocks: list[Block]) -> np.ndarray:
    """What the envs showed, moment by moment, [T, E, *frame_shape]."""
    return np.concatenate([block.frames for block in blocks])


def seen_by(blocks: list[Block]) -> tuple[np.ndarray, np.ndarray]:
    """Of every transition the frame that it starts from, and the one that it ends in."""
    frames, moment, starts, ends = frames_of(blocks), -1, [], []
    for block in blocks:
        moment, moved = moment + len(block.frames), block.transitions
        starts.append(frames[moment - moved.span, moved.env])
        ends.append(frames[moment, moved.env])
    return np.concatenate(starts), np.concatenate(ends)


@pytest.mark.parametrize("ends", ["terminated", "truncated"])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_the_step_that_only_resets_is_never_stored(scripted: Any, ends: str, n: int) -> None:
    blocks = until(collector(Env(id=scripted, kwargs={"ends": ends}), n=n), episodes=3)
    obs, next_obs = seen_by(blocks)
    assert obs.tolist() == [[episode, t] for episode in range(3) for t in range(3)]
    assert next_obs.tolist() == [[episode, min(t + n, 3)] for episode in range(3) for t in range(3)]
    assert sum(block.steps for block in blocks) == 9
    assert len(blocks) == 11  # two of them only reset


def test_truncated_episode_still_bootstraps_and_a_terminated_one_does_not(scripted: Any) -> None:
    def discounts(ends: str) -> np.ndarray:
        return joined(until(collector(Env(id=scripted, kwargs={"ends": ends})), 1), "discount")

    np.testing.assert_array_equal(discounts("terminated"), np.float32([0.9, 0.9, 0.0]))
    np.testing.assert_array_equal(discounts("truncated"), np.float32([0.9, 0.9, 0.9]))


def test_returns_and_lengths_of_a_hundred_episodes_are_exact(scripted: Any) -> None:
    lengths = np.random.default_rng(0).integers(1, 9, size=100).tolist()
    blocks = until(collector(Env(id=scripted, kwargs={"lengths": lengths})), 100)
    episodes = [episode for block in blocks for episode in block.episodes]
    assert [each[:2] for each in episodes] == [
        (length * (length + 1) / 2, length) for length in lengths
    ]  # 1 + 2 + … + length


def test_every_env_keeps_its_own_account(seeded: Any) -> None:
    source = collector(Env(id=seeded), num_envs=3, seeds=[1, 4, 8])  # first episodes of 2, 5 and 9 steps
    episodes = [(e.length, e.ret) for block in until(source, 30) for e in block.episodes if e.length > 1]
    assert episodes == [(2, 3.0), (5, 15.0), (9, 45.0)]  # later ones begin without a seed and last one step


def test_a_block_says_which_env_its_transitions_came_from(seeded: Any) -> None:
    source = collector(Env(id=seeded), num_envs=2, seeds=[1, 4])
    blocks = [source.step() for _ in range(4)]
    assert [block.transitions.env.tolist() for block in blocks] == [[0, 1], [0, 1], [1], [0, 1]]
    assert [block.steps for block in blocks] == [2, 2, 1, 2]


def test_a_block_may_hold_no_transition(scripted: Any) -> None:
    source = collector(Env(id=scripted, kwargs={"lengths": (9,)}), n=3)
    blocks = [source.step() for _ in range(3)]
    assert [len(block.transitions.action) for block in blocks] == [0, 0, 1]
    assert [block.steps for block in blocks] == [1, 1, 1]


def test_epsilon_sees_the_steps_and_episodes_before_it(scripted: Any) -> None:
    seen: list[tuple[int, int]] = []

    def epsilon(steps: int, episodes: int) -> float:
        seen.append((steps, episodes))
        return 1 / (1 + len(seen))

    blocks = until(collector(Env(id=scripted, kwargs={"lengths": (2,)}), num_envs=2, epsilon=epsilon), 4)
    assert seen == [(0, 0), (2, 0), (4, 2), (4, 2), (6, 2)]  # the step that only resets counts for nothing
    assert [block.epsilon for block in blocks] == [1 / (2 + i) for i in range(5)]


def test_the_steps_are_those_of_all_envs(scripted: Any) -> None:
    source = collector(Env(id=scripted, kwargs={"lengths": (50,)}), num_envs=4)
    for block, _ in zip(source, range(10), strict=False):
        assert block.steps == 4
    assert source.steps == 44  # zip takes one more block before it sees that the range has ended


@pytest.mark.parametrize("num_envs", [4, 8], ids=["serial", "native"])
def test_every_env_and_every_episode_begins_elsewhere(num_envs: int) -> None:
    source = collector(Env(id="CartPole-v1", max_episode_steps=5), num_envs)
    starts = [source.obs.copy()]
    for _ in range(20):
        resting = source._resting.copy()
        source.step()
        starts.append(source.obs[resting])  # those that have just been reset
    begun = np.concatenate(starts)
    assert len(begun) >= 3 * num_envs
    assert len(np.unique(begun, axis=0)) == len(begun)


def test_rewards_and_actions_stay_with_their_observation() -> None:
    env = Env(id="CartPole-v1")
    source = collector(env, num_envs=2)
    blocks: list[Block] = []
    for _ in range(30):
        before = source.obs.copy()
        blocks.append(source.step())
        env, (obs, next_obs) = blocks[-1].transitions.env, seen_by(blocks)
        np.testing.assert_array_equal(obs[-len(env) :], before[env])
        np.testing.assert_array_equal(next_obs[-len(env) :], source.obs[env])


def test_a_cut_forgets_what_was_known_of_what_is_no_longer_shown() -> None:
    source = collector(Env(id="CartPole-v1"), epsilon=constant(0.0))
    source.step()
    source.policy.known = np.array([[0, 9]])
    source.cut_due = True
    source.step()
    assert source.policy.known is None


def test_each_frame_comes_once_and_the_first_of_an_episode_is_marked(scripted: Any) -> None:
    blocks = until(collector(Env(id=scripted, kwargs={"lengths": (2, 1)}), num_envs=2), 6)
    assert [len(block.frames) for block in blocks] == [2, *[1] * (len(blocks) - 1)]  # before the first step, too
    frames, first = frames_of(blocks), np.concatenate([block.first for block in blocks])
    shown = [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [2, 0], [2, 1], [2, 2]]
    assert frames.tolist() == [[each, each] for each in shown]  # both envs show the same
    assert first.tolist() == [[time == 0] * 2 for _, time in shown]


def test_of_a_stack_only_the_newest_frame_is_handed_out(scripted: Any) -> None:
    blocks = until(collector(Env(id=scripted, kwargs={"lengths": (2, 1)}, frame_stack=3)), 2)
    assert frames_of(blocks)[:, 0].tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1]]
