"""`dqnlab.benchmark`: suites are named as they are on the command line."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated

from ..config import MOST_SEEDS
from ..config.checks import Whole
from ..config.typed import door
from ..lab.benchmark.benchmark import BenchmarkResult, make
from ..lab.benchmark.plan import plan_benchmark
from ..terminal.python import board_for_python
from .arguments_benchmark import Benchmark
from .suites import read_suite


@door
def benchmark(
    suite: str | Path,
    *,
    only: str | Sequence[str] = (),
    seeds: Annotated[int | None, Whole(1, MOST_SEEDS)] = None,
    out: Path = Benchmark.out,
    runs: Path = Benchmark.runs,
    trust_env_modules: Collection[str] = (),
    ray: str | None = None,
    quiet: bool = False,
) -> BenchmarkResult:
    """Makes a suite of comparisons with its protocol: trains what is missing, judges it, writes results and tables.

    What there is already under `runs`, of the same settings and seed, is reused; what was interrupted is resumed; arms
    whose every seed is in the results already, of the same settings, need no runs; the same call again trains nothing.
    Several at once divide the seeds, as those of `compare` do. A script that calls this keeps its top level under
    `if __name__ == "__main__":`, for processes import it.

    Args:
        suite: the name of one that comes with dqnlab, as `dqn benchmark` lists them, or a TOML file.
        only: the name of a task to make, or a part of the names of several; all if none.
        seeds: independent agents of each arm, as many as the suite says if none.
        out: folder of results, in which each suite has one of its own.
        runs: folder of all runs, those that are reused and new ones.
        trust_env_modules: modules that environments, wrappers and parts of a suite file may import.
        ray: as in `train_many`: seeds train on the processors of a Ray cluster.
        quiet: show no progress; outside a terminal or a notebook none is shown anyway.

    Returns:
        What it came to; its `results` hold every seed of every task.

    Raises:
        ConfigError, EnvironmentFault: before anything is trained, if the suite cannot be meant, or an arm cannot learn.
    """
    found = read_suite(str(suite), runs, seeds, trust_env_modules)
    plan = plan_benchmark(found, runs, out, (only,) if isinstance(only, str) else only)
    return make(plan, board=(lambda: None) if quiet else board_for_python, ray=ray)
