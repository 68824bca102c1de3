"""Several seeds that learn as one stack in one process."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from ...device import arithmetic
from ...envs.watchdog import watched
from ...errors import DqnlabError
from ...run.events import BlockEnded
from ...run.lockstep import Stopped, lockstep
from ...run.system import System, make_update, say
from ...store.checkpoint.checkpoint import Loaded, Store
from ...store.folder import seed_name
from ...terminal.standing import Standing
from ..experiment import Experiment
from ..restore import stand
from ..session import open_experiment
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
    with ExitStack() as stack:
        stack.enter_context(watched(task.config.env.timeout))
        stood: list[tuple[System, Store, Loaded | None]] = []
        for number in task.seeds:
            line.tell(Standing(number, "compiling"))
            config = replace(task.config, seed=number)
            home = stack.enter_context(seed_folder(config, folder / seed_name(number)))
            store = Store(home, notify=say)
            system, at = stand(config, store)
            stack.callback(system.close)
            stood.append((system, store, at))
        stack.enter_context(arithmetic(task.config.threads))
        systems = [system for system, *_ in stood]
        update = make_update(systems)
        seeds = [_open(system, store, at, task.trackers, line, watch) for system, store, at in stood]
        loops = [system.loop() for system in systems]
        for i, said in lockstep(loops, update):
            seed = seeds[i]
            if isinstance(said, Stopped):
                seed.conclude(said.error, interrupted=seed.experiment.left)
                continue
            try:
                seed.experiment.take(said)
                if line.asked and isinstance(said, BlockEnded) and seed.experiment.may_stop(line.waited):
                    seed.save()
            except DqnlabError as error:  # its own affair
                loops[i].close()
                seed.conclude(error, interrupted=False)
            if line.asked and all(each.saved or each.done for each in seeds):
                break
        for seed in seeds:
            seed.conclude(None, interrupted=True)


def _open(
    system: System, store: Store, at: Loaded | None, trackers: tuple[str, ...], line: Line, watch: Stopwatch
) -> _Seed:
    seed, home = system.config.seed, store.folder
    reporter, own_watch = Reporter(seed, line), Stopwatch(dict(watch.seconds), watch.start)
    experiment = open_experiment(system, store, trackers, reporter, own_watch, at)
    system.judge.evaluator.asks = line.asks
    return _Seed(seed, home, reporter, experiment, line, time.perf_counter())
