"""Whose reward threshold it is that counts as solved, and when the registered one says nothing."""

import inspect
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec as Registered
from gymnasium.envs.registration import load_env_creator
from gymnasium.wrappers import TimeLimit

from ..config import Env
from ..config.checks import as_float, quoted
from ..errors import EnvironmentFault

STEP_LIMIT = 10_000  # for environments that have none of their own: an episode must end

# Layers with a step of their own that leave rewards, ends and limits as they are.
_ONLOOKERS = {
    "gymnasium.wrappers.": {
        *("OrderEnforcing", "PassiveEnvChecker", "RecordEpisodeStatistics", "RecordVideo", "HumanRendering"),
        *("RenderCollection", "FrameStackObservation", "DelayObservation"),
    },
    "dqnlab.envs.": {"Guarded", "Copying", "Smaller", "Chosen"},
}
_STEPS = {gym.Wrapper.step, gym.ObservationWrapper.step, gym.ActionWrapper.step}  # hand rewards and ends on


class Threshold(NamedTuple):
    """The mean return that counts as solved."""

    value: float | None  # none where nothing counts
    says: str  # whose it is, or why the registered one does not count; empty where there is none at all


def threshold_of(env: Env, made: gym.Env[Any, Any], limit: int) -> Threshold:
    """The threshold that counts for an environment as it was made, with the step limit that holds.

    The user's own counts always. The registered one is a number of the registered environment: it counts only if
    nothing outside changes rewards or limits, and where that is not sure it does not.

    Raises:
        EnvironmentFault: the registered one is not a finite number.
    """
    if env.reward_threshold is not None:
        return Threshold(env.reward_threshold, f"{env.reward_threshold:g} is your own (env.reward_threshold)")
    spec = made.unwrapped.spec or made.spec
    known = None if spec is None else gym.envs.registration.registry.get(spec.id)
    registered = spec.reward_threshold if spec is not None else None
    if spec is None or registered is None:
        return Threshold(None, "")
    value = as_float(registered)
    if not math.isfinite(value):
        raise EnvironmentFault(
            f"env {env.label!r} is registered with reward_threshold = {quoted(registered)}: register a finite number "
            "or None, or set your own with env.reward_threshold"
        )
    why = "it is no longer registered" if known is None else _changed(env, made, known, limit)
    if why is None:
        return Threshold(value, f"{value:g} is registered with {spec.id}")
    return Threshold(
        None,
        f"{value:g}, registered with {spec.id}, does not count: {why}; set your own with env.reward_threshold",
    )


def is_own_limit(env: Env, made: gym.Env[Any, Any], limit: int) -> bool:
    """Whether dqnlab set the step limit, because there was none."""
    known = gym.envs.registration.registry.get(made.unwrapped.spec.id) if made.unwrapped.spec is not None else None
    return limit == STEP_LIMIT and env.max_episode_steps is None and (known is None or known.max_episode_steps is None)


def _changed(env: Env, made: gym.Env[Any, Any], known: Registered, limit: int) -> str | None:
    """What may make returns differ from those of the registered environment; none if nothing does."""
    if limit != known.max_episode_steps and not is_own_limit(env, made, limit):
        usual = "none" if known.max_episode_steps is None else f"{known.max_episode_steps:,}"
        return f"the step limit is {limit:,}, the registered one is {usual}"
    maker = _class(known)
    if maker is not None and type(made.unwrapped) is not maker:
        return f"it is of the class {type(made.unwrapped).__name__}, not the registered one"
    if other := _other_arguments(made, known, maker):
        return f"it was made with {other}, which may change its rewards"
    outside = [layer for layer in _layers(made) if not _looks_on(layer)]
    for wrapper in known.additional_wrappers:  # the innermost come with the registration
        if outside and type(outside[-1]).__name__ == wrapper.name:
            outside.pop()
    return f"{type(outside[0]).__name__} may change its rewards or ends" if outside else None


def _layers(made: gym.Env[Any, Any]) -> Iterator[gym.Env[Any, Any]]:
    """From the outermost layer to the environment itself."""
    while isinstance(made, gym.Wrapper):
        yield made
        made = made.env
    yield made


def _looks_on(layer: gym.Env[Any, Any]) -> bool:
    """Whether a layer surely leaves rewards and ends as they are; of the limit something else takes care."""
    if "step" in vars(layer):  # put there by hand
        return False
    kind = type(layer)
    if not isinstance(layer, gym.Wrapper) or kind is TimeLimit or kind.step in _STEPS:
        return True
    return any(kind.__module__.startswith(home) and kind.__name__ in names for home, names in _ONLOOKERS.items())


def _class(known: Registered) -> type | None:
    """The class that the registration makes, if it is one."""
    try:
        maker = known.entry_point if not isinstance(known.entry_point, str) else load_env_creator(known.entry_point)
    except Exception:  # whatever an import raises: it cannot be compared
        return None
    return maker if isinstance(maker, type) else None


def _other_arguments(made: gym.Env[Any, Any], known: Registered, maker: type | None) -> str:
    """The arguments that are neither the registered ones nor the defaults, as one would type them."""
    given = made.unwrapped.spec.kwargs if made.unwrapped.spec is not None else {}
    parameters = inspect.signature(maker).parameters.values() if maker is not None else ()
    usual = {each.name: each.default for each in parameters if each.default is not each.empty} | known.kwargs
    names = [name for name in given if name != "render_mode" and repr(given[name]) != repr(usual.get(name))]
    return ", ".join(f"{name} = {given[name]!r}"[:60] for name in names)
