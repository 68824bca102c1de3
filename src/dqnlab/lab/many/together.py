"""Several seeds that learn as one stack in one process."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

from ...config import Config
from ...errors import DqnlabError
from ...run.events import BlockEnded
from ...run.lockstep import Stopped, lockstep
from ...run.system import Updater
from ...store.folder import seed_name
from ...terminal.standing import Standing
from ..experiment import Experiment
from ..running import Start, running
from ..stopwatch import Stopwatch
from .line import Finished, Line, Task
from .reporter import Reporter
from .seed import failed, seed_folder


@dataclass
class _Seed:
    """One of the seeds, from its first event to its report."""

    number: int
    home: Path
    reporter: Reporter
    experiment: Experiment
    line: Line
    start: float
    saved: bool = False
    """at the end; it may have gone on since, to the next update"""
    done: bool = False

    def save(self) -> None:
        """Writes the last checkpoint, once."""
        if not self.saved:
            self.experiment.save()
            self.saved = True

    def conclude(self, error: Exception | None, *, interrupted: bool) -> None:
        """Judges and reports, once; whatever goes wrong is this seed's own affair."""
        if self.done:
            return
        self.done = True
        self.reporter.judging()
        seconds = time.perf_counter() - self.start
        try:
            if error is not None:
                self.experiment.fail(seconds, error)
                raise error
            self.save()
            self.line.tell(Finished(self.experiment.conclude(seconds, interrupted=interrupted, show=False)))
        except Exception as e:
            self.line.tell(failed(self.number, self.home, e))


def train_together(task: Task, folder: Path, line: Line, watch: Stopwatch) -> None:
    """Trains all seeds of the task in lockstep. The seconds of each include its waiting for the others."""
    homes = {number: folder / seed_name(number) for number in task.seeds}
    reporters = {number: Reporter(number, line) for number in task.seeds}
    starts = [
        Start(
            config=(config := replace(task.config, seed=number)),
            folder=_announced(config, home, line),
            trackers=deepcopy(task.trackers),
            label=task.label,
            view=reporters[number],
            watch=Stopwatch(dict(watch.seconds), watch.start),
        )
        for number, home in homes.items()
    ]
    with running(starts) as (experiments, update):
        begun = time.perf_counter()
        seeds = []
        for (number, home), experiment in zip(homes.items(), experiments, strict=True):
            experiment.system.judge.evaluator.asks = line.asks
            seeds.append(_Seed(number, home, reporters[number], experiment, line, begun))
        _learn(seeds, update, line)


def _learn(seeds: Sequence[_Seed], update: Updater, line: Line) -> None:
    """Hands every event to the seed that it is of, until all have ended or somebody asks them to stop."""
    loops = [seed.experiment.system.loop() for seed in seeds]
    for i, said in lockstep(loops, update):
        seed = seeds[i]
        if isinstance(said, Stopped):
            seed.conclude(said.error, interrupted=seed.experiment.left)
            continue
        try:
            seed.experiment.take(said)
            if seed.experiment.stops:
                seed.experiment.end_here()
                loops[i].close()
                seed.conclude(None, interrupted=seed.experiment.left)
                continue
            if line.asked and isinstance(said, BlockEnded) and seed.experiment.may_stop(line.waited):
                seed.save()
        except DqnlabError as error:  # its own affair
            loops[i].close()
            seed.conclude(error, interrupted=False)
        if line.asked and all(each.saved or each.done for each in seeds):
            break
    for seed in seeds:
        seed.conclude(None, interrupted=True)


@contextmanager
def _announced(config: Config, home: Path, line: Line) -> Iterator[Path]:
    """The folder of a seed; from here on it is its own process that ends if this one does."""
    line.tell(Standing(config.seed, "compiling"))
    with seed_folder(config, home) as folder:
        yield folder
