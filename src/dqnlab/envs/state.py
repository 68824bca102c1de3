"""The state of one environment with its wrappers: what decides its next steps, taken out and put back.

An environment is restorable if each of its layers is: its exact class stands in `KNOWN`, or it says so itself by
`get_state()` and `set_state(state)`. A subclass of a known class is not known: it may hold more. The generator
`np_random` is saved beside the layers. Generators of spaces are not: dqnlab draws no action from them.
"""

import copy
import inspect
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv

from ..errors import CheckpointError
from .codec import decode, encode
from .copying import Copying
from .guard import Guarded
from .place import named_with_place

# Class -> the attributes that its `step` and `reset` change, as of Gymnasium 1.4. A dot leads into an object.
# Not here: what is written anew before each use (the buffer of a frame stack), and screens.
KNOWN = {
    "dqnlab.envs.parts:Chosen": "",
    "dqnlab.envs.pictures:Smaller": "",
    "gymnasium.envs.classic_control.acrobot:AcrobotEnv": "state",
    "gymnasium.envs.classic_control.cartpole:CartPoleEnv": "state steps_beyond_terminated",
    "gymnasium.envs.classic_control.cartpole:CartPoleVectorEnv": "state steps prev_done low high",
    "gymnasium.envs.classic_control.continuous_mountain_car:Continuous_MountainCarEnv": "state",
    "gymnasium.envs.classic_control.mountain_car:MountainCarEnv": "state",
    "gymnasium.envs.classic_control.pendulum:PendulumEnv": "state last_u",
    "gymnasium.envs.toy_text.blackjack:BlackjackEnv": "player dealer dealer_top_card_suit dealer_top_card_value_str",
    "gymnasium.envs.toy_text.cliffwalking:CliffWalkingEnv": "s lastaction",
    "gymnasium.envs.toy_text.frozen_lake:FrozenLakeEnv": "s lastaction",
    "gymnasium.envs.toy_text.taxi:TaxiEnv": "s lastaction fickle_step taxi_orientation",
    "gymnasium.wrappers.common:Autoreset": "autoreset",
    "gymnasium.wrappers.common:OrderEnforcing": "_has_reset",
    "gymnasium.wrappers.common:PassiveEnvChecker": "checked_reset checked_step checked_data_reuse _previous_data",
    "gymnasium.wrappers.common:RecordEpisodeStatistics": (  # its start time is of a clock that does not travel
        "episode_count episode_returns episode_lengths time_queue return_queue length_queue"
    ),
    "gymnasium.wrappers.common:TimeLimit": "_elapsed_steps",
    "gymnasium.wrappers.stateful_action:RepeatAction": "",
    "gymnasium.wrappers.stateful_action:StickyAction": "last_action is_sticky_actions num_repeats repeats_taken",
    "gymnasium.wrappers.stateful_observation:DelayObservation": "observation_queue",
    "gymnasium.wrappers.stateful_observation:FrameStackObservation": "obs_queue",
    "gymnasium.wrappers.stateful_observation:MaxAndSkipObservation": "_obs_buffer",
    "gymnasium.wrappers.stateful_observation:NormalizeObservation": "obs_rms.mean obs_rms.var obs_rms.count",
    "gymnasium.wrappers.stateful_observation:TimeAwareObservation": "timesteps",
    "gymnasium.wrappers.stateful_reward:NormalizeReward": (
        "return_rms.mean return_rms.var return_rms.count discounted_reward"
    ),
    "gymnasium.wrappers.transform_action:ClipAction": "",
    "gymnasium.wrappers.transform_action:DiscretizeAction": "",
    "gymnasium.wrappers.transform_action:RescaleAction": "",
    "gymnasium.wrappers.transform_action:TransformAction": "",
    "gymnasium.wrappers.transform_observation:AddRenderObservation": "",
    "gymnasium.wrappers.transform_observation:DiscretizeObservation": "",
    "gymnasium.wrappers.transform_observation:DtypeObservation": "",
    "gymnasium.wrappers.transform_observation:FilterObservation": "",
    "gymnasium.wrappers.transform_observation:FlattenObservation": "",
    "gymnasium.wrappers.transform_observation:GrayscaleObservation": "",
    "gymnasium.wrappers.transform_observation:RescaleObservation": "",
    "gymnasium.wrappers.transform_observation:ReshapeObservation": "",
    "gymnasium.wrappers.transform_observation:ResizeObservation": "",
    "gymnasium.wrappers.transform_observation:TransformObservation": "",
    "gymnasium.wrappers.transform_reward:ClipReward": "",
    "gymnasium.wrappers.transform_reward:TransformReward": "",
}
# These call a function of the user's, which may remember things: known only if it is a plain one.
CALL_A_FUNCTION = ("TransformAction", "TransformObservation", "TransformReward")
GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")

EnvState = dict[str, Any]  # None, bool, int, float, str, arrays, and lists and dicts (by str) of these
Layered = gym.Env[Any, Any] | VectorEnv[Any, Any, Any]


# ── One environment ──────────────────────────────────────────────────────────────────────────────


def is_restorable(env: Layered) -> bool:
    """Whether the whole state of an environment can be saved."""
    return unknown_layer(env) is None


def unknown_layer(env: Layered) -> str | None:
    """The class of the outermost layer whose state cannot be saved; None if all can."""
    return next((_name(layer) for layer in _layers(env) if not (_speaks(layer) or _is_known(layer))), None)


def saves_itself(env: Layered) -> str | None:
    """The class of the outermost layer that saves itself, by `get_state`; None if all are known."""
    return next((_name(layer) for layer in _layers(env) if _speaks(layer)), None)


def env_state(env: Layered) -> EnvState:
    """All that decides what an environment, once reset, does next.

    Raises:
        CheckpointError: it is not restorable, was never reset, or its own `get_state` failed.
    """
    unknown = unknown_layer(env)
    if unknown is not None:
        raise CheckpointError(f"the state of {unknown} cannot be saved: give it get_state() and set_state(state)")
    return {
        "spaces": _spaces(env),
        "layers": [_layer_state(layer) for layer in _layers(env)],
        "generator": _generator_state(env.unwrapped),
        "seed": env.unwrapped._np_random_seed,
    }


def set_env_state(env: Layered, state: EnvState) -> None:
    """Puts an environment where `env_state` found another one, made the same way.

    Raises:
        CheckpointError: the state is not of such an environment; nothing was changed, unless a `set_state` failed.
    """
    check_env_state(env, state)
    for layer, saved in zip(_layers(env), state["layers"], strict=True):
        if "own" in saved:
            try:
                layer.set_state(decode(saved["own"]))
            except Exception as e:
                raise CheckpointError(f"{_name(layer)}.set_state raised {named_with_place(e)}") from e
        for path, value in saved.get("attributes", {}).items():
            holder, name = _holder(layer, path)
            setattr(holder, name, decode(value))
    _set_generator(env.unwrapped, state["generator"])
    env.unwrapped._np_random_seed = state["seed"]


def check_env_state(env: Layered, state: EnvState) -> None:
    """Raises CheckpointError if a state is not of an environment like this one. Changes nothing."""
    _same("the parts of an environment's state", sorted(state), ["generator", "layers", "seed", "spaces"])
    layers = list(_layers(env))
    _same("an environment's layers", [saved.get("class") for saved in state["layers"]], [_name(x) for x in layers])
    _same("an environment's spaces", state["spaces"], _spaces(env))
    for layer, saved in zip(layers, state["layers"], strict=True):
        name, kind = _name(layer), "own" if _speaks(layer) else "attributes"
        _same(f"what is kept of {name}", sorted(saved), sorted(["class", kind]))
        if kind == "attributes":
            _same(f"the attributes of {name}", sorted(saved[kind]), sorted(KNOWN.get(name, "").split()))
        for value in saved[kind].values() if kind == "attributes" else [saved[kind]]:
            decode(value)
    if state["generator"] is not None:
        _generator(state["generator"])


def _same(what: str, saved: Any, here: Any) -> None:
    if saved != here:
        raise CheckpointError(f"{what} are {here} here, but {saved} in the saved state: resume with the same env")


# ── Layers ───────────────────────────────────────────────────────────────────────────────────────


def _layers(env: Layered) -> Iterator[Any]:
    """An environment's wrappers, outermost first, and itself."""
    layer: Any = env
    while isinstance(layer, gym.Wrapper):
        if not isinstance(layer, Guarded | Copying):  # which keep nothing that decides anything
            yield layer
        layer = layer.env
    yield layer


def _name(layer: Any) -> str:
    return f"{type(layer).__module__}:{type(layer).__qualname__}"


def _speaks(layer: Any) -> bool:
    """Whether a layer's class saves and restores itself, by methods that take no and one argument."""
    kind = type(layer)
    try:
        inspect.signature(kind.get_state).bind(layer)
        inspect.signature(kind.set_state).bind(layer, {})
    except (AttributeError, TypeError, ValueError):  # absent, with other arguments, or without a signature
        return False
    return True


def _is_known(layer: Any) -> bool:
    name = _name(layer)
    return name in KNOWN and (type(layer).__name__ not in CALL_A_FUNCTION or _is_plain(layer.func))


def _is_plain(func: Any) -> bool:
    """Whether a function has no place of its own to remember anything; module variables are taken on trust."""
    return isinstance(func, np.ufunc) or (
        inspect.isfunction(func) and not (func.__closure__ or func.__defaults__ or func.__kwdefaults__ or vars(func))
    )


def _layer_state(layer: Any) -> EnvState:
    name = _name(layer)
    if not _speaks(layer):
        return {"class": name, "attributes": {path: _attribute(layer, path) for path in KNOWN[name].split()}}
    try:
        own = layer.get_state()
    except Exception as e:
        raise CheckpointError(f"{name}.get_state raised {named_with_place(e)}") from e
    return {"class": name, "own": encode(own, f"{name}.get_state()")}


def _attribute(layer: Any, path: str) -> Any:
    holder, name = _holder(layer, path)
    if not hasattr(holder, name):
        raise CheckpointError(f"{_name(layer)} has no {path!r} yet: reset the environment before saving its state")
    return encode(getattr(holder, name), f"{_name(layer)}.{path}")


def _holder(layer: Any, path: str) -> tuple[Any, str]:
    *way, name = path.split(".")
    for step in way:
        layer = getattr(layer, step)
    return layer, name


def _spaces(env: Layered) -> list[list[Any]]:
    """What is seen of the observation and the action space: enough to tell another map or stack."""
    described: list[list[Any]] = []
    for space in (env.observation_space, env.action_space):
        size = getattr(space, "n", None)
        shape = None if space.shape is None else list(space.shape)
        described.append([type(space).__name__, shape, str(space.dtype), None if size is None else str(size)])
    return described


# ── Generators ───────────────────────────────────────────────────────────────────────────────────


def _generator_state(env: Any) -> EnvState | None:
    if env._np_random is None:
        return None
    state = copy.deepcopy(env._np_random.bit_generator.state)
    _generator(state)
    return state


def _generator(state: EnvState) -> np.random.Generator:
    """A new generator in this state. Raises CheckpointError if it is none of numpy's."""
    name = state.get("bit_generator")
    if name not in GENERATORS:
        raise CheckpointError(f"an environment's generator is {name!r}: only {', '.join(GENERATORS)} can be restored")
    made = np.random.Generator(getattr(np.random, name)(0))
    try:
        made.bit_generator.state = copy.deepcopy(state)
    except (KeyError, TypeError, ValueError, OverflowError) as e:
        raise CheckpointError(f"the state of an environment's {name} generator is damaged: {e!r}") from e
    return made


def _set_generator(env: Any, state: EnvState | None) -> None:
    made, here = None if state is None else _generator(state), env._np_random
    if made is not None and here is not None and type(made.bit_generator) is type(here.bit_generator):
        here.bit_generator.state = made.bit_generator.state  # whoever else holds it goes on with it
    else:
        env._np_random = made
