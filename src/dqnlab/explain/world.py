"""What an environment is: which drawing suits it, the constants of its physics, the names of inputs and actions."""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from ..config import Env
from ..envs.copying import Copying
from ..envs.frames import DEFAULT_FPS, frame_rate, render_modes
from ..envs.guard import EnvironmentHangs, Guarded
from ..envs.make import AnyEnv, EnvSpec, close, make_one
from ..envs.names import GivenNames, printable
from ..envs.parts import leaf_spaces
from ..errors import EnvironmentFault, counted
from ..learn.types import ObsPart, ObsSpec
from ..run.film import DRAWING_MODES, open_shown
from .names import ACTIONS, ranges

# Exact classes whose states the page can draw. A subclass may show or do other things.
KINDS = {
    "gymnasium.envs.classic_control.cartpole:CartPoleEnv": "cartpole",
    "gymnasium.envs.classic_control.mountain_car:MountainCarEnv": "mountaincar",
    "gymnasium.envs.classic_control.acrobot:AcrobotEnv": "acrobot",
    "gymnasium.envs.box2d.lunar_lander:LunarLander": "lunarlander",
    "gymnasium.envs.toy_text.frozen_lake:FrozenLakeEnv": "frozenlake",
}
# Wrappers that change neither observations, nor actions, nor rewards.
TRANSPARENT = {"TimeLimit", "OrderEnforcing", "PassiveEnvChecker", "RecordEpisodeStatistics"}
# What drawing and physics need of each kind: attributes of the environment, each a number.
CONSTANTS = {
    "cartpole": "gravity masscart masspole total_mass length polemass_length force_mag tau x_threshold "
    "theta_threshold_radians",
    "mountaincar": "min_position max_position max_speed goal_position goal_velocity force gravity",
    "acrobot": "dt LINK_LENGTH_1 LINK_LENGTH_2 LINK_MASS_1 LINK_MASS_2 LINK_COM_POS_1 LINK_COM_POS_2 LINK_MOI "
    "MAX_VEL_1 MAX_VEL_2 torque_noise_max",
    "lunarlander": "gravity wind_power turbulence_power",
    "frozenlake": "",
}
LARGEST_BOX = 1e4  # a bound beyond that is a way to write "any number"
MOST_INPUTS = 4096  # that get a name each
FASTEST = 240  # steps per second

Bounds = tuple[float | None, float | None]  # where a number usually lies, if anybody knows


class Input(NamedTuple):
    """One number that the network sees of an observation."""

    name: str  # a key of the page's words, or plain text
    unit: str
    low: float | None  # where it usually lies; None if nobody knows before it is seen
    high: float | None
    ago: int = 0  # of stacked observations: how many steps old it is


class World(NamedTuple):
    """An environment as the page needs it."""

    kind: str  # a value of KINDS, "frames" if only images show it, "none" if nothing does
    params: dict[str, Any]  # plain numbers, texts and lists
    inputs: tuple[Input, ...]  # () for images
    actions: tuple[str, ...]  # one per action: a key of the page's words, or plain text


class Scene(NamedTuple):
    """The environments in which the episodes to be shown are played."""

    env: Env
    spec: EnvSpec
    world: World
    first: AnyEnv | None = None  # one that is there already, from `open_stage`


def look(env: Env, spec: EnvSpec) -> World:
    """The world of an environment, which is made once for that.

    Raises:
        EnvironmentFault: it cannot be made.
    """
    made = open_stage(env)
    try:
        return look_at(made, env, spec)
    finally:
        close(made, env.label)


def open_stage(env: Env) -> AnyEnv:
    """The environment, with images as frames if it can be made so.

    Raises:
        EnvironmentFault: it cannot be made.
    """
    try:
        return open_shown(env)
    except EnvironmentHangs:
        raise
    except EnvironmentFault:  # the film says why
        return make_one(env)


def look_at(made: AnyEnv, env: Env, spec: EnvSpec) -> World:
    """The world of an environment that `open_stage` gave."""
    kind, params = _kind(made, spec)
    names = actions(made, spec, kind)
    seen = named_inputs(inputs(spec.obs, kind, params, made.observation_space), spec.obs, spec.names)
    pace = {"fps": _pace(made, env.label)}
    if kind is not None:
        return World(kind, params | pace, seen, names)
    if made.render_mode in DRAWING_MODES and made.render_mode in render_modes(made):
        return World("frames", {"source": "render"} | pace, seen, names)
    if is_image(spec.obs):
        return World("frames", {"source": "observation"} | pace, seen, names)
    return World("none", pace, seen, names)


def is_image(obs: ObsSpec) -> bool:
    """Whether an observation is a picture: whole numbers in rows and columns."""
    return obs.dtype in (np.uint8, np.bool_) and len(obs.frame_shape) >= 2


def class_of(made: AnyEnv) -> str:
    """The exact class below all wrappers, as module:name."""
    cls = type(made.unwrapped)
    return f"{cls.__module__}:{cls.__qualname__}"


def _pace(made: AnyEnv, label: str) -> float:
    """Steps per second at which to show it."""
    try:
        rate = frame_rate(made, label)
    except EnvironmentFault:  # which the film tells of; here any rate will do
        rate = DEFAULT_FPS
    return rate if 1 <= rate <= FASTEST else DEFAULT_FPS


def _kind(made: AnyEnv, spec: EnvSpec) -> tuple[str | None, dict[str, Any]]:
    """The drawing for an environment with its constants; (None, {}) if none is sure to fit."""
    kind = KINDS.get(class_of(made))
    if kind is None or not _is_transparent(made, spec.obs.stack > 1):
        return None, {}
    try:
        params = {name: _number(getattr(made.unwrapped, name)) for name in CONSTANTS[kind].split()}
        return kind, params | _EXTRAS.get(kind, _nothing)(made.unwrapped)
    except (AttributeError, TypeError, ValueError, LookupError):  # somebody changed what it is: it is shown by images
        return None, {}


def _is_transparent(made: AnyEnv, stacked: bool) -> bool:
    """Whether no wrapper changes anything, the frame stack of the configuration, the outermost, aside."""
    layers = list(_wrappers(made))
    if stacked:
        layers = layers[1:]
    return all(type(x).__module__.startswith("gymnasium.") and type(x).__name__ in TRANSPARENT for x in layers)


def _wrappers(made: AnyEnv) -> Iterator[AnyEnv]:
    while isinstance(made, gym.Wrapper):
        if not isinstance(made, Guarded | Copying):
            yield made
        made = made.env


def _number(value: Any) -> float:
    """A finite float, or ValueError."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is not finite")
    return number


# ── What is special about a kind ─────────────────────────────────────────────────────────────────


def _nothing(_: Any) -> dict[str, Any]:
    return {}


def _cartpole(env: Any) -> dict[str, Any]:
    return {
        "kinematics_integrator": str(env.kinematics_integrator),
        "sutton_barto_reward": bool(env._sutton_barto_reward),
    }


def _acrobot(env: Any) -> dict[str, Any]:
    torque = [_number(x) for x in env.AVAIL_TORQUE]
    if len(torque) != env.action_space.n:
        raise ValueError(f"{counted(len(torque), 'torque')} for {counted(env.action_space.n, 'action')}")
    return {"AVAIL_TORQUE": torque, "book_or_nips": str(env.book_or_nips)}


def _lunarlander(env: Any) -> dict[str, Any]:
    from gymnasium.envs.box2d import lunar_lander as module  # there, since the environment is

    names = ("FPS", "SCALE", "VIEWPORT_W", "VIEWPORT_H", "LEG_DOWN", "LEG_AWAY")
    constants = {name: _number(getattr(module, name)) for name in names}
    return {**constants, "outline": [list(map(float, p)) for p in module.LANDER_POLY], "wind": bool(env.enable_wind)}


def _frozenlake(env: Any) -> dict[str, Any]:
    desc = [b"".join(row).decode("ascii") for row in env.desc]
    if len({len(row) for row in desc}) != 1 or set("".join(desc)) - set("SFHG"):
        raise ValueError(f"no map: {desc}")
    # Whether the ice is slippery is kept nowhere but in the table of transitions.
    chances = [
        _number(branch[0])
        for choices in env.P.values()
        for action, branches in choices.items()
        if len(branches) == 3
        for branch in branches[1:2]
    ]
    return {"desc": desc, "is_slippery": bool(chances), "success_rate": chances[0] if chances else 1.0}


_EXTRAS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "cartpole": _cartpole,
    "acrobot": _acrobot,
    "lunarlander": _lunarlander,
    "frozenlake": _frozenlake,
}


# ── While it plays ───────────────────────────────────────────────────────────────────────────────


def state_of(kind: str, env: Any) -> np.ndarray | None:
    """The state from which the physics of an unwrapped environment continue, [S] float64; None if only the "
    "observation is known."""
    return np.array(env.state, float) if kind in ("cartpole", "mountaincar", "acrobot") else None


def terrain_of(kind: str, env: Any) -> list[list[float]] | None:
    """The corners [x, y] of the ground of this episode, in the lander's metres; None of other environments."""
    if kind != "lunarlander":
        return None
    corners = [env.sky_polys[0][0], *(poly[1] for poly in env.sky_polys)]
    return [[float(x), float(y)] for x, y in corners]


# ── Names ────────────────────────────────────────────────────────────────────────────────────────


def actions(made: AnyEnv, spec: EnvSpec, kind: str | None) -> tuple[str, ...]:
    """A name per action: as its metadata say, of the known class, else what it calls them, else their numbers."""
    if spec.names.actions:
        return spec.names.actions
    if known := ACTIONS.get(class_of(made)):
        untouched = kind is not None or _is_transparent(made, spec.obs.stack > 1)
        if untouched and len(known) == spec.num_actions:
            return tuple(f"actions.{name}" for name in known)
    meanings = getattr(made.unwrapped, "get_action_meanings", None)
    if callable(meanings):
        try:
            given = [printable(x) if isinstance(x, str) else "" for x in meanings()]
        except Exception:  # an environment may raise anything; numbers will do
            given = []
        if len(given) == spec.num_actions and all(given):
            return tuple(given)
    if spec.joint is not None:
        return tuple(map(spec.action_text, range(spec.num_actions)))
    numbers = range(spec.action_start, spec.action_start + spec.num_actions)
    return tuple(f"actions.{n}" if 0 <= n < 18 else str(n) for n in numbers)


def inputs(obs: ObsSpec, kind: str | None, params: dict[str, Any], space: spaces.Space[Any]) -> tuple[Input, ...]:
    """What the network sees, in order: the oldest of stacked observations first."""
    if obs.num_states is not None:
        return (Input("inputs.state", "", 0.0, obs.num_states - 1.0),)
    if obs.parts:
        return _of_row(obs, space)
    size = math.prod(obs.frame_shape)
    if is_image(obs) or size * obs.stack > MOST_INPUTS:
        return ()
    known = ranges(kind, params) if kind is not None else []
    frame = [Input(f"inputs.{r.name}", r.unit, r.low, r.high) for r in known]
    if len(frame) != size:
        frame = _of_space(obs, space)
    return tuple(one._replace(ago=ago) for ago in reversed(range(obs.stack)) for one in frame)


def named_inputs(inputs: tuple[Input, ...], obs: ObsSpec, names: GivenNames) -> tuple[Input, ...]:
    """Inputs as the environment calls them, as far as it does. Those of masks keep their names."""
    if not inputs or not (names.obs or names.units):
        return inputs
    found = list(inputs)
    for at, place in zip(range(len(found)), _places(obs), strict=False):
        name = names.obs[place] if names.obs else ""
        unit = names.units[place] if names.units else ""
        found[at] = found[at]._replace(name=name or found[at].name, unit=unit or found[at].unit)
    return tuple(found)


def _places(obs: ObsSpec) -> list[int]:
    """Of each number that the network sees, a mask aside, which number of its frame it is."""
    sizes = [part.size // obs.stack for part in obs.parts] if obs.parts else [math.prod(obs.frame_shape)]
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return [start + i for start, size in zip(starts, sizes, strict=True) for _ in range(obs.stack) for i in range(size)]


def _of_row(obs: ObsSpec, space: spaces.Space[Any]) -> tuple[Input, ...]:
    """Inputs by the names of their parts, and for each action whether it is allowed."""
    if obs.shape[0] > MOST_INPUTS:
        return ()
    leaves = dict(leaf_spaces(space))
    found: list[Input] = []
    for part in obs.parts:
        names = part._replace(shape=part.shape[1:]).numbers if obs.stack > 1 else part.numbers
        if not part.path and part.num_states is not None:
            names = ["inputs.state"] * len(names)
        bounds = _of_part(part, leaves.get(part.path), len(names))
        frame = [Input(name, "", *bound) for name, bound in zip(names, bounds, strict=True)]
        found += [one._replace(ago=ago) for ago in reversed(range(obs.stack)) for one in frame]
    allowed = 0 if obs.mask is None else obs.shape[0] - obs.mask
    return (*found, *(Input(f"allowed[{action}]", "", 0.0, 1.0) for action in range(allowed)))


def _of_space(obs: ObsSpec, space: spaces.Space[Any]) -> list[Input]:
    """Inputs of which nothing is known but the bounds of their space, the newest frame's."""
    size = math.prod(obs.frame_shape)
    assert isinstance(space, spaces.Box)  # of all spaces that are let in only this is no number
    bounds = _of_box(space, size)
    names = (f"x[{', '.join(map(str, place))}]" if place else "x" for place in np.ndindex(obs.frame_shape))
    return [Input(name, "", *bound) for name, bound in zip(names, bounds, strict=True)]


def _of_part(part: ObsPart, leaf: spaces.Space[Any] | None, num: int) -> list[Bounds]:
    """Where the numbers of a part of one frame lie."""
    if part.num_states is not None:
        return [(float(part.lowest), part.lowest + part.num_states - 1.0)] * num
    if part.dtype == np.bool_:
        return [(0.0, 1.0)] * num
    return _of_box(leaf, num) if isinstance(leaf, spaces.Box) else [(None, None)] * num


def _of_box(space: spaces.Box, num: int) -> list[Bounds]:
    """Where the newest numbers of a space lie."""
    low, high = (np.asarray(x, float).reshape(-1)[-num:].tolist() for x in (space.low, space.high))
    return [_sensible(*pair) for pair in zip(low, high, strict=True)]


def _sensible(low: float, high: float) -> Bounds:
    """Bounds that a slider can have, or none."""
    return (low, high) if -LARGEST_BOX <= low < high <= LARGEST_BOX else (None, None)
