"""A comparison written into one folder: tables for people, and every number for programs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..store.door import make_path, write_atomically
from ..store.folder import write_json
from ..store.interval import seeds_mean
from .comparison import Arm, ArmCell, Comparison, SeedResult
from .verdict import conclusion

DATA = "comparison.json"
TABLE = "comparison.md"


def write_comparison(comparison: Comparison, folder: Path) -> Path:
    """Writes a comparison into a folder, which is made if it is missing; the file that a person opens.

    Raises:
        FolderError: the folder cannot be made.
        ResourceError: a file cannot be written.
    """
    if not folder.is_dir():
        make_path(folder)
    write_json(folder / DATA, comparison_data(comparison))
    write_atomically(folder / TABLE, markdown(comparison))
    return folder / TABLE


def comparison_data(comparison: Comparison) -> dict[str, Any]:
    """The comparison as JSON holds it, with the return of every episode."""
    return {
        "conclusion": conclusion(comparison),
        "envs": list(comparison.envs),
        "arms": [_arm(arm) for arm in comparison.arms],
    }


def markdown(comparison: Comparison) -> str:
    """The conclusion, and a table with a row for each arm on each environment."""
    lines = [
        conclusion(comparison),
        "",
        "| environment | arm | mean score | seeds | failed |",
        "|---|---|---:|---:|---:|",
    ]
    for arm, cell in comparison.cells:
        mean = f"{seeds_mean(cell.scores).mean:.4g}" if cell.scores else "none"
        lines.append(f"| {cell.env} | {arm.name} | {mean} | {len(cell.seeds)} | {len(cell.failed)} |")
    return "\n".join(lines) + "\n"


def _arm(arm: Arm) -> dict[str, Any]:
    return {"name": arm.name, "cells": [_cell(cell) for cell in arm.cells]}


def _cell(cell: ArmCell) -> dict[str, Any]:
    mean = asdict(seeds_mean(cell.scores)) if cell.scores else None
    return {"env": cell.env, "mean": mean, "settings": dict(cell.settings), "seeds": list(map(_seed, cell.seeds))}


def _seed(result: SeedResult) -> dict[str, Any]:
    return asdict(result) | {"folder": str(result.folder), "curve": [list(point) for point in result.curve]}
