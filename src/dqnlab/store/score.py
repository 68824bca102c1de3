"""A mean and how sure it is, over episodes and over seeds (worked out in `interval`). Loads nothing heavy."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import all_of, counted

OVER_EPISODES = "95 % Hall, corrected for skewness, over episodes, not over training seeds"
OVER_SEEDS = "95 % Student t over seeds"


@dataclass(frozen=True, kw_only=True)
class Score:
    """The mean return of greedy episodes, and how sure it is."""

    mean: float
    low: float | None
    """lower end of the 95 % interval; none where all returns are the same, or there is only one"""
    high: float | None
    minimum: float
    maximum: float
    episodes: int
    returns: tuple[float, ...]
    cut: int
    """episodes that were truncated; where the step limit is dqnlab's own, only those that reached it"""
    interval: str = OVER_EPISODES
    """which interval it is, or why there is none"""
    own_limit: int | None = None
    """the step limit, if it is dqnlab's own because the environment has none"""
    info: Mapping[str, float] = field(default_factory=dict, hash=False)
    """means of the numbers that the environment's infos hold when episodes end, such as is_success"""

    @property
    def cut_says(self) -> str:
        """How many of its episodes were cut: 1 of 5 episodes was cut."""
        if self.cut == self.episodes:
            return f"{all_of(self.cut, 'episode')} {'was' if self.cut == 1 else 'were'} cut"
        return f"{self.cut:,} of {counted(self.episodes, 'episode')} {'was' if self.cut == 1 else 'were'} cut"

    def __repr__(self) -> str:
        between = "" if self.low is None or self.high is None else f", low={self.low:g}, high={self.high:g}"
        return f"Score(mean={self.mean:g}{between}, episodes={self.episodes})"


@dataclass(frozen=True, kw_only=True)
class SeedsMean:
    """The mean of the scores of independent seeds, and how sure it is."""

    mean: float
    low: float | None
    """lower end of the 95 % interval; none for a single seed, and where all scores are the same"""
    high: float | None
    seeds: int
    """how many have a score"""
    interval: str
    """which interval it is, or why there is none"""
