"""Where the process of a worker begins: the door through which it, and not its parent, loads the heavy packages."""

from __future__ import annotations

import time
from multiprocessing.connection import Connection

from ...errors import DqnlabError, named
from ...memory import memory_watched
from ...processes import ignore_signals
from ...streams import steady_streams
from ..loading import loading
from ..stopwatch import Stopwatch
from .line import Finished, Go, Idle, Line, Order, Ready, Refused, Show, Task, WorkerReport


def work(pipe: Connection[WorkerReport, Order], task: Task) -> None:
    """The whole life of a worker."""
    ignore_signals()  # terminals and schedulers send them to everyone; the parent decides
    with steady_streams():  # what an environment prints must not end it
        _work(Line(pipe), task)


def _work(line: Line, task: Task) -> None:
    watch = Stopwatch()
    try:
        with memory_watched():
            with loading():
                from . import worker  # with torch and Gymnasium
            spec, remarks = worker.check(task.config)
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
        worker.train_share(task, spec, order.folder, line, watch)
        line.tell(Idle())
        while isinstance(order := line.wait(), Show):
            line.tell(Finished(worker.film_and_explain(task.config, order.run)))
