"""Which run a branch came from: `parent` in its meta.json. Needs no torch."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import CheckpointError, FolderError, either
from .checkpoint.verify import found
from .find import name_for, run_folders
from .folder import CHECKPOINTS, CONFIG, META
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
        raise CheckpointError(
            f"{str(folder)!r} left its parent at step {parent.step:,}, and the checkpoint that it began with is gone "
            f"(dqn clean drops those of runs that have ended): {_instead(folder, parent)}"
        )


def _instead(folder: Path, parent: Parent) -> str:
    """What can be done for a branch that has lost its beginning."""
    there = parent_of(folder, parent)
    lost = "it can be judged, filmed and explained, but not continued or branched"
    if there is None:
        return f"{lost}, as its parent {parent.run!r} is gone too"
    home, runs = there
    name = name_for(home, runs)
    if not reaches(home, parent.step):
        return f"{lost}, as its parent {name!r} has lost its own beginning too"
    with_what = f", with {parent.says}" if parent.changes else ""
    return f"make the branch anew, {branching(name, parent.step)}{with_what}"


def before_it_left(folder: Path, parent: Parent, step: int) -> str:
    """What can be done to branch at a step that was a branch's parent's."""
    there = parent_of(folder, parent)
    if there is None:
        return f"that one, {parent.run!r}, is gone, so name a step from there on"
    home, runs = there
    name = name_for(home, runs)
    if not reaches(home, step):
        return f"that one, {name!r}, has no checkpoint until there to begin with, so name a step from there on"
    return f"branch that one, {branching(name, step)}"


def branching(name: str, step: int) -> str:
    """How to branch a run at a step."""
    return either(f"dqn branch {shlex.quote(name)} --at {step}", f"dqnlab.branch({name!r}, at={step})")


def parent_of(folder: Path, parent: Parent) -> tuple[Path, Path] | None:
    """A branch's parent and the folder of runs that it lies in; none if it is gone."""
    for runs in (*folder.resolve().parents, Path("runs")):
        if ((home := parent.folder(runs)) / CONFIG).is_file():
            return home, runs
    return None


def reaches(folder: Path, step: int) -> bool:
    """Whether a run can be taken back to a step: from its seed, or of a branch from a checkpoint of its own."""
    try:
        parent = read_parent(folder / META)
        return parent is None or any(parent.step <= at <= step for at, _, _ in found(folder / CHECKPOINTS))
    except (FolderError, CheckpointError):  # somebody has changed it
        return False


def branches_of(folders: Collection[Path], runs: Path) -> list[tuple[Path, Parent]]:
    """The other runs under `runs` that were branched from one of these, each with where it left."""
    homes = {folder.resolve() for folder in folders}
    branches = list[tuple[Path, Parent]]()
    for folder in run_folders(runs):
        try:
            parent = read_parent(folder / META)
        except FolderError:  # somebody has changed it
            continue
        if parent is not None and folder.resolve() not in homes and parent.folder(runs).resolve() in homes:
            branches.append((folder, parent))
    return branches


def name_of(folder: Path, runs: Path) -> str:
    """What a branch calls its parent's folder, see `Parent.run`."""
    folder, runs = folder.resolve(), runs.resolve()
    return folder.relative_to(runs).as_posix() if folder.is_relative_to(runs) else str(folder)
