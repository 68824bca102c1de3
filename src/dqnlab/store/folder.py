"""A run's folder: what lies where, safe names, finding runs again. Needs neither torch nor Gymnasium.

runs/<env>/<utc time>-<preset>-s<seed>/      with a name of its own, that stands in place of the preset
├── config.toml              complete: `dqn train --config` on it repeats the run
├── meta.json                versions, command, git revision, what the environment looked like
├── metrics.jsonl            one line per record, written at once
├── init_model.pth          what it began with, if that was another run's network
├── best_model.pth           the network to take home
├── last_model.pth           the online network at the end
├── target_model.safetensors the target network at the end
├── snapshots.safetensors    the online network at up to 12 moments of training
├── batch.safetensors        one training batch, and both networks and Adam at that moment
├── report.html              one page that explains the run, see `explain`
├── beside-*.html            this run and another one in step, on one page
├── curves.png  videos/*.mp4
├── checkpoints/             what `dqn resume` continues from, see `saving`
├── run.lock                 while a process works on the run: which one
├── benchmark.json           what `dqn benchmark` judged of it beside its score
└── result.json              the score and how it came about

Many seeds share a group folder, runs/<env>/<utc time>-<preset>-s<first>-<last>/, see `group`:
├── seed-<n>/                a whole run folder for each
└── summary.json             how each seed ended, and the mean of their scores
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from ..config import Config
from ..config.typed import door
from ..errors import FolderError, ResourceError, counted, either
from .card import heading, run_card
from .door import is_machines, is_part, make_path, write_atomically
from .lock import LOCK
from .reading import SCHEMA
from .score import Score

CONFIG = "config.toml"
BEFORE = Config(conv="none")  # what a run's file means that leaves a setting out: it did not exist yet
META = "meta.json"
METRICS = "metrics.jsonl"
RESULT = "result.json"
INIT = "init_model.pth"
BEST, LAST = "best_model.pth", "last_model.pth"
CHECKPOINTS = "checkpoints"
TARGET = "target_model.safetensors"
SNAPSHOTS = "snapshots.safetensors"
BATCH = "batch.safetensors"
CURVES = "curves.png"
VIDEOS = "videos"
REPORT = "report.html"
BESIDE = r"beside-[A-Za-z0-9._-]+\.html"
SUMMARY = "summary.json"
BENCHMARK = "benchmark.json"
ERROR = "error.txt"  # where an unexpected error of a seed came from
OUT = either("--out", "out=")
LABELS = {
    REPORT: "report",
    BEST: "best network",
    LAST: "last network",
    METRICS: "metrics",
    CURVES: "curves",
    VIDEOS: "films",
    CONFIG: "configuration",
    RESULT: "result",
}
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(1, 10))}


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a training run came to."""

    folder: Path
    env: str
    preset: str
    seed: int
    score: Score | None
    """greedy return over fresh episodes that chose nothing; none if training was interrupted"""
    score_registered: Score | None = None
    """the same network under the step limit that the environment is registered with, where the run had another"""
    selected_score: float | None
    """the best evaluation during training: biased upwards"""
    attempts: int
    """how often a candidate was tested on fresh episodes during training"""
    evaluations: int | None = None
    """how many evaluations the best one is the best of; none where that was not counted"""
    solved: bool | None
    """whether the score reaches the threshold; none where none counts, or there is no score"""
    threshold: float | None = None
    """the mean return that counts as solved"""
    threshold_says: str = ""
    """whose threshold that is, or why the registered one does not count"""
    env_steps: int
    """that it was trained for; 0 where that is among `unknown`"""
    updates: int
    """gradient updates, likewise"""
    seconds: dict[str, float]
    """by phase: import, train, evaluate, confirm, save, film, curves, page, trackers, total; and `paused`, if whoever
    watched has let it stand still"""
    interrupted: bool = False
    error: str | None = None
    """what stopped it, if it was an error"""
    signal: int | None = None
    """what interrupted it, or the making of what comes after its result, if it was a signal: 2 for Ctrl-C"""
    resumed: Literal["exact", "not exact"] | None = None
    """none if it was never interrupted; exact if the interruption makes no difference to its results"""
    inexact: str = ""
    """why it does, if it is not exact"""
    notes: list[str] = field(default_factory=list)
    """lines for the user: what could not be done, where a tracker keeps its copy"""
    failed_steps: dict[str, str] = field(default_factory=dict)
    """why film, curves or page could not be made; each can be made later"""
    unfinished: list[str] = field(default_factory=list)
    """which of them are still to be made"""
    imported: str = ""
    """the file and the program that it came from, if it was not trained here"""
    unknown: list[str] = field(default_factory=list)
    """of an imported one, which of env_steps, updates and seconds of its training nobody knows"""

    @property
    def files(self) -> dict[str, Path]:
        """What lies in the folder: a label for each file that exists, and each folder that is not empty."""
        return {label: self.folder / name for name, label in LABELS.items() if _holds(self.folder / name)}

    @property
    def learned(self) -> str:
        """What it took to learn: 1,558 env steps · 8 updates; unknown, where its training is."""
        found = (("env step", "env_steps", self.env_steps), ("update", "updates", self.updates))
        known = [counted(num, noun) for noun, name, num in found if name not in self.unknown]
        return " · ".join(known) or "unknown"

    @door
    def __repr__(self) -> str:
        return (
            f"Run({self.env!r}, {self.preset!r}, seed={self.seed}, score={self.score!r}, folder={str(self.folder)!r})"
        )

    def _repr_html_(self) -> str:
        seconds = "" if "seconds" in self.unknown else f" · {self.seconds.get('total', 0.0):.1f} s"
        return run_card(
            title=heading(self.env, self.preset, f"seed {self.seed}"),
            score=self.score,
            solved=self.solved,
            costs=f"{self.learned}{seconds}",
            folder=self.folder,
            metrics=self.folder / METRICS,
            report=self.folder / REPORT,
        )


def beside_name(other: Path) -> str:
    """What the page of a run beside the one of a folder is called; a seed of a group bears its group's name too."""
    home = other.resolve()
    is_seed = (home.parent / SUMMARY).is_file()
    return f"beside-{safe_name(f'{home.parent.name}-{home.name}' if is_seed else home.name)}.html"


def _holds(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists()


def create_folder(
    config: Config, out: Path | None, runs: Path, seeds: Sequence[int] = (), name: str | None = None
) -> Path:
    """Makes an empty folder for a run, or for the group of several seeds: `out`, or a new one under `runs`.

    Args:
        name: what the user calls it, of which the folder has as much in its own name as every system can take.

    Raises:
        FolderError: `out` exists and is not an empty folder, or cannot be made.
        ResourceError: the disk is full.
    """
    try:
        if out is not None:
            if out.exists() and not out.is_dir():
                raise FolderError(f"output folder {str(out)!r} exists and is not a folder: choose another {OUT}")
            if out.exists() and not is_fresh(out):
                raise FolderError(f"output folder {str(out)!r} exists and is not empty: choose another {OUT}")
            _check_outside(out)
            if not out.exists():
                make_path(out)
            return out.resolve()
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        which = f"s{seeds[0]}-{seeds[-1]}" if seeds else f"s{config.seed}"
        stem = runs / safe_name(config.env.label) / f"{now}-{_safe(name) or safe_name(config.preset)}-{which}"
        for number in range(1, 1000):
            path = stem if number == 1 else stem.with_name(f"{stem.name}-{number}")
            try:
                make_path(path)
            except FileExistsError:
                if not path.is_dir():
                    raise
                continue  # another run of the same second has it
            return path.resolve()
        raise FolderError(f"{str(stem)!r} and 998 more with that name exist: choose {OUT}")
    except OSError as e:
        where, flag = (runs, either("--runs", "runs=")) if out is None else (out, OUT)
        raise (ResourceError if is_machines(e) else FolderError)(
            f"cannot make the run folder {str(where)!r} ({e.strerror or e}): choose another {flag}"
        ) from e


def _check_outside(out: Path) -> None:
    """Raises FolderError if a folder would lie inside a run's, or a group's but for one of its seeds."""
    for home in out.resolve().parents:
        is_run = (home / CONFIG).is_file() and (home / META).is_file()
        is_group = (home / SUMMARY).is_file() and not (
            home == out.resolve().parent and re.fullmatch(r"seed-\d+", out.name)
        )
        if is_run or is_group:
            what = "run" if is_run else "group"
            raise FolderError(f"output folder {str(out)!r} lies inside the {what} {str(home)!r}: choose another {OUT}")


def check_no_link(folder: Path) -> None:
    """Raises FolderError if the folder of a group's seed is a link: it may lead into any folder of the user's."""
    if folder.is_symlink():
        raise FolderError(f"{str(folder)!r} is a link, which may lead anywhere: name the folder that it leads to")


def is_fresh(folder: Path) -> bool:
    """Whether there is nothing in a folder but what a process leaves that was killed before it wrote anything."""
    return all(path.name == LOCK or is_part(path.name) for path in folder.iterdir())


def safe_name(text: str) -> str:
    """A file name for any text, valid on every system: `ALE/Pong-v5` -> `ALE-Pong-v5`."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip(".-")[:100].rstrip(".-") or "unnamed"
    return f"{name}_" if name.split(".")[0].lower() in _RESERVED else name


def _safe(name: str | None) -> str:
    """What a file name can hold of a name; nothing if that is nothing."""
    return safe_name(name) if name is not None and re.search(r"[A-Za-z0-9]", name) else ""


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON file whole or not at all; its first key is the schema number."""
    write_atomically(path, json.dumps({"schema": SCHEMA, **content}, indent=2, allow_nan=False) + "\n")


def write_result(run: Run) -> None:
    """Writes result.json."""
    write_json(run.folder / RESULT, {name: value for name, value in asdict(run).items() if name != "folder"})


def seed_name(seed: int) -> str:
    """What the run of one seed is called inside its group."""
    return f"seed-{seed}"
