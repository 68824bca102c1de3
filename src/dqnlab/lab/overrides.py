"""What may be different when a run is resumed or branched. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ..config import AnyEnvironment, Config, Env, Episodes, Steps
from ..config.custom import modules_in
from ..config.fields import nearest
from ..config.toml import override
from ..errors import ConfigError, either
from ..store.label import UNLABELLED, Label
from ..track.tracker import AnyTracker
from ..trust import modules_of


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """What differs from before."""

    budget: Steps | Episodes | None = None
    """a later end than the run was made for; it then continues even if it was solved"""
    env: AnyEnvironment | None = None
    """the environment, where a file cannot know it"""
    trackers: Sequence[AnyTracker] | None = None
    """those that the run began with if none"""
    trust_env_modules: Collection[str] = ()
    """modules that its environment and wrappers may import"""
    force_unlock: bool = False
    """take a folder over that was in use on another machine"""


@dataclass(frozen=True)
class Changes:
    """Settings that differ from those of a run."""

    table: Mapping[str, Any]
    """as a file has them"""
    trusted: Collection[str] = ()
    """modules that they may import, since whoever asked has named them"""

    def __call__(self, config: Config) -> Config:
        """The configuration with them. Raises ConfigError."""
        return override(config, self.table, trusted=self.trusted)


def check_no_preset(changes: Collection[str]) -> None:
    """Raises ConfigError if a preset is among the names of settings that are to differ."""
    if "preset" in changes:
        raise ConfigError(
            "preset cannot change in the middle of a run: it is where its settings came from. Name those that are to "
            f"differ, {either('as --set lr=1e-4', 'as optimizer=dict(lr=1e-4)')}, or begin a run of its own with it, "
            f"{either('dqn train --preset NAME', 'dqnlab.train(dqnlab.presets.get(NAME))')}"
        )


def with_changes(config: Config, changes: Mapping[str, Any]) -> Config:
    """The configuration with settings by name; a table changes what it names. Raises ConfigError."""
    check_no_preset(changes)
    known = {each.name for each in fields(Config)}
    if wrong := [name for name in changes if name not in known]:
        raise ConfigError(f"unknown setting {wrong[0]!r}; {nearest(wrong[0], sorted(known))}")
    tables = {name: value for name, value in changes.items() if isinstance(value, Mapping)}
    whole = {name: value for name, value in changes.items() if name not in tables}
    if "env" in whole and not isinstance(whole["env"], Env):
        whole["env"] = replace(config.env, id=whole["env"])
    named_env = tables.get("env", {})
    trusted = {*modules_in(tables), *modules_of(named_env.get("id"), named_env.get("wrappers"))}
    return replace(override(config, tables, trusted=trusted) if tables else config, **whole)


@dataclass(frozen=True, kw_only=True)
class BranchRequest:
    """What a branch is to be."""

    at: int | str
    """the env step, `best`, or the name of a checkpoint"""
    change: Callable[[Config], Config]
    """makes its settings of those of its parent"""
    out: Path | None = None
    """its folder; a new one under `runs` if none"""
    runs: Path = Path("runs")
    label: Label = UNLABELLED
    trackers: Sequence[AnyTracker] | None = None
    """those of its parent if none"""
    parent: Overrides = field(default_factory=Overrides)
    """what must be known to make the parent again"""


@dataclass(frozen=True, kw_only=True)
class ImportRequest:
    """What is to be brought in, and how."""

    file: Path
    change: Callable[[Config], Config]
    """makes the settings that are wanted of those that the file says"""
    named: Collection[str]
    """the settings, or tables of them, that whoever asks has named"""
    out: Path | None = None
    """its folder; a new one under `runs` if none"""
    runs: Path = Path("runs")
    label: Label = UNLABELLED
