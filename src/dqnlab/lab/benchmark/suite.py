"""What a benchmark is: a list of comparisons with a protocol, what others have published, and what is aimed at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from ...config.checks import Between, Whole, require
from ...config.fields import nearest
from ...errors import ConfigError, counted
from ...store.digits import number
from ...store.folder import safe_name
from ..arms import ComparisonRequest

Measure = Literal["score", "last", "training", "exact"]
"""what of a seed is counted: the confirmed score of the best network, the score of the last network, the mean return
of the last training episodes, or the exact return of the best network's policy"""
MEASURES: dict[Measure, str] = {
    "score": "score",
    "last": "last network",
    "training": "training return",
    "exact": "exact return",
}
assert tuple(MEASURES) == get_args(Measure)
Best = Literal["optimum", "state"]
"""the best return there is, for whoever sees the clock, or that was found of policies that see the state only"""


Return = Annotated[float, Between(-1e12, 1e12)]


@dataclass(frozen=True, kw_only=True)
class Published:
    """A number that others have published."""

    value: Return
    by: str
    """who, and with which algorithm"""
    source: str
    """where it stands"""
    steps: Annotated[int | None, Whole(1)] = None
    """env steps that it was trained for; none where that is not said"""
    seeds: Annotated[int | None, Whole(1)] = None
    """of how many seeds it is the mean; none where that is not said"""
    measure: Measure = "score"
    """what kind of number it is: only the same kind of ours is held against it"""
    note: str = ""
    """in what the protocol differs otherwise"""

    @property
    def says(self) -> str:
        """How it came about: training return of 4 seeds at 300,000 steps."""
        of = "" if self.seeds is None else f" of {counted(self.seeds, 'seed')}"
        at = "" if self.steps is None else f" at {counted(self.steps, 'step')}"
        note = f"; {self.note}" if self.note else ""
        return f"{MEASURES[self.measure]}{of}{at}{note}"


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What is aimed at: by the mean over seeds, or by each of some seeds."""

    at_least: Return | None = None
    within: Annotated[float | None, Between(0, 1)] = None
    """instead: so large a share of the best return may be missing, 0.01 for 1 %"""
    of: Best = "optimum"
    """with `within`: of which best return"""
    seeds: Annotated[int | None, Whole(1)] = None
    """how many seeds have to reach it, each by itself; none if the mean has to"""
    measure: Measure = "score"
    moonshot: bool = False

    def __post_init__(self) -> None:
        """Raises ConfigError unless it says what is to be reached."""
        if (self.at_least is None) == (self.within is None):
            got = "neither" if self.within is None else "both"
            raise ConfigError(f"a goal says at_least = RETURN or within = SHARE of the best return, got {got}")
        require(self.within is not None or self.of == "optimum", "of", self.of, "left out beside at_least")

    def level(self, best: float | None) -> float | None:
        """The return that is aimed at; none where it depends on a best return that nobody knows."""
        if self.at_least is not None or self.within is None:
            return self.at_least
        return None if best is None else best - self.within * abs(best)

    def says(self, best: float | None = None) -> str:
        """In words: score ≥ -110.0 on 9 seeds; exact return at most 1 % below the optimum (≥ 0.737) on 10 seeds.

        Args:
            best: return of which a share is meant, if it is known.
        """
        who = "on average" if self.seeds is None else f"on {counted(self.seeds, 'seed')}"
        return f"{MEASURES[self.measure]} {self._level_text(best)} {who}{' (moonshot)' if self.moonshot else ''}"

    def _level_text(self, best: float | None) -> str:
        if self.within is None:
            return f"≥ {number(self.at_least)}"
        what = "the optimum" if self.of == "optimum" else "the best by state alone"
        known = "" if best is None else f" (≥ {number(self.level(best), best)})"
        return f"at most {100 * self.within:.2g} % below {what}{known}"


@dataclass(frozen=True, kw_only=True)
class BenchmarkTask:
    """One comparison of a suite, which may be of a single arm. Claims are about the first arm."""

    name: str
    request: ComparisonRequest
    steps: int
    published: tuple[Published, ...] = ()
    goals: tuple[Goal, ...] = ()
    seconds: Annotated[float | None, Between(0, 1e9)] = None
    """what a seed takes on a quiet machine with two cores, of seeds side by side its share"""
    needs: str = ""
    """the extra that its environment comes with"""
    tries: Annotated[int, Whole(1, 1_000)] = 1
    """which first arm this is on these seeds: each after the first was looked for because one before it had missed"""
    rungs: tuple[str, ...] = ()
    """arms of which each is the one before with a part more, and is held against that one too"""

    def __post_init__(self) -> None:
        """Raises ConfigError unless rungs are several arms, each once."""
        arms = [arm.name for arm in self.request.arms]
        if unknown := next((name for name in self.rungs if name not in arms), None):
            raise ConfigError(f"rungs names {unknown!r}, which is no arm; {nearest(unknown, arms)}")
        require(
            len(self.rungs) != 1 and len(set(self.rungs)) == len(self.rungs),
            "rungs",
            list(self.rungs),
            "at least two arms, each once, from the lowest up",
        )

    @property
    def env(self) -> str:
        return self.request.envs[0]

    @property
    def is_exact(self) -> bool:
        """Whether an exact return is spoken of."""
        measures = [each.measure for each in (*self.published, *self.goals)]
        return "exact" in measures or any(goal.within is not None for goal in self.goals)

    @property
    def file(self) -> str:
        """What the file of its results is called."""
        return f"{safe_name(self.name.replace(',', '')).lower()}.json"


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Tasks with one protocol."""

    name: str
    about: str
    tasks: tuple[BenchmarkTask, ...]
    source: str = ""
    """the file that says so, or its name if it comes with dqnlab"""

    def __post_init__(self) -> None:
        """Raises ConfigError for two tasks of one name."""
        files = [task.file for task in self.tasks]
        if twice := next((task.name for task in self.tasks if files.count(task.file) > 1), None):
            raise ConfigError(f"two tasks are called {twice!r}: give each a name of its own")

    def task(self, name: str) -> BenchmarkTask | None:
        """The task of a name; none if there is none."""
        return next((task for task in self.tasks if task.name == name), None)
