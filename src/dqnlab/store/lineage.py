"""Which run a branch came from: `parent` in its meta.json. Needs no torch."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import CheckpointError, FolderError, either
from .reading import is_count, read_json

MOST_CHANGES = 4  # settings that are named
FORK = "fork"  # in a checkpoint: it is where a branch begins, and nothing was interrupted


class Parent(NamedTuple):
    """Where a branch left its parent."""

    run: str
    """the parent's folder: below the folder of runs as `dqn runs` names it, else its whole path"""
    step: int
    """the env step up to which both are the same"""
    changes: Mapping[str, Any]
    """the settings that differ from there on, by their dotted names"""

    @property
    def says(self) -> str:
        """What has changed, as one would type it."""
        named = [f"{name}={value}" for name, value in self.changes.items() if value != "none"]
        more = f" and {len(named) - MOST_CHANGES} more" if len(named) > MOST_CHANGES else ""
        return " ".join(named[:MOST_CHANGES]) + more if named else "nothing changed"

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


def check_kept(folder: Path, parent: Parent | None, step: int | None) -> None:
    """Raises CheckpointError if a branch has lost the state that it began with: from the seed it is another run.

    Args:
        step: of the checkpoint to continue from; none if there is none.
    """
    if parent is not None and (step is None or step < parent.step):
        at = parent.step
        how = either(f"dqn branch {shlex.quote(parent.run)} --at {at}", f"dqnlab.branch({parent.run!r}, at={at})")
        raise CheckpointError(
            f"{str(folder)!r} left {parent.run!r} at step {at:,}, and the checkpoint that it began with is gone: make "
            f"the branch anew, {how}"
        )


def name_of(folder: Path, runs: Path) -> str:
    """What a branch calls its parent's folder, see `Parent.run`."""
    folder, runs = folder.resolve(), runs.resolve()
    return folder.relative_to(runs).as_posix() if folder.is_relative_to(runs) else str(folder)
