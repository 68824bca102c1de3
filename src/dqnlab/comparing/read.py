"""Reading the folders of finished, failed and interrupted runs into a cell. Needs no torch, and imports no module of
the runs' own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..config.changes import NO_MATTER
from ..config.fields import leaves, plain
from ..config.toml import override, parse
from ..errors import ConfigError, FolderError, counted, either
from ..store.find import is_seed, read_run
from ..store.folder import BEFORE, CONFIG, META, METRICS, RESULT, SUMMARY, Run, seed_name
from ..store.group import removed_in
from ..store.imported import origin_of, read_imported
from ..store.interval import SQUARABLE
from ..store.lineage import read_parent
from ..store.metrics import read_records
from ..store.reading import is_count, is_number, read_json, read_text, seconds_taken
from .comparison import ArmCell, SeedResult

NOT_TRAINING = ("film", "curves", "page", "paused")
"""the seconds of a run that are no part of training and judging: of many seeds only the best makes film and page"""
NO_HASH = (None, "none")
LARGEST_SCORE = 1e300
"""sums and differences of smaller ones are finite"""


def read_cell(folders: Sequence[Path]) -> ArmCell:
    """The seeds of one configuration, each in a run's folder of its own or in a group's, as they stand now.

    Raises:
        FolderError: a folder is no run, or damaged; two are of one seed, or of different settings or environments.
    """
    if not folders:
        raise FolderError("no folder of a run to compare: name at least one")
    found = [each for folder in folders for each in _seeds_of(folder)]
    settings = [(folder, read_settings(folder)) for folder, _ in found if (folder / CONFIG).exists()]
    if not settings:
        raise FolderError(f"{str(folders[0])!r} holds no run that has begun: there is nothing to compare")
    _check_same(settings)
    env = _env_of(settings[0][0], settings[0][1])
    seeds = sorted((read_seed(folder, error) for folder, error in found), key=lambda each: each.seed)
    for one, other in pairwise(seeds):
        if one.seed == other.seed:
            raise FolderError(
                f"seed {one.seed} is there twice, in {str(one.folder)!r} and {str(other.folder)!r}: seeds that are "
                f"compared must be independent, so leave one out{_or_number(one.folder)}"
            )
    _check_apart(folder for folder, _ in settings)
    return ArmCell(env=env, seeds=tuple(seeds), settings=settings[0][1])


def read_seed(folder: Path, error: str | None = None) -> SeedResult:
    """One run as it stands now.

    Args:
        error: what its group says it failed of.

    Raises FolderError.
    """
    if (folder / RESULT).exists():
        run = read_run(folder)
        if (folder / CONFIG).exists() and run.seed != (own := _seed_of(folder)):
            raise FolderError(f"{str(folder / RESULT)!r} is damaged: its seed is {run.seed}, and {CONFIG} says {own}")
        return SeedResult(
            seed=run.seed,
            folder=folder,
            score=None if (why_none := _why_no_score(run)) else run.score,
            error=why_none,
            env_steps=None if "env_steps" in run.unknown else run.env_steps,
            updates=None if "updates" in run.unknown else run.updates,
            seconds=None if "seconds" in run.unknown else share_of_group(folder) or training_seconds(run.seconds),
            curve=read_curve(folder),
            fork=_fork_of(folder),
        )
    seed = _seed_of(folder)
    curve = read_curve(folder)
    why = error or "unfinished: it was killed, or is still being trained"
    return SeedResult(
        seed=seed,
        folder=folder,
        score=None,
        error=why,
        env_steps=_last_step(folder),
        curve=curve,
        fork=_fork_of(folder),
    )


def _or_number(folder: Path) -> str:
    """What else helps where an imported agent has the number of another, as the end of a message."""
    return (
        ""
        if origin_of(folder) is None
        else f", or give each a number, {either('--seed N', 'seed=N')}, when importing it"
    )


def training_seconds(seconds: Mapping[str, float]) -> float:
    """Of a run's seconds by phase those that training and judging took."""
    return seconds_taken(seconds) - sum(seconds.get(name, 0.0) for name in NOT_TRAINING)


def share_of_group(folder: Path) -> float | None:
    """Of a seed that was trained side by side with others its share of what all took; none of a run of its own.

    Its own seconds include those that it waited for the others.
    """
    if not is_seed(folder):
        return None
    about = read_json(folder.parent / SUMMARY)
    seconds, seeds = about.get("seconds"), about.get("seeds")
    return seconds / len(seeds) if is_number(seconds) and isinstance(seeds, list) and seeds else None


def read_curve(folder: Path) -> tuple[tuple[int, float], ...]:
    """Env step and mean return of each evaluation of a run, as far as it can be drawn; none without metrics.

    Raises FolderError, CheckpointError.
    """
    if not (folder / METRICS).exists():
        return ()
    rows = [(row["step"], row.get("eval/returns")) for row in read_records(folder / METRICS)]
    found = [(int(step), returns) for step, returns in rows if isinstance(returns, list) and returns]
    sound = [(step, each) for step, each in found if all(abs(value) < SQUARABLE for value in each)]
    return tuple((step, math.fsum(each) / len(each)) for step, each in sound)


def read_settings(folder: Path) -> dict[str, object]:
    """Every setting of a run but its seed, by dotted name, as plain values; no module is imported. Raises FolderError.

    Those that nobody knows of an agent of another program are called unknown.
    """
    path = folder / CONFIG
    data = parse(read_text(path), str(path))
    try:
        config = override(BEFORE, data, str(path))
        found = {name: plain(value) for name, value in leaves(config)}
    except ConfigError:  # of its own modules, which reading needs not import
        found = dict(flattened(data))
    came = read_imported(folder / META) if (folder / META).exists() else None
    if came is not None:
        found |= {name: value for name, value in came.as_known(found).items() if name not in NO_MATTER}
    return {name: value for name, value in found.items() if name != "seed"}


def decisive(settings: Mapping[str, object]) -> dict[str, object]:
    """Those of a run's settings that decide what it learns. Of a file whose hash is known its place is none of them."""
    hashed = {f"{name}.source" for name in ("init", "experience") if settings.get(f"{name}.sha256") not in NO_HASH}
    return {name: value for name, value in settings.items() if name not in NO_MATTER and name not in hashed}


def _seeds_of(folder: Path) -> Iterator[tuple[Path, str | None]]:
    """The runs that a folder stands for, each with the error that its group has written down."""
    if (folder / CONFIG).is_file() or not (folder / SUMMARY).is_file():
        yield folder, None
        return
    about = read_json(folder / SUMMARY)
    seeds, results = about.get("seeds"), about.get("results")
    if not isinstance(seeds, list) or not all(map(is_count, seeds)) or not isinstance(results, list):
        raise FolderError(f"{str(folder / SUMMARY)!r} is damaged: its seeds are {str(seeds)[:60]}")
    errors = {row.get("seed"): row.get("error") for row in results if isinstance(row, dict)}
    for seed in seeds:
        error = errors.get(seed)
        yield folder / seed_name(seed), error if isinstance(error, str) else None
    for seed in removed_in(about):
        if seed not in seeds:
            yield folder / seed_name(seed), "its run was removed (dqn rm)"


def _why_no_score(run: Run) -> str | None:
    if run.error:
        return run.error
    if run.interrupted:
        return f"interrupted at env step {run.env_steps:,}"
    if run.score is None:
        return "no score"
    largest = max(run.score.mean, *run.score.returns, key=abs)
    return f"its returns, up to {largest:.3g}, are too large to reckon with" if abs(largest) > LARGEST_SCORE else None


def _seed_of(folder: Path) -> int:
    """The seed of a run that has no result."""
    if not (folder / CONFIG).exists():  # it never began; its group calls its folder by its seed
        name = folder.name.removeprefix("seed-")
        if name.isdecimal() and folder.name != name:
            return int(name)
        raise FolderError(f"{str(folder)!r} is not a run: it has no {CONFIG}")
    seed = parse(read_text(folder / CONFIG), str(folder / CONFIG)).get("seed")
    if not is_count(seed):
        raise FolderError(f"{str(folder / CONFIG)!r} is damaged: its seed is {str(seed)[:60]!r}")
    return seed


def _fork_of(folder: Path) -> int | None:
    """Where a run was branched from another; none if it was not."""
    parent = read_parent(folder / META) if (folder / META).exists() else None
    return None if parent is None else parent.step


def _last_step(folder: Path) -> int:
    """How far a run without a result came, as its metrics tell it."""
    if not (folder / METRICS).exists():
        return 0
    return max((row["step"] for row in read_records(folder / METRICS)), default=0)


def _env_of(folder: Path, settings: Mapping[str, object]) -> str:
    """What a run's environment is called."""
    about = read_json(folder / META).get("env") if (folder / META).exists() else None
    label = about.get("label") if isinstance(about, dict) else None
    return label if isinstance(label, str) else str(settings.get("env.id"))


def flattened(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Settings in tables by dotted name, as they are: a tagged choice under its own name."""
    for key, value in data.items():
        if key == "kind" and prefix:
            yield prefix.removesuffix("."), value
        elif isinstance(value, Mapping) and key != "kwargs":
            yield from flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _check_apart(folders: Iterable[Path]) -> None:
    """Raises FolderError if two imported agents are of one file: judged twice, it is no second seed."""
    found: dict[str, Path] = {}
    for folder in folders:
        came = read_imported(folder / META) if (folder / META).exists() else None
        if came is not None and (other := found.setdefault(came.sha256, folder)) != folder:
            raise FolderError(
                f"{str(other)!r} and {str(folder)!r} were imported from the same file, {came.file}: seeds that are "
                "compared must be independent agents, so leave one out"
            )


def _check_same(settings: Sequence[tuple[Path, Mapping[str, object]]]) -> None:
    """Raises FolderError unless all runs have the settings of the first one."""
    first, own = settings[0][0], decisive(settings[0][1])
    for folder, all_theirs in settings[1:]:
        theirs = decisive(all_theirs)
        names = [name for name in {**own, **theirs} if own.get(name) != theirs.get(name)]
        if names:
            name = names[0]
            more = f", and {counted(len(names) - 1, 'more setting')}" if len(names) > 1 else ""
            raise FolderError(
                f"the runs of one arm must have the same settings: {name} is {own.get(name, 'absent')!r} in "
                f"{str(first)!r} and {theirs.get(name, 'absent')!r} in {str(folder)!r}{more}; make two arms of them"
            )
