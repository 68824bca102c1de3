"""What can be chosen: frozen dataclasses whose cross-checks run when one is made.

A field that cannot apply does not exist: where there are several ways to do a thing, the field holds
one of several small classes (a *tagged choice*, see `choices`), each with only its own settings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Integral
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
    written,
)
from .errors import ConfigError
from .trust import secret_in

# Beyond these a run would not fail with a message but take all memory, or minutes before its first step.
MOST_ENVS, LONGEST_STACK, LONGEST_N, MOST_THREADS = 100_000, 1_000, 1_000, 1_024
MOST_EPISODES, MOST_FILMS, LONGEST_FILM = 1_000_000, 1_000, 3_600
LONGEST_WAIT = 1_000_000  # seconds

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
    timeout: float = 300.0
    """seconds without an answer after which it counts as broken; 0 for never"""

    def __post_init__(self) -> None:
        ok = callable(self.id) or (isinstance(self.id, str) and bool(self.id))
        require(ok, "env.id", self.id, "the id of an environment, such as CartPole-v1")
        written("env.id", self.id)
        written("env.kwargs", self.kwargs)
        whole("env.num_envs", self.num_envs, 1, MOST_ENVS)
        whole("env.frame_stack", self.frame_stack, 1, LONGEST_STACK)
        if self.max_episode_steps is not None:
            whole("env.max_episode_steps", self.max_episode_steps, 1)
        if self.reward_threshold is not None:
            between("env.reward_threshold", self.reward_threshold, -1e300, 1e300)
        between("env.timeout", self.timeout, 0, LONGEST_WAIT)
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
        whole("film.episodes", self.episodes, 0, MOST_FILMS)
        between("film.max_seconds", self.max_seconds, 0, LONGEST_FILM, open_low=True)


def check_seed(name: str, value: object) -> None:
    """Raises ConfigError unless every generator takes this seed."""
    ok = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32
    require(ok, name, value, "a whole number in [0, 2**32)")


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
    checkpoint_every: int = 10_000
    """env steps between two checkpoints, which `dqn resume` goes on from; 0 for none but on Ctrl-C"""
    film: Film = field(default_factory=Film)
    explain: bool = True
    """write report.html, the page that explains the run, when training is over"""

    def __post_init__(self) -> None:
        written("preset", self.preset)
        if isinstance(self.seed, Integral) and not isinstance(self.seed, bool):
            object.__setattr__(self, "seed", int(self.seed))  # numpy's too, which environments refuse
        check_seed("seed", self.seed)
        require(self.compile in {"auto", "on", "off"}, "compile", self.compile, "auto, on or off")
        require(self.device in {"auto", "cpu", "cuda"}, "device", self.device, "auto, cpu or cuda")
        whole("threads", self.threads, 1, MOST_THREADS)
        whole("n", self.n, 1, LONGEST_N)  # a window keeps n * n numbers
        counts = ("replay_capacity", "learning_starts", "batch_size", "update_every", "metrics_every")
        for name in ("select_episodes", "confirm_episodes", "score_episodes"):
            whole(name, getattr(self, name), 1, MOST_EPISODES)
        for name in counts:
            whole(name, getattr(self, name), 1)
        whole("checkpoint_every", self.checkpoint_every, 0)
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
