"""Evaluation counts every episode once, and says how sure it is."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from dqnlab.config import Env
from dqnlab.envs.make import describe
from dqnlab.envs.open import make_envs
from dqnlab.envs.vector import SerialEnvs
from dqnlab.errors import EnvironmentFault
from dqnlab.learn.policy import Reactive
from dqnlab.run.evaluate import SIDE_BY_SIDE, Evaluator, Outcome, score_of


def first_action(obs: np.ndarray) -> np.ndarray:
    return np.tile([1.0, 0.0], (len(obs), 1))


def evaluator(env: Env, gamma: float = 0.5) -> Evaluator:
    return Evaluator(env, describe(env), gamma)


class Frail(gym.Env):
    """Breaks at step 3 of the episode that begins with seed 4."""

    observation_space = gym.spaces.Box(-1, 1, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.seed, self.at = seed, 0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        self.at += 1
        if (self.seed, self.at) == (4, 3):
            raise OSError("gone")
        return np.zeros(1, np.float32), 1.0, self.at == 5, False, {}


@pytest.mark.parametrize("seed", [0, 9])
def test_a_fault_says_that_it_came_while_judging_in_which_episode_and_at_which_of_its_steps(seed: int) -> None:
    judge = evaluator(Env(id=Frail))
    judge.play(Reactive(first_action), [0, 1])  # what was played before is not counted
    with pytest.raises(EnvironmentFault, match=r"env 'Frail' \(judging, episode 19\), step 3 raised OSError: gone"):
        judge.play(Reactive(first_action), [seed] * 18 + [4] + [seed] * 4)


def test_the_environments_of_training_go_on_with_their_own_count_after_judging() -> None:
    spec = describe(Env(id=Frail))
    envs = make_envs(Env(id=Frail), spec, 2)
    envs.reset([4, 5])
    envs.step(np.zeros(2, int))
    assert isinstance(envs, SerialEnvs)
    lent = Evaluator(Env(id=Frail), spec, 0.5, most=2, lend=envs.lend)
    lent.play(Reactive(first_action), [0, 1, 2])
    envs.reset([5, 4])
    envs.step(np.zeros(2, int))
    envs.step(np.zeros(2, int))
    with pytest.raises(EnvironmentFault, match=r"env 'Frail' \(copy 2 of 2\), step 4 raised OSError: gone"):
        envs.step(np.zeros(2, int))


# ── Episodes ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("num", [1, 5, SIDE_BY_SIDE, SIDE_BY_SIDE + 1, 3 * SIDE_BY_SIDE + 2])
def test_each_seed_gives_one_episode_in_its_place_long_ones_too(seeded: Any, num: int) -> None:
    seeds = list(range(num))
    lengths = np.array([1 + s % 9 for s in seeds])
    outcome = evaluator(Env(id=seeded)).play(Reactive(first_action), seeds)
    np.testing.assert_array_equal(outcome.returns, lengths * (lengths + 1) / 2)


def test_the_mean_is_not_that_of_the_first_to_finish(seeded: Any) -> None:
    seeds = list(range(9))  # one to nine steps
    mean = evaluator(Env(id=seeded)).play(Reactive(first_action), seeds).returns.mean()
    assert mean == pytest.approx(55 / 3)  # the nine that finish first in nine autoreset envs are mostly short


def test_native_episodes_are_counted_once_as_well() -> None:
    def leaning(obs: np.ndarray) -> np.ndarray:
        return np.stack([-obs[:, 2], obs[:, 2]], 1)

    env = Env(id="CartPole-v1")
    returns = evaluator(env).play(Reactive(leaning), [3] * 20).returns
    vector = gym.make_vec("CartPole-v1", 20, vectorization_mode="vector_entry_point")
    obs, _ = vector.reset(seed=3)
    lengths = np.zeros(20)
    for step in range(1, 501):
        obs, _, terminated, truncated, _ = vector.step(leaning(obs).argmax(1))
        lengths[(lengths == 0) & (terminated | truncated)] = step
    assert returns.tolist() == lengths.tolist()
    assert returns.max() > 1.3 * returns.min()  # the shortest were long in their second episode by then


def test_values_and_discounted_returns_are_those_of_the_first_state(seeded: Any) -> None:
    def values(obs: np.ndarray) -> np.ndarray:
        return np.stack([obs[:, 1], 7 - obs[:, 1]], 1)

    outcome = evaluator(Env(id=seeded), gamma=0.5).play(Reactive(values), [2, 0])
    assert outcome.value.tolist() == [7, 7]
    assert outcome.discounted.tolist() == [1 + 2 / 2 + 3 / 4, 1]
    assert outcome.returns.tolist() == [6, 1]


def test_only_episodes_that_the_limit_ended_are_cut(seeded: Any) -> None:
    env = Env(id=seeded, max_episode_steps=4)
    outcome = evaluator(env).play(
        Reactive(first_action), [1, 3, 7]
    )  # two steps; four, its end and the limit at once; eight
    assert outcome.cut.tolist() == [False, False, True]
    assert outcome.returns.tolist() == [3, 10, 10]
    assert score_of(outcome).cut == 1


class Horizon(gym.Env[Any, Any]):
    """Truncates itself after three steps, and is registered nowhere."""

    observation_space = gym.spaces.Box(0, 1, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.time = 0
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> Any:
        self.time += 1
        return np.zeros(2, np.float32), 1.0, False, self.time >= 3, {}


def test_an_environment_that_truncates_itself_is_not_cut_at_a_limit_that_it_never_reached() -> None:
    assert evaluator(Env(id=Horizon)).play(Reactive(first_action), [1, 2]).cut.tolist() == [False, False]
    limited = Env(id=Horizon, max_episode_steps=2)
    assert evaluator(limited).play(Reactive(first_action), [1, 2]).cut.tolist() == [True, True]


@pytest.mark.parametrize("num", [3, 20])
def test_the_same_seeds_give_every_network_the_same_starts(num: int) -> None:
    seen: list[np.ndarray] = []

    def looks(obs: np.ndarray) -> np.ndarray:
        seen.append(obs.copy())
        return first_action(obs)

    judge = evaluator(Env(id="CartPole-v1"))
    starts = []
    for seeds in (range(num), range(num), range(100, 100 + num)):
        seen.clear()
        judge.play(Reactive(looks), list(seeds))
        starts.append(seen[0])
    np.testing.assert_array_equal(starts[0], starts[1])
    assert not np.array_equal(starts[0], starts[2])
    assert len(np.unique(starts[0], axis=0)) == num


def test_environments_are_made_once_and_closed_in_the_end(scripted: Any) -> None:
    made, closed = [], []

    class Counted(scripted):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

        def close(self) -> None:
            closed.append(self)

    judge = Evaluator(Env(id=Counted), describe(Env(id=scripted)), 0.9)
    for seeds in ([1, 2], [1], [3, 4, 5], list(range(40))):
        judge.play(Reactive(first_action), seeds)
    assert len(made) == 16  # as many as play side by side; fewer seeds take some of them
    judge.close()
    assert closed == made


# ── Intervals ────────────────────────────────────────────────────────────────────────────────────


def outcome(returns: list[float]) -> Outcome:
    zeros = np.zeros(len(returns))
    return Outcome(np.array(returns), zeros.astype(bool), zeros, zeros)


def test_equal_returns_have_no_interval() -> None:
    score = score_of(outcome([500.0] * 100))
    assert (score.mean, score.minimum, score.maximum) == (500,) * 3
    assert (score.low, score.high) == (None, None)
    assert score.interval == "none: no spread seen in 100 episodes"
    assert (score.episodes, score.cut, score.returns) == (100, 0, (500.0,) * 100)


def test_a_score_says_which_interval_it_has() -> None:
    score = score_of(outcome([0.0, 1.0] * 50))
    assert (score.low, score.high) == pytest.approx((0.4, 0.6), abs=0.011)
    assert "Hall" in score.interval
    assert "not over training seeds" in score.interval
