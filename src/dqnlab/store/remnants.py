"""Runs that have lost the file by which a run is known, config.toml: told by what else only a run has."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import FolderError
from .folder import CHECKPOINTS, CONFIG, META, METRICS, SUMMARY
from .metrics import parse_line
from .reading import open_plain, read_json

_MOST = 4_096  # bytes that are read of metrics
_CHECKPOINT = f"{CHECKPOINTS}/step-*/manifest.json"


def remnants(runs: Path) -> list[Path]:
    """The folders of such runs under `runs`, those of seeds in groups too."""
    return [path for depth in ("*", "*/*", "*/*/seed-*") for path in runs.glob(depth) if is_remnant(path)]


def is_remnant(folder: Path) -> bool:
    """Whether a folder is a run's, but for its config.toml; other programs too write files of the other names."""
    if not folder.is_dir() or any(os.path.lexists(folder / name) for name in (CONFIG, SUMMARY)):
        return False
    return _is_meta(folder / META) or _are_metrics(folder / METRICS) or any(folder.glob(_CHECKPOINT))


def remnant_named(name: str | Path, runs: Path) -> Path | None:
    """The one at a path, at one below `runs`, or whose folder is called so; none if none is."""
    if ".." not in Path(name).parts:
        for path in (Path(name), runs / name):
            if is_remnant(path):
                return path
    return next((path for path in remnants(runs) if str(name) in (path.name, f"{path.parent.name}/{path.name}")), None)


def _is_meta(path: Path) -> bool:
    try:
        return path.exists() and isinstance(read_json(path).get("env"), dict)
    except FolderError:
        return False


def _are_metrics(path: Path) -> bool:
    try:
        with open_plain(path) as file:
            first = parse_line(file.readline(_MOST).decode("utf-8", errors="replace"))
    except (FolderError, OSError):
        return False
    return first is not None and isinstance(first.get("schema"), int)
