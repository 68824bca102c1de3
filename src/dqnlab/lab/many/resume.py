"""Resuming a group of seeds: those that have not ended continue from their own checkpoints."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ...config import AnyEnvironment
from ...config.typed import door
from ...errors import ConfigError, FolderError
from ...store.find import find_group, find_run, has_ended, read_run
from ...store.folder import CONFIG, SUMMARY, Run, seed_name
from ...store.group import Group, write_summary
from ...store.label import read_label
from ...store.lock import locked
from ...store.reading import is_count, is_number, read_json
from ...terminal.board import Board
from ...terminal.python import board_for_python
from ...track.tracker import Trackers
from ..after import finish
from ..overrides import Overrides
from ..resume import configured, trackers_of
from ..unfinished import lacking
from .crew import Crew


@door
def resume_many(
    group: str | Path | Group,
    *,
    env: AnyEnvironment | None = None,
    trackers: Trackers | None = None,
    trust_env_modules: Collection[str] = (),
    ray: str | None = None,
    quiet: bool = False,
) -> Group:
    """Resumes every seed of a group that has no result yet, as `resume` does with a run.

    A group whose seeds have all ended, and of which one lacks its film, curves or page, only gets these.

    Args:
        group: a group, its folder, or its name under `runs`.
        env: its environment, where a file cannot know it.
        trackers: those that it began with if none.
        trust_env_modules: modules that its environment and wrappers may import.
        ray: as in `train_many`.
        quiet: as in `train_many`.

    Raises:
        FolderError: there is no such group, its files are damaged, or another process works on it.
        ConfigError: every seed has ended, or none has begun.
    """
    folder = group.folder if isinstance(group, Group) else _of_name(group)
    overrides = Overrides(env=env, trackers=trackers, trust_env_modules=trust_env_modules)
    return resume_group(folder, overrides, None if quiet else board_for_python(), ray=ray)


def _of_name(name: str | Path) -> Path:
    """The folder of the group that is called so. Raises FolderError, or ConfigError if it is a run."""
    folder = find_group(name)
    if folder is None:
        raise ConfigError(f"{str(find_run(name))!r} is a run, not a group of seeds: use dqnlab.resume")
    return folder


def resume_group(
    group: Path,
    overrides: Overrides,
    board: Board | None = None,
    started: float | None = None,
    ray: str | None = None,
) -> Group:
    """Resumes every seed of the group in this folder that has no result yet.

    Raises:
        FolderError: the group's files are damaged, or another process works on it.
        ConfigError: every seed has ended, or none has begun.
    """
    if overrides.budget is not None:
        raise ConfigError(f"{str(group)!r} is a group of seeds: to train one of them further, name its folder")
    with locked(group, force=overrides.force_unlock):
        seeds = seeds_of(group)
        homes = {seed: group / seed_name(seed) for seed in seeds}
        begun = [home for home in homes.values() if (home / CONFIG).is_file()]
        if not begun:
            raise ConfigError(f"no seed of {str(group)!r} has begun: start again with dqn train")
        ended = {seed: read_run(home) for seed, home in homes.items() if has_ended(home)}
        told = read_json(group / SUMMARY).get("results")
        if len(ended) == len(seeds) and isinstance(told, list) and len(told) == len(seeds):
            if any(map(lacking, ended.values())):
                return _finished(group, ended, overrides)
            raise ConfigError(f"every seed of {str(group)!r} has ended: to train one further, name its folder")
        trackers = trackers_of(begun[0], overrides)
        start = (time.perf_counter() if started is None else started) - _seconds_before(group)
        config = configured(begun[0], overrides, group)
        return Crew(
            config,
            seeds,
            folder=group,
            results=dict(ended),
            trackers=trackers,
            label=read_label(group),
            board=board,
            started=start,
            ray=ray,
        ).train()


def _finished(folder: Path, ended: Mapping[int, Run], overrides: Overrides) -> Group:
    """The group once each seed's film, curves and page are made, as far as they are lacking."""
    start = time.perf_counter()
    runs = [finish(run, configured(run.folder, overrides, folder)) if lacking(run) else run for run in ended.values()]
    group = Group(
        folder=folder,
        env=runs[0].env,
        preset=runs[0].preset,
        seeds=tuple(ended),
        results=tuple(runs),
        seconds=_seconds_before(folder) + time.perf_counter() - start,
        interrupted=any(run.signal for run in runs),
        signal=next((run.signal for run in runs if run.signal), None),
        label=read_label(folder),
    )
    write_summary(group)
    return group


def _seconds_before(group: Path) -> float:
    """What a group has taken until now, as its summary says."""
    seconds = read_json(group / SUMMARY).get("seconds")
    return seconds if is_number(seconds) else 0.0


def seeds_of(group: Path) -> Sequence[int]:
    """Those that the summary of a group names. Raises FolderError."""
    seeds = read_json(group / SUMMARY).get("seeds")
    if not isinstance(seeds, list) or not seeds or not all(map(is_count, seeds)):
        raise FolderError(f"{str(group / SUMMARY)!r} is damaged: it does not say which seeds there are")
    return seeds
