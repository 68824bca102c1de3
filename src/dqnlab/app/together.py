"""Several seeds that learn as one stack in one process."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from ..build import System, assemble, make_update
from ..run.device import arithmetic
from ..run.events import BlockEnded
from ..run.folder import create_folder, seed_name
from ..run.lockstep import Stopped, lockstep
from .experiment import Experiment, Stopwatch, open_experiment
from .line import Finished, Line, Standing, Task
from .reporter import Reporter
from .worker import failed


@dataclass
class _Seed:
    """One of the seeds, from its first event to its report."""

    number: int
    home: Path
    reporter: Reporter
    experiment: Experiment
    line: Line
    start: float
    done: bool = False

    def conclude(self, error: Exception | None, *, interrupted: bool) -> None:
        """Judges and reports; whatever goes wrong is this seed's own affair."""
        self.done = True
        self.reporter.judging()
        seconds = time.perf_counter() - self.start
        try:
            if error is not None:
                self.experiment.fail(seconds)
                raise error
            self.line.tell(Finished(self.experiment.conclude(seconds, interrupted=interrupted, film=False)))
        except Exception as e:
            self.line.tell(failed(self.number, self.home, e))


def train_together(task: Task, folder: Path, line: Line, watch: Stopwatch) -> None:
    """Trains all seeds of the task in lockstep. The seconds of each include its waiting for the others."""
    systems: list[System] = []
    try:
        for number in task.seeds:
            line.tell(Standing(number, "compiling"))
            systems.append(assemble(replace(task.config, seed=number)))
        with arithmetic(task.config.threads):
            update = make_update(systems)
            seeds = [_open(system, folder, task.trackers, line, watch) for system in systems]
            for i, said in lockstep([system.loop() for system in systems], update):
                if isinstance(said, Stopped):
                    seeds[i].conclude(said.error, interrupted=False)
                    continue
                seeds[i].experiment.take(said)
                if line.asked and isinstance(said, BlockEnded):
                    break
            for seed in seeds:
                if not seed.done:
                    seed.conclude(None, interrupted=True)
    finally:
        for system in systems:
            system.close()


def _open(system: System, folder: Path, trackers: tuple[str, ...], line: Line, watch: Stopwatch) -> _Seed:
    config = system.config
    home, reporter = folder / seed_name(config.seed), Reporter(config.seed, line)
    own_watch = Stopwatch(dict(watch.seconds), watch.start)
    create_folder(config, home, folder)
    experiment = open_experiment(system, home, trackers, reporter, own_watch)
    return _Seed(config.seed, home, reporter, experiment, line, time.perf_counter())
