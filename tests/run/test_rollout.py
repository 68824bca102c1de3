"""One rollout: one greedy episode in each env, no more."""

from typing import Any

import numpy as np

from dqnlab.config import Env
from dqnlab.envs.make import describe
from dqnlab.envs.open import make_envs
from dqnlab.envs.rollout import RolloutStep, rollout
from dqnlab.learn.policy import Reactive


def play(env: Env, q_values: Any, seeds: list[int], *, autoreset: bool = False) -> list[RolloutStep]:
    return list(rollout(make_envs(env, describe(env), len(seeds), autoreset=autoreset), Reactive(q_values), seeds))


def first_action(obs: np.ndarray) -> np.ndarray:
    return np.tile([1.0, 0.0], (len(obs), 1))


def test_every_env_plays_its_episode_to_the_end_and_no_second_one(seeded: Any) -> None:
    for autoreset in (False, True):  # a native vector starts anew whatever one asks
        steps = play(Env(id=seeded), first_action, [2, 0, 4], autoreset=autoreset)
        assert np.array([s.playing for s in steps]).sum(0).tolist() == [3, 1, 5]
        assert len(steps) == 5
        ends = np.array([s.terminated & s.playing for s in steps])
        assert ends.sum(0).tolist() == [1, 1, 1]


def test_the_largest_value_decides_and_is_reported(seeded: Any) -> None:
    def by_parity(obs: np.ndarray) -> np.ndarray:
        odd = obs[:, 1] % 2
        return np.stack([1 - odd, odd], 1)

    steps = play(Env(id=seeded), by_parity, [4])
    assert [s.action[0] for s in steps] == [0, 1, 0, 1, 0]
    assert [s.obs[0, 1] for s in steps] == [0, 1, 2, 3, 4]
    assert [s.q[0].tolist() for s in steps[:2]] == [[1, 0], [0, 1]]
    assert [s.reward[0] for s in steps] == [1, 2, 3, 4, 5]


def test_acting_is_without_exploration() -> None:
    env = Env(id="CartPole-v1")
    runs = [[s.action.tolist() for s in play(env, first_action, [1, 2])] for _ in range(2)]
    assert runs[0] == runs[1]
    assert {a for actions in runs[0] for a in actions} == {0}


def test_a_truncated_episode_is_over_too(scripted: Any) -> None:
    steps = play(Env(id=scripted, kwargs={"ends": "truncated", "lengths": (4,)}), first_action, [0])
    assert [bool(s.truncated[0]) for s in steps] == [False, False, False, True]


def test_the_same_seeds_play_the_same_episodes_again() -> None:
    env = Env(id="CartPole-v1")
    envs = make_envs(env, describe(env), 2, autoreset=False)
    runs = [[s.obs for s in rollout(envs, Reactive(first_action), seeds)] for seeds in ([1, 2], [1, 2], [3, 4])]
    np.testing.assert_array_equal(np.array(runs[0]), np.array(runs[1]))
    assert not np.array_equal(runs[0][0], runs[2][0])
