"""What you take home: a network that acts, with all it needs to know about its environment."""

import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ..build import make_network
from ..config import AnyEnvironment, Config, Env, Mlp
from ..config.checks import quoted
from ..config.toml import from_toml, override, parse, without_foreign_env
from ..config.typed import door, label
from ..device import resolve_device
from ..envs.actions import Joint
from ..envs.make import AnyEnv, EnvSpec, describe, looked_at
from ..envs.names import kept_names
from ..envs.pictures import smaller
from ..envs.rows import MASK, as_mask, given_mask, part_of
from ..errors import CheckpointError, ConfigError, FolderError, ObservationError, counted
from ..learn.networks import QNetwork
from ..learn.policy import Actor, make_actor
from ..learn.types import ObsPart, ObsSpec
from ..learn.weights import classic_names, import_weights
from ..trust import named_by_caller
from .acting import Acting
from .advice import why_absent
from .filekinds import whose
from .find import find_run
from .folder import BEFORE, BEST, CONFIG, LAST, META, Run
from .own import with_own
from .reading import oddity, read_env, read_text
from .remembered import recall
from .weightsfile import check_meaning, read_weights

CPU = torch.device("cpu")
_SMALL = 2**20  # numbers
_FEW = 16  # numbers of an observation that a message shows all


class Agent:
    """Acts greedily by a Q-network. Takes observations as the environment gives them.

    One whose network remembers (`config.remembers`) goes by what it has acted on since the episode began, too.
    """

    def __init__(self, config: Config, spec: EnvSpec, network: QNetwork, env: AnyEnvironment | None = None):
        self.config = config
        self.spec = spec
        self.network = network
        self._acting, self._env = Acting(make_actor(network)), env

    def __repr__(self) -> str:
        what = f"{counted(self.spec.num_actions, 'action')}, observations {self.spec.obs.shape}"
        return f"Agent({self.config.env.label!r}, {self.config.preset!r}, {what})"

    def actor(self) -> Actor:
        """A new actor, to play whole episodes with."""
        return make_actor(self.network)

    def reset(self) -> None:
        """Forgets what it has acted on: the next observations begin episodes."""
        self._acting = Acting(make_actor(self.network))

    def act(self, obs: Any, mask: ArrayLike | None = None, first: ArrayLike | None = None) -> Any:
        """The best action as its environment wants it, a numpy integer; or an array of them [B] for a batch.

        Where an action has several components it is an array of them, and [B, …] for a batch.

        Takes what `q_values` does, and remembers it, if its network remembers. With a mask only an allowed action.
        """
        q = self._values(obs, mask, first)
        return self.spec.action(int(q.argmax())) if q.ndim == 1 else self.spec.actions(q.argmax(-1))

    def q_values(self, obs: Any, mask: ArrayLike | None = None, first: ArrayLike | None = None) -> np.ndarray:
        """Expected returns [A] of an observation as its environment gives it, or [B, A] of a batch.

        If its network remembers, they are those of an observation that follows what it has acted on, which is left as
        it is: `act` may be given the same one.

        A batch is an array [B, *obs_shape]; of a Dict or Tuple it has such an array in each place. Pictures may be
        given as the environment shows them or as `env.gray` and `env.resize` make them.

        Args:
            mask: which actions are allowed, [A] or [B, A], as an environment says in `info["action_mask"]`. Forbidden
                ones are worth -inf.
            first: whether the observation begins an episode, or which of a batch do, [B]; none do if it is left out,
                but all after `reset`.

        Raises:
            ObservationError: the observation has another shape, is a state that the environment has not, or holds
                something else than finite numbers; or there is no mask, or one that is not known; or episodes go on
                that did not begin.
        """
        before = self._acting.state_dict()
        try:
            return self._values(obs, mask, first)
        finally:
            self._acting.load_state_dict(before)

    def _values(self, obs: Any, mask: ArrayLike | None, first: ArrayLike | None) -> np.ndarray:
        if self.spec.obs.mask is None and mask is not None:
            raise ObservationError("this agent was trained without masks: leave out mask")
        obs = self._as_stored(obs)
        if self.spec.obs.parts:
            return self._of_row(obs, mask, first)
        array = self._prepared(obs)
        shape = self.spec.obs.shape
        num_states = self.spec.obs.num_states
        start = self.spec.obs_start
        if num_states is not None and not ((array >= 0) & (array < num_states)).all():
            raise ObservationError(
                f"observation is {obs}; this agent knows the states {start} to {start + num_states - 1}"
            )
        if array.shape == shape:
            return self._acting(array[None], first)[0]
        if array.shape[1:] == shape:
            return self._acting(array, first)
        raise ObservationError(
            f"observation has shape {array.shape}; this agent takes {shape}, or a batch [B, *{shape}]"
        )

    def _of_row(self, obs: Any, mask: ArrayLike | None, first: ArrayLike | None) -> np.ndarray:
        try:
            allowed = None
            if self.spec.obs.mask is not None:
                given = given_mask(obs, mask, self.spec.obs.stack)
                if given is None:
                    for part in self.spec.obs.parts:
                        part_of(obs, part)  # an observation that is none at all comes without a mask too
                    raise ValueError(f"the mask is missing: pass mask=info[{MASK!r}] as well")
                allowed = as_mask(self.spec.mask_of_actions(given), self.spec.num_actions)
            rows = self.spec.prepare(obs, allowed)
        except (ValueError, OverflowError) as e:
            batch = "; a batch has an array [B, …] in each place" if isinstance(obs, list) else ""
            raise ObservationError(f"{e}: pass what env {self.config.env.label!r} shows{batch}") from e
        return self._acting(rows, first) if rows.ndim == 2 else self._acting(rows[None], first)[0]

    def _as_stored(self, obs: Any) -> Any:
        """Pictures [..., *picture] as they were made for training; anything else as it is."""
        shape = self.spec.picture
        if shape is None or not isinstance(obs, np.ndarray) or obs.dtype != np.uint8:
            return obs
        return smaller(self.config.env, shape, obs) if obs.shape[-len(shape) :] == shape else obs

    def _prepared(self, obs: ArrayLike) -> np.ndarray:
        wanted = f"obs must be numbers of the type {self.spec.obs.dtype}, got {quoted(obs)}"
        try:
            with np.errstate(invalid="ignore", over="ignore"):
                array = self.spec.prepare(obs)
        except (TypeError, ValueError, OverflowError) as e:
            raise ObservationError(wanted) from e
        if self.spec.obs.dtype != np.float32:
            given = np.asarray(obs)
            changed = given != array + self.spec.obs_start  # 300 would wrap to 44, 2.5 would become 2
            if changed.any():
                wanted = wanted if given.size <= _FEW else f"{wanted}, with {given[changed][0]}"
                raise ObservationError(f"{wanted}, which would change their values")
        if not np.isfinite(array).all():
            raise ObservationError(f"obs must be finite numbers, got {quoted(obs)}")
        return array

    @door
    def env_config(self, env: AnyEnvironment | None = None) -> Env:
        """Which environment to use: the given one, else the agent's own.

        Raises:
            ConfigError: the agent's own environment was made by a callable, which no file can hold.
        """
        chosen = self._env if env is None else env
        if chosen is None:
            raise ConfigError(
                f"this agent was trained on {self.config.env.label!r}, an environment made in Python: pass env=, or, "
                "on the command line, register it and use --env module:Id"
            )
        if isinstance(chosen, Env):
            return chosen
        same = label(chosen) == self.config.env.label if callable(chosen) else chosen == self.config.env.id
        if same:
            return replace(self.config.env, id=chosen)
        return replace(self.config.env, id=chosen, kwargs={}, wrappers=(), action_mask="auto")

    @door
    def check_fits(self, env: Env) -> EnvSpec:
        """Describes an environment. Raises ConfigError if its spaces are not the agent's."""
        return self._fitting(env, describe(env))

    def check_made(self, env: Env, made: AnyEnv) -> EnvSpec:
        """As `check_fits`, of one that has been made already."""
        return self._fitting(env, looked_at(env, made))

    def _fitting(self, env: Env, spec: EnvSpec) -> EnvSpec:
        if (spec.obs, spec.num_actions, spec.joint) != (self.spec.obs, self.spec.num_actions, self.spec.joint):
            raise ConfigError(
                f"env {env.label!r} has observations {_shown(spec.obs)} and {_actions_shown(spec)}; "
                f"this agent takes {_shown(self.spec.obs)} and {_actions_shown(self.spec)}"
            )
        return spec


def part_text(part: ObsPart) -> str:
    """A part of an observation, with all that decides how it is seen."""
    seen = (
        f"of {counted(part.num_states, 'state')} from {part.lowest}" if part.num_states is not None else part.dtype.name
    )
    scaled = "" if part.scale == 1 else f" divided by {part.scale:g}"
    return f"{part.name} {part.shape} {seen}{scaled}".strip()


def _actions_shown(spec: EnvSpec) -> str:
    sizes = "" if spec.joint is None else f" ({' x '.join(map(str, spec.joint.sizes))})"
    return counted(spec.num_actions, "action") + sizes


def _shown(obs: ObsSpec) -> str:
    if obs.parts:
        return ", ".join([*map(part_text, obs.parts), *(["a mask"] if obs.mask is not None else [])])
    return f"{obs.shape} {obs.dtype}" + ("" if obs.scale == 1 else f" divided by {obs.scale:g}")


@door
def load(
    run_or_file: str | Path | Run,
    *,
    which: Literal["best", "last"] = "best",
    env: AnyEnvironment | None = None,
    device: Literal["auto", "cpu", "cuda"] = "cpu",
    runs: Path = Path("runs"),
    trust_env_modules: Collection[str] = (),
) -> Agent:
    """The agent of a run folder, or of a weights file. Nothing in them is ever executed.

    Args:
        run_or_file: a run, its folder, its name, `latest`, or a file of weights.
        which: of a run folder, the best network or the last one.
        env: its environment, where a file cannot know it.
        device: where the network computes; `auto` is CUDA where there is one.
        runs: the folder where a name is looked for.
        trust_env_modules: modules that the run's own environment id, `module:Id`, may import; so may that of `env`.
            With another `env` the run's own is not imported at all.

    Returns:
        An agent in eval mode: `agent.act(obs)`, `agent.q_values(obs)`.

    Raises:
        ConfigError: the run's configuration cannot work, or would import another module.
        FolderError: there is no such run or file.
        CheckpointError: the weights cannot be read, or do not fit the run's configuration.
    """
    path = run_or_file.folder if isinstance(run_or_file, Run) else Path(run_or_file)
    place = resolve_device(device)
    if os.path.isfile(path):  # unlike pathlib it takes a name that no file can have for none
        folder, file = path.parent, path
        if not all(
            (folder / name).exists() for name in (CONFIG, META)
        ):  # it belongs to no run, or to what is left of one
            return _load_classic(file, env, place)
    else:
        folder = find_run(path, runs, or_network=True)
        file = folder / (BEST if which == "best" else LAST)
        if odd := oddity(file):
            raise CheckpointError(f"{str(file)!r} {odd}")
        if not file.exists():
            raise CheckpointError(f"{str(file)!r} {why_absent(folder, which)}")
    described = describe_run(folder, trust_env_modules, env)
    return with_weights(described, read_weights(file), file, place)


class Described(NamedTuple):
    """What a run says of itself before there is a network."""

    config: Config
    spec: EnvSpec
    env: AnyEnvironment | None


def describe_run(folder: Path, trust_env_modules: Collection[str] = (), env: AnyEnvironment | None = None) -> Described:
    """A run's configuration and environment, as its folder says them. Raises as `load` does."""
    config = read_config(folder, trust_env_modules, env)
    about = read_env(folder / META)
    _check_stack(config, about, folder)
    config = as_it_was(config, about)
    own = recall(folder, config.env) if about["callable"] else config.env
    return Described(config, _spec(about, config.env.frame_stack), own if env is None else env)


def with_weights(run: Described, weights: Mapping[str, Tensor], file: Path, device: torch.device = CPU) -> Agent:
    """The agent of a run with these weights, which came from `file`. Raises CheckpointError if they do not fit."""
    try:
        check_meaning(weights, run.config)
        _check_size(run.config, run.spec, sum(w.numel() for w in weights.values()))
        network = make_network(run.config, run.spec).to(device).requires_grad_(False)
        import_weights(network, weights)
    except (KeyError, RuntimeError, ValueError) as e:
        raise CheckpointError(f"{str(file)!r} does not fit the network of its configuration: {e}") from e
    return Agent(run.config, run.spec, network, run.env)


def read_config(folder: Path, trusted: Collection[str] = (), env: AnyEnvironment | None = None) -> Config:
    """The configuration of a run; its environment may import trusted modules, and its own if this user made it here.

    Args:
        env: what the caller names as its environment; where the run's own may import nothing, it takes its place.

    Raises FolderError, ConfigError.
    """
    path = folder / CONFIG
    text = read_text(path)
    if env is None:
        return from_toml(text, BEFORE, str(path), with_own(trusted, folder, text))
    named, wrappers = (env.id, env.wrappers) if isinstance(env, Env) else (env, ())
    trusted = named_by_caller(trusted, named, wrappers)
    data = parse(text, str(path))
    known = without_foreign_env(data, trusted)
    config = override(BEFORE, known, str(path), trusted)
    if known is data:
        return config
    return replace(config, env=env if isinstance(env, Env) else replace(config.env, id=named))


def obs_scale_of(about: Mapping[str, Any]) -> float:
    """What a run's networks divide observations by; in runs of before that was a setting, bytes by 255."""
    return float(about.get("obs_scale", 255 if about["obs_dtype"] == "uint8" else 1))


def as_it_was(config: Config, about: Mapping[str, Any]) -> Config:
    """The configuration with the meaning that it had when the run was made."""
    if "mask" not in about:
        config = replace(config, env=replace(config.env, action_mask="off"))
    if "obs_scale" in about or about["obs_dtype"] != "uint8":
        return config
    return replace(config, env=replace(config.env, scale="high"))


def _check_stack(config: Config, about: Mapping[str, Any], folder: Path) -> None:
    """Raises FolderError if the two files disagree, before an environment stacks what it is told to."""
    stack, shape = config.env.frame_stack, about["obs_shape"]
    shapes = [part["shape"] for part in about.get("obs_parts", [])] or [shape]
    if stack > 1 and any(not each or each[0] != stack for each in shapes):
        raise FolderError(
            f"{str(folder)!r} is damaged: env.frame_stack = {stack} in {CONFIG}, but {META} has observations {shape}"
        )


def _spec(about: Mapping[str, Any], stack: int) -> EnvSpec:
    parts = (
        ObsPart(**part | {"path": tuple(part["path"]), "shape": tuple(part["shape"]), "dtype": np.dtype(part["dtype"])})
        for part in about.get("obs_parts", [])  # unknown to earlier versions, as masks are
    )
    obs = ObsSpec(
        tuple(about["obs_shape"]),
        np.dtype(about["obs_dtype"]),
        about["num_states"],
        stack,
        obs_scale_of(about),
        tuple(parts),
        about.get("mask"),
    )
    names = ("obs_start", "num_actions", "action_start", "reward_threshold", "max_episode_steps")
    spec = EnvSpec(obs, *(about[name] for name in names))
    joint, picture = about.get("joint"), about.get("picture")  # unknown to earlier versions, as the type of actions is
    return spec._replace(
        action_dtype=np.dtype(about.get("action_dtype", "int64")),
        picture=None if picture is None else tuple(picture),
        joint=None if joint is None else Joint(*(tuple(joint[name]) for name in Joint._fields)),
        names=kept_names(about.get("names", {}), obs, spec.num_actions),
    )


def _load_classic(file: Path, env: AnyEnvironment | None, device: torch.device) -> Agent:
    """An agent from nothing but the weights of a chain of ReLU layers: its sizes are in the shapes."""
    weights = read_weights(file)
    layers = [weights[name] for name in (f"{layer}.weight" for layer in classic_names(len(weights))) if name in weights]
    if len(layers) < 2:
        raise CheckpointError(f"{str(file)!r} is not in a complete run folder, and {whose(weights, file)}")
    if not all(w.ndim == 2 and w.numel() for w in layers):
        raise CheckpointError(f"{str(file)!r} is not a classic network: its layers must be matrices")
    config = Config(torso=Mlp(hidden=tuple(len(w) for w in layers[:-1])))
    spec = EnvSpec(ObsSpec((layers[0].shape[1],), np.dtype(np.float32)), 0, len(layers[-1]), 0, None, 0)
    return with_weights(Described(config, spec, env), weights, file, device)


def _check_size(config: Config, spec: EnvSpec, held: int) -> None:
    """Raises ValueError if the network would be far larger than the weights, before it takes any memory."""
    with torch.device("meta"):
        wanted = sum(p.numel() for p in make_network(config, spec).parameters())
    if wanted > held + _SMALL:  # a small difference is left to who compares layer by layer, and can name it
        raise ValueError(f"it has {counted(held, 'number')} and the network {wanted:,}")
