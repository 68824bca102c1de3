"""The contract of an environment: one check per rule, used by training and by the doctor.

Training raises at the first rule that is broken and says once what it takes for something else; the doctor notes
both and goes on (`Listener`).
"""

import re
import warnings
from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn, Protocol

import numpy as np
from gymnasium import spaces

from ..config.checks import quoted
from ..errors import EnvironmentFault, counted
from .actions import joint_of
from .copying import Unpaired
from .guard import Guard, Guarded
from .infos import Numbers, numbers_in
from .make import EnvSpec
from .masks import ADVICE, UNREAD, mask_in
from .once import Topic, is_news
from .parts import leaf_spaces
from .place import named_with_place
from .rows import MASK, as_mask, given_mask, part_of, said, surplus

LARGEST_REWARD = 1e30  # float32 ends at 3e38: sums over n steps, over a batch, and values have to fit as well
# How Python complains of an answer that is not the five values expected.
_NOT_TAKEN = re.compile(r"unexpected keyword argument '(seed|options)'")
_UNPACKED = re.compile(r"cannot unpack non-iterable (\w+)|values to unpack \(expected 5(?:, got (\d+))?")


class Listener(Protocol):
    """Hears what is wrong with an environment."""

    strict: bool  # whether nobody wants to hear of what training forgives

    def error(self, check: str, what: str, advice: str) -> None:
        """A rule is broken. Raises, or takes note of it."""

    def warning(self, check: str, what: str, advice: str) -> None:
        """Something is taken for something else."""


class Answer(NamedTuple):
    """What one step, or a reset, came to."""

    given: Any  # the observation as the environment gave it
    obs: np.ndarray | None  # as it is stored, perhaps in memory of the environment's; none if it cannot be
    reward: float  # 0 if it was none
    terminated: bool = False
    truncated: bool = False
    numbers: Numbers = MappingProxyType({})  # of the info, where an episode ends


class TakenAs(UserWarning):
    """Says what is taken for something else, and in `about` of which environment and by which check."""

    def __init__(self, text: str, about: tuple[str, str]):
        super().__init__(text)
        self.about = about


class Strict:
    """Raises what breaks the contract; says once, as a warning, what is taken for something else."""

    strict = True

    def __init__(self, guard: Guard, said: set[Topic] | None = None):
        """`said` is shared by all copies of one environment; what `said_once` spans shares more."""
        self._guard, self._said = guard, set[Topic]() if said is None else said

    def error(self, check: str, what: str, advice: str) -> None:
        raise EnvironmentFault(f"{self._guard.name}, {what}: {advice}")

    def warning(self, check: str, what: str, advice: str) -> None:
        about = self._guard.label, check
        if is_news(about, self._said):
            warnings.warn(TakenAs(f"{self._guard.name}, {what}: {advice}", about), stacklevel=2)


class Contract:
    """Calls an environment and checks each answer.

    Its methods raise EnvironmentFault, after the listener was told, where nothing more can be learned from it.
    """

    def __init__(self, spec: EnvSpec, space: spaces.Space[Any], listener: Listener):
        self._spec = spec
        self._space = space
        self._leaves = dict(leaf_spaces(space))
        self._listener = listener
        self._masked = spec.unread_mask is not None or spec.obs.mask is not None  # whether a mask was spoken of

    @property
    def spec(self) -> EnvSpec:
        """What the environment is."""
        return self._spec

    def reset(self, env: Guarded, seed: int | None) -> Answer:
        """Begins an episode."""
        answer = self._call(env, "reset", partial(env.reset, seed=seed))
        where = f"step {env.guard.steps}"
        if not isinstance(answer, tuple) or len(answer) != 2:
            self._stop("reset", f"{where}: {not_a_pair(answer)}", "return observation, info")
        obs, info = answer
        self._check_info(info, where)
        self._check_spaces(env, where)
        return Answer(obs, self._check_obs(obs, info, where), 0.0)

    def step(self, env: Guarded, action: int) -> Answer:
        """Takes action 0..A-1, as we count."""
        answer = self._call(env, "step", env.step, self._spec.action(action))
        where = f"step {env.guard.steps}"
        if not isinstance(answer, tuple) or len(answer) != 5:
            self._wrong_step(where, _given(answer))
        obs, reward, terminated, truncated, info = answer
        self._check_info(info, where)
        terminated = self._flag("terminated", terminated, where)
        truncated = self._flag("truncated", truncated, where)
        stored = self._check_obs(obs, info, where, is_last=terminated)
        numbers = numbers_in(info) if terminated or truncated else {}
        return Answer(obs, stored, self._reward(reward, where), terminated, truncated, numbers)

    def _call(self, env: Guarded, check: str, call: Callable[..., Any], *given: Any) -> Any:
        """What the environment answered to `check`, "reset" or "step"."""
        try:
            return call(*given)
        except EnvironmentFault as e:
            cause, where = e.__cause__, f"step {env.guard.steps}"
            if isinstance(cause, Unpaired):  # below a frame stack, which would have taken the answer apart
                if check == "step":
                    self._wrong_step(where, _given(cause.answer))
                self._stop(check, f"{where}: {not_a_pair(cause.answer)}", "return observation, info")
            returned = None if cause is None else _UNPACKED.search(str(cause))
            if cause is not None and check == "step" and returned and _raised_by(cause).startswith("gymnasium."):
                self._wrong_step(
                    where, returned[1] or (f"a tuple of {returned[2]}" if returned[2] else "more than 5 values")
                )  # by TimeLimit
            if isinstance(cause, TypeError) and check == "reset" and (name := _NOT_TAKEN.search(str(cause))):
                what = f"{where}: reset() takes no argument {name[1]!r}"
                self._stop(check, what, "define it as def reset(self, *, seed=None, options=None)")
            if not self._listener.strict:
                asked = where if check == "step" else f"{where}: {check}"
                what = str(e) if cause is None else f"{asked} raised {named_with_place(cause)}"
                self._listener.error(check, what, "reproduce it with the environment alone, then fix it")
            raise

    def _wrong_step(self, where: str, returned: str) -> NoReturn:
        old = ", as before Gym 0.26" if returned == "a tuple of 4" else ""
        advice = "return observation, reward, terminated, truncated, info"
        self._stop("step", f"{where}: step() returned {returned}{old}, not a tuple of 5", advice)

    def _stop(self, check: str, what: str, advice: str) -> NoReturn:
        self._listener.error(check, what, advice)
        raise EnvironmentFault(what)

    # ── Beside the observation ───────────────────────────────────────────────────────────────────

    def _check_info(self, info: Any, where: str) -> None:
        if not isinstance(info, dict):
            self._listener.warning("info", f"{where}: info is {kind_of(info)}, not a dict", "return {} if it is empty")
        elif info and not self._masked and (mask := mask_in(info, self._spec.num_actions)) is not None:
            self._masked = True
            what = f"{where}: info holds {mask!r}, which is not read: forbidden actions are chosen like any other"
            self._listener.warning("mask", what, UNREAD if mask == MASK else ADVICE)

    def _check_spaces(self, env: Guarded, where: str) -> None:
        """Whether the spaces are still those that the network was made for."""
        spec = self._spec
        action = getattr(env, "action_space", None)
        obs = getattr(env, "observation_space", None)
        advice = "set the spaces in the constructor, and do not change them later"
        joint = joint_of(action)
        same = isinstance(action, spaces.Discrete) and (action.n, action.start) == (spec.num_actions, spec.action_start)
        if joint != spec.joint or not (same or joint is not None):
            began = counted(spec.num_actions, "action")
            self._stop("spaces", f"{where}: the action space is {action} now, not the one of {began} as before", advice)
        states = int(obs.n) if isinstance(obs, spaces.Discrete) else None
        if spec.obs.parts:
            if obs != self._space and self._changed(obs):
                self._stop("spaces", f"{where}: the observation space is {obs} now, not the one it began with", advice)
        elif obs is None or obs.shape != spec.obs.shape or states != spec.obs.num_states:
            self._stop("spaces", f"{where}: the observation space is {obs} now, not the one it began with", advice)

    def _changed(self, space: Any) -> bool:
        """Whether anything that is used differs in a space that is not the one it began with."""
        used = {part.path for part in self._spec.obs.parts}
        if not all(path in used or path[:1] == (MASK,) for path in self._leaves):  # some parts are left out
            now = dict(leaf_spaces(space))
            return any(now.get(path) != self._leaves.get(path) for path in used)
        return True

    def _flag(self, name: str, value: Any, where: str) -> bool:
        if type(value) is bool:
            return value
        if isinstance(value, np.bool_):
            return bool(value)
        what = f"{where}: {name} is {kind_of(value)}, not a bool"
        try:
            one = value.item() if hasattr(value, "item") else value  # of an array or a tensor of one
            if isinstance(one, str | bytes):
                raise TypeError("a string is neither True nor False")
            taken = bool(one)
        except Exception as e:  # arrays of several, and whatever an environment may hand out
            self._listener.error("flags", f"{what}: {e}", f"return bool({name})")
            return False
        self._listener.warning("flags", f"{what}: it counts as {taken}", f"return bool({name})")
        return taken

    def _reward(self, reward: Any, where: str) -> float:
        if type(reward) is float and -LARGEST_REWARD <= reward <= LARGEST_REWARD:
            return reward
        advice = "return float(reward), one finite number"
        try:
            value = number_of(reward)
        except Exception as e:  # anything may have been handed out
            given = "" if reward is None else f", {quoted(reward)}: {e}"
            self._listener.error("reward", f"{where}: reward is {kind_of(reward)}{given}", advice)
            return 0.0
        if not -LARGEST_REWARD <= value <= LARGEST_REWARD:
            if np.isfinite(value):
                what, advice = f"{value}: too large for float32", "scale it, as gymnasium.wrappers.TransformReward does"
            else:
                what = f"{value}: not finite"
            self._listener.error("reward", f"{where}: reward is {what}", advice)
            return 0.0
        if not isinstance(reward, int | float | np.number | np.bool_) and np.shape(reward) != ():
            what = f"{where}: reward is {kind_of(reward)}: the number in it is used"
            self._listener.warning("reward", what, advice)
        return value

    # ── Observations ─────────────────────────────────────────────────────────────────────────────

    def _check_obs(self, obs: Any, info: Any, where: str, *, is_last: bool = False) -> np.ndarray | None:
        """The observation as it is stored; none if the listener was told that it cannot be.

        Args:
            is_last: whether nothing follows it.
        """
        spec = self._spec.obs
        if spec.parts:
            return self._check_row(obs, info, where, is_last)
        if type(obs) is np.ndarray and obs.dtype == spec.dtype and obs.shape == spec.shape and spec.num_states is None:
            given = array = obs
        else:
            try:
                given = np.asarray(obs)
                if given.dtype.kind not in "biuf":
                    raise TypeError(f"{kind_of(obs)}, type {given.dtype}")
                with np.errstate(over="ignore", invalid="ignore"):
                    array = self._spec.prepare(obs)
            except Exception as e:  # lists of unequal lengths, words, numbers that are too large
                what = f"{where}: observation {quoted(obs)} is not an array of numbers: {e}"
                return self._refuse(what, "return an array as the observation space announces")
        if array.shape != spec.shape:
            what = f"{where}: observation of shape {array.shape}, but its observation space says {spec.shape}"
            return self._refuse(what, "return that shape, or announce the true one")
        if spec.num_states is not None:
            return self._check_state(given, array, where)
        if given.dtype != spec.dtype and spec.dtype != np.float32:  # a cast would wrap 300 to 44
            what = f"{where}: observation of type {given.dtype}, but its observation space says {spec.dtype}"
            return self._refuse(what, f"return obs.astype(np.{spec.dtype})")
        if array.dtype.kind == "f" and not is_finite(array):
            bad = array[~np.isfinite(array)].flat[0]
            large = "" if not np.isfinite(given).all() else ", once stored as float32"
            return self._refuse(f"{where}: observation holds {bad}{large}", "it must be finite: return finite numbers")
        if not self._listener.strict:
            self._check_announced("observation", given, self._space, where)
        return array

    def _check_row(self, obs: Any, info: Any, where: str, is_last: bool) -> np.ndarray | None:
        """An observation of several parts, or with a mask, as it is stored."""
        spec = self._spec.obs
        mask = None if spec.mask is None else self._mask(obs, info, where, is_last)
        try:
            row = self._spec.prepare(obs, mask)
        except ValueError as e:
            return self._refuse(
                f"{where}: {e}", "return finite numbers, in the form that the observation space announces"
            )
        if not self._listener.strict:
            if (more := surplus(self._leaves, obs)) is not None:
                what = f"{where}: observation holds {more!r}, which its space does not mention: it is not seen"
                self._listener.warning("surplus", what, "announce it, or leave it out")
            for part in spec.parts:
                self._check_announced(said(part), part_of(obs, part), self._leaves[part.path], where)
        return row

    def _mask(self, obs: Any, info: Any, where: str, is_last: bool) -> np.ndarray:
        """Which actions are allowed [A]. Nobody asks after the last step of an episode: none then, unless one is given.

        Raises EnvironmentFault if there is no mask, or none that can be obeyed.
        """
        num = self._spec.num_actions
        advice = f"return info[{MASK!r}] with every reset and step, 1 or 0 for each action"
        try:
            given = given_mask(obs, info.get(MASK) if isinstance(info, dict) else None, self._spec.obs.stack)
            if given is None and is_last:
                return np.zeros(num, bool)
            if given is None:
                self._stop("mask", f"{where}: info holds no {MASK!r}", advice)
            mask = as_mask(self._spec.mask_of_actions(given), num, may_be_none=True)
            if mask.shape != (num,):
                raise ValueError(f"the mask has shape {mask.shape}, not ({num},)")
        except ValueError as e:
            self._stop("mask", f"{where}: {e}", advice)
        if not is_last and not mask.any():
            advice = "end the episode there (terminated=True), or allow an action that does nothing"
            self._stop("mask", f"{where}: {MASK!r} allows no action", advice)
        return mask

    def _refuse(self, what: str, advice: str) -> None:
        self._listener.error("observation", what, advice)

    def _check_state(self, given: np.ndarray, array: np.ndarray, where: str) -> np.ndarray | None:
        num, start = self._spec.obs.num_states or 0, self._spec.obs_start
        if not 0 <= array < num or given != array + start:
            what = f"{where}: observation is state {given}, but its space has {counted(num, 'state')} from {start}"
            return self._refuse(what, "return a state in that range, or announce the true one")
        if given.dtype.kind not in "iu":
            what = f"{where}: observation is of type {given.dtype} instead of a whole number"
            self._listener.warning("dtype", what, "return int(state)")
        return array

    def _check_announced(self, name: str, given: np.ndarray, space: spaces.Space[Any], where: str) -> None:
        """What training forgives, for it converts types and reads no bounds."""
        if not isinstance(space, spaces.Box):  # of other kinds it forgives nothing
            return
        if given.dtype != space.dtype:
            what = f"{where}: {name} of type {given.dtype}, but its observation space says {space.dtype}"
            self._listener.warning("dtype", f"{what}: it is converted", f"return obs.astype(np.{space.dtype})")
        out = (given < space.low) | (given > space.high)
        if out.any():
            at = tuple(np.argwhere(out)[0].tolist())
            low, high = space.low[at], space.high[at]
            what = f"{where}: {name}{list(at)} is {given[at]:g}, outside its announced bounds {low:g} to {high:g}"
            self._listener.warning("bounds", what, "announce the true bounds, or -inf and inf")


def is_finite(array: np.ndarray) -> bool:
    """Whether every number is."""
    return np.count_nonzero(np.isfinite(array)) == array.size  # a sixth of the cost of `all`


def number_of(reward: Any) -> float:
    """A reward as a number. Raises TypeError or ValueError for whatever does not hold exactly one."""
    one = np.asarray(reward) if type(reward) in (list, tuple) else reward
    one = one.item() if hasattr(one, "item") else one  # of numpy's numbers, an array or a tensor of one
    if one is None or isinstance(one, str | bytes | complex):
        raise TypeError("not a single number")
    return float(one)


def not_a_pair(answer: Any) -> str:
    """What a reset returned that is not an observation with its info."""
    old = ", as before Gym 0.26" if isinstance(answer, np.ndarray) else ""
    return f"reset() returned {_given(answer)}{old}, not a tuple of 2"


def _given(answer: Any) -> str:
    """What was returned, as it is called after "returned"."""
    kind = kind_of(answer)
    return f"a value {kind}" if kind.startswith("of type") else kind


def kind_of(value: Any) -> str:
    """How a value is called in a message."""
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    return "None" if value is None else f"of type {type(value).__name__}"


def _raised_by(error: BaseException) -> str:
    """The module whose line raised it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else str(trace.tb_frame.f_globals.get("__name__"))
