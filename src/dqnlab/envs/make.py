"""Environments: made from a configuration, checked once at the door, described by an `EnvSpec`."""

import gc
import inspect
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from numbers import Integral
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from ..config import Env
from ..errors import ConfigError, EnvironmentFault, counted, either
from ..learn.policy import any_action
from ..learn.types import ObsSpec
from .actions import Joint, action_text, joint_of, num_actions
from .copying import Copying, frame_space
from .guard import CONSTRUCTOR, LIVING, EnvironmentHangs, Guard, Guarded, guarded
from .masks import mask_among, mask_of
from .modules import import_named, missing, not_registered
from .names import GivenNames, names_of
from .parts import Chosen, used_leaves
from .pictures import Smaller, picture_of
from .place import named_with_place
from .pools import is_pooled, registered_id
from .roundtrip import unsaved
from .rows import MASK, as_row
from .spaces import has_mask, obs_spec, shows_mask
from .state import saves_itself
from .threshold import STEP_LIMIT, is_own_limit, threshold_of
from .unsupported import becomes_numbers, refused_observations
from .watchdog import watched
from .wrapping import in_wrappers

AnyEnv = gym.Env[Any, Any]


class EnvSpec(NamedTuple):
    """What the rest of the program needs to know about an environment."""

    obs: ObsSpec
    obs_start: int  # the lowest number of a discrete observation
    num_actions: int
    action_start: int  # the environment's number for our action 0
    reward_threshold: float | None  # mean return that counts as solved
    max_episode_steps: int
    action_dtype: np.dtype = np.dtype(np.int64)  # of the environment's own numbers
    threshold_says: str = ""  # whose the threshold is, or why the registered one does not count
    own_limit: bool = False  # whether dqnlab set the step limit, because there was none
    unsaved: str | None = None  # the part of it whose state cannot be saved, and why
    unread_mask: str | None = None  # what of it says which actions are allowed, where that is not read
    picture: tuple[int, ...] | None = None  # the shape of its pictures, where they are made grey or smaller
    joint: Joint | None = None  # the components of an action, where it has several
    names: GivenNames = GivenNames()  # what people call its inputs and actions

    def action(self, action: int) -> Any:
        """The environment's own action for ours, 0..A-1: a number, or an array, as its action space samples them."""
        if self.joint is not None:
            return self.actions(np.array(action))
        return self.action_dtype.type(action + self.action_start)

    def actions(self, actions: np.ndarray) -> np.ndarray:
        """As `action`, of several [E]."""
        own = actions + self.action_start if self.joint is None else self.joint.components(actions)
        return own.astype(self.action_dtype)

    def action_text(self, action: int) -> str:
        """How people write the environment's own action: 2, or [0, 1]."""
        return action_text(action, self.action_start, self.joint)

    def mask_of_actions(self, mask: Any) -> Any:
        """A mask as it was given, but over joint actions where it was one of each component."""
        return mask if self.joint is None else self.joint.over_actions(mask)

    def prepare(self, obs: Any, mask: np.ndarray | None = None) -> np.ndarray:
        """One observation, or a batch, as it is stored: float64 and integers become float32, pixels stay.

        Args:
            mask: [..., A] bool, which actions are allowed there, where the environment says so.
        """
        if self.obs.parts:
            return as_row(self.obs, obs, mask)
        array = np.asarray(obs, self.obs.dtype)
        return array - self.obs_start if self.obs_start else array

    def any_actions(self, obs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Actions [E] by chance, of those allowed in stored observations [E, *obs_shape]."""
        if self.obs.mask is None:
            return rng.integers(self.num_actions, size=len(obs))
        return any_action(obs[:, self.obs.mask :] != 0, rng)


def make_one(env: Env, render_mode: str | None = None) -> Guarded:
    """One Gymnasium environment with step limit and frame stacking, as in training, behind its guard.

    Raises:
        ConfigError: unknown id or arguments.
        EnvironmentFault: a package is missing, or the constructor failed.
    """
    if env.copies is not None:
        gc.collect()  # some give back what they hold only when nothing of them is left
    guard = Guard(env.label)
    with one_more(env):
        made = Guarded(guard.call(CONSTRUCTOR, _make, env, render_mode), guard)
    LIVING.add(made)
    return made


@contextmanager
def one_more(env: Env) -> Iterator[None]:
    """Says what to do if an environment cannot be made while others of its kind live."""
    try:
        yield
    except EnvironmentFault as e:
        gc.collect()
        lives = sum(each.guard.label == env.label for each in LIVING)
        if lives == 0:
            raise
        others = "another copy of it is open" if lives == 1 else f"{counted(lives, 'other copy')} of it are open"
        if env.num_envs == 1:
            bound = either("--env.copies 1", "Env(copies=1)")
        else:
            bound = either("--env.num-envs 1 --env.copies 1", "Env(num_envs=1, copies=1)")
        instead = f" in place of env.workers = {env.workers}" if env.workers else ""
        advice = f"{others}; if only one can be open at a time, say so{instead}: {bound}"
        raise type(e)(f"{e} ({advice})") from e.__cause__


def make_several(make: Callable[[], AnyEnv], num: int, label: str, made: list[AnyEnv]) -> list[AnyEnv]:
    """This many environments, including those that exist; all or none: they are closed if one cannot be made."""
    try:
        while len(made) < num:
            made.append(make())
        return made
    except BaseException:
        close_all(made, label)
        raise


def _make(env: Env, render_mode: str | None) -> AnyEnv:
    made = _construct(env, render_mode)
    if not isinstance(made, gym.Env):
        raise ConfigError(f"env {env.label!r} made {type(made).__name__}, which is not a gymnasium.Env: return one")
    made = in_wrappers(env, made)
    limit = _step_limit(made)
    if not isinstance(env.id, str) and env.max_episode_steps is not None:
        made = gym.wrappers.TimeLimit(made, env.max_episode_steps)
        limit = env.max_episode_steps
    if limit is None:
        made = gym.wrappers.TimeLimit(made, STEP_LIMIT)
    if (env.gray or env.resize) and hasattr(made, "observation_space"):  # else that is said later
        made = Smaller(made, env)
    if env.frame_stack > 1 and hasattr(made, "observation_space"):
        made = _without_unused(env, made)
    if env.frame_stack > 1 or render_mode == "rgb_array":
        made = Copying(made)  # a stack and a film keep what they were given
    if env.frame_stack > 1:
        made = gym.wrappers.FrameStackObservation(made, env.frame_stack)
    return made


def _without_unused(env: Env, made: AnyEnv) -> AnyEnv:
    """The environment with observations that can be stacked. Raises ConfigError if a part that is used cannot."""
    space = made.observation_space
    used = used_leaves(env, space)
    if not all(becomes_numbers(leaf) for _, leaf in used):
        raise refused_observations(env, space)
    return Chosen(made, {path[0] for path, _ in used} | {MASK}) if env.keys else made


def _step_limit(made: AnyEnv) -> int | None:
    """The shortest of its step limits."""
    limits: list[Any] = []
    layer: Any = made
    while isinstance(layer, gym.Wrapper):
        if isinstance(layer, gym.wrappers.TimeLimit):
            limits.append(layer._max_episode_steps)
        layer = layer.env
    odd = [limit for limit in limits if not isinstance(limit, Integral)]
    return odd[0] if odd else min(limits, default=None)


def _construct(env: Env, render_mode: str | None) -> Any:
    kwargs: dict[str, Any] = dict(env.kwargs)
    if isinstance(env.id, str):
        import_named(env.id)
    try:
        if isinstance(env.id, str):
            limit = {} if env.max_episode_steps is None else {"max_episode_steps": env.max_episode_steps}
            kwargs |= limit if render_mode is None else {**limit, "render_mode": render_mode}
            if is_pooled(env.id):
                kwargs["limit"] = env.max_episode_steps
            return gym.make(registered_id(env.id), disable_env_checker=True, **kwargs)
        if render_mode is not None and _takes(env.id, "render_mode"):
            kwargs["render_mode"] = render_mode
        return env.id(**kwargs)
    except (gym.error.DependencyNotInstalled, ImportError) as e:
        raise missing(env.label, e) from e
    except gym.error.InvalidMetadata as e:
        raise EnvironmentFault(f"env {env.label!r}: its metadata cannot be used: {e}") from e
    except gym.error.Error as e:
        raise not_registered(env.label, e) from e
    except TypeError as e:
        if "argument" not in str(e):
            raise EnvironmentFault(f"env {env.label!r} could not be made: {named_with_place(e)}") from e
        raise ConfigError(f"env {env.label!r} does not take env.kwargs = {kwargs}: {e}") from e


def _takes(maker: Callable[..., Any], name: str) -> bool:
    parameters = inspect.signature(maker).parameters
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def describe(env: Env) -> EnvSpec:
    """Makes the environment once, reads its spaces and tries whether it can be saved; watched, for it plays a little.

    Raises:
        ConfigError: its spaces are not supported.
        EnvironmentFault: it cannot be made, or does not answer.
    """
    with watched(env.timeout):
        made = make_one(env)
        try:
            return tried(env, made)
        finally:
            close(made, env.label)


def open_one(env: Env) -> tuple[EnvSpec, Guarded]:
    """An environment as new, and what it is: there need be only one for both. Raises as `describe`."""
    with watched(env.timeout):
        made = make_one(env)
        try:
            spec = tried(env, made)
            if not saves_itself(made):
                return spec, made
        except BaseException:
            close(made, env.label)
            raise
        close(made, env.label)  # it was played with
        return spec, make_one(env)


def tried(env: Env, made: Guarded) -> EnvSpec:
    """As `looked_at`, and whether its state can be saved, for which one that says so is played with."""
    return looked_at(env, made)._replace(unsaved=unsaved(made))


def looked_at(env: Env, made: AnyEnv) -> EnvSpec:
    """As `described`, and whether it shows masks: unless that is known already, it takes a reset."""
    spec = described(env, made)
    is_open = env.action_mask == "auto" and spec.obs.mask is None
    return described(env, made, in_info=True) if is_open and shows_mask(guarded(made, env.label)) else spec


def described(env: Env, made: AnyEnv, in_info: bool | None = None) -> EnvSpec:
    """What an environment is that has been made. Nothing is tried on it, so that it may be saved is only believed.

    Args:
        in_info: whether its infos hold masks; by default as the configuration says.
    """
    missing = [name for name in ("observation_space", "action_space") if not hasattr(made, name)]
    if missing:
        raise EnvironmentFault(f"env {env.label!r} has no {missing[0]}: set it in the constructor")
    action = made.action_space
    num, joint = num_actions(env, action), joint_of(action)
    if in_info is None:
        in_info = env.action_mask == "on" and not has_mask(made.observation_space)
    obs, obs_start = obs_spec(env, frame_space(made) if env.frame_stack > 1 else made.observation_space, num, in_info)
    _check_registered(made, env)
    limit = _step_limit(made)
    assert limit is not None  # make_one sees to it
    threshold = threshold_of(env, made, limit)
    return EnvSpec(
        obs,
        obs_start,
        num,
        int(action.start) if isinstance(action, spaces.Discrete) else 0,
        threshold.value,
        limit,
        np.dtype(action.dtype),
        threshold.says,
        is_own_limit(env, made, limit),
        unread_mask=None if obs.mask is not None else mask_of(guarded(made, env.label)) or mask_among(obs.parts),
        picture=picture_of(made),
        joint=joint,
        names=names_of(made, obs, num, joint),
    )


def _check_registered(made: AnyEnv, env: Env) -> None:
    """Raises EnvironmentFault if what an environment says about itself is not what Gymnasium wants."""
    limit, wrong = _step_limit(made), None
    if not isinstance(made.metadata, dict):
        wrong = f"its metadata is {made.metadata!r}: set a dict such as {{'render_modes': []}}"
    elif isinstance(limit, bool) or not isinstance(limit, Integral) or limit < 1:
        wrong = f"its step limit is {limit!r}: register a whole number of at least 1 as max_episode_steps"
    if wrong:
        raise EnvironmentFault(f"env {env.label!r}: {wrong}")


def close(made: AnyEnv, label: str) -> None:
    """Closes an environment; one that raises then has done its work, so that is only said."""
    try:
        guarded(made, label).close()
    except EnvironmentHangs:
        raise
    except EnvironmentFault as e:
        why = (
            str(e) if e.__cause__ is None else f"env {label!r}: close raised {named_with_place(e.__cause__)}"
        )  # one for all copies
        warnings.warn(why, stacklevel=2)


def close_all(made: Sequence[AnyEnv], label: str) -> None:
    """Closes each in their order; the others too if one does not answer."""
    with ExitStack() as stack:
        for env in reversed(made):
            stack.callback(close, env, label)
