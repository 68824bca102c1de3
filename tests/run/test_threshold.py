"""Whose threshold counts as solved: a registered one only where nothing outside changes rewards or limits."""

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import wrappers

from dqnlab.config import Env
from dqnlab.envs.make import EnvSpec, describe
from dqnlab.envs.threshold import STEP_LIMIT
from dqnlab.errors import EnvironmentFault


class Seen(gym.ObservationWrapper[Any, Any, Any]):
    def observation(self, observation: Any) -> Any:
        return observation


class Shaped(gym.Wrapper[Any, Any, Any, Any]):
    def step(self, action: Any) -> Any:
        obs, reward, terminated, truncated, info = self.env.step(action)
        return obs, float(reward) + abs(obs[2]), terminated, truncated, info


class Bare(gym.Env[Any, Any]):
    observation_space, action_space = gym.spaces.Box(0, 1, (1,)), gym.spaces.Discrete(2)


def made(*layers: Callable[[Any], Any], env: str = "CartPole-v1", **kwargs: Any) -> Callable[[], Any]:
    def make() -> Any:
        found: Any = gym.make(env, **kwargs)
        for layer in layers:
            found = layer(found)
        return found

    return make


def spec(env: Any, **settings: Any) -> EnvSpec:
    return describe(Env(id=env, **settings))


def replaced(env: Any) -> Any:
    env.unwrapped.step = env.unwrapped.step
    return env


@pytest.mark.parametrize(
    "env",
    [
        "CartPole-v1",
        made(),
        made(Seen),
        made(wrappers.RecordEpisodeStatistics),
        made(lambda env: wrappers.FrameStackObservation(env, 2)),
        made(lambda env: wrappers.TimeLimit(env, 900)),
        made(max_episode_steps=500),
        made(sutton_barto_reward=False),
        lambda: wrappers.TimeLimit(gym.make("CartPole-v1").unwrapped, 500),
    ],
)
def test_a_registered_threshold_counts_where_nothing_changes_what_it_is_of(env: Any) -> None:
    found = spec(env)
    assert found.reward_threshold == 475
    assert found.threshold_says == "475 is registered with CartPole-v1"


CHANGED = {
    "TransformReward": made(lambda env: wrappers.TransformReward(env, lambda reward: 100 * reward)),
    "ClipReward": made(lambda env: wrappers.ClipReward(env, 0, 0.5)),
    "NormalizeReward": made(wrappers.NormalizeReward),
    "Shaped": made(Shaped, wrappers.RecordEpisodeStatistics),
    "the step limit is 200, the registered one is 500": made(lambda env: wrappers.TimeLimit(env, 200)),
    "the step limit is 100,": made(max_episode_steps=100),
    "the step limit is 10,000,": lambda: gym.make("CartPole-v1").unwrapped,
    "sutton_barto_reward = True": made(sutton_barto_reward=True),
    "CartPoleEnv": made(replaced),
}


@pytest.mark.parametrize("words", CHANGED)
def test_a_registered_threshold_does_not_count_where_something_may_change_returns(words: str) -> None:
    found = spec(CHANGED[words])
    assert found.reward_threshold is None
    assert found.threshold_says.startswith("475, registered with CartPole-v1, does not count: ")
    assert words in found.threshold_says
    assert "env.reward_threshold" in found.threshold_says


def test_a_step_limit_of_ones_own_takes_the_registered_threshold_away() -> None:
    found = spec("CartPole-v1", max_episode_steps=200)
    assert (found.reward_threshold, found.own_limit) == (None, False)
    assert "the step limit is 200, the registered one is 500" in found.threshold_says
    assert spec("CartPole-v1", max_episode_steps=500).reward_threshold == 475


def test_arguments_of_an_id_that_are_not_its_own_take_it_away() -> None:
    assert spec("FrozenLake-v1").reward_threshold == 0.7
    assert "is_slippery = False" in spec("FrozenLake-v1", kwargs={"is_slippery": False}).threshold_says
    assert spec("FrozenLake-v1", kwargs={"is_slippery": True}).reward_threshold == 0.7


def test_ones_own_threshold_always_counts() -> None:
    found = spec(CHANGED["ClipReward"], reward_threshold=3.5)
    assert (found.reward_threshold, found.threshold_says) == (3.5, "3.5 is your own (env.reward_threshold)")


def test_an_environment_without_a_threshold_says_nothing() -> None:
    found = spec(Bare)
    assert (found.reward_threshold, found.threshold_says, found.max_episode_steps) == (None, "", STEP_LIMIT)
    assert found.own_limit


def test_a_registered_threshold_may_be_a_number_of_numpys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gym.envs.registration, "registry", gym.envs.registration.registry.copy())
    gym.register("Odd-v0", Bare, reward_threshold=np.float32(0.5))
    assert spec("Odd-v0").reward_threshold == 0.5


@pytest.mark.parametrize("registered", [float("nan"), float("inf"), "475", 10**400, True])
def test_a_registered_threshold_that_is_no_number_is_refused(registered: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gym.envs.registration, "registry", gym.envs.registration.registry.copy())
    gym.register("Odd-v0", Bare, reward_threshold=registered)
    with pytest.raises(EnvironmentFault, match="reward_threshold"):
        spec("Odd-v0")
    assert spec("Odd-v0", reward_threshold=1.0).reward_threshold == 1
