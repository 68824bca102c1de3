"""Folders of studies and comparisons, which are no runs: found by path or name, told by the file that each has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..trust import shown

STUDY = "study.json"
COMPARISON = "comparison.json"


@dataclass(frozen=True)
class ExperimentFolder:
    """A study or a comparison."""

    path: Path
    is_study: bool

    @property
    def how_to_remove(self) -> str:
        """What it is, and what removes it."""
        what = "a study of dqn tune" if self.is_study else "a comparison"
        holds = "which holds all of its runs" if self.is_study else "which holds none of its runs: those are listed"
        return f"{what}, not a run: to remove it, delete the folder {shown(self.path)!r}, {holds}"


def find_experiment(name: str, runs: Path) -> ExperimentFolder | None:
    """The study or comparison at a path, at one below `runs`, or of that name in a folder there; none if none is."""
    places = [Path(name)]
    if name and ".." not in Path(name).parts:
        places += [runs / name, *(folder / name for folder in _folders(runs))]
    for path in places:
        for mark in (STUDY, COMPARISON):
            if os.path.isfile(path / mark):  # unlike pathlib it takes a name that no file can have for none
                return ExperimentFolder(path, mark == STUDY)
    return None


def study_folders(runs: Path) -> list[Path]:
    """Every study under `runs`."""
    return sorted(path.parent for path in runs.glob(f"*/*/{STUDY}"))


def _folders(runs: Path) -> Iterator[Path]:
    return (path for path in sorted(runs.iterdir()) if path.is_dir()) if runs.is_dir() else iter(())
