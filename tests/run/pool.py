"""The part of EnvPool's interface that dqnlab uses, made of Gymnasium's environments."""

from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv


class Doors(gym.Env[Any, Any]):
    """Three to twelve steps through the one of three doors that is open; another one ends the world."""

    observation_space = spaces.Dict({"board": spaces.Box(0, 9, (2, 2), np.int32), "action_mask": spaces.MultiBinary(3)})
    action_space = spaces.Discrete(3)
    render_mode = "rgb_array"

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.left = int(self.np_random.integers(3, 13))
        return self._look(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert action == self.open
        self.left -= 1
        return self._look(), 1.0, self.left == 0, False, {"lives": self.left}

    def _look(self) -> dict[str, Any]:
        self.open = int(self.np_random.integers(3))
        return {
            "board": self.np_random.integers(9, size=(2, 2), dtype=np.int32),
            "action_mask": np.arange(3) == self.open,
        }


TASKS = {"CartPole-v1": ("CartPole-v1", 500), "Doors-v0": (Doors, 2**31 - 1), "Pendulum-v1": ("Pendulum-v1", 200)}


def list_all_envs() -> list[str]:
    return [*TASKS, "Chess-v0"]


def make_spec(task: str, *, max_episode_steps: int | None = None, render_mode: str | None = None, **kwargs: Any) -> Any:
    if "colour" in kwargs:
        raise TypeError("Config.__new__() got an unexpected keyword argument 'colour'")
    if task == "Chess-v0":
        return SimpleNamespace(config=SimpleNamespace(max_num_players=2))
    made = _make(task)
    limit = max_episode_steps or TASKS[task][1]
    registered = {"reward_threshold": 475.0} if task == "CartPole-v1" else {}
    return SimpleNamespace(
        config=SimpleNamespace(max_num_players=1, max_episode_steps=limit, **registered),
        gymnasium_observation_space=made.observation_space,
        gymnasium_action_space=made.action_space,
    )


def _make(task: str, limit: int = 2**31 - 1) -> Any:
    maker = TASKS[task][0]
    env = gym.make(maker, render_mode="rgb_array").unwrapped if isinstance(maker, str) else maker()
    return gym.wrappers.TimeLimit(env, limit)


class _Made:
    """Several copies, seeded when they are made."""

    def __init__(self, task: str, num_envs: int, seed: list[int], limit: int):
        assert len(seed) == num_envs
        assert all(-(2**31) <= one < 2**31 for one in seed)
        self._seed: Any = [one % 2**32 for one in seed]
        mode = AutoresetMode.NEXT_STEP
        self._envs = SyncVectorEnv([lambda: _make(task, limit)] * num_envs, autoreset_mode=mode)
        self.observation_space = self._envs.single_observation_space
        self._ids = np.arange(num_envs)

    def reset(self) -> tuple[Any, dict[str, Any]]:
        seed, self._seed = self._seed, None
        obs, infos = self._envs.reset(seed=seed)
        return obs, self._told(infos)

    def step(self, actions: np.ndarray) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        obs, reward, terminated, truncated, infos = self._envs.step(actions)
        return obs, reward.astype(np.float32), terminated & ~truncated, truncated, self._told(infos)

    def render(self) -> np.ndarray:
        return np.stack([env.render() for env in self._envs.envs[:1]])

    def _told(self, infos: dict[str, Any]) -> dict[str, Any]:
        books = {"env_id": self._ids, "players": {"env_id": self._ids}, "elapsed_step": self._ids * 0}
        return {**{name: value for name, value in infos.items() if not name.startswith("_")}, **books}


def make_gymnasium(task: str, *, num_envs: int, seed: list[int], **kwargs: Any) -> _Made:
    return _Made(task, num_envs, seed, make_spec(task, **kwargs).config.max_episode_steps)
