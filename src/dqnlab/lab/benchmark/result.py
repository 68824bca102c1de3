"""What the seeds of a task came to, as its file holds it: every return of every episode, and how it was made."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..._version import __version__
from ...comparing.comparison import Arm, ArmCell, Comparison, SeedResult
from ...config.changes import json_ready
from ...config.fields import plain
from ...errors import DqnlabError, FolderError, named
from ...processes import usable_cores
from ...store.door import make_wanted, write_atomically
from ...store.folder import META
from ...store.interval import seeds_mean
from ...store.reading import SCHEMA, read_json
from ...store.score import Score, SeedsMean
from .judging import Judged, judged_of
from .suite import BenchmarkTask, Best, Measure

_INSTEAD = "restore it, or delete it to have its task made again"


@dataclass(frozen=True, kw_only=True)
class TaskResult:
    """The seeds of a task that have ended."""

    task: str
    env: str
    steps: int
    num_seeds: int
    """of each arm that there are to be"""
    comparison: Comparison
    judged: Mapping[tuple[str, int], Judged]
    """of arm and seed, what was judged beside the score"""
    waited: Mapping[str, float]
    """of each arm the seconds of one machine that a seed took, of seeds side by side its share"""
    made: Mapping[str, Any] = field(default_factory=dict)
    """versions and machine"""

    def cell(self, arm: str) -> ArmCell:
        return next(each for each in self.comparison.arms if each.name == arm).cells[0]

    def values(self, arm: str, measure: Measure) -> dict[int, float]:
        """What is counted of each seed, as far as it is known; of an arm that the suite got later there is nothing."""
        found = dict[int, float]()
        if all(each.name != arm for each in self.comparison.arms):
            return found
        for seed in self.cell(arm).scored:
            judged = self.judged.get((arm, seed.seed))
            value = seed.score.mean if measure == "score" and seed.score is not None else None
            if judged is not None and measure == "last":
                value = judged.last.mean
            if judged is not None and measure == "training":
                value = judged.training_mean
            if judged is not None and judged.exact is not None and measure == "exact":
                value = judged.exact.best
            if value is not None:
                found[seed.seed] = value
        return found

    def by_last(self) -> Comparison:
        """Its arms by what their last networks scored, in place of those that were selected, as far as it is known."""
        arms = list[Arm]()
        for arm in self.comparison.arms:
            (cell,) = arm.cells
            last = [(each, self._last(arm.name, each.seed)) for each in cell.seeds]
            seeds = tuple(replace(each, score=score) for each, score in last if (each.score is None) == (score is None))
            arms.append(replace(arm, cells=(replace(cell, seeds=seeds),)))
        return replace(self.comparison, arms=tuple(arms))

    def _last(self, arm: str, seed: int) -> Score | None:
        judged = self.judged.get((arm, seed))
        return None if judged is None else judged.last

    def is_same_training(self, one: str, other: str) -> bool:
        """Whether two arms have trained the same networks, as far as their seeds are in both: every return is equal."""
        seeds = {seed for arm, seed in self.judged if arm == one and (other, seed) in self.judged}
        returns = [(self.judged[one, seed].training, self.judged[other, seed].training) for seed in seeds]
        return bool(returns) and all(own and own == theirs for own, theirs in returns)

    def mean(self, arm: str, measure: Measure) -> SeedsMean | None:
        """Their mean with its 95 % interval over seeds; none if there are none."""
        values = list(self.values(arm, measure).values())
        return seeds_mean(values) if values else None

    def of_arms(self, arms: Sequence[Arm]) -> TaskResult:
        """The same of some of its arms."""
        names = {arm.name for arm in arms}
        return replace(
            self,
            comparison=replace(self.comparison, arms=tuple(arms)),
            judged={key: each for key, each in self.judged.items() if key[0] in names},
            waited={name: each for name, each in self.waited.items() if name in names},
        )

    def beside(self, stored: TaskResult, order: Sequence[str]) -> TaskResult:
        """These arms and those that were stored before, in an order."""
        arms = sorted([*self.comparison.arms, *stored.comparison.arms], key=lambda arm: order.index(arm.name))
        return replace(
            self,
            num_seeds=max(self.num_seeds, stored.num_seeds),
            comparison=replace(self.comparison, arms=tuple(arms)),
            judged={**stored.judged, **self.judged},
            waited={**stored.waited, **self.waited},
            made={**stored.made, **self.made},
        )

    def best(self, of: Best) -> float | None:
        """The best return there is, or that was found of policies that see the state only, where that is known."""
        exact = next((each.exact for each in self.judged.values() if each.exact is not None), None)
        return None if exact is None else exact.optimum if of == "optimum" else exact.by_state

    @property
    def hours(self) -> float:
        """Of one machine, spent on the seeds that have ended."""
        spent = [self.waited.get(arm.name, 0.0) * len(arm.cells[0].seeds) for arm in self.comparison.arms]
        return float(np.sum(spent)) / 3600


def made_by(folders: list[Path]) -> dict[str, Any]:
    """The versions that runs were made with, as the first of them says, and this machine."""
    found: dict[str, Any] = {"dqnlab": __version__, "cores": usable_cores(), "system": platform.system()}
    for folder in folders[:1]:
        try:
            said = read_json(folder / META).get("versions")
        except DqnlabError:
            continue
        if isinstance(said, dict):
            found |= {name: str(said[name]) for name in ("dqnlab", "python", "torch", "gymnasium") if name in said}
    return found


# ── Files ────────────────────────────────────────────────────────────────────────────────────────


def write_task(result: TaskResult, suite: str, folder: Path, name: str) -> None:
    """Writes the file of a task, a line for each seed."""
    make_wanted(folder, "folder of results")
    head = {
        "schema": SCHEMA,
        "suite": suite,
        "task": result.task,
        "env": result.env,
        "steps": result.steps,
        "seeds_asked": result.num_seeds,
        "made": result.made,
    }
    lines = [f" {json.dumps(key)}: {_compact(value)}," for key, value in head.items()]
    arms = []
    for arm in result.comparison.arms:
        cell = arm.cells[0]
        settings = {name: json_ready(plain(value)) for name, value in cell.settings.items()}
        seeds = ",\n".join(f"   {_compact(_seed(result, arm.name, each))}" for each in cell.seeds)
        about = {"name": arm.name, "waited": result.waited.get(arm.name), "settings": settings}
        inner = ", ".join(f"{json.dumps(key)}: {_compact(value)}" for key, value in about.items())
        arms.append(f'  {{{inner}, "seeds": [\n{seeds}\n  ]}}' if seeds else f'  {{{inner}, "seeds": []}}')
    body = ",\n".join(arms)
    write_atomically(folder / name, "\n".join(["{", *lines, ' "arms": [', body, " ]", "}"]) + "\n")


def _compact(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(", ", ": "))


def _seed(result: TaskResult, arm: str, seed: SeedResult) -> dict[str, Any]:
    judged = result.judged.get((arm, seed.seed))
    seconds = result.waited.get(arm, seed.seconds)
    return {
        "seed": seed.seed,
        "run": "/".join(seed.folder.parts[-2:]),  # where it lies on this machine is nobody's business
        "error": seed.error,
        "env_steps": seed.env_steps,
        "updates": seed.updates,
        "seconds": None if seconds is None else round(seconds, 3),
        "score": None if seed.score is None else asdict(seed.score) | {"returns": list(seed.score.returns)},
        **({"last": None, "training": [], "exact": None} if judged is None else judged.as_dict()),
        "curve": [list(point) for point in seed.curve],
    }


def read_task(task: BenchmarkTask, folder: Path) -> TaskResult | None:
    """The results of a task that are stored; none if there are none. Raises FolderError."""
    path = folder / task.file
    if not path.exists():
        return None
    try:
        about = read_json(path)
        arms = list[Arm]()
        judged = dict[tuple[str, int], Judged]()
        waited = dict[str, float]()
        for arm in about["arms"]:
            cell = ArmCell(
                env=about["env"],
                seeds=tuple(_read_seed(row, arm["waited"]) for row in arm["seeds"]),
                settings=arm["settings"],
            )
            arms.append(Arm(name=arm["name"], cells=(cell,)))
            with_last = [row for row in arm["seeds"] if row["last"] is not None]
            judged |= {(arm["name"], row["seed"]): judged_of(row, str(path)) for row in with_last}
            waited |= {} if arm["waited"] is None else {arm["name"]: arm["waited"]}
        return TaskResult(
            task=about["task"],
            env=about["env"],
            steps=about["steps"],
            num_seeds=about["seeds_asked"],
            comparison=Comparison(arms=tuple(arms), envs=(about["env"],)),
            judged=judged,
            waited=waited,
            made=about["made"],
        )
    except FolderError as e:
        raise FolderError(f"{e}; {_INSTEAD}") from e
    except (KeyError, TypeError, ValueError) as e:
        raise FolderError(f"{str(path)!r} holds no results of a benchmark ({named(e)}); {_INSTEAD}") from e


def _read_seed(row: Mapping[str, Any], waited: float | None) -> SeedResult:
    """A seed. Where it is known what each of its arm took, those are its seconds: earlier files hold how long it lasted
    beside the others."""
    score = None if row["score"] is None else Score(**row["score"] | {"returns": tuple(row["score"]["returns"])})
    return SeedResult(
        seed=row["seed"],
        folder=Path(row["run"]),
        score=score,
        error=row["error"],
        env_steps=row["env_steps"],
        updates=row["updates"],
        seconds=row["seconds"] if waited is None else waited,
        curve=tuple((int(step), float(value)) for step, value in row["curve"]),
    )
