"""A run or a group of seeds, as a table, a filter or a file of rows needs it. Needs neither torch nor numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .label import Label

DONE = "finished"
RUNNING = "running"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A run, or a group of seeds."""

    folder: Path
    group: Path | None
    """of a seed"""
    label: Label
    env: str
    preset: str
    status: str
    """finished, running, interrupted, failed, unfinished or damaged"""
    damage: str = ""
    """what is wrong with a damaged one: `no config.toml`"""
    seeds: tuple[int, ...]
    removed: tuple[int, ...] = ()
    """seeds that were taken out of the group, and count for nothing here"""
    score: tuple[float, float | None, float | None] | None
    """mean and, where there is one, its interval: over episodes, of a group over its seeds"""
    scored: int
    """how many seeds have a score"""
    solved: int | None
    """how many of them reach the threshold; none where there is none"""
    env_steps: int | None
    """of a group the mean of its seeds"""
    updates: int | None
    seconds: float | None
    """of a group from its start to its end"""
    created: str
    """when it began, UTC, in ISO 8601"""
    settings: Mapping[str, Any]
    """what it sets otherwise than its preset"""
    parent: Mapping[str, Any] | None
    """the run and step that it was branched from"""
    runs: tuple[Entry, ...] = ()
    """the seeds of a group"""

    @cached_property
    def called(self) -> str:
        """Its folder's name, of a seed with the group's before it."""
        return self.folder.name if self.group is None else f"{self.group.name}/{self.folder.name}"

    @property
    def name(self) -> str:
        """Its own name; its folder's if it has none. Of a seed with the group's before it."""
        if self.label.name is None:
            return self.called
        return self.label.name if self.group is None else f"{self.label.name}/{self.folder.name}"
