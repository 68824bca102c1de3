"""Several copies of an environment stepped together, with one interface for Gymnasium's single and vector envs.

After an episode's end the next step only resets (Gymnasium's NEXT_STEP autoreset): its action is ignored,
its reward is 0 and both flags are False. So `next_obs` is always the true successor, and the one rule for
whoever collects is to leave that step out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from ..errors import CheckpointError, EnvironmentFault
from .contract import Contract, Strict, is_finite
from .guard import Guard, guarded
from .infos import Numbers, numbers_of
from .make import AnyEnv, EnvSpec, close_all, make_several
from .masks import ADVICE, UNREAD, mask_in
from .once import Topic
from .rows import MASK, as_mask, given_mask
from .state import EnvState, check_env_state, env_state, is_restorable, set_env_state


class Step(NamedTuple):
    """What E envs answered to one action each."""

    next_obs: np.ndarray  # [E, *obs_shape] as stored
    reward: np.ndarray  # [E] float64
    terminated: np.ndarray  # [E] bool
    truncated: np.ndarray  # [E] bool
    numbers: Mapping[int, Numbers] = MappingProxyType({})
    """what the info of an episode's end holds, by the number of the env that ended it"""


class Envs(Protocol):
    """E environments."""

    num_envs: int
    restorable: bool  # whether the state of every env can be saved

    def reset(self, seeds: Sequence[int]) -> np.ndarray:
        """Starts new episodes everywhere: seeds [E] -> observations [E, *obs_shape]."""

    def step(self, action: np.ndarray) -> Step:
        """One step each: actions [E] in 0..A-1. Raises EnvironmentFault if an env breaks its contract."""

    def playing(self, role: str, first: int | None = None) -> AbstractContextManager[object]:
        """Meanwhile messages count the steps from 0, and say what is played for: something else than training.

        Args:
            first: the number of the first env's episode where each plays one, which is said too.
        """

    def close(self) -> None:
        """Gives back what the environments hold."""

    def state_dict(self) -> EnvState:
        """All that decides the next steps, once reset. Raises CheckpointError if not `restorable`."""

    def load_state_dict(self, state: EnvState) -> None:
        """Continues where `state_dict` was called. Raises CheckpointError, with nothing changed, if it does not fit."""

    def remake(self, seeds: Sequence[int]) -> np.ndarray:
        """Closes, recreates and resets all envs, as `reset` does: nothing hidden inside an env survives."""


class SerialEnvs:
    """Single environments stepped one after the other; one env is a vector of one.

    The same as Gymnasium's SyncVectorEnv, at less than half its cost for one env. They may be a part of more that
    are stepped elsewhere: then messages count them `among` those.
    """

    def __init__(
        self,
        envs: Sequence[AnyEnv],
        spec: EnvSpec,
        label: str,
        *,
        autoreset: bool = True,
        make: Callable[[], AnyEnv] | None = None,
        among: tuple[int, int] | None = None,
    ):
        """`among`: the number of the first of them, from 1 on, and of how many."""
        self._among = (1, len(envs)) if among is None else among
        self.num_envs, self.restorable = len(envs), spec.unsaved is None and all(map(is_restorable, envs))
        self._spec = spec
        self._label = label
        self._autoreset = autoreset
        self._make = make
        self._take(envs)
        self._ended = [False] * self.num_envs
        self._obs = np.zeros((self.num_envs, *spec.obs.shape), spec.obs.dtype)

    def _take(self, envs: Sequence[AnyEnv]) -> None:
        """Takes these environments, each behind its guard, which knows which one it is, and under a contract."""
        self._envs = [guarded(env, self._label) for env in envs]
        self._number()
        said = set[Topic]()  # what is true of one copy is said once
        self._contracts = [Contract(self._spec, env.observation_space, Strict(env.guard, said)) for env in self._envs]

    def _number(self) -> None:
        first, total = self._among
        for number, env in enumerate(self._envs, start=first):
            env.guard.copy = number, total

    def reset(self, seeds: Sequence[int]) -> np.ndarray:
        for i, seed in zip(range(self.num_envs), seeds, strict=True):
            self._first(i, seed)
        self._ended = [False] * self.num_envs
        return self._obs.copy()

    def step(self, action: np.ndarray) -> Step:
        reward = np.zeros(self.num_envs)
        terminated, truncated = np.zeros(self.num_envs, bool), np.zeros(self.num_envs, bool)
        numbers = dict[int, Numbers]()
        for i, env in enumerate(self._envs):
            if not self._ended[i]:
                answer = self._contracts[i].step(env, int(action[i]))
                _, self._obs[i], reward[i], terminated[i], truncated[i], said = answer
                self._ended[i] = answer.terminated or answer.truncated
                if said:
                    numbers[i] = said
            elif self._autoreset:
                self._first(i, None)
                self._ended[i] = False
        return Step(self._obs.copy(), reward, terminated, truncated, numbers)

    @contextmanager
    def playing(self, role: str, first: int | None = None) -> Iterator[None]:
        with ExitStack() as stack:
            for i, env in enumerate(self._envs):
                episode = "" if first is None else f", episode {first + i:,}"
                stack.enter_context(env.guard.playing(role + episode))
            yield

    def close(self) -> None:
        envs, self._envs = self._envs, []  # nothing is left of those that end with the last name
        self._contracts = []
        close_all(envs, self._label)

    def lend(self, num: int) -> "SerialEnvs":
        """The first `num` of them, for whole episodes without autoreset; afterwards these here must be reset."""
        lent = SerialEnvs(self._envs[:num], self._spec, self._label, autoreset=False)
        self._number()
        return lent

    def state_dict(self) -> EnvState:
        saved = [env.guard.call("get_state", env_state, env) for env in self._envs]
        state: EnvState = {"envs": saved, "steps": np.array([env.guard.steps for env in self._envs])}
        return state | {"ended": np.array(self._ended), "obs": self._obs.copy()}

    def load_state_dict(self, state: EnvState) -> None:
        check_parts(state, {"envs": self.num_envs, "obs": self._obs, "ended": np.array(self._ended)}, self._label)
        for env, saved in zip(self._envs, state["envs"], strict=True):
            check_env_state(env, saved)
        for env, saved in zip(self._envs, state["envs"], strict=True):
            env.guard.call("set_state", set_env_state, env, saved)
        for env, steps in zip(self._envs, np.broadcast_to(state["steps"], self.num_envs).tolist(), strict=True):
            env.guard.steps = steps
        self._ended, self._obs = state["ended"].tolist(), state["obs"].copy()

    def remake(self, seeds: Sequence[int]) -> np.ndarray:
        assert self._make is not None  # make_envs gives it
        before = [env.guard.steps for env in self._envs]
        self.close()
        self._take(make_several(self._make, self.num_envs, self._label, []))
        for env, steps in zip(self._envs, before, strict=True):
            env.guard.steps = steps
        return self.reset(seeds)

    def _first(self, i: int, seed: int | None) -> None:
        self._obs[i] = self._contracts[i].reset(self._envs[i], seed).obs


class NativeEnvs:
    """An environment's own vector version."""

    def __init__(
        self,
        vector: VectorEnv[Any, Any, Any],
        spec: EnvSpec,
        label: str,
        *,
        make: Callable[[], VectorEnv[Any, Any, Any]] | None = None,
        own_seeds: bool = False,
    ):
        """`own_seeds`: whether each env has a seed of its own; else all share one generator, and the first seed."""
        mode = vector.metadata.get("autoreset_mode")
        if mode != AutoresetMode.NEXT_STEP:
            raise EnvironmentFault(f"env {label!r} resets itself by {mode}; make it with AutoresetMode.NEXT_STEP")
        self.num_envs, self.restorable = vector.num_envs, is_restorable(vector)
        self._vector = vector
        self._spec = spec
        self._label = label
        self._make = make
        self._own_seeds = own_seeds
        self._guard = Guard(label)
        self._listener = Strict(self._guard)

    def reset(self, seeds: Sequence[int]) -> np.ndarray:
        """Starts new episodes everywhere."""
        seed: Any = list(seeds) if self._own_seeds else seeds[0]
        obs, infos = self._guard.call("reset", self._vector.reset, seed=seed)
        self._look_for_masks(infos)
        return self._stored(obs, infos, np.zeros(self.num_envs, bool))

    def step(self, action: np.ndarray) -> Step:
        self._guard.steps += 1
        actions = self._spec.actions(action)
        obs, reward, terminated, truncated, infos = self._guard.call("step", self._vector.step, actions)
        check_numbers_finite("reward", reward, self._guard.where)
        stored = self._stored(obs, infos, terminated)
        ended = (terminated | truncated).nonzero()[0].tolist()
        numbers = {i: said for i in ended if (said := numbers_of(infos, i))}
        return Step(stored, np.array(reward, float), terminated.copy(), truncated.copy(), numbers)

    def _stored(self, obs: Any, infos: Any, terminated: np.ndarray) -> np.ndarray:
        """A copy of the observations as they are stored."""
        where = self._guard.where
        if not self._spec.obs.parts:
            check_numbers_finite("observation", obs, where)
            return self._spec.prepare(obs).copy()
        try:
            mask = None if self._spec.obs.mask is None else self._masks(obs, infos, terminated)
            return self._spec.prepare(obs, mask)
        except ValueError as e:
            raise EnvironmentFault(f"{where}: {e}") from e

    def _masks(self, obs: Any, infos: Any, terminated: np.ndarray) -> np.ndarray:
        """Which actions are allowed, [E, A] bool. Raises ValueError."""
        given, shown = given_mask(obs, infos.get(MASK)), infos.get(f"_{MASK}", np.ones(self.num_envs, bool))
        masks = np.zeros((self.num_envs, self._spec.num_actions), bool)
        for i in range(self.num_envs):
            if given is not None and shown[i]:
                one = tuple(part[i] for part in given) if isinstance(given, tuple) else given[i]
                masks[i] = as_mask(self._spec.mask_of_actions(one), self._spec.num_actions, may_be_none=True)
            elif not terminated[i]:
                raise ValueError(f"info holds no {MASK!r}: return it from every reset and step, 1 or 0 for each action")
            if not terminated[i] and not masks[i].any():
                raise ValueError(f"{MASK!r} allows no action: end the episode there, or allow one that does nothing")
        return masks

    def _look_for_masks(self, infos: Any) -> None:
        """Says once if infos hold masks that are not read."""
        known = self._spec.unread_mask is not None or self._spec.obs.mask is not None
        if not known and infos and (mask := mask_in(infos, self._spec.num_actions)) is not None:
            what = f"step {self._guard.steps}: info holds {mask!r}, which is not read: forbidden actions are chosen too"
            self._listener.warning("mask", what, UNREAD if mask == MASK else ADVICE)

    def playing(self, role: str, first: int | None = None) -> AbstractContextManager[object]:
        episodes = "" if first is None else f", episodes {first:,} to {first + self.num_envs - 1:,}"
        return self._guard.playing(role + episodes)

    def close(self) -> None:
        self._guard.call("close", self._vector.close)

    def state_dict(self) -> EnvState:
        return {"envs": [env_state(self._vector)], "steps": self._guard.steps}

    def load_state_dict(self, state: EnvState) -> None:
        check_parts(state, {"envs": 1}, self._label)
        set_env_state(self._vector, state["envs"][0])
        self._guard.steps = state["steps"]

    def remake(self, seeds: Sequence[int]) -> np.ndarray:
        assert self._make is not None  # make_envs gives it
        self.close()
        self._vector = self._make()
        return self.reset(seeds)


def check_parts(state: EnvState, expected: dict[str, int | np.ndarray], label: str) -> None:
    """Raises CheckpointError if a list is not as long, or an array not of the kind, as expected; all hold "steps"."""
    if set(state) != {"steps", *expected}:
        raise CheckpointError(f"envs {label!r}: saved are {sorted(state)}, not {sorted({'steps', *expected})}")
    for name, like in expected.items():
        saved, here = state[name], f"{like} of them"
        given = f"{len(saved)} of them"
        if isinstance(like, np.ndarray):
            given, here = f"{saved.dtype} {saved.shape}", f"{like.dtype} {like.shape}"
        if given != here:
            raise CheckpointError(f"envs {label!r}: saved {name!r} are {given}, here {here}: resume with the same env")


def check_numbers_finite(name: str, values: np.ndarray, where: str) -> None:
    """Raises EnvironmentFault if an observation or reward is NaN or infinite.

    Args:
        where: which environment, and at which step.
    """
    if values.dtype.kind == "f" and not is_finite(values):
        bad = values[~np.isfinite(values)]
        raise EnvironmentFault(f"{where}: {name} is {bad.flat[0]}: it must be finite")
