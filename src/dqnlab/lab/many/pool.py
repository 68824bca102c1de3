"""The processes of a pool: started, told, ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.reduction import ForkingPickler

from ...config import Config
from ...errors import ConfigError
from ..interrupt import signals_blocked, signals_held
from .line import Leave, Order, Task, WorkerReport
from .process import work

PATIENCE = 5.0  # seconds that a process has to end


def check_sendable(config: Config) -> None:
    """Raises ConfigError for a configuration that cannot be handed to other processes."""
    try:
        sent = bytes(ForkingPickler.dumps(config))
    except Exception as error:  # pickling raises many kinds, and whatever the user's objects raise
        raise ConfigError(
            f"env {config.env.label!r} cannot be handed to other processes ({error}): "
            "let env.id be a function at the top level of a module, and env.kwargs plain values"
        ) from error
    if b"__main__" in sent and is_interactive():
        raise ConfigError(
            f"env {config.env.label!r} is defined in an interactive session, where other processes cannot "
            "find it: put it into a file, such as envs.py, and import it from there"
        )


@dataclass(eq=False)
class Worker:
    """A process, the parent's end of its pipe, and the seeds that it has to train."""

    process: SpawnProcess
    pipe: Connection[Order, WorkerReport]
    seeds: tuple[int, ...]

    def tell(self, order: Order) -> None:
        """Sends an order; one that has died cannot hear it, and is missed soon enough."""
        with suppress(OSError):
            self.pipe.send(order)

    def interrupt(self) -> None:
        """Lets it leave what it is making, where it listens to that."""
        assert self.process.pid is not None
        with suppress(OSError):  # it has died
            os.kill(self.process.pid, signal.SIGINT)


def hire(task: Task, workers: list[Worker]) -> None:
    """Adds a new process to the workers, which is already loading what it needs; a signal waits until it is there."""
    with signals_held():
        workers.append(_start(task))


def _start(task: Task) -> Worker:
    context = multiprocessing.get_context("spawn")  # forked copies of a process with threads may hang
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, task), name=f"dqnlab, seeds {task.seeds[0]} …")
    if os.name != "nt":
        with signals_blocked():  # the first start would start this too, which unblocks signals
            resource_tracker.ensure_running()
    with signals_blocked(), _without_lost_script():
        process.start()
    theirs.close()  # so that the pipe ends when the process does
    return Worker(process, ours, task.seeds)


def is_interactive() -> bool:
    """Whether the main program is in no file (a notebook, a prompt, stdin), so that no other process can import it."""
    file = getattr(sys.modules["__main__"], "__file__", None)
    return file is None or not os.path.exists(file)


@contextmanager
def _without_lost_script() -> Iterator[None]:
    """Keeps a new process from running a main program again whose file is none, such as `<stdin>`."""
    main = vars(sys.modules["__main__"])
    hidden = {"__file__": main.pop("__file__")} if "__file__" in main and is_interactive() else {}
    try:
        yield
    finally:
        main.update(hidden)


def dismiss(worker: Worker, *, gently: bool) -> None:
    """Ends a process: by an order that it follows at once, or by force."""
    if gently:
        worker.tell(Leave())
        worker.process.join(PATIENCE)
    if worker.process.is_alive():
        _kill(worker.process)  # to anything milder it is deaf
        worker.process.join()
    worker.pipe.close()


def _kill(process: SpawnProcess) -> None:
    """Ends a process with all that it has started, such as a compiler."""
    import psutil

    with suppress(psutil.Error):
        for each in [*psutil.Process(process.pid).children(recursive=True)]:
            with suppress(psutil.Error):
                each.kill()
    process.kill()


def how(code: int | None) -> str:
    """The exit code of a process in words."""
    return f"with exit code {code}" if code is None or code >= 0 else f"by signal {-code}"


def usable_cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def shares(seeds: Sequence[int], workers: int) -> list[tuple[int, ...]]:
    """The seeds dealt out to at most so many workers."""
    return [tuple(seeds[first::workers]) for first in range(min(workers, len(seeds)))]
