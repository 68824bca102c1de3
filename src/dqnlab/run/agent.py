"""What you take home: a network that acts, with all it needs to know about its environment."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ..config import Config, Env, Mlp
from ..errors import CheckpointError, ConfigError, FolderError
from ..learn.networks import CLASSIC_LAYERS, QNetwork, import_weights
from ..learn.policy import q_function
from ..learn.types import ObsSpec
from ..toml import from_toml
from .envs import EnvSpec, describe
from .folder import BEST, CONFIG, LAST, META, find_run, read_json

AnyEnvironment = Env | str | Callable[..., Any]


class Agent:
    """Acts greedily by a Q-network. Takes observations as the environment gives them."""

    def __init__(self, config: Config, spec: EnvSpec, network: QNetwork, env: AnyEnvironment | None = None):
        self.config, self.spec, self.network = config, spec, network
        self.q_function = q_function(network)
        """stored observations [B, *obs_shape] -> Q-values [B, A]"""
        self._env = env

    def act(self, obs: ArrayLike) -> Any:
        """The best action, in the environment's own numbers: an int, or an int array [B] for a batch."""
        q = self.q_values(obs)
        action = q.argmax(-1) + self.spec.action_start
        return int(action) if q.ndim == 1 else action

    def q_values(self, obs: ArrayLike) -> np.ndarray:
        """Expected returns [A] of an observation [*obs_shape], or [B, A] of a batch [B, *obs_shape].

        Raises:
            ValueError: the observation has another shape.
        """
        array = self.spec.prepare(obs)
        shape = self.spec.obs.shape
        if array.shape == shape:
            return self.q_function(array[None])[0]
        if array.shape[1:] == shape:
            return self.q_function(array)
        raise ValueError(f"observation has shape {array.shape}; this agent takes {shape}, or a batch [B, *{shape}]")

    def env_config(self, env: AnyEnvironment | None = None) -> Env:
        """Which environment to use: the given one, else the agent's own.

        Raises:
            ConfigError: the agent's own environment was made by a callable, which no file can hold.
        """
        chosen = self._env if env is None else env
        if chosen is None:
            raise ConfigError(
                f"this agent was trained on {self.config.env.label!r}, an environment made in Python: pass env="
            )
        if isinstance(chosen, Env):
            return chosen
        same = chosen == self.config.env.id
        return replace(self.config.env, id=chosen, kwargs=self.config.env.kwargs if same else {})

    def check_fits(self, env: Env) -> EnvSpec:
        """Describes an environment. Raises ConfigError if its spaces are not the agent's."""
        spec = describe(env)
        if (spec.obs, spec.num_actions) != (self.spec.obs, self.spec.num_actions):
            raise ConfigError(
                f"env {env.label!r} has observations {spec.obs.shape} {spec.obs.dtype} and {spec.num_actions} actions; "
                f"this agent takes {self.spec.obs.shape} {self.spec.obs.dtype} and {self.spec.num_actions}"
            )
        return spec


def load(
    run_or_file: str | Path,
    *,
    which: Literal["best", "last"] = "best",
    env: AnyEnvironment | None = None,
    device: str = "cpu",
    runs: Path = Path("runs"),
) -> Agent:
    """The agent of a run folder, or of a weights file.

    Args:
        which: of a run folder, the best network or the last one.
        env: its environment, where a file cannot know it.

    Raises:
        FolderError: there is no such run or file.
        CheckpointError: the weights cannot be read, or do not fit the run's configuration.
    """
    path = Path(run_or_file)
    if path.is_file():
        folder, file = path.parent, path
        if not (folder / META).is_file():
            return _load_classic(file, env, device)
    else:
        folder = find_run(path, runs)
        file = folder / (BEST if which == "best" else LAST)
    config = read_config(folder)
    about = read_json(folder / META)["env"]
    weights = _read_weights(file)
    own = None if about["callable"] else config.env
    return _agent(config, _spec(about, config.env.frame_stack), weights, file, own if env is None else env, device)


def read_config(folder: Path) -> Config:
    """The configuration of a run. Raises FolderError, ConfigError."""
    path = folder / CONFIG
    try:
        return from_toml(path.read_text(encoding="utf-8"), Config(), str(path))
    except OSError as e:
        raise FolderError(f"{str(path)!r} cannot be read: {e.strerror or e}") from e


def _spec(about: Mapping[str, Any], stack: int) -> EnvSpec:
    obs = ObsSpec(tuple(about["obs_shape"]), np.dtype(about["obs_dtype"]), about["num_states"], stack)
    names = ("obs_start", "num_actions", "action_start", "reward_threshold", "max_episode_steps")
    return EnvSpec(obs, *(about[name] for name in names))


def _read_weights(file: Path) -> dict[str, Tensor]:
    if not file.is_file():
        raise CheckpointError(f"{str(file)!r} does not exist: the run has not saved that network")
    try:
        weights = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as e:  # torch raises many kinds for a damaged or hostile file
        raise CheckpointError(f"{str(file)!r} is not a readable weights file: {type(e).__name__}") from e
    if not isinstance(weights, dict) or not all(isinstance(w, Tensor) for w in weights.values()):
        raise CheckpointError(f"{str(file)!r} is not a plain state_dict of tensors")
    return weights


def _load_classic(file: Path, env: AnyEnvironment | None, device: str) -> Agent:
    """An agent from nothing but the weights of a classic two-hidden-layer module: its sizes are in the shapes."""
    weights = _read_weights(file)
    try:
        first, second, last = (weights[f"{name}.weight"] for name in CLASSIC_LAYERS)
    except KeyError as e:
        raise CheckpointError(f"{str(file)!r} lies outside a run folder and has no {e}: its shape is unknown") from e
    config = Config(torso=Mlp(hidden=(len(first), len(second))))
    spec = EnvSpec(ObsSpec((first.shape[1],), np.dtype(np.float32)), 0, len(last), 0, None, 0)
    return _agent(config, spec, weights, file, env, device)


def _agent(
    config: Config, spec: EnvSpec, weights: Mapping[str, Tensor], file: Path, env: AnyEnvironment | None, device: str
) -> Agent:
    from ..build import make_network  # build knows this package; the other way round only here

    network = make_network(config, spec).to(device).requires_grad_(False)
    try:
        import_weights(network, weights)
    except (KeyError, RuntimeError) as e:
        raise CheckpointError(f"{str(file)!r} does not fit the network of its configuration: {e}") from e
    return Agent(config, spec, network, env)
