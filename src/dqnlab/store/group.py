"""What many independent seeds of one configuration came to. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import FolderError, counted
from .card import Row, group_card, heading
from .folder import RESULT, SUMMARY, Run, write_json
from .interval import seeds_mean
from .label import UNLABELLED, Label
from .reading import is_count, read_json, seconds_taken
from .score import SeedsMean

INTERRUPTED = "interrupted"
"""how the error of a seed begins that did nothing wrong"""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A seed that came to no result, and how far it came."""

    seed: int
    folder: Path
    """where its run lies, if it began"""
    error: str
    exit_code: int
    """of the command, if nothing else decides it"""
    env_steps: int = 0
    updates: int = 0
    seconds: float = 0.0

    @property
    def is_interruption(self) -> bool:
        """Whether it was only interrupted, and has not failed."""
        return self.error.startswith(INTERRUPTED)


@dataclass(frozen=True)
class Group:
    """Many seeds of one configuration."""

    folder: Path
    env: str
    preset: str
    seeds: tuple[int, ...]
    results: tuple[Run | Failure, ...]
    """of the seeds that have ended, in the order of `seeds`"""
    seconds: float
    """from the start until now"""
    interrupted: bool = False
    signal: int | None = None
    """what interrupted it: 2 for Ctrl-C"""
    label: Label = UNLABELLED

    @property
    def runs(self) -> list[Run]:
        """The seeds that came to a result."""
        return [result for result in self.results if isinstance(result, Run)]

    @property
    def failures(self) -> list[Failure]:
        """The seeds that did not."""
        return [result for result in self.results if isinstance(result, Failure)]

    @cached_property
    def mean(self) -> SeedsMean | None:
        """The mean of the scores with its interval over seeds; none if no seed has a score."""
        scores = [run.score.mean for run in self.runs if run.score is not None]
        return seeds_mean(scores) if scores else None

    @property
    def best(self) -> Run | None:
        """The run with the highest score, of equals that of the lowest seed; none if no seed has a score."""
        scored = [(run.score.mean, -run.seed, run) for run in self.runs if run.score is not None]
        return max(scored, key=lambda each: each[:2])[2] if scored else None

    def __repr__(self) -> str:
        mean = "none" if self.mean is None else f"{self.mean.mean:g}"
        seeds = f"{len(self.runs)} of {counted(len(self.seeds), 'seed')}"
        return f"Group({self.env!r}, {self.preset!r}, {seeds}, mean={mean}, folder={str(self.folder)!r})"

    def _repr_html_(self) -> str:
        rows = [Row(run.seed, run.env_steps, run.score) for run in self.runs]
        rows += [Row(failed.seed, failed.env_steps, None, failed.error) for failed in self.failures]
        title = heading(self.env, self.preset, counted(len(self.seeds), "seed"))
        return group_card(title=title, mean=self.mean, seeds=rows, folder=self.folder)


def failure(seed: int, folder: Path, error: str, exit_code: int) -> Failure:
    """A failed seed, with the counts that its run has left in `folder`."""
    try:
        left = read_json(folder / RESULT)
    except FolderError:  # it ended too early, or too hard, to write one
        return Failure(seed=seed, folder=folder, error=error, exit_code=exit_code)
    return Failure(
        seed=seed,
        folder=folder,
        error=error,
        exit_code=exit_code,
        env_steps=left["env_steps"],
        updates=left["updates"],
        seconds=seconds_taken(left["seconds"]),
    )


def write_summary(group: Group) -> None:
    """Writes summary.json; also while seeds are still being trained, so that the folder is known as a group's."""
    best = group.best
    content = {
        "env": group.env,
        "preset": group.preset,
        **group.label.as_dict(),
        "seeds": list(group.seeds),
        **({"removed": removed} if (removed := _removed_before(group)) else {}),
        "mean": None if group.mean is None else asdict(group.mean),
        "solved": sum(bool(run.solved) for run in group.runs),
        "best": None if best is None else best.seed,
        "seconds": round(group.seconds, 3),
        "interrupted": group.interrupted,
        "results": [_row(result) for result in group.results],
    }
    write_json(group.folder / SUMMARY, content)


def removed_in(about: Mapping[str, Any]) -> list[int]:
    """The seeds that were taken out of a group after they were trained, as its summary.json says."""
    seeds = about.get("removed")
    return [seed for seed in seeds if is_count(seed)] if isinstance(seeds, list) else []


def _removed_before(group: Group) -> list[int]:
    try:
        return [seed for seed in removed_in(read_json(group.folder / SUMMARY)) if seed not in group.seeds]
    except FolderError:  # there is none yet
        return []


def _row(result: Run | Failure) -> Mapping[str, Any]:
    row = {"seed": result.seed, "folder": result.folder.name}
    counts = {"env_steps": result.env_steps, "updates": result.updates}
    if isinstance(result, Failure):
        nothing = {"score": None, "low": None, "high": None, "solved": None}
        return row | nothing | counts | {"seconds": result.seconds, "interrupted": False, "error": result.error}
    score = result.score
    return {
        **row,
        "score": score and score.mean,
        "low": score and score.low,
        "high": score and score.high,
        "solved": result.solved,
        **counts,
        "seconds": seconds_taken(result.seconds),
        "interrupted": result.interrupted,
        "error": None,
    }
