"""How long a benchmark still takes: by what its own seeds have taken, else by what was recorded.

Where neither is known of an arm on an environment, it costs as many times what the others do there as it costs
elsewhere; an arm that was seen nowhere counts as the mean of the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ...errors import counted
from ...processes import usable_cores
from ...terminal.text import duration
from ..planning import CellPlan, ComparisonPlan
from .result import TaskResult
from .suite import BenchmarkTask

RECORDED_CORES = 2
"""of the machine on which the suites' own figures were recorded"""


@dataclass
class TimeLeft:
    """Seconds per env step of each arm on each environment, as far as they were seen here."""

    _rates: dict[tuple[str, str], float] = field(default_factory=dict)

    def learn(self, task: BenchmarkTask, plan: ComparisonPlan) -> None:
        """Takes note of what the seeds of a task have taken."""
        for cell in plan.cells:
            if cell.seconds is not None:
                self._rates[cell.env, cell.arm] = cell.seconds / task.steps

    def learn_stored(self, stored: TaskResult) -> None:
        """Takes note of what the seeds have taken whose results are stored."""
        self._rates |= {(stored.env, arm): seconds / stored.steps for arm, seconds in stored.waited.items()}

    def of_seed(self, task: BenchmarkTask, cell: CellPlan) -> float | None:
        """Seconds of one seed, of seeds side by side its share; none where nobody knows."""
        if cell.seconds is not None:
            return cell.seconds
        rate = self._rates.get((cell.env, cell.arm))
        if rate is not None:
            return rate * task.steps
        if (rate := self._by_others(cell)) is not None:
            return rate * task.steps
        if (said := recorded(task)) is not None:
            return said
        others = list(self._on(cell.env).values())
        return sum(others) / len(others) * task.steps if others else None

    def _on(self, env: str) -> dict[str, float]:
        """Rates by arm on an environment."""
        return {arm: rate for (where, arm), rate in self._rates.items() if where == env}

    def _by_others(self, cell: CellPlan) -> float | None:
        """What an arm would cost, by what it costs beside the same arms on other environments; none if on no other."""
        here = self._on(cell.env)
        found = list[float]()
        for env in {env for env, arm in self._rates if arm == cell.arm}:
            there = self._on(env)
            if both := here.keys() & there.keys():
                found.append(there[cell.arm] * sum(here[arm] for arm in both) / sum(there[arm] for arm in both))
        return sum(found) / len(found) if found else None

    def left(self, tasks: Iterable[tuple[BenchmarkTask, ComparisonPlan]]) -> tuple[float, int]:
        """Seconds that are left, and how many seeds there are of which that is not known."""
        seconds, unknown = 0.0, 0
        for task, plan in tasks:
            for cell in plan.left:
                each = self.of_seed(task, cell)
                seconds += 0.0 if each is None else each * cell.num_left
                unknown += cell.num_left if each is None else 0
        return seconds, unknown


def recorded(task: BenchmarkTask) -> float | None:
    """What a seed would take by the suite's own figures, if as many cores as there are here share the work."""
    return None if task.seconds is None else task.seconds * RECORDED_CORES / usable_cores()


def left_text(left: tuple[float, int]) -> str:
    """In words: about 1:20:00 left, and 20 seeds that may take any time."""
    seconds, unknown = left
    if not seconds:
        return "how long is not known before the first seed is done" if unknown else "nothing is left to train"
    rest = f", and {counted(unknown, 'seed')} of which that is not known" if unknown else ""
    return f"about {duration(seconds)} left{rest}"


def rough_time(seconds: float) -> str:
    """Minutes, or hours: 44 minutes, 14.9 hours."""
    minutes = max(1, round(seconds / 60))
    return counted(minutes, "minute") if minutes < 90 else f"{seconds / 3600:.1f} hours"
