"""Environments of every kind that can be saved, and what it takes to play and save them."""

import json
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces, wrappers

from dqnlab.config import Env
from dqnlab.envs.make import make_one


class Own(gym.Env):
    """Walks at random and saves itself, in types that JSON does not have; without its generator."""

    observation_space, action_space = spaces.Box(-99, 99, (2,), np.float32), spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.at, self.seen = np.zeros(2), {(0, 0): deque([np.int64(2)], 3)}
        return self.at.astype(np.float32), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        self.at += self.np_random.normal(size=2) + len(self.seen[0, 0]) * action
        self.seen[0, 0].append(np.int64(action))
        return self.at.astype(np.float32), float(sum(self.seen[0, 0])), bool(self.at[0] > 4), False, {}

    def get_state(self) -> dict[str, Any]:
        return {"at": self.at, "seen": self.seen}

    def set_state(self, state: dict[str, Any]) -> None:
        self.at, self.seen = state["at"], state["seen"]


class Counting(gym.Wrapper):
    """Pays by the number of its steps, and saves that number."""

    steps = 0

    def step(self, action: Any) -> Any:
        self.steps += 1
        obs, _, terminated, truncated, info = self.env.step(action)
        return obs, float(self.steps), terminated, truncated, info

    def get_state(self) -> int:
        return self.steps

    def set_state(self, state: int) -> None:
        self.steps = state


class MersenneOwn(Own):
    """Draws from another of numpy's generators, whose state is an array."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict]:
        if seed is not None:
            self.np_random = np.random.Generator(np.random.MT19937(seed))
        return super().reset(options=options)


def made(env_id: str, *around: Callable[[gym.Env], gym.Env], **kwargs: Any) -> Callable[[], gym.Env]:
    """A recipe for a registered environment in wrappers, the innermost first."""

    def make() -> gym.Env:
        env = gym.make(env_id, **kwargs)  # with Gymnasium's checker
        for wrap in around:
            env = wrap(env)
        return env

    return make


def plain(env_id: str, **settings: Any) -> Callable[[], gym.Env]:
    return lambda: make_one(Env(id=env_id, **settings))


RECIPES: dict[str, Callable[[], gym.Env]] = {
    "CartPole": plain("CartPole-v1"),
    "CartPole cut": plain("CartPole-v1", max_episode_steps=7),
    "CartPole stacked": plain("CartPole-v1", frame_stack=4),
    "MountainCar": plain("MountainCar-v0", max_episode_steps=50),
    "Acrobot": plain("Acrobot-v1", max_episode_steps=50),
    "FrozenLake": plain("FrozenLake-v1"),
    "CliffWalking": plain("CliffWalkingSlippery-v1", max_episode_steps=30),
    "Taxi": plain(
        "Taxi-v4", max_episode_steps=60, kwargs={"is_rainy": True, "fickle_passenger": True, "fickle_probability": 0.9}
    ),
    "Blackjack": made("Blackjack-v1", wrappers.FlattenObservation),
    "Pendulum": made("Pendulum-v1", lambda e: wrappers.DiscretizeAction(e, 3), max_episode_steps=40),
    "MountainCarContinuous": made(
        "MountainCarContinuous-v0", lambda e: wrappers.DiscretizeAction(e, 3), max_episode_steps=40
    ),
    "sticky": made("CartPole-v1", lambda e: wrappers.StickyAction(e, 0.4, (2, 4))),
    "repeated": made("CartPole-v1", lambda e: wrappers.RepeatAction(e, 2), wrappers.Autoreset),
    "delayed": made("CartPole-v1", lambda e: wrappers.DelayObservation(e, 3)),
    "timed": made("CartPole-v1", wrappers.TimeAwareObservation, wrappers.FlattenObservation),
    "normalised": made("CartPole-v1", wrappers.NormalizeObservation, wrappers.NormalizeReward),
    "skipped": made("CartPole-v1", lambda e: wrappers.MaxAndSkipObservation(e, 2)),
    "counted": made("CartPole-v1", wrappers.RecordEpisodeStatistics),
    "transformed": made(
        "CartPole-v1",
        lambda e: wrappers.ClipReward(e, 0, 0.5),
        lambda e: wrappers.ReshapeObservation(e, (2, 2)),
        lambda e: wrappers.TransformReward(e, lambda r: 2 * r),
    ),
    "stacked states": made("FrozenLake-v1", lambda e: wrappers.FrameStackObservation(e, 2, padding_type="zero")),
    "own": lambda: wrappers.TimeLimit(Counting(Own()), 9),
    "own, other generator": MersenneOwn,
}
every = pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))


def carried(state: Any) -> Any:
    """A state as it comes back from a file: arrays through bytes, the rest through JSON."""
    arrays: list[tuple[bytes, str, tuple[int, ...]]] = []

    def out(value: Any) -> dict[str, int]:
        assert isinstance(value, np.ndarray), f"{type(value)} in a state"
        arrays.append((value.tobytes(), value.dtype.str, value.shape))
        return {"array": len(arrays) - 1}

    def back(value: dict[str, Any]) -> Any:
        if set(value) != {"array"}:
            return value
        data, dtype, shape = arrays[value["array"]]
        return np.frombuffer(data, dtype).reshape(shape)

    return json.loads(json.dumps(state, default=out), object_hook=back)


def play(env: gym.Env, actions: Iterator[int], steps: int, *, ended: bool = False) -> list[Any]:
    """What an environment shows, reset after each end, and last whether it has ended."""
    seen: list[Any] = []
    for _ in range(steps):
        if ended:
            obs, _ = env.reset()
            seen.append(np.asarray(obs).tobytes())
        obs, reward, terminated, truncated, _ = env.step(next(actions))
        ended = terminated or truncated
        seen.append((np.asarray(obs).tobytes(), float(reward), terminated, truncated))
    return [*seen, ended]


def draws(env: gym.Env, seed: int = 0) -> Iterator[int]:
    rng = np.random.default_rng(seed)
    while True:
        yield int(rng.integers(env.action_space.n))


def begun(recipe: Callable[[], gym.Env], steps: int) -> tuple[gym.Env, bool]:
    """An environment after some steps, and whether it has just ended."""
    env = recipe()
    env.reset(seed=5)
    return env, play(env, draws(env), steps)[-1]
