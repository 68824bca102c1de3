"""A comparison written into one folder: tables for people, and every number for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..config.changes import json_ready
from ..config.fields import plain
from ..store.door import make_folder, make_wanted, write_atomically
from ..store.experiments import COMPARISON
from ..store.folder import write_json
from .assess import Assessment, CellView, Contrast, assessment_of
from .comparison import Comparison, SeedResult
from .figures import figures
from .markdown import markdown
from .page import render_comparison
from .settings import check_alike
from .statistics import RESAMPLES, SEED
from .verdict import conclusion, in_full

DATA = COMPARISON
TABLE = "comparison.md"
PAGE = "comparison.html"
FIGURES = "figures"


def write_comparison(comparison: Comparison, folder: Path, *, allow_unequal: bool = False) -> Path:
    """Writes a comparison into a folder, which is made if it is missing; the page that a person opens.

    Raises:
        ConfigError: the arms have different budgets or judges, and that is not allowed.
        FolderError: the folder cannot be made.
        ResourceError: a file cannot be written.
    """
    check_alike(comparison, allow_unequal=allow_unequal)
    make_wanted(folder, "folder")
    found = assessment_of(comparison)
    write_json(folder / DATA, comparison_data(found))
    write_atomically(folder / TABLE, markdown(found))
    make_folder(folder / FIGURES)
    for name, drawing in figures(found):
        write_atomically(folder / FIGURES / f"{name}.svg", drawing)
    write_atomically(folder / PAGE, render_comparison(found, folder))
    return folder / PAGE


def comparison_data(found: Assessment) -> dict[str, Any]:
    """The comparison as comparison.json holds it, with the return of every episode; docs/comparing.md explains it."""
    return {
        "conclusion": conclusion(found),
        "baseline": found.comparison.baseline.name,
        "arms": [arm.name for arm in found.comparison.arms],
        "envs": list(found.comparison.envs),
        "bootstrap": {"resamples": RESAMPLES, "seed": SEED},
        "differing": [row._asdict() | {"values": list(row.values)} for row in found.settings],
        "unequal": [row.name for row in found.unequal],
        "contrasts": [_contrast(found, each) for each in found.contrasts],
        "overall": [
            {"arm": each.arm, "iqm": _fields(each.iqm), "improvement": _fields(each.improvement)}
            for each in found.overall
        ],
        "ranges": {env: list(between) for env, between in found.ranges.items()},
        "profiles": {
            "levels": found.levels.tolist(),
            "arms": [
                {"arm": p.arm, "share": p.share.tolist(), "low": p.low.tolist(), "high": p.high.tolist()}
                for p in found.profiles
            ],
        },
        "cells": [_cell(view) for view in found.cells],
    }


def _contrast(found: Assessment, contrast: Contrast) -> dict[str, Any]:
    return {
        "env": contrast.env,
        "arm": contrast.arm,
        "verdict": contrast.verdict,
        "exploratory": contrast.exploratory,
        "why": contrast.why or None,
        "says": in_full(found, contrast),
        "welch": _fields(contrast.welch),
        "p": contrast.p,
        "improvement": _fields(contrast.improvement),
        "missing": contrast.missing,
        "costs": _fields(contrast.costs),
    }


def _cell(view: CellView) -> dict[str, Any]:
    return {
        "arm": view.arm,
        "env": view.cell.env,
        "mean": None if view.mean is None else asdict(view.mean),
        "iqm": _fields(view.iqm),
        "costs": _fields(view.costs),
        "settings": {name: json_ready(plain(value)) for name, value in view.cell.settings.items()},
        "seeds": [_seed(each) for each in view.cell.seeds],
    }


def _seed(result: SeedResult) -> dict[str, Any]:
    score = None if result.score is None else asdict(result.score) | {"returns": list(result.score.returns)}
    curve = [list(point) for point in result.curve]
    return asdict(result) | {"folder": str(result.folder), "score": score, "curve": curve}


def _fields(found: Any) -> Mapping[str, float | None] | None:
    """A named tuple of numbers by name."""
    return None if found is None else found._asdict()
