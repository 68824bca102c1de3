"""What runs and groups there are: one entry for each, with what a table, a filter or a file of rows needs of it.

A run costs two files, result.json and meta.json (one without a result its config.toml too, one that trains the end of
its metrics.jsonl), a group its summary.json besides. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import FolderError
from .entry import DONE, RUNNING, Entry
from .find import age, damage_of, is_seed, run_folders, run_row
from .folder import CONFIG, META, METRICS, SUMMARY, seed_name
from .group import removed_in
from .interval import seeds_mean
from .label import label_in
from .lock import holder
from .metrics import last_step
from .reading import is_count, is_number, read_json, seconds_taken
from .remnants import is_remnant, remnants

_WORST = (RUNNING, "interrupted", "unfinished", "damaged", "failed", DONE)  # what a group is if one of its seeds is


def entries(folders: Iterable[Path]) -> list[Entry]:
    """Of these runs and groups, in their order. Nothing in them can raise: what cannot be read is `damaged`."""
    return [_group(folder) if is_group(folder) else _run(folder, _group_of(folder)) for folder in folders]


def all_entries(runs: Path) -> list[Entry]:
    """Of every run and group under `runs`, the oldest first; the seeds of a group within it."""
    folders = sorted([*run_folders(runs), *remnants(runs)], key=age)
    return entries(dict.fromkeys(folder.parent if is_seed(folder) else folder for folder in folders))


def apart(found: Iterable[Entry]) -> list[Entry]:
    """The same with the seeds of each group in its place."""
    return [each for entry in found for each in entry.runs or (entry,)]


def _group_of(folder: Path) -> Path | None:
    return folder.parent if is_seed(folder) else None


def is_group(folder: Path) -> bool:
    """Whether it is the folder of a group of seeds."""
    return (folder / SUMMARY).is_file() and not (folder / CONFIG).is_file()


def _run(folder: Path, group: Path | None = None) -> Entry:
    row = run_row(folder)
    about = _about(folder / META)
    damage = damage_of(row["status"])
    status = "damaged" if damage else row["status"]
    if status in ("unfinished", "interrupted") and holder(folder) is not None:
        status = RUNNING
    score, seconds = row.get("score"), row.get("seconds") or {}
    seed, unknown = row.get("seed"), row.get("unknown") or ()
    steps = last_step(folder / METRICS) if status == RUNNING else row.get("env_steps")
    return Entry(
        folder=folder,
        group=group,
        label=label_in(about),
        env=row["env"] or (group or folder).parent.name,
        preset=_text(row.get("preset")),
        status=status,
        damage=damage,
        seeds=(seed,) if is_count(seed) else (),
        score=(score["mean"], score["low"], score["high"]) if score else None,
        scored=int(bool(score)),
        solved=None if row.get("solved") is None else int(row["solved"]),
        env_steps=None if "env_steps" in unknown else steps,
        updates=None if "updates" in unknown else row.get("updates"),
        seconds=None if "seconds" in unknown or "total" not in seconds else seconds_taken(seconds),
        created=_text(about.get("created")),
        settings=settings if isinstance(settings := about.get("settings"), dict) else {},
        parent=parent if isinstance(parent := about.get("parent"), dict) else None,
    )


def _group(folder: Path) -> Entry:
    about = _about(folder / SUMMARY)
    listed = about.get("seeds")
    seeds = tuple(listed) if isinstance(listed, list) and all(map(is_count, listed)) else ()
    homes = [folder / seed_name(seed) for seed in seeds] or sorted(
        path.parent for path in folder.glob(f"seed-*/{CONFIG}")
    )
    runs = tuple(_run(home, folder) for home in homes if (home / CONFIG).is_file() or is_remnant(home))
    first = runs[0] if runs else None
    scores = [run.score[0] for run in runs if run.score is not None]
    mean = seeds_mean(scores) if scores else None
    verdicts = [run.solved for run in runs if run.solved is not None]
    return Entry(
        folder=folder,
        group=None,
        label=label_in(about),
        env=first.env if first else _text(about.get("env")) or folder.parent.name,
        preset=first.preset if first else _text(about.get("preset")),
        status=_together(folder, runs, missing=len(seeds) > len(runs)),
        seeds=seeds or tuple(seed for run in runs for seed in run.seeds),
        removed=tuple(removed_in(about)),
        score=None if mean is None else (mean.mean, mean.low, mean.high),
        scored=len(scores),
        solved=sum(verdicts) if verdicts else None,
        env_steps=_mean([run.env_steps for run in runs]),
        updates=_mean([run.updates for run in runs]),
        seconds=about["seconds"] if is_number(about.get("seconds")) else None,
        created=min((run.created for run in runs), default=""),
        settings=first.settings if first else {},
        parent=first.parent if first else None,
        runs=runs,
    )


def _together(folder: Path, runs: Sequence[Entry], *, missing: bool) -> str:
    """How a group stands; a seed that never began has failed, unless the group is still at work."""
    if holder(folder) is not None:
        return RUNNING
    found = {run.status for run in runs} | ({"failed"} if missing or not runs else set())
    return next(status for status in _WORST if status in found)


def _about(path: Path) -> Mapping[str, Any]:
    try:
        return read_json(path)
    except FolderError:  # its table still has a row for it
        return {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _mean(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return round(sum(known) / len(known)) if known else None
