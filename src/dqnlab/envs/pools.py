"""Environments of EnvPool, which steps many copies at once in threads of its own: `envpool:Pong-v5`.

They are registered with Gymnasium, one copy as an environment and several as a vector. EnvPool takes seeds only when
copies are made, so a reset with seeds makes them anew. Each has a seed of its own: among others it does what it would
do alone. A terminal state that is reached in the last step of the limit counts as truncated, as EnvPool has it.
"""

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from ..errors import ConfigError, counted

PREFIX = "envpool:"
_ENDLESS = 2**31 - 1  # the step limit of environments that have none
_OWN = {"env_id", "players", "elapsed_step", "reward", "terminated"}  # of its infos: how it keeps the books


def is_pooled(env_id: object) -> bool:
    """Whether an id names an environment of EnvPool's."""
    return isinstance(env_id, str) and env_id.startswith(PREFIX)


def registered_id(env_id: str) -> str:
    """The id by which Gymnasium knows an environment whose module is imported; EnvPool's are registered here.

    Raises:
        ConfigError: EnvPool has no such environment.
    """
    if not is_pooled(env_id):
        return env_id
    task = env_id.removeprefix(PREFIX)
    own = f"{PREFIX[:-1]}/{task.replace('/', '.')}"
    if own not in gym.registry:
        config = _spec(task, {}).config
        gym.register(
            own,
            entry_point=f"{__name__}:EnvPoolEnv",
            vector_entry_point=f"{__name__}:EnvPoolVectorEnv",
            max_episode_steps=config.max_episode_steps if config.max_episode_steps < _ENDLESS else None,
            reward_threshold=getattr(config, "reward_threshold", None),
            kwargs={"task": task},
        )
    return own


def _spec(task: str, kwargs: Mapping[str, Any]) -> Any:
    """What EnvPool says about an environment with these arguments."""
    envpool = _package()
    if task not in (known := envpool.list_all_envs()):
        close = get_close_matches(task, known, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "envpool.list_all_envs() names them"
        raise ConfigError(f"unknown env {PREFIX + task!r}: EnvPool has no {task!r}; {hint}")
    spec: Any = _quietly(envpool.make_spec, task, **kwargs)
    if spec.config.max_num_players > 1:
        raise ConfigError(
            f"env {PREFIX + task!r} is for {counted(spec.config.max_num_players, 'player')} at once: dqnlab plays one"
        )
    return spec


def _package() -> Any:
    """EnvPool, which `import_named` has imported."""
    return sys.modules[PREFIX[:-1]]


def _quietly(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Calls EnvPool, whose spaces have Gymnasium warn of bounds that float32 cannot hold."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


class EnvPoolVectorEnv(VectorEnv[Any, Any, Any]):
    """Several copies."""

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(
        self,
        num_envs: int,
        task: str,
        max_episode_steps: int | None = None,
        render_mode: str | None = None,
        **kwargs: Any,
    ):
        limit = {} if max_episode_steps is None else {"max_episode_steps": max_episode_steps}
        self.num_envs = num_envs
        self._task = task
        self._kwargs: dict[str, Any] = {**kwargs, **limit}
        self._drawn = {} if render_mode is None else {"render_mode": render_mode}
        spec = _spec(task, self._kwargs)
        self.single_observation_space = _quietly(getattr, spec, "gymnasium_observation_space")
        self.single_action_space = _quietly(getattr, spec, "gymnasium_action_space")
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._made: Any = None

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begins new episodes everywhere.

        Args:
            seed: of each copy; a single one is that of the first, whom the others follow in steps of 1.
        """
        if seed is not None or self._made is None:
            super().reset(seed=seed if isinstance(seed, int) else None)
            self._make(self._seeds(seed))
        obs, info = self._made.reset()
        return obs, _told(info)

    def _seeds(self, seed: int | Sequence[int | None] | None) -> list[int]:
        if seed is None:
            return self.np_random.integers(2**31, size=self.num_envs).tolist()
        each = range(seed, seed + self.num_envs) if isinstance(seed, int) else seed
        return [int(np.uint32(int(one or 0) % 2**32).view(np.int32)) for one in each]  # as EnvPool wants them

    def _make(self, seeds: list[int]) -> None:
        self._made = None  # which ends the threads of those before
        arguments = {**self._kwargs, **self._drawn}
        make = _package().make_gymnasium
        self._made = _quietly(make, self._task, num_envs=self.num_envs, seed=seeds, **arguments)
        _quietly(getattr, self._made, "observation_space")  # which it makes once, and keeps

    def step(self, actions: Any) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self._made.step(np.asarray(actions))
        return obs, reward, terminated, truncated, _told(info)

    def render(self) -> Any:
        """A picture of the first copy."""
        return self._made.render()[0]

    def close_extras(self, **kwargs: Any) -> None:
        self._made = None


def _told(info: Mapping[str, Any]) -> dict[str, Any]:
    """What infos say of the environment."""
    return {name: value for name, value in info.items() if name not in _OWN}


class EnvPoolEnv(gym.Env[Any, Any]):
    """One copy."""

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"]}  # noqa: RUF012

    def __init__(self, task: str, render_mode: str | None = None, limit: int | None = None, **kwargs: Any):
        """`limit`: its longest episode, which `gym.make` keeps to itself."""
        self.render_mode = render_mode
        arguments = {"max_episode_steps": limit, "render_mode": render_mode, "num_threads": 1, **kwargs}
        self._arguments: dict[str, Any] = {"task": task, **arguments}
        pool = EnvPoolVectorEnv(1, **self._arguments)
        self.observation_space, self.action_space = pool.single_observation_space, pool.single_action_space
        self._pool: EnvPoolVectorEnv | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        if self._pool is None:
            self._pool = EnvPoolVectorEnv(1, **self._arguments)
            seed = int(self.np_random.integers(2**31)) if seed is None else seed
        obs, info = self._pool.reset(seed=seed)
        return _only(obs), _only(info)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self._pool is not None  # Gymnasium sees to it that there was a reset
        obs, reward, terminated, truncated, info = self._pool.step(np.asarray(action)[None])
        return _only(obs), float(reward[0]), bool(terminated[0]), bool(truncated[0]), _only(info)

    def render(self) -> Any:
        return None if self._pool is None else self._pool.render()

    def close(self) -> None:
        self._pool = None


def _only(batch: Any) -> Any:
    """What a batch of one holds."""
    if isinstance(batch, Mapping):
        return {name: _only(each) for name, each in batch.items()}
    return batch[0]
