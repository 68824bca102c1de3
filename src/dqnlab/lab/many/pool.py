"""The processes of a pool: started, given work, ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

from ...errors import ConfigError, named
from ...processes import as_sent, end, kill, start
from ...store.lock import free_of
from ...track.tracker import AnyTracker, Swanlab
from ..interrupt import signals_held
from ..remote.place import OnRay, RemoteProcess
from .line import Leave, Order, Refused, Task, WorkerReport
from .process import work


@dataclass(eq=False)
class Worker:
    """A process, the parent's end of its pipe, and the seeds that it has to train."""

    process: SpawnProcess | RemoteProcess
    pipe: Connection[Order, WorkerReport]
    seeds: tuple[int, ...]
    is_idle: bool = False
    """whether all that is left for it to do is to film"""

    @property
    def has_begun(self) -> bool:
        """Whether it has a process: on a cluster it may wait for a processor."""
        return not isinstance(self.process, RemoteProcess) or self.process.began is not None

    def tell(self, order: Order) -> None:
        """Sends an order; one that has died cannot hear it, and is missed soon enough."""
        with suppress(OSError):
            self.pipe.send(order)

    def interrupt(self) -> None:
        """Lets it leave what it is making, where it listens to that."""
        if isinstance(self.process, RemoteProcess):
            self.process.interrupt()
            return
        assert self.process.pid is not None
        with suppress(OSError):  # it has died
            os.kill(self.process.pid, signal.SIGINT)

    def free(self, folders: Sequence[Path]) -> None:
        """Gives back, in its stead, the folders of runs that it had; it has ended."""
        if isinstance(self.process, RemoteProcess) and self.process.began is not None:
            for folder in folders:
                free_of(folder, self.process.began.host, self.process.began.pid)


def check_shared(trackers: Sequence[AnyTracker]) -> None:
    """Raises ConfigError for trackers that several seeds cannot have, or that cannot be passed to their processes."""
    for own in trackers:
        if isinstance(own, Swanlab) and own.id is not None:
            raise ConfigError(f"swanlab.id {own.id!r} is one experiment, and each seed is one of its own: leave it out")
        if isinstance(own, str | Swanlab):
            continue
        try:
            as_sent(own)
        except Exception as e:  # pickling raises many kinds, and whatever the user's objects raise
            raise ConfigError(
                f"tracker {type(own).__name__} cannot be passed to the processes of the seeds ({named(e)}): let it "
                "open what it needs in start"
            ) from e


def hire(task: Task, workers: list[Worker], place: OnRay | None = None) -> None:
    """Adds a new process to the workers, which is already loading what it needs; a signal waits until it is there.

    Args:
        place: where; on this machine if none.
    """
    with signals_held():
        if place is not None:
            workers.append(Worker(*place.start(work, task, Refused), task.seeds))
            return
        ours, theirs = multiprocessing.Pipe()
        process = start(work, (theirs, task), f"dqnlab, seeds {task.seeds[0]} …")
        theirs.close()  # so that the pipe ends when the process does
        workers.append(Worker(process, ours, task.seeds))


def dismiss(worker: Worker, *, gently: bool) -> None:
    """Ends a process: by an order that it follows at once, or by force."""
    if gently:
        worker.tell(Leave())
    else:
        kill(worker.process)
    end(worker.process)
    worker.pipe.close()


def shares(seeds: Sequence[int], workers: int) -> list[tuple[int, ...]]:
    """The seeds dealt out to at most this many workers."""
    return [tuple(seeds[first::workers]) for first in range(min(workers, len(seeds)))]
