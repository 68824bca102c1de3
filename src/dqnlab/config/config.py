"""What can be chosen: frozen dataclasses whose cross-checks run when one is made.

A field that cannot apply does not exist: where there are several ways to do a thing, the field holds
one of several small classes (a *tagged choice*, see `choices`), each with only its own settings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal

from ..errors import ConfigError
from ..trust import secret_in
from .checks import Between, Says, Whole, require, storable, whole, written
from .choices import (
    Boltzmann,
    Constant,
    Double,
    Episodes,
    EpsilonGreedy,
    Geometric,
    Greedy,
    Hard,
    Ladder,
    Linear,
    LinearEpisodes,
    Munchausen,
    Polyak,
    Positive,
    Prioritized,
    Replay,
    Rollout,
    Share,
    Steps,
    Uniform,
)
from .collectors import Collectors
from .custom import Custom, check_places
from .experience import Cql, Demos, Init, Margin, NoRegularizer, Offline, Own, check_recorded
from .optimizers import (
    Adam,
    AdamW,
    ConstantRate,
    CosineRate,
    LinearRate,
    RAdam,
    RmsProp,
)
from .parts import (
    C51,
    Dueling,
    Gru,
    Hadamax,
    HlGauss,
    Iqn,
    LayerNorm,
    Lstm,
    Mlp,
    Noisy,
    NoNorm,
    PlainLayers,
    PlainStream,
    Quantiles,
    Scalar,
    SpectralNorm,
)
from .sequences import check_sequences
from .starts import check_learning_can_start
from .typed import check_fields, label

# Beyond these a run would not fail with a message but take all memory, or minutes before its first step.
MOST_ENVS = 100_000
MOST_WORKERS = 256
LONGEST_STACK = 1_000
MOST_PIXELS = 10_000  # a side
LONGEST_N = 1_000
MOST_THREADS = 1_024
MOST_EPISODES = 1_000_000
MOST_FILMS = 1_000
LONGEST_FILM = 3_600
LONGEST_WAIT = 1_000_000  # seconds
MOST_SEEDS, MOST_PROBED = 10_000, 1_000_000  # random steps
MOST_TRIALS = 100_000
LEAST_SCALE = 2.0**-100  # rewards of 1e30 are allowed; weights multiplied or divided by it still are float32

Seed = Annotated[int, Whole(0, 2**32 - 1)]
"""a seed as every generator takes it"""

# ── Environment ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Env:
    """Which environment, and how many copies of it collect experience."""

    plain: ClassVar[str] = "id"
    id: Annotated[str | Callable[..., Any], Says("the id of an environment, such as CartPole-v1")] = "CartPole-v1"
    """a Gymnasium id, `module:Id`, or (in Python) a callable that makes an environment"""
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """keyword arguments for the environment's constructor"""
    wrappers: Annotated[tuple[str | Callable[..., Any], ...], Says("wrappers, each as module:Wrapper")] = ()
    """what wraps the environment, the innermost first: `module:Wrapper`, or (in Python) a class or function that takes
    an environment; they may change observations, rewards and ends"""
    num_envs: Annotated[int, Whole(1, MOST_ENVS)] = 1
    """copies of the environment that collect side by side"""
    copies: Annotated[int | None, Whole(1, MOST_ENVS)] = None
    """how many copies of it may exist at once, over all seeds; any number if none. With none left for judging, training
    is cut for each evaluation; seeds learn one after another"""
    workers: Annotated[int, Whole(0, MOST_WORKERS)] = 0
    """processes that share the copies for training and for judging among them; 0 steps them one after another in this
    process. It only changes speed, and pays off if a step takes longer than about 0.2 ms; not with limited copies"""
    max_episode_steps: Annotated[int | None, Whole(1)] = None
    """truncate episodes after this many steps; the environment's registered limit if none"""
    frame_stack: Annotated[int, Whole(1, LONGEST_STACK)] = 1
    """how many successive observations the network sees at once"""
    gray: bool = False
    """make pictures grey, by ITU-R 601: 0.299 red + 0.587 green + 0.114 blue"""
    resize: Annotated[tuple[int, ...], Says("a height and a width in pixels, as (84, 84), or one number for both")] = ()
    """make pictures so large, 84,84 or 84 for both height and width, by means over areas; as they are if none"""
    keys: Annotated[tuple[str, ...], Says("the names of parts, as ('image', 'direction')")] = ()
    """which parts of its observations are used, with the names that `dqn doctor` lists; all of them if none. A part of
    a part is named by both, as agent.speed"""
    scale: Literal["auto", "high", "none"] = "auto"
    """what whole numbers are divided by for the network: high divides by the upper bound of their space; auto does so
    for pictures (at least 32 pixels a side, bound at most 65,535) and keeps smaller arrays, which are codes, as they
    are; floats are never divided"""
    action_mask: Literal["auto", "on", "off"] = "auto"
    """whether only actions are chosen that the environment allows, by info["action_mask"] or a part of that name in its
    observations; auto finds out whether it has such a mask"""
    reward_threshold: Annotated[float | None, Between(-1e300, 1e300)] = None
    """mean return that counts as solved; the environment's registered one if none"""
    timeout: Annotated[float, Between(0, LONGEST_WAIT)] = 300.0
    """seconds without an answer after which the environment counts as broken; 0 for never"""

    def __post_init__(self) -> None:
        check_fields(self, "env.")
        require(self.id != "", "env.id", self.id, "the id of an environment, such as CartPole-v1")
        written("env.id", self.id)
        written("env.keys", self.keys)
        written("env.wrappers", self.wrappers)
        require(len(self.resize) <= 2, "env.resize", self.resize, "a height and a width, or one number for both")
        for side in self.resize:
            whole("env.resize", side, 1, MOST_PIXELS)
        if len(self.resize) == 1:
            object.__setattr__(self, "resize", self.resize * 2)
        if self.copies is not None and self.copies < self.num_envs:
            raise ConfigError(
                f"env.copies = {self.copies} is below env.num_envs = {self.num_envs}: raise it, or lower env.num_envs"
            )
        if self.copies is not None and self.workers:
            raise ConfigError(
                f"env.workers = {self.workers} and env.copies = {self.copies} exclude each other: limited copies all "
                "live in one process; leave out one"
            )
        object.__setattr__(self, "kwargs", storable("env.kwargs", self.kwargs))
        if secret := secret_in(self.kwargs, "env.kwargs"):
            raise ConfigError(
                f"{secret} looks like a secret, and settings are written to files: leave it out, "
                "and let the environment read it from an environment variable"
            )

    @property
    def in_python(self) -> bool:
        """Whether no file can name all that makes it."""
        return not isinstance(self.id, str) or not all(isinstance(each, str) for each in self.wrappers)

    @property
    def label(self) -> str:
        """The id as text; a callable is known by its name."""
        return self.id if isinstance(self.id, str) else label(self.id)


AnyEnvironment = Env | str | Callable[..., Any]
"""an environment with its settings, its id, or what makes it"""


# ── The whole ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Film:
    """What is recorded of the best network when training is over."""

    plain: ClassVar[str] = "episodes"
    off: ClassVar[Mapping[str, Any]] = {"episodes": 0}
    episodes: Annotated[int, Whole(0, MOST_FILMS)] = 1
    """episodes to film; 0 for none"""
    max_seconds: Annotated[float, Between(0, LONGEST_FILM, open_low=True)] = 30.0
    """longest film, in seconds of its own playing time"""

    def __post_init__(self) -> None:
        check_fields(self, "film.")


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that decides what a run computes."""

    preset: str = "custom"
    """the preset to start from, and the name that the run goes by"""
    seed: Seed = 0
    """all random numbers of the run follow from it"""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """where the networks live; auto takes the CPU: networks for vectors and small pictures are too small for a GPU"""
    compile: Literal["auto", "on", "off"] = "auto"
    """compile the update, which takes about 15 s once per configuration; auto does so if there will be many updates"""
    threads: Annotated[int, Whole(1, MOST_THREADS)] = 1
    """threads of torch and numpy; more than one makes small networks slower"""
    env: Env = field(default_factory=Env)
    collectors: Collectors = Collectors()
    """processes that gather experience for one learner, here or on other machines"""
    conv: Literal["auto", "auto_impala", "none", "small", "nature", "impala", "hadamax"] = "auto"
    """convolutions that look at what is a picture in an observation: small (Young & Tian 2019), nature (Mnih et al.
    2015), impala (Espeholt et al. 2018) or hadamax (Kooi et al. 2025). auto takes small for pictures of at least 10
    pixels a side and nature from 36 on, auto_impala impala for both; none lays pixels end to end like other numbers"""
    normalize_obs: bool = False
    """whether the network sees numbers less their running mean, in running deviations, at most 10; states, and pictures
    that convolutions look at, stay as they are. Random play before training gives the first mean and deviation"""
    experience: Own | Demos | Offline = Own()
    init: Init = Init()
    """what the networks begin with"""
    torso: Mlp | Hadamax | Gru | Lstm | Custom = Mlp()
    layers: PlainLayers | Noisy = PlainLayers()
    norm: NoNorm | LayerNorm | SpectralNorm = NoNorm()
    stream: PlainStream | Dueling | Custom = PlainStream()
    head: Scalar | Quantiles | Iqn | C51 | HlGauss | Custom = Scalar()
    rule: Greedy | Double | Munchausen | Custom = Greedy()
    memory: Replay | Rollout | Custom = Replay()
    sampler: Uniform | Prioritized | Custom = Uniform()
    regularizer: NoRegularizer | Cql | Margin = NoRegularizer()
    sync: Hard | Polyak | Custom = Hard()
    optimizer: Adam | AdamW | RAdam | RmsProp = Adam()
    lr_schedule: ConstantRate | LinearRate | CosineRate = ConstantRate()
    epsilon: Linear | LinearEpisodes | Geometric | Constant | Ladder = Linear()
    exploration: EpsilonGreedy | Boltzmann | Custom = EpsilonGreedy()
    n: Annotated[int, Whole(1, LONGEST_N)] = 1
    """env steps per transition (n-step returns, Sutton 1988)"""
    gamma: Share = 0.99
    """discount per env step"""
    reward_scale: Annotated[float | Literal["auto"], Between(LEAST_SCALE, 1 / LEAST_SCALE)] = 1.0
    """what rewards are divided by before learning; auto measures it in random play before training"""
    reward_clip: Annotated[float | None, Between(0, 1e30, open_low=True)] = None
    """each reward is learned as at most this and at least minus this (1 in Mnih et al. 2015), before it is divided;
    as it is if none. Scores never see it"""
    replay_capacity: Positive = 50_000
    """transitions kept"""
    learning_starts: Positive = 1_000
    """transitions stored before the first update"""
    batch_size: Positive = 64
    """transitions per update"""
    update_every: Positive = 1
    """env steps per update; with many envs several updates may follow one vector step"""
    budget: Steps | Episodes = Steps(num=100_000)
    """when training ends, unless it is solved first"""
    evaluate_every: Steps | Episodes = Steps(num=5_000)
    """when the online network is judged"""
    select_episodes: Annotated[int, Whole(1, MOST_EPISODES)] = 20
    """greedy episodes per evaluation, the same starts each time"""
    confirm_episodes: Annotated[int, Whole(1, MOST_EPISODES)] = 50
    """fresh greedy episodes that a candidate must pass, and that the leading three play at the end"""
    score_episodes: Annotated[int, Whole(1, MOST_EPISODES)] = 100
    """fresh greedy episodes of the winner: their mean is the score"""
    stop_when_solved: bool = True
    """end early once a candidate has been confirmed"""
    metrics_every: Positive = 100
    """updates between records of losses and Q-values"""
    checkpoint_every: Annotated[int, Whole(0)] = 10_000
    """env steps between checkpoints, from which `dqn resume` continues; 0 for none except on Ctrl-C"""
    keep_checkpoints: Annotated[int | Literal["all"], Whole(1)] = 2
    """how many of them are kept, the newest ones, or all: `dqn branch` begins at one, and replays less. Each takes some
    twelve times what a network does (1.4 MB in the preset default); the rows of the replay are shared"""
    film: Film = field(default_factory=Film)
    explain: bool = True
    """write report.html, the page that explains the run, when training is over"""

    def __post_init__(self) -> None:
        check_fields(self)
        written("preset", self.preset)
        check_places(self)
        check_recorded(self.experience, self.regularizer, self.budget.kind)
        if self.remembers and not isinstance(self.experience, Own):
            raise ConfigError(
                f"experience = {self.experience.kind!r} and torso = {self.torso.kind!r} exclude each other: nobody "
                "knows what a network would have remembered in recorded episodes; use another torso"
            )
        if isinstance(self.memory, Rollout):
            defaults = type(self).__dataclass_fields__
            self.memory.check_fits(
                self, [name for name in self.absent if getattr(self, name) != defaults[name].default]
            )
        elif not self.is_offline:
            check_learning_can_start(
                self.budget.num if isinstance(self.budget, Steps) else None,
                starts=self.learning_starts,
                capacity=self.replay_capacity,
                batch_size=self.batch_size,
                n=self.n,
                num_envs=self.env.num_envs,
            )
        if isinstance(self.torso, Gru | Lstm):
            check_sequences(
                self.torso,
                frame_stack=self.env.frame_stack,
                num_envs=self.env.num_envs * max(self.collectors.num, 1),
                batch_size=self.batch_size,
                capacity=self.replay_capacity,
            )
        if not isinstance(self.lr_schedule, ConstantRate) and self.lr_schedule.updates == "auto":
            require(
                isinstance(self.budget, Steps),
                "lr_schedule.updates",
                "auto",
                f"a number of updates where budget = {self.budget.kind!r}, as nobody knows how many steps that is, "
                "or the rate constant (lr_schedule:constant)",
            )
        self.collectors.check_fits(
            offline=self.experience.kind if self.is_offline else None,
            rollout=self.memory.kind if isinstance(self.memory, Rollout) else None,
            workers=self.env.workers,
            copies=self.env.copies,
        )
        if isinstance(self.epsilon, Ladder) and self.env.num_envs * max(self.collectors.num, 1) == 1:
            raise ConfigError(
                f"epsilon = {self.epsilon.kind!r} gives each env an epsilon of its own, and env.num_envs = 1: raise "
                "env.num_envs, or use another epsilon"
            )
        if isinstance(self.norm, SpectralNorm):
            self.norm.check_fits(self.conv, self.torso, self.layers, self.stream)
        if isinstance(self.rule, Munchausen) and isinstance(self.head, C51 | HlGauss):
            raise ConfigError(
                f"rule = {self.rule.kind!r} mixes the values of actions, and head = {self.head.kind!r} gives "
                f"probabilities: use head = {Scalar.kind!r}, {Quantiles.kind!r} or {Iqn.kind!r}, or another rule"
            )

    @property
    def remembers(self) -> bool:
        """Whether the network goes by what it saw before, too."""
        return isinstance(self.torso, Gru | Lstm)

    @property
    def measures_rewards(self) -> bool:
        """Whether a setting is to be found by looking at the environment's rewards."""
        return self.reward_scale == "auto" or (isinstance(self.head, C51 | HlGauss) and self.head.v_max == "auto")

    @property
    def is_offline(self) -> bool:
        """Whether all that is learned from was recorded: the environment only judges, and a step is an update."""
        return isinstance(self.experience, Offline)

    @property
    def trusts_unseen(self) -> bool:
        """Whether it learns offline, and nothing holds the values of actions down that were never recorded."""
        return self.is_offline and isinstance(self.regularizer, NoRegularizer)

    @property
    def learns_returns(self) -> bool:
        """Whether the values that are learned are returns, and nothing is added to rewards or to the loss."""
        if isinstance(self.rule, Munchausen) and self.rule.alpha != 0:
            return False
        is_own = isinstance(self.rule, Custom)  # of which nobody knows
        return isinstance(self.regularizer, NoRegularizer) and not is_own

    @property
    def learns_means(self) -> bool:
        """Whether of each return only the mean is learned, and no distribution."""
        return isinstance(self.head, Scalar)

    def from_nothing(self, **changes: Any) -> Config:
        """The same with some changes, but without recorded episodes and other weights to start from."""
        plain = NoRegularizer() if isinstance(self.regularizer, Margin) else self.regularizer
        return replace(self, experience=Own(), init=Init(), regularizer=plain, **changes)

    def with_measured_range(self) -> Config:
        """The same, but the range of returns, where there is one, is to be measured."""
        if not isinstance(self.head, C51 | HlGauss):
            return self
        return replace(self, head=replace(self.head, v_min="auto", v_max="auto"))

    @property
    def absent(self) -> tuple[str, ...]:
        """The settings that cannot apply: nobody reads them, and no file or page names them."""
        return (*self.memory.absent, *getattr(self.experience, "absent", ()))

    @property
    def memory_size(self) -> int:
        """Transitions that the memory is for."""
        return self.memory.size(self.env.num_envs) if isinstance(self.memory, Rollout) else self.replay_capacity
