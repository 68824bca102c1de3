"""Which run a branch came from: `parent` in its meta.json. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import FolderError
from .reading import is_count, read_json

FORK = "fork"  # in a checkpoint: it is where a branch begins, and nothing was interrupted


class Parent(NamedTuple):
    """Where a branch left its parent."""

    run: str
    """the parent's folder: below the folder of runs as `dqn runs` names it, else its whole path"""
    step: int
    """the env step up to which both are the same"""
    changes: Mapping[str, Any]
    """the settings that differ from there on, by their dotted names"""

    def folder(self, runs: Path) -> Path:
        """The parent's folder; it may be gone."""
        return runs / self.run  # a whole path stays what it is


def read_parent(path: Path) -> Parent | None:
    """What a meta.json says of the run's parent; none if the run is no branch. Raises FolderError if that cannot be."""
    about = read_json(path).get("parent")
    match about:
        case None:
            return None
        case {"run": str() as run, "step": step, "changes": dict() as changes} if run and is_count(step):
            return Parent(run, step, changes)
    raise FolderError(f"{str(path)!r} is damaged: parent cannot be {str(about)[:60]!r}")


def name_of(folder: Path, runs: Path) -> str:
    """What a branch calls its parent's folder, see `Parent.run`."""
    folder, runs = folder.resolve(), runs.resolve()
    return folder.relative_to(runs).as_posix() if folder.is_relative_to(runs) else str(folder)
