"""Which runs of a configuration there are already, by what their settings say and not by what they are called."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..comparing.read import decisive, share_of_group, training_seconds
from ..config import Config
from ..config.custom import modules_in
from ..config.fields import leaves, plain
from ..config.toml import as_dict, literal, override, parse
from ..errors import DqnlabError, FolderError
from ..store.find import has_ended, is_seed, list_runs
from ..store.folder import BEFORE, CONFIG, META, SUMMARY, seed_name
from ..store.group import INTERRUPTED
from ..store.imported import IMPORTED
from ..store.lock import holder, locked
from ..store.reading import is_count, read_json, read_text
from ..trust import modules_of

PATIENCE = 10.0  # seconds in which whoever was killed a moment ago lets its folders go
_LOOK_EVERY = 0.25


@dataclass(frozen=True, kw_only=True)
class ExistingRun:
    """A run that lies under the folder of runs."""

    folder: Path
    seed: int
    status: str
    """finished, failed, interrupted, unfinished …"""
    group: Path | None
    seconds: float | None
    """how long whoever trained it waited, if it has finished; of seeds side by side the share of each"""


@dataclass(frozen=True, kw_only=True)
class ExistingSeeds:
    """What there is of the seeds of one configuration."""

    finished: Mapping[int, Path]
    failed: Mapping[int, Path]
    """seeds that are not tried again"""
    resumable: Mapping[Path, tuple[int, ...]] = field(default_factory=dict)
    """runs and groups that can be resumed, each with the seeds that it then trains"""
    errors: Mapping[int, str] = field(default_factory=dict)
    """what failed seeds failed of, as their groups say"""

    def missing(self, seeds: Sequence[int]) -> tuple[int, ...]:
        """Those of the seeds that have not begun."""
        begun = {seed for resumed in self.resumable.values() for seed in resumed}
        return tuple(seed for seed in seeds if seed not in {*self.finished, *self.failed, *begun})


class ExistingRuns:
    """Every run on some environments under a folder, read once, found by its settings."""

    def __init__(self, runs: Path, envs: Collection[str]) -> None:
        self._rows = list_runs(runs.resolve()) if envs and runs.is_dir() else []
        self._named = [literal(env) for env in envs]
        self._found = dict[frozenset[str], dict[str, list[ExistingRun]]]()

    def of(self, config: Config) -> list[ExistingRun]:
        """The runs of a configuration that leaves nothing open; any seed, oldest first.

        Not those that branched off another run, which began with other settings, nor what other programs trained.
        """
        trusted = frozenset([*modules_of(config.env.id, config.env.wrappers), *modules_in(as_dict(config))])
        if trusted not in self._found:
            self._found[trusted] = self._read(trusted)
        return self._found[trusted].get(meaning(config), [])

    def _read(self, trusted: Collection[str]) -> dict[str, list[ExistingRun]]:
        """The runs by their meaning, as far as that can be read if no other modules are imported."""
        found = dict[str, list[ExistingRun]]()
        for row in self._rows:
            config = self._config_of(row["folder"], trusted)
            if config is not None:
                found.setdefault(meaning(config), []).append(_run(row, config.seed))
        return found

    def _config_of(self, folder: Path, trusted: Collection[str]) -> Config | None:
        """That of a run; none if it is on another environment, no run from its beginning, or unreadable."""
        try:
            text = read_text(folder / CONFIG)
            born_otherwise = {"parent", IMPORTED} & read_json(folder / META).keys()
            if born_otherwise or not any(env in text for env in self._named):
                return None
            return override(BEFORE, parse(text, CONFIG), CONFIG, trusted)
        except DqnlabError:
            return None


def meaning(config: Config) -> str:
    """What decides what a run of this configuration learns, but for its seed: equal texts, equal runs."""
    found = {name: plain(value) for name, value in leaves(config) if name != "seed"}
    return json.dumps(decisive(found), sort_keys=True)


def existing_seeds(found: Iterable[ExistingRun], seeds: Sequence[int]) -> ExistingSeeds:
    """What these runs, all of one configuration, have of the seeds."""
    runs = [run for run in found if run.seed in seeds]
    finished = {run.seed: run.folder for run in reversed(runs) if run.status == "finished"}
    errors = dict[int, str]()
    failed = {run.seed: run.folder for run in runs if run.status == "failed"}
    for group in dict.fromkeys(run.group for run in runs if run.group is not None):
        for seed, error in _failures(group):
            if seed in seeds:
                errors[seed] = error
                failed[seed] = group / seed_name(seed)
    failed = {seed: folder for seed, folder in failed.items() if seed not in finished}
    left = set(seeds) - finished.keys() - failed.keys()
    resumable = dict[Path, tuple[int, ...]]()
    for run in runs:
        trained = (run.seed,) if run.group is None else _unended(run.group)
        if run.seed in left and left | failed.keys() >= set(trained):  # else it would train what nobody asked for
            resumable[run.group or run.folder] = tuple(seed for seed in trained if seed in left)
            left -= set(trained)
    return ExistingSeeds(finished=finished, failed=failed, resumable=resumable, errors=errors)


def await_free(home: Path) -> None:
    """Waits until nobody works on a run or group any more: who was killed leaves its workers a moment.

    Raises FolderInUse if somebody still does.
    """
    until = time.monotonic() + PATIENCE
    for folder in _with_seeds(home):
        while True:
            try:
                with locked(folder):
                    break
            except FolderError:
                if time.monotonic() > until:
                    raise
                time.sleep(_LOOK_EVERY)


def holder_of(home: Path) -> str | None:
    """Who works on a run or group, or on a seed of it, by what locks say; none if nobody does."""
    return next((who for who in map(holder, _with_seeds(home)) if who is not None), None)


def _with_seeds(home: Path) -> list[Path]:
    return [home, *(path.parent for path in sorted(home.glob(f"seed-*/{CONFIG}")))]


def _run(row: Mapping[str, Any], seed: int) -> ExistingRun:
    folder = row["folder"]
    group = folder.parent if is_seed(folder) else None
    return ExistingRun(
        folder=folder,
        seed=seed,
        status=row["status"],
        group=group,
        seconds=_waited(row, group),
    )


def _waited(row: Mapping[str, Any], group: Path | None) -> float | None:
    """How long whoever trained a run waited for it; of seeds that were trained side by side the share of each."""
    if row["status"] != "finished":
        return None
    return training_seconds(row["seconds"]) if group is None else share_of_group(row["folder"])


def _failures(group: Path) -> list[tuple[int, str]]:
    """The seeds that a group says have failed, and were not just interrupted, each with why."""
    rows = [row for row in _listed(group, "results") if isinstance(row, dict) and is_count(row.get("seed"))]
    errors = [(row["seed"], row.get("error")) for row in rows]
    return [(seed, each) for seed, each in errors if isinstance(each, str) and not each.startswith(INTERRUPTED)]


def _unended(group: Path) -> tuple[int, ...]:
    """The seeds that resuming a group would train."""
    seeds = [seed for seed in _listed(group, "seeds") if is_count(seed)]
    return tuple(seed for seed in seeds if not has_ended(group / seed_name(seed)))


def _listed(group: Path, name: str) -> list[Any]:
    """A list in a group's summary; empty if there is none."""
    found = _about(group).get(name)
    return found if isinstance(found, list) else []


def _about(group: Path) -> Mapping[str, Any]:
    """A group's summary; empty if it cannot be read."""
    try:
        return read_json(group / SUMMARY)
    except FolderError:
        return {}
