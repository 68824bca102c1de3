"""What can be chosen: frozen dataclasses whose cross-checks run when one is made.

A field that cannot apply does not exist: where there are several ways to do a thing, the field holds
one of several small classes (a *tagged choice*), each with a `kind` and only its own settings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from .errors import ConfigError


def require(ok: bool, name: str, value: object, wanted: str) -> None:
    """Raises ConfigError naming the field, its value and what it must be, unless `ok`."""
    if not ok:
        raise ConfigError(f"{name} must be {wanted}, got {value!r}")


def _whole(name: str, value: object, low: int, wanted: str | None = None) -> None:
    ok = isinstance(value, int) and not isinstance(value, bool) and value >= low
    require(ok, name, value, wanted or f"a whole number of at least {low}")


def _between(name: str, value: float, low: float, high: float, *, open_low: bool = False) -> None:
    ok = math.isfinite(value) and low <= value <= high and not (open_low and value == low)
    require(ok, name, value, f"in {'(' if open_low else '['}{low:g}, {high:g}]")


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
        _whole("env.num_envs", self.num_envs, 1)
        _whole("env.frame_stack", self.frame_stack, 1)
        if self.max_episode_steps is not None:
            _whole("env.max_episode_steps", self.max_episode_steps, 1)

    @property
    def label(self) -> str:
        """The id as text; a callable is known by its name."""
        return self.id if isinstance(self.id, str) else getattr(self.id, "__name__", type(self.id).__name__)


# ── Tagged choices ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Mlp:
    """Fully connected ReLU layers."""

    kind: ClassVar[str] = "mlp"
    hidden: tuple[int, ...] = (64, 64)
    """units of each hidden layer"""

    def __post_init__(self) -> None:
        require(len(self.hidden) > 0, "torso.hidden", self.hidden, "at least one layer")
        for units in self.hidden:
            _whole("torso.hidden", units, 1)


@dataclass(frozen=True, kw_only=True)
class Scalar:
    """One number per action: the expected return (Mnih et al. 2015)."""

    kind: ClassVar[str] = "scalar"
    huber: float | None = None
    """where the squared loss turns linear (Huber's delta); none for the plain squared error"""

    def __post_init__(self) -> None:
        if self.huber is not None:
            _between("head.huber", self.huber, 0, 1e6, open_low=True)


@dataclass(frozen=True, kw_only=True)
class Greedy:
    """The target network chooses and rates the next action (Mnih et al. 2015)."""

    kind: ClassVar[str] = "greedy"


@dataclass(frozen=True, kw_only=True)
class Double:
    """The online network chooses the next action, the target network rates it (van Hasselt et al. 2016)."""

    kind: ClassVar[str] = "double"


@dataclass(frozen=True, kw_only=True)
class Uniform:
    """Every stored transition is equally likely."""

    kind: ClassVar[str] = "uniform"


@dataclass(frozen=True, kw_only=True)
class Prioritized:
    """Transitions with large errors are drawn more often (Schaul et al. 2016)."""

    kind: ClassVar[str] = "prioritized"
    alpha: float = 0.5
    """0 draws uniformly, 1 in proportion to the error"""
    beta: float = 0.4
    """how far the importance weights undo the bias: 0 not at all, 1 fully"""

    def __post_init__(self) -> None:
        _between("sampler.alpha", self.alpha, 0, 1)
        _between("sampler.beta", self.beta, 0, 1)


@dataclass(frozen=True, kw_only=True)
class Hard:
    """The target network is replaced by the online one now and then (Mnih et al. 2015)."""

    kind: ClassVar[str] = "hard"
    every: int = 100
    """updates between copies"""

    def __post_init__(self) -> None:
        _whole("sync.every", self.every, 1)


@dataclass(frozen=True, kw_only=True)
class Polyak:
    """The target network moves a little towards the online one at every update (Lillicrap et al. 2016)."""

    kind: ClassVar[str] = "polyak"
    tau: float = 0.005
    """share of the way per update"""

    def __post_init__(self) -> None:
        _between("sync.tau", self.tau, 0, 1, open_low=True)


@dataclass(frozen=True, kw_only=True)
class Adam:
    """Adam (Kingma & Ba 2015)."""

    kind: ClassVar[str] = "adam"
    lr: float = 1e-3
    """learning rate"""
    beta1: float = 0.9
    """decay of the gradient's running mean"""
    beta2: float = 0.999
    """decay of the running mean of its square"""
    eps: float = 1e-8
    """added to the denominator"""
    max_grad_norm: float | None = None
    """longest gradient; a longer one is scaled down"""

    def __post_init__(self) -> None:
        _between("optimizer.lr", self.lr, 0, 10, open_low=True)
        require(0 <= self.beta1 < 1, "optimizer.beta1", self.beta1, "in [0, 1)")
        require(0 <= self.beta2 < 1, "optimizer.beta2", self.beta2, "in [0, 1)")
        _between("optimizer.eps", self.eps, 0, 1, open_low=True)
        if self.max_grad_norm is not None:
            _between("optimizer.max_grad_norm", self.max_grad_norm, 0, 1e9, open_low=True)


@dataclass(frozen=True, kw_only=True)
class Linear:
    """Epsilon falls in a straight line over the first steps, then stays."""

    kind: ClassVar[str] = "linear"
    start: float = 1.0
    end: float = 0.05
    steps: int = 10_000
    """env steps from start to end"""

    def __post_init__(self) -> None:
        _between("epsilon.start", self.start, 0, 1)
        _between("epsilon.end", self.end, 0, 1)
        require(self.end <= self.start, "epsilon.end", self.end, f"at most epsilon.start = {self.start:g}")
        _whole("epsilon.steps", self.steps, 1)


@dataclass(frozen=True, kw_only=True)
class Geometric:
    """Epsilon is multiplied by a factor after every episode, down to a floor."""

    kind: ClassVar[str] = "geometric"
    start: float = 1.0
    end: float = 0.01
    factor: float = 0.995

    def __post_init__(self) -> None:
        _between("epsilon.start", self.start, 0, 1)
        _between("epsilon.end", self.end, 0, 1)
        require(self.end <= self.start, "epsilon.end", self.end, f"at most epsilon.start = {self.start:g}")
        _between("epsilon.factor", self.factor, 0, 1, open_low=True)


@dataclass(frozen=True, kw_only=True)
class Constant:
    """Epsilon never changes."""

    kind: ClassVar[str] = "constant"
    value: float = 0.1

    def __post_init__(self) -> None:
        _between("epsilon.value", self.value, 0, 1)


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Counted in env steps."""

    kind: ClassVar[str] = "steps"
    num: int

    def __post_init__(self) -> None:
        _whole("a number of steps", self.num, 1)


@dataclass(frozen=True, kw_only=True)
class Episodes:
    """Counted in finished training episodes."""

    kind: ClassVar[str] = "episodes"
    num: int

    def __post_init__(self) -> None:
        _whole("a number of episodes", self.num, 1)


# ── The whole ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Film:
    """What is recorded of the best network when training is over."""

    episodes: int = 1
    """episodes to film; 0 for none"""
    max_seconds: float = 30.0
    """longest film, in seconds of its own playing time"""

    def __post_init__(self) -> None:
        _whole("film.episodes", self.episodes, 0)
        _between("film.max_seconds", self.max_seconds, 0, 3600, open_low=True)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that decides what a run computes."""

    preset: str = "default"
    """name of the preset that this grew from"""
    seed: int = 0
    """every random number of the run follows from it"""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """where the networks live; auto takes the CPU for fully connected networks, which are too small for a GPU"""
    threads: int = 1
    """torch threads; more than one makes small networks slower"""
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
        require(self.device in {"auto", "cpu", "cuda"}, "device", self.device, "auto, cpu or cuda")
        counts = ("threads", "n", "replay_capacity", "learning_starts", "batch_size", "update_every")
        judging = ("select_episodes", "confirm_episodes", "score_episodes", "metrics_every")
        for name in counts + judging:
            _whole(name, getattr(self, name), 1)
        _between("gamma", self.gamma, 0, 1)
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
            raise ConfigError(f"replay_capacity = {capacity} cannot hold n = {self.n} steps of {self.env.num_envs} envs")
