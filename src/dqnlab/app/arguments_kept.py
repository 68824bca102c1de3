"""The words of the commands that list and remove runs, as `arguments` has those of the others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..store.select import Order, Status, Wanted


@dataclass(frozen=True, kw_only=True)
class RunsTable:
    """Table of the runs with their scores: all of them, or those named, with what differs between these."""

    run: tuple[str, ...] = ()
    """a run, a group, or another folder of runs"""
    runs: Path = Path("runs")
    """folder of all runs"""
    tree: bool = False
    """draw which run was branched from which, at which step and with which changes"""
    seeds: bool = False
    """a row for each seed of a group"""
    env: str | None = None
    """only runs on such an environment: part of its id in any case, or all of it with * and ?"""
    preset: str | None = None
    """only runs of such a preset"""
    name: str | None = None
    """only runs of such a name"""
    tag: tuple[str, ...] = ()
    """only runs that have this tag"""
    status: tuple[Status, ...] = ()
    """only runs that stand like this"""
    solved: bool = False
    """only runs that solved their environment, groups with every seed"""
    unsolved: bool = False
    """only runs that did not"""
    sort: Order = "time"
    """oldest first, highest score, fewest steps or seconds, or by name"""
    reverse: bool = False
    """the other way round"""
    diff: bool = False
    """show in which settings they differ; of runs that are named that is shown anyway"""
    json: bool = False
    """print one JSON object instead of a table"""
    csv: bool = False
    """print comma-separated values instead of a table"""

    @property
    def wanted(self) -> Wanted:
        """Which runs are asked for."""
        return Wanted(
            env=self.env,
            preset=self.preset,
            name=self.name,
            tags=self.tag,
            status=self.status,
            solved=None if self.solved == self.unsolved else self.solved,
        )

    @property
    def shows_differences(self) -> bool:
        """Whether the settings in which runs differ are asked for."""
        return self.diff or len(self.run) > 1


@dataclass(frozen=True, kw_only=True)
class Clean:
    """Drop the checkpoints of finished runs, which only training them further and branching them need."""

    run: tuple[str, ...] = ()
    """a run or a group"""
    all: bool = False
    """all runs under --runs"""
    dry_run: bool = False
    """say what would go, and stop"""
    yes: bool = False
    """do not ask"""
    runs: Path = Path("runs")
    """folder of all runs"""


@dataclass(frozen=True, kw_only=True)
class Rm:
    """Remove runs, groups or seeds of groups with all that dqnlab made in their folders."""

    run: tuple[str, ...]
    """a run, a group, or a seed of one, as GROUP/seed-3"""
    dry_run: bool = False
    """say what would go, and stop"""
    yes: bool = False
    """do not ask"""
    runs: Path = Path("runs")
    """folder of all runs"""
