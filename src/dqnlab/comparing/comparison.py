"""What is compared: arms, each on some environments, each with many independent seeds. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..errors import ConfigError
from ..store.score import Score


@dataclass(frozen=True, kw_only=True)
class SeedResult:
    """One seed of one arm on one environment."""

    seed: int
    folder: Path
    """where its run lies, if it began"""
    score: Score | None
    """with the return of every episode; none if it failed or was interrupted"""
    error: str | None = None
    """why it has no score; a seed that failed stays in every table"""
    env_steps: int | None = 0
    """none where nobody knows, as of what another program trained; so are the two below"""
    updates: int | None = 0
    seconds: float | None = 0.0
    """of training and judging, without film, curves and page; of seeds side by side its share of what all took"""
    curve: tuple[tuple[int, float], ...] = ()
    """env step and mean return of each evaluation during training, in order"""
    fork: int | None = None
    """the env step up to which it is the same as the run that it was branched from; none if it is no branch"""


@dataclass(frozen=True, kw_only=True)
class ArmCell:
    """One arm on one environment: the seeds of one configuration."""

    env: str
    """as its runs call it"""
    seeds: tuple[SeedResult, ...]
    """in the order of their seeds; none yet where an arm is only planned"""
    settings: Mapping[str, object]
    """every setting but the seed: dotted name and plain value"""

    @property
    def scored(self) -> tuple[SeedResult, ...]:
        """The seeds that came to a score."""
        return tuple(each for each in self.seeds if each.score is not None)

    @property
    def failed(self) -> tuple[SeedResult, ...]:
        """The seeds that did not."""
        return tuple(each for each in self.seeds if each.score is None)

    @property
    def scores(self) -> tuple[float, ...]:
        """The score of each seed that has one."""
        return tuple(each.score.mean for each in self.seeds if each.score is not None)


@dataclass(frozen=True, kw_only=True)
class Arm:
    """What is compared: a preset, one with other settings, or the runs of one configuration."""

    name: str
    cells: tuple[ArmCell, ...]
    """one per environment, in the order of the comparison's"""

    def on(self, env: str) -> ArmCell:
        """Its cell on one of the comparison's environments."""
        return next(cell for cell in self.cells if cell.env == env)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Arms side by side. The first is the baseline, which the others are held against."""

    arms: tuple[Arm, ...]
    envs: tuple[str, ...]

    def __post_init__(self) -> None:
        """Raises ConfigError unless the arms have names of their own and a cell on each environment."""
        names = [arm.name for arm in self.arms]
        if not names or not self.envs:
            raise ConfigError("a comparison needs at least one arm and one environment")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ConfigError(f"two arms are called {twice[0]!r}: give each a name of its own")
        for arm in self.arms:
            own = [cell.env for cell in arm.cells]
            if sorted(own) != sorted(self.envs):
                raise ConfigError(
                    f"arm {arm.name!r} has runs on {', '.join(own) or 'no environment'}, and the comparison is of "
                    f"{', '.join(self.envs)}: every arm needs runs on each of them"
                )

    @property
    def baseline(self) -> Arm:
        return self.arms[0]

    @property
    def others(self) -> tuple[Arm, ...]:
        return self.arms[1:]

    @cached_property
    def cells(self) -> tuple[tuple[Arm, ArmCell], ...]:
        """Every arm with each of its cells, environment by environment."""
        return tuple((arm, arm.on(env)) for env in self.envs for arm in self.arms)
