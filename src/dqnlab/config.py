"""What can be chosen: frozen dataclasses whose cross-checks run when one is made.

A field that cannot apply does not exist: where there are several ways to do a thing, the field holds
one of several small classes (a *tagged choice*, see `choices`), each with only its own settings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .choices import (
    Adam,
    Constant,
    Double,
    Episodes,
    Geometric,
    Greedy,
    Hard,
    Linear,
    Mlp,
    Polyak,
    Prioritized,
    Scalar,
    Steps,
    Uniform,
    between,
    require,
    whole,
)
from .errors import ConfigError
from .trust import secret_in

# ── Environment ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Env:
    """Which environment, and how many copies of it collect experience."""

    id: str | Callable[..., Any] = "CartPole-v1"
    """a Gymnasium id, `module:Id`, or (in Python) a callable that makes an environment"""
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """keyword arguments for the environment's constructor"""
    num_envs: int = 1
    """environments that collect side by side"""
    max_episode_steps: int | None = None
    """truncate episodes after so many steps; the environment's registered limit if none"""
    frame_stack: int = 1
    """how many successive observations the network sees at once"""
    reward_threshold: float | None = None
    """mean return that counts as solved; the environment's registered one if none"""

    def __post_init__(self) -> None:
        whole("env.num_envs", self.num_envs, 1)
        whole("env.frame_stack", self.frame_stack, 1)
        if self.max_episode_steps is not None:
            whole("env.max_episode_steps", self.max_episode_steps, 1)
        if secret := secret_in(self.kwargs, "env.kwargs"):
            raise ConfigError(
                f"{secret} looks like a secret, and settings are written to files: leave it out, "
                "and let the environment read it from an environment variable"
            )

    @property
    def label(self) -> str:
        """The id as text; a callable is known by its name."""
        return self.id if isinstance(self.id, str) else getattr(self.id, "__name__", type(self.id).__name__)


# ── The whole ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Film:
    """What is recorded of the best network when training is over."""

    episodes: int = 1
    """episodes to film; 0 for none"""
    max_seconds: float = 30.0
    """longest film, in seconds of its own playing time"""

    def __post_init__(self) -> None:
        whole("film.episodes", self.episodes, 0)
        between("film.max_seconds", self.max_seconds, 0, 3600, open_low=True)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that decides what a run computes."""

    preset: str = "custom"
    """the preset to start from, and the name that the run goes by"""
    seed: int = 0
    """every random number of the run follows from it"""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """where the networks live; auto takes the CPU for fully connected networks, which are too small for a GPU"""
    compile: Literal["auto", "on", "off"] = "auto"
    """compile the update, which takes some 15 s once per configuration; auto does so if there will be many updates"""
    threads: int = 1
    """threads of torch and numpy; more than one makes small networks slower"""
    env: Env = field(default_factory=Env)
    torso: Mlp = Mlp()
    head: Scalar = Scalar()
    rule: Greedy | Double = Greedy()
    sampler: Uniform | Prioritized = Uniform()
    sync: Hard | Polyak = Hard()
    optimizer: Adam = Adam()
    epsilon: Linear | Geometric | Constant = Linear()
    n: int = 1
    """env steps per transition (n-step returns, Sutton 1988)"""
    gamma: float = 0.99
    """discount per env step"""
    replay_capacity: int = 50_000
    """transitions kept"""
    learning_starts: int = 1_000
    """transitions stored before the first update"""
    batch_size: int = 64
    """transitions per update"""
    update_every: int = 1
    """env steps per update; with many envs several updates may follow one vector step"""
    budget: Steps | Episodes = Steps(num=100_000)
    """when training ends at the latest"""
    evaluate_every: Steps | Episodes = Steps(num=5_000)
    """when the online network is judged"""
    select_episodes: int = 20
    """greedy episodes per evaluation, the same starts each time"""
    confirm_episodes: int = 50
    """fresh greedy episodes that a candidate must pass, and that the leading three play at the end"""
    score_episodes: int = 100
    """fresh greedy episodes of the winner: their mean is the score"""
    stop_when_solved: bool = True
    """end early once a candidate has been confirmed"""
    metrics_every: int = 100
    """updates between two records of losses and Q-values"""
    film: Film = field(default_factory=Film)

    def __post_init__(self) -> None:
        ok = isinstance(self.seed, int) and not isinstance(self.seed, bool) and 0 <= self.seed < 2**32
        require(ok, "seed", self.seed, "a whole number in [0, 2**32)")
        require(self.compile in {"auto", "on", "off"}, "compile", self.compile, "auto, on or off")
        require(self.device in {"auto", "cpu", "cuda"}, "device", self.device, "auto, cpu or cuda")
        counts = ("threads", "n", "replay_capacity", "learning_starts", "batch_size", "update_every")
        judging = ("select_episodes", "confirm_episodes", "score_episodes", "metrics_every")
        for name in counts + judging:
            whole(name, getattr(self, name), 1)
        between("gamma", self.gamma, 0, 1)
        self._check_learning_can_start()

    def _check_learning_can_start(self) -> None:
        starts, capacity = self.learning_starts, self.replay_capacity
        if self.batch_size > capacity:
            raise ConfigError(f"batch_size = {self.batch_size} is larger than replay_capacity = {capacity}")
        if self.batch_size > starts:
            raise ConfigError(f"learning_starts = {starts} is below batch_size = {self.batch_size}: raise it")
        if starts > capacity:
            raise ConfigError(
                f"learning would never start: learning_starts = {starts} is above replay_capacity = {capacity}"
            )
        if isinstance(self.budget, Steps) and starts > self.budget.num:
            raise ConfigError(
                f"learning would never start: learning_starts = {starts} is above budget.num = {self.budget.num} steps"
            )
        if self.n * self.env.num_envs > capacity:
            raise ConfigError(
                f"replay_capacity = {capacity} cannot hold n = {self.n} steps of {self.env.num_envs} envs"
            )
