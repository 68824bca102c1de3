"""The tagged choices: for each axis, the ways to do it, each with a `kind` and only its own settings.

`plain` names the setting that a value stands for where one is given instead of the whole: `epsilon=0.1`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from ..errors import ConfigError, counted, either
from .checks import Between, Whole, require
from .typed import check_fields

Share = Annotated[float, Between(0, 1)]
Fraction = Annotated[float, Between(0, 1, open_low=True)]
Decay = Annotated[float, Between(0, 1, open_high=True)]
Positive = Annotated[int, Whole(1)]


@dataclass(frozen=True, kw_only=True)
class Greedy:
    """The target network chooses and rates the next action (Mnih et al. 2015)."""

    kind: ClassVar[str] = "greedy"


@dataclass(frozen=True, kw_only=True)
class Double:
    """The online network chooses the next action, the target network rates it (van Hasselt et al. 2016)."""

    kind: ClassVar[str] = "double"


@dataclass(frozen=True, kw_only=True)
class Munchausen:
    """A soft policy bootstraps, and is paid for how sure it was (Vieillard et al. 2020)."""

    kind: ClassVar[str] = "munchausen"
    alpha: Share = 0.9
    """share of the logarithm of the policy that is added to the reward"""
    tau: Annotated[float, Between(0, 1e6, open_low=True)] = 0.03
    """temperature of the policy, in returns as they are learned"""
    least: Annotated[float, Between(-1e6, 0)] = -1.0
    """the lowest that is added to the reward, before alpha"""

    def __post_init__(self) -> None:
        check_fields(self, "rule.")


@dataclass(frozen=True, kw_only=True)
class Uniform:
    """Every stored transition is equally likely."""

    kind: ClassVar[str] = "uniform"


@dataclass(frozen=True, kw_only=True)
class Prioritized:
    """Transitions with large errors are drawn more often (Schaul et al. 2016)."""

    kind: ClassVar[str] = "prioritized"
    alpha: Share = 0.5
    """0 draws uniformly, 1 in proportion to the error"""
    beta: Share = 0.4
    """how far the importance weights undo the bias: 0 not at all, 1 fully"""
    beta_end: Annotated[float | None, Between(0, 1)] = None
    """what beta comes to in a straight line (1 in the paper); it stays as it is if none"""
    updates: Positive | Literal["auto"] = "auto"
    """updates until beta is at its end; auto takes those of the budget, with 200 steps to an episode"""

    def __post_init__(self) -> None:
        check_fields(self, "sampler.")
        grows = self.beta_end is None or self.beta_end >= self.beta
        require(grows, "sampler.beta_end", self.beta_end, f"at least sampler.beta = {self.beta}, or none")


@dataclass(frozen=True, kw_only=True)
class Replay:
    """The latest transitions are kept, and drawn from again and again (Lin 1992)."""

    kind: ClassVar[str] = "replay"
    absent: ClassVar[tuple[str, ...]] = ()
    """settings that cannot apply"""


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """What was just seen is learned from a few times, as lambda-returns, and forgotten; no target network (PQN)."""

    kind: ClassVar[str] = "rollout"
    absent: ClassVar[tuple[str, ...]] = (
        "experience",
        "rule",
        "sampler",
        "sync",
        "n",
        "replay_capacity",
        "learning_starts",
        "update_every",
    )
    num_steps: Annotated[int, Whole(1, 1_000_000)] = 32
    """env steps of each env before they are learned from"""
    num_epochs: Annotated[int, Whole(1, 1_000)] = 4
    """how often each of them is learned from"""
    td_lambda: Share = 0.65
    """lambda: 0 bootstraps after every step, 1 sums rewards up to the end of the episode or rollout"""

    def __post_init__(self) -> None:
        check_fields(self, "memory.")

    def size(self, num_envs: int) -> int:
        """Transitions of so many envs."""
        return self.num_steps * num_envs

    def check_fits(self, config: Any, odd: list[str]) -> None:
        """Raises ConfigError if a whole configuration has settings that cannot apply, `odd`, or is never learned by."""
        if odd:
            preset = either("--preset pqn", "presets.get('pqn')")
            raise ConfigError(
                f"memory = {self.kind!r} keeps no replay, sums rewards by itself and has no target network, so "
                f"{', '.join(odd)} cannot apply: leave {'it' if len(odd) == 1 else 'them'} out, begin with {preset}, "
                f"or use memory = {Replay.kind!r}"
            )
        if config.remembers:
            raise ConfigError(
                f"memory = {self.kind!r} keeps no sequences, and torso = {config.torso.kind!r} learns from such: use "
                f"memory = {Replay.kind!r}, or another torso"
            )
        size, most = self.size(config.env.num_envs), config.budget.num
        made = f"memory.num_steps = {self.num_steps} of {counted(config.env.num_envs, 'env')} ({size:,})"
        if config.batch_size > size:
            raise ConfigError(f"batch_size = {config.batch_size} is larger than {made}: lower it, or raise those")
        if isinstance(config.budget, Steps) and size > most:
            raise ConfigError(
                f"learning would never start: {made} is above budget.num = {counted(most, 'step')}: lower it, or train "
                "for longer"
            )


@dataclass(frozen=True, kw_only=True)
class Hard:
    """The online network is copied to the target network at regular intervals (Mnih et al. 2015)."""

    kind: ClassVar[str] = "hard"
    every: Positive = 100
    """updates between copies"""

    def __post_init__(self) -> None:
        check_fields(self, "sync.")


@dataclass(frozen=True, kw_only=True)
class Polyak:
    """The target network moves a little towards the online one at every update (Lillicrap et al. 2016)."""

    kind: ClassVar[str] = "polyak"
    tau: Fraction = 0.005
    """fraction of the distance covered per update"""

    def __post_init__(self) -> None:
        check_fields(self, "sync.")


def _check_falling(epsilon: Linear | LinearEpisodes | Geometric) -> None:
    """Raises ConfigError unless epsilon goes down."""
    require(epsilon.end <= epsilon.start, "epsilon.end", epsilon.end, f"at most epsilon.start = {epsilon.start:g}")


@dataclass(frozen=True, kw_only=True)
class Linear:
    """Epsilon falls in a straight line over the first steps, then stays."""

    kind: ClassVar[str] = "linear"
    start: Share = 1.0
    end: Share = 0.05
    steps: Positive | Literal["auto"] = 10_000
    """env steps from start to end; auto takes 30 % of the budget"""

    def __post_init__(self) -> None:
        check_fields(self, "epsilon.")
        _check_falling(self)


@dataclass(frozen=True, kw_only=True)
class LinearEpisodes:
    """Epsilon falls in a straight line over the first episodes, then stays."""

    kind: ClassVar[str] = "linear_episodes"
    start: Share = 1.0
    end: Share = 0.05
    episodes: Positive = 100
    """finished training episodes from start to end"""

    def __post_init__(self) -> None:
        check_fields(self, "epsilon.")
        _check_falling(self)


@dataclass(frozen=True, kw_only=True)
class Geometric:
    """Epsilon is multiplied by a factor after every episode, down to a floor."""

    kind: ClassVar[str] = "geometric"
    start: Share = 1.0
    end: Share = 0.01
    factor: Fraction = 0.995

    def __post_init__(self) -> None:
        check_fields(self, "epsilon.")
        _check_falling(self)


@dataclass(frozen=True, kw_only=True)
class Constant:
    """Epsilon never changes."""

    kind: ClassVar[str] = "constant"
    plain: ClassVar[str] = "value"
    value: Share = 0.1

    def __post_init__(self) -> None:
        check_fields(self, "epsilon.")


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """Each env keeps an epsilon of its own, the first a large one and the last next to none (Horgan et al. 2018)."""

    kind: ClassVar[str] = "ladder"
    base: Share = 0.4
    """epsilon of the first env; env i of N has base ** (1 + alpha i / (N - 1))"""
    alpha: Annotated[float, Between(0, 1e3)] = 7.0

    def __post_init__(self) -> None:
        check_fields(self, "epsilon.")


@dataclass(frozen=True, kw_only=True)
class EpsilonGreedy:
    """The best action, except where epsilon makes it a random one."""

    kind: ClassVar[str] = "epsilon_greedy"


@dataclass(frozen=True, kw_only=True)
class Boltzmann:
    """Better actions are likelier, by a softmax of their values, except where epsilon makes it any action."""

    kind: ClassVar[str] = "boltzmann"
    temperature: Annotated[float, Between(1e-9, 1e6)] = 0.1
    """in returns as they are learned: of two actions the one worth this much more is 2.7 times as likely"""

    def __post_init__(self) -> None:
        check_fields(self, "exploration.")


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Counted in env steps; offline, where none are taken, in updates."""

    kind: ClassVar[Literal["steps"]] = "steps"
    plain: ClassVar[str] = "num"
    num: Positive

    def __post_init__(self) -> None:
        check_fields(self, num="a number of steps")


@dataclass(frozen=True, kw_only=True)
class Episodes:
    """Counted in finished training episodes."""

    kind: ClassVar[Literal["episodes"]] = "episodes"
    num: Positive

    def __post_init__(self) -> None:
        check_fields(self, num="a number of episodes")
