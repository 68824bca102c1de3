"""A process that trains some of many seeds."""

from __future__ import annotations

import contextlib
import signal
import time
import traceback
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from ..config import Config
from ..errors import DqnlabError
from ..run.folder import Run, create_folder, seed_name, write_result
from .experiment import Stopwatch, conduct, film_best, open_experiment
from .line import Failed, Film, Finished, Go, Idle, Line, Order, Ready, Refused, Report, Standing, Task
from .loading import loading

ERROR = "error.txt"  # in a run's folder: where an unexpected error came from


def work(pipe: Connection[Report, Order], task: Task) -> None:
    """The whole life of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends Ctrl-C to everyone; the parent decides
    line, watch = Line(pipe), Stopwatch()
    try:
        _check(task.config)
    except DqnlabError as error:
        line.tell(Refused(error))
        return
    except Exception as error:
        line.tell(Refused(DqnlabError(f"{type(error).__name__}: {error}")))
        return
    watch.seconds["import"] = time.perf_counter() - watch.start
    line.tell(Ready())
    order = line.wait()
    if isinstance(order, Go):
        train_share(task, order.folder, line, watch)
        line.tell(Idle())
        while isinstance(order := line.wait(), Film):
            line.tell(Finished(_film(task.config, order.run)))


def _check(config: Config) -> None:
    """Raises DqnlabError if no seed could be trained; loads what training needs."""
    with loading():
        from .. import build  # noqa: F401  with torch and Gymnasium
    from ..run.device import resolve_device
    from ..run.envs import describe

    resolve_device(config.device)
    describe(config.env)


def train_share(task: Task, folder: Path, line: Line, watch: Stopwatch) -> None:
    """Trains the task's seeds one after the other; one that fails is reported and does not stop the others.

    Args:
        watch: has run since the process began; the first seed's.
    """
    for seed in task.seeds:
        if line.asked:
            return
        line.tell(Standing(seed, "training"))
        home = folder / seed_name(seed)
        try:
            run = _train(replace(task.config, seed=seed), home, task.trackers, line, watch)
        except DqnlabError as error:
            line.tell(Failed(seed, str(error), error.exit_code))
        except Exception as error:  # an environment may raise anything
            with contextlib.suppress(OSError):  # the report below says what happened in any case
                (home / ERROR).write_text(traceback.format_exc(), encoding="utf-8")
            line.tell(Failed(seed, f"{type(error).__name__}: {error} (see {ERROR})", 1))
        else:
            line.tell(Finished(run))
        watch = Stopwatch()


def _train(config: Config, home: Path, trackers: tuple[str, ...], line: Line, watch: Stopwatch) -> Run:
    from ..build import assemble
    from ..run.device import arithmetic
    from .reporter import Reporter

    system = assemble(config)
    try:
        reporter = Reporter(config.seed, line)
        experiment = open_experiment(system, create_folder(config, home, home.parent), trackers, reporter, watch)
        with arithmetic(config.threads):
            return conduct(experiment, reporter.learning(), film=False)
    finally:
        system.close()


def _film(config: Config, run: Run) -> Run:
    from ..run.agent import load

    # Here Ctrl-C may cut in: a film less is a note, and nobody could ask it to stop otherwise.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    start = time.perf_counter()
    try:
        notes = film_best(load(run.folder, env=None if isinstance(config.env.id, str) else config.env.id), run.folder)
    except (DqnlabError, KeyboardInterrupt) as error:
        notes = [f"no film: {str(error) or 'interrupted'}"]
    finally:
        signal.signal(signal.SIGINT, before)
    took = round(time.perf_counter() - start, 3)
    seconds = run.seconds | {"film": took, "total": run.seconds["total"] + took}
    run = replace(run, notes=[*run.notes, *notes], seconds=seconds)
    write_result(run)
    return run
