"""The words of `dqn benchmark` as a frozen dataclass, explained by the line below each field."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from ..config import MOST_SEEDS
from ..config.checks import Whole


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """Make a suite of comparisons with its protocol: train what is missing, judge it, write results and tables."""

    suite: str | None = None
    """the suite, one that comes with dqnlab or a TOML file; all that there are are listed if none"""
    only: tuple[str, ...] = ()
    """the name of a task to make, or a part of several names; all if none"""
    seeds: Annotated[int | None, Whole(1, MOST_SEEDS)] = None
    """independent agents of each arm, as many as the suite says if none"""
    tables: bool = False
    """train nothing: write the tables from the results that are stored"""
    out: Path = Path("runs/benchmarks")
    """folder of results, in which each suite has one of its own"""
    runs: Path = Path("runs")
    """folder of all runs: those of the same settings and seed are reused, new ones are put there"""
    ray: str | None = None
    trust_env_module: tuple[str, ...] = ()
    """a module that the environments and wrappers of a suite of one's own may import"""
    dry_run: bool = False
    """print what would be trained, what is reused and how long the rest takes, and stop"""
    quiet: bool = False
    """no live display, only the result"""
