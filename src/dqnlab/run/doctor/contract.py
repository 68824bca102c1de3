"""Calls of an environment under suspicion: whatever it answers or raises becomes a finding."""

import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from ...checks import quoted
from ...errors import EnvironmentFault
from ..envs import AnyEnv, EnvSpec
from ..vector import LARGEST_REWARD
from .findings import Findings

# How Python complains of an answer that is not the five values expected.
_UNPACKED = re.compile(r"cannot unpack non-iterable (\w+)|values to unpack \(expected 5(?:, got (\d+))?")


class Answer(NamedTuple):
    """What one step, or a reset, came to."""

    given: Any  # the observation as the environment gave it
    obs: np.ndarray | None  # as it is stored; none if it cannot be
    reward: float  # 0 if it was none
    terminated: bool = False
    truncated: bool = False


class Contract:
    """Calls an environment and checks each answer. Its methods raise EnvironmentFault, once that is a finding,
    where nothing more can be learnt from this environment.
    """

    def __init__(self, spec: EnvSpec, space: spaces.Space[Any], found: Findings):
        self.step_seconds = self.reset_seconds = 0.0
        self.steps = self.resets = 0
        self._spec, self._space, self._found = spec, space, found

    @property
    def num_actions(self) -> int:
        """A."""
        return self._spec.num_actions

    def changed_in_place(self) -> None:
        """An observation that was handed out is not any more what it was."""
        what = "an observation changes after it was returned: the environment writes the next one into the same array"
        self._found.warning(
            "mutation", what, "return obs.copy(): whoever keeps it, as env.frame_stack does, is deceived"
        )

    def reset(self, env: AnyEnv, seed: int | None) -> Answer:
        """Begins an episode."""
        begun = time.perf_counter()
        answer = self._call("reset", lambda: env.reset(seed=seed))
        self.reset_seconds += time.perf_counter() - begun
        self.resets += 1
        where = f"reset number {self.resets}"
        if not isinstance(answer, tuple) or len(answer) != 2:
            self._stop("reset", f"reset() returned {_kind(answer)}, not a tuple of 2", "return observation, info")
        obs, info = answer
        self._check_info(info, where)
        return Answer(obs, self._check_obs(obs, where), 0.0)

    def step(self, env: AnyEnv, action: int) -> Answer:
        """Takes action 0..A-1, as we count."""
        self.steps += 1
        where = f"step {self.steps}"
        begun = time.perf_counter()
        answer = self._call(where, lambda: env.step(action + self._spec.action_start))
        self.step_seconds += time.perf_counter() - begun
        if not isinstance(answer, tuple) or len(answer) != 5:
            self._wrong_step(_kind(answer))
        obs, reward, terminated, truncated, info = answer
        self._check_info(info, where)
        ends = [self._flag(*each, where) for each in (("terminated", terminated), ("truncated", truncated))]
        return Answer(obs, self._check_obs(obs, where), self._reward(reward, where), *ends)

    def _call(self, where: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (Exception, SystemExit) as e:  # games with a window of their own may end the program
            returned = _UNPACKED.search(str(e))
            if returned and _raised_by(e).startswith("gymnasium."):  # the step limit has taken the answer apart
                self._wrong_step(returned[1] or f"a tuple of {returned[2] or 'more than 5'}")
            what = f"{where} raised {type(e).__name__}: {e}"
            check = where.partition(" ")[0]
            self._found.error(check, what, "find the line with the environment alone, then repair it")
            raise EnvironmentFault(what) from e

    def _wrong_step(self, returned: str) -> None:
        old = ", as before Gym 0.26" if returned == "a tuple of 4" else ""
        advice = "return observation, reward, terminated, truncated, info"
        self._stop("step", f"step() returned {returned}{old}, not a tuple of 5", advice)

    def _stop(self, check: str, what: str, advice: str) -> None:
        self._found.error(check, what, advice)
        raise EnvironmentFault(what)

    def _check_info(self, info: Any, where: str) -> None:
        if not isinstance(info, dict):
            self._found.warning("info", f"{where}: info is {_kind(info)}, not a dict", "return {} if there is none")

    def _flag(self, name: str, value: Any, where: str) -> bool:
        if isinstance(value, bool | np.bool_):
            return bool(value)
        what = f"{where}: {name} is {_kind(value)}, not a bool"
        try:
            taken = bool(value)
        except Exception as e:  # arrays of several, and whatever an environment may hand out
            self._found.error("flags", f"{what}: {e}", f"return bool({name})")
            return False
        self._found.warning("flags", f"{what}: it counts as {taken}", f"return bool({name})")
        return taken

    def _reward(self, reward: Any, where: str) -> float:
        advice = "return float(reward), one finite number"
        try:
            if np.ndim(reward) > 0 or isinstance(reward, str | bytes):
                raise TypeError("not a single number")
            value = float(reward)
        except Exception as e:  # anything may have been handed out
            what = f"{where}: reward is {_kind(reward)}, {quoted(reward)}: {e}"
            self._found.error("reward", what, advice)
            return 0.0
        if not -LARGEST_REWARD <= value <= LARGEST_REWARD:
            why = "too large for float32" if np.isfinite(value) else "not finite"
            self._found.error("reward", f"{where}: reward is {value}: {why}", advice)
            return 0.0
        return value

    # ── Observations ─────────────────────────────────────────────────────────────────────────────

    def _check_obs(self, obs: Any, where: str) -> np.ndarray | None:
        """The observation as it is stored; none if it is a finding that it cannot be."""
        spec = self._spec.obs
        try:
            given = np.asarray(obs)
            with np.errstate(over="ignore", invalid="ignore"):
                array = self._spec.prepare(obs)
        except Exception as e:  # lists of unequal lengths, words, numbers that are too large
            what = f"{where}: observation {quoted(obs)} is no array of numbers: {e}"
            return self._refuse(what, "return an array as the observation space announces it")
        if array.shape != spec.shape:
            what = f"{where}: observation of shape {array.shape}, but its observation space says {spec.shape}"
            return self._refuse(what, "return that shape, or announce the true one")
        if spec.num_states is not None:
            return self._check_state(obs, array, where)
        if spec.dtype != np.float32 and given.dtype != spec.dtype:  # a cast would wrap 300 to 44
            what = f"{where}: observation of type {given.dtype}, but its observation space says {spec.dtype}"
            return self._refuse(what, f"return obs.astype(np.{spec.dtype})")
        if not np.isfinite(array).all():
            bad = array[~np.isfinite(array)].flat[0]
            large = "" if not np.isfinite(given).all() else ", once stored as float32"
            return self._refuse(f"{where}: observation holds {bad}{large}", "return finite numbers")
        self._check_announced(given, where)
        return array

    def _refuse(self, what: str, advice: str) -> None:
        self._found.error("observation", what, advice)

    def _check_state(self, obs: Any, array: np.ndarray, where: str) -> np.ndarray | None:
        num, start = self._spec.obs.num_states or 0, self._spec.obs_start
        if not 0 <= array < num:
            what = f"{where}: observation is state {obs}, but its space has {num:,} states from {start}"
            return self._refuse(what, "return a state of that range, or announce the true one")
        if np.asarray(obs).dtype.kind not in "iu":
            what = f"{where}: observation is {_kind(obs)} instead of a whole number"
            self._found.warning("dtype", what, "return int(state)")
        return array

    def _check_announced(self, given: np.ndarray, where: str) -> None:
        """What training forgives, for it converts types and reads no bounds."""
        space = self._space
        assert isinstance(space, spaces.Box)  # the only other kind that can be described
        if given.dtype != space.dtype:
            what = f"{where}: observation of type {given.dtype}, but its observation space says {space.dtype}"
            self._found.warning("dtype", f"{what}: it is converted", f"return obs.astype(np.{space.dtype})")
        out = (given < space.low) | (given > space.high)
        if out.any():
            at = tuple(np.argwhere(out)[0].tolist())
            low, high = space.low[at], space.high[at]
            what = f"{where}: observation{list(at)} is {given[at]:g}, outside its announced bounds {low:g} to {high:g}"
            self._found.warning("bounds", what, "announce the true bounds, or -inf and inf")


def _raised_by(error: BaseException) -> str:
    """The module whose line raised it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else str(trace.tb_frame.f_globals.get("__name__"))


def _kind(value: Any) -> str:
    """How a value is called in a message."""
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    return "None" if value is None else f"of type {type(value).__name__}"
