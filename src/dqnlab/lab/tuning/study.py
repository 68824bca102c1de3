"""A study: what is searched and how it is judged, written down once; where everything of it lies.

runs/<env>/<name>/
├── study.json               what is searched, each trial, the confirmation
├── journal.log              Optuna's own storage: optuna-dashboard opens it
├── best.toml                the best configuration: `dqn train --config` repeats it
├── study.md  study.html     what came out, for people
├── trials/<number>/seed-<n>/    a run for each seed of each trial
└── confirm/                 the best trial beside the default, compared
    └── <arm>/seed-<n>/      a run for each fresh seed of either
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...config import Config
from ...config.fields import leaves, plain
from ...config.space import Space
from ...config.toml import as_dict
from ...errors import ConfigError, FolderError, either
from ...oslock import Claim, claim, in_turn
from ...store.door import make_wanted
from ...store.experiments import STUDY
from ...store.folder import safe_name, seed_name, write_json
from ...store.reading import read_json
from ...trust import shown
from ..sharing import LOCKS

JOURNAL = "journal.log"
CONFIRM = "confirm"
APART = 10_000
"""how far the seeds that confirm lie from those that choose, of which there are fewer"""
PATIENCE = 60.0  # seconds that a process waits for another one to choose its trial


@dataclass(frozen=True, kw_only=True)
class StudyPlan:
    """What every process that works on a study knows."""

    folder: Path
    config: Config
    space: Space
    trials: int
    """how many are to come to a value or be pruned"""
    seeds: tuple[int, ...]
    """those that each trial is judged by"""
    confirm: tuple[int, ...]
    """fresh ones, for the best trial and the default"""

    def home(self, number: int, seed: int) -> Path:
        """The run of one seed of a trial."""
        return self.folder / "trials" / f"{number:04}" / seed_name(seed)

    def confirmed(self, arm: str, seed: int) -> Path:
        """The run of a fresh seed."""
        return self.folder / CONFIRM / arm / seed_name(seed)

    def claim(self, what: str) -> Claim | None:
        """Takes a piece of the work, unless a living process has it."""
        return claim(self.folder / LOCKS / what)

    @contextmanager
    def choosing(self) -> Iterator[None]:
        """One process at a time looks what is to be done, and takes it."""
        with in_turn(self.folder / LOCKS / "choosing", lambda: None, PATIENCE):
            yield


def study_folder(config: Config, study: str | Path | None, runs: Path) -> Path:
    """Where a study lies: at a path, under its name, or where the same command found it before."""
    if study is None:
        return runs / safe_name(config.env.label) / f"tune-{safe_name(config.preset)}"
    if str(study) == "":
        raise ConfigError("the study must be a name or a folder, got ''")
    path = Path(study)
    is_path = len(path.parts) > 1 or path.is_dir() or path.is_absolute()
    return path if is_path else runs / safe_name(config.env.label) / safe_name(str(study))


def begin(plan: StudyPlan) -> StudyPlan:
    """Writes a new study down, or checks that the one there asks the same. Raises ConfigError, FolderError."""
    folder = plan.folder
    if folder.exists() and not folder.is_dir():
        raise FolderError(f"{shown(folder)!r} is a file, and a study is a folder: choose another {NAME}")
    asked = identity(plan)
    if (folder / STUDY).exists():
        _check_same(plan, read_json(folder / STUDY), asked)
    elif folder.is_dir() and any(path.name != LOCKS for path in folder.iterdir()):
        raise FolderError(f"{shown(folder)!r} is no study, and not empty: choose another {NAME}")
    for each in (folder, folder / LOCKS):
        make_wanted(each, either("--runs or --study", "runs= or study="))
    plan = replace(plan, folder=folder.resolve())
    with plan.choosing():
        if not (folder / STUDY).exists():
            write_json(folder / STUDY, asked)
        else:
            _check_same(plan, read_json(folder / STUDY), asked)
    return plan


NAME = either("--study", "study=")


def identity(plan: StudyPlan) -> dict[str, Any]:
    """What may not differ from one process of a study to the next."""
    return json.loads(
        json.dumps(
            {
                "env": plan.config.env.label,
                "config": as_dict(plan.config),
                "space": plan.space.as_dict(),
                "seeds": list(plan.seeds),
                "confirm_seeds": list(plan.confirm),
            },
            allow_nan=True,
        )
    )


def _check_same(plan: StudyPlan, there: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Raises ConfigError for a study that was begun with other settings."""
    differ = [name for name in ("config", "space", "seeds") if there.get(name) != asked[name]]
    if not differ:
        return
    what = "another search space" if "space" in differ else f"seeds {there.get('seeds')}"
    if "config" in differ:
        what = _differing(plan.config, there.get("config"))
    raise ConfigError(
        f"the study in {shown(plan.folder)!r} was begun with {what}: repeat its command to continue it, or begin a new "
        f"one with {NAME}"
    )


def _differing(config: Config, there: object) -> str:
    """The first setting that a study has otherwise, with its value there."""
    for name, value in leaves(config):
        found: Any = there
        for key in name.split("."):
            found = found.get(key) if isinstance(found, Mapping) else None
        found = found.get("kind") if isinstance(found, Mapping) and "kind" in found else found
        if not name.startswith("env.kwargs") and found != json.loads(json.dumps(plain(value))):
            return f"{name} = {found}"
    return "other settings"
