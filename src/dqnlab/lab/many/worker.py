"""A process that trains some of many seeds."""

from __future__ import annotations

import signal
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from ...config import Config
from ...errors import DqnlabError, named
from ...memory import memory_watched
from ...store.folder import Run, seed_name
from ...terminal.standing import Standing
from ..after import SHOWN, finish, save, steps, stopped
from ..interrupt import ignore_signals
from ..loading import loading
from ..session import cautions, conduct, open_experiment
from ..stopwatch import Stopwatch
from ..streams import steady_streams
from .line import Finished, Go, Idle, Line, Order, Ready, Refused, Report, Show, Task
from .seed import failed, seed_folder


def work(pipe: Connection[Report, Order], task: Task) -> None:
    """The whole life of a worker."""
    ignore_signals()  # terminals and schedulers send them to everyone; the parent decides
    with steady_streams():  # what an environment prints must not end it
        _work(Line(pipe), task)


def _work(line: Line, task: Task) -> None:
    watch = Stopwatch()
    try:
        with memory_watched():
            remarks = _check(task.config)
    except DqnlabError as error:
        line.tell(Refused(error))
        return
    except Exception as error:
        line.tell(Refused(DqnlabError(named(error))))
        return
    watch.seconds["import"] = time.perf_counter() - watch.start
    line.tell(Ready(remarks))
    order = line.wait()
    if isinstance(order, Go):
        train_share(task, order.folder, line, watch)
        line.tell(Idle())
        while isinstance(order := line.wait(), Show):
            line.tell(Finished(_show(task.config, order.run)))


def _check(config: Config) -> tuple[str, ...]:
    """What is to be said before training; loads what that needs. Raises DqnlabError if no seed could be trained."""
    with loading():
        from ...run.system import find_room, make_remarks  # with torch and Gymnasium
    from ...device import resolve_device
    from ...envs.make import describe
    from ...envs.watchdog import watched

    with watched(config.env.timeout):
        spec = describe(config.env)
        find_room(config, spec, resolve_device(config.device))
        cut = cautions(config, cuts=bool(config.checkpoint_every) and spec.unsaved is not None)
        return tuple(map(str, [*make_remarks(config, spec), *cut]))


def train_share(task: Task, folder: Path, line: Line, watch: Stopwatch) -> None:
    """Trains the task's seeds; one that fails is reported and does not stop the others.

    Where the update is compiled they learn as one stack, else one after the other; also where copies are counted.

    Args:
        watch: has run since the process began; the first seed's.
    """
    from ...build import pays_to_compile

    if len(task.seeds) > 1 and pays_to_compile(task.config) and task.config.env.copies is None:
        from .together import train_together

        train_together(task, folder, line, watch)
        return
    for seed in task.seeds:
        if line.asked:
            return
        line.tell(Standing(seed, "training"))
        home = folder / seed_name(seed)
        try:
            line.tell(Finished(_train(replace(task.config, seed=seed), home, task.trackers, line, watch)))
        except Exception as error:  # an environment may raise anything
            line.tell(failed(seed, home, error))
        watch = Stopwatch()


def _train(config: Config, home: Path, trackers: tuple[str, ...], line: Line, watch: Stopwatch) -> Run:
    """Trains one seed, from the start or from where its folder's checkpoint stands."""
    from ...device import arithmetic
    from ...envs.watchdog import watched
    from ...run.system import make_update, say
    from ...store.checkpoint.checkpoint import Store
    from ..restore import stand
    from .reporter import Reporter

    with seed_folder(config, home) as folder, watched(config.env.timeout):
        store = Store(folder, notify=say)
        system, at = stand(config, store)
        try:
            reporter = Reporter(config.seed, line)
            with arithmetic(config.threads):
                system.update = make_update([system])
                experiment = open_experiment(system, store, trackers, reporter, watch, at)
                return conduct(experiment, reporter.learning(), show=False)
        finally:
            system.close()


def _show(config: Config, run: Run) -> Run:
    """Films and explains a run as configured; what fails is a note of it."""
    # Here SIGINT may cut in, the user's or the parent's: what is still to be made can be made later.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        left = [name for name in steps(config, run, show=True) if name in SHOWN]
        return finish(save(replace(run, unfinished=[*run.unfinished, *left])), replace(config, seed=run.seed))
    except KeyboardInterrupt as error:
        return stopped(run, error)
    finally:
        signal.signal(signal.SIGINT, before)
