"""Hiring on a Ray cluster: to the parent a worker there looks like a process of its own with a pipe."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from ...cluster import Joined, check_where, joined, machines
from ...errors import ConfigError, DqnlabError, named
from ...lifeline import last_words, line_to_ray, ray_lost
from ...processes import as_sent
from .life import Errand, about_parent, live
from .mailbox import INTERRUPT, Began, Letter, Mailbox
from .sight import Sign, sign_in

LOOK_EVERY = 0.1  # seconds
KILLED = -9  # the exit code of what ended without a word, as of a process that was killed
LONGEST_JOIN = 30.0  # seconds that Ray has to say that a worker has ended


class RemoteProcess:
    """A worker's process, as far as it can be seen from here."""

    pid: int | None = None
    """its number means nothing on this machine"""

    def __init__(
        self, number: int, pipe: Connection, post: Callable[[int, bytes], None], cancel: Callable[[Any], None]
    ):
        self.sentinel, self._ends = Pipe(duplex=False)
        self.exitcode: int | None = None
        self.fate = ""
        """how it ended, in words, if it did not end by itself"""
        self.began: Began | None = None
        self.number = number
        self.pipe = pipe
        """the end of its pipe that the cluster has"""
        self.task: Any = None
        self._post, self._cancel = post, cancel
        self._ended = threading.Event()

    def join(self, timeout: float | None = None) -> None:
        """Waits until it has ended, or is taken to have."""
        self._ended.wait(LONGEST_JOIN if timeout is None else timeout)

    def is_alive(self) -> bool:
        return not self._ended.is_set()

    def interrupt(self) -> None:
        """Lets it leave what it is making, where it listens to that."""
        self._post(self.number, INTERRUPT)

    def kill(self) -> None:
        """Ends it by force."""
        self._cancel(self.task)

    def end(self, code: int, fate: str = "") -> None:
        """It has ended: whoever reads its pipe or waits for it sees that."""
        if self.exitcode is None:
            self.exitcode, self.fate = code, fate
            self.pipe.close()
            self._ended.set()
            self._ends.close()


class OnRay:
    """A Ray cluster as a place for workers; two threads carry what is said."""

    def __init__(self, cluster: Joined, threads: int, sign: Sign) -> None:
        """`threads` are what each worker computes with: as many processors are asked for."""
        import ray

        self._threads = threads
        self._sign = sign
        self._about = about_parent()
        self._numbers = itertools.count()
        self._hired: dict[int, RemoteProcess] = {}
        self._is_closed = False
        self._is_lost = False
        """whether the mailbox is gone"""
        self._node = cluster.node
        self._line = line_to_ray()
        # Neither a task nor the mailbox is tried again by Ray: whoever hires decides that, so no seed is trained twice.
        self._live = ray.remote(num_cpus=threads, max_retries=0, max_calls=1)(live)
        self._carriers = list[threading.Thread]()
        self._open()
        self._begin(self._tell)

    def _open(self) -> None:
        """Makes the mailbox: beside this process, which ends if that does."""
        import ray

        pinned = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(self._node, soft=False)
        self._mailbox: Any = (
            ray.remote(Mailbox)
            .options(num_cpus=0, max_restarts=0, max_concurrency=100_000, scheduling_strategy=pinned)
            .remote()
        )
        self._is_lost = False
        self._begin(self._hear)

    def _begin(self, carry: Callable[[], None]) -> None:
        thread = threading.Thread(target=carry, daemon=True)
        thread.start()
        self._carriers.append(thread)

    @property
    def room(self) -> int:
        """How many workers have processors at once. Raises ConfigError if no machine has enough for one."""
        cpus = [each.processors for each in machines()]
        found = sum(each // self._threads for each in cpus)
        if found == 0:
            raise ConfigError(
                f"threads is {self._threads}, but no machine of the Ray cluster has more than {max(cpus, default=0)} "
                "CPUs: lower it"
            )
        return found

    def check(self) -> None:
        """Raises ResourceError if Ray is lost, and with it all workers."""
        if self._line.is_cut:
            raise ray_lost()

    def start(
        self, target: Callable[..., None], argument: object, refuse: Callable[[DqnlabError], object]
    ) -> tuple[RemoteProcess, Connection]:
        """A worker that runs `target(pipe, argument)` wherever there is a processor for it, and this end of its pipe.

        Args:
            refuse: makes the report of a worker that cannot begin.

        Raises:
            ResourceError: Ray is lost.
        """
        self.check()
        if self._is_lost:  # and all who had it
            self._open()
        ours, theirs = Pipe()
        process = RemoteProcess(next(self._numbers), theirs, self._post, self._kill)
        target_sent = as_sent((target, argument))
        errand = Errand(process.number, target_sent, refuse, self._sign, self._about)
        process.task = self._live.remote(self._mailbox, errand)
        self._hired[process.number] = process
        return process, ours

    def close(self) -> None:
        """Ends every worker that is left, and the mailbox."""
        import ray

        self._is_closed = True
        for process in list(self._hired.values()):
            self._kill(process.task)
        if not self._line.is_cut:  # else there is nobody to ask
            with suppress(Exception):
                ray.kill(self._mailbox)
        for each in self._carriers:
            each.join(LONGEST_JOIN)
        self._line.close()

    # ── Carrying ──

    def _post(self, number: int, what: bytes) -> None:
        with suppress(Exception):  # it has ended, which is seen soon enough
            self._mailbox.order.remote(number, what)

    def _kill(self, task: Any) -> None:
        import ray

        if not self._line.is_cut:
            with suppress(Exception):
                ray.cancel(task, force=True)

    def _tell(self) -> None:
        """Carries orders from the pipes to the mailbox."""
        done = set[int]()
        while not self._is_closed:
            open_ends = {p.pipe: p for p in list(self._hired.values()) if p.is_alive() and p.number not in done}
            try:
                news = wait(list(open_ends), LOOK_EVERY) if open_ends else []
            except (OSError, ValueError):  # one of them was closed meanwhile
                continue
            if not open_ends:
                threading.Event().wait(LOOK_EVERY)
            for end in news:
                process = open_ends[end]  # type: ignore
                try:
                    self._post(process.number, process.pipe.recv_bytes())
                except (EOFError, OSError, TypeError):  # either end was closed
                    done.add(process.number)

    def _hear(self) -> None:
        """Carries reports from the mailbox into the pipes, and sees who has ended."""
        import ray

        letters = self._mailbox.letters.remote()
        try:
            while not self._is_closed:
                self.check()
                tasks = {each.task: each for each in list(self._hired.values())}
                ready, _ = ray.wait([*tasks, letters], num_returns=1, timeout=LOOK_EVERY)
                ended = [each for each in ready if each != letters]
                if ended:  # its last words have been taken: nothing is missing once this has been heard
                    ray.get(self._mailbox.poke.remote())
                if ended or letters in ready:
                    self._deliver(ray.get(letters))
                    letters = self._mailbox.letters.remote()
                for each in ended:
                    self._bury(tasks[each])
        except Exception:  # the mailbox is gone, and with it whatever was said: as if all were killed
            self._is_lost = True
            what = "Ray on this machine" if self._line.is_cut else "the process that carries what it says"
            for each in list(self._hired.values()):
                self._kill(each.task)
                self._hired.pop(each.number)
                each.end(KILLED, f"because {what} had ended")

    def _deliver(self, letters: list[Letter]) -> None:
        for number, what in letters:
            process = self._hired.get(number)
            if process is None:
                continue
            if isinstance(what, Began):
                process.began = what
                continue
            with suppress(OSError):  # nobody listens any more
                process.pipe.send_bytes(what)

    def _bury(self, process: RemoteProcess) -> None:
        """Says how a worker has ended."""
        import ray

        self._hired.pop(process.number)
        try:
            ray.get(process.task)
            process.end(0)
        except ray.exceptions.RayTaskError as error:  # which it should have said itself
            process.end(1, f"with an error of its own: {named(error.cause or error)[:300]}")
        except Exception as error:  # the process, its machine or its memory is gone
            process.end(KILLED, _fate(error, process.began))


def _fate(error: Exception, began: Began | None) -> str:
    """How a worker was lost, in words."""
    import ray

    where = "" if began is None else f" on {began.host}"
    if isinstance(error, ray.exceptions.OutOfMemoryError):
        return f"because Ray found too little memory{where}"
    if isinstance(error, ray.exceptions.NodeDiedError):
        return f"with its machine{where}"
    if began is not None and began.host == socket.gethostname() and (words := last_words(began.pid)):
        return f"having printed {words!r}{where}"
    return f"without a word{where}"


@contextmanager
def on_ray(where: str | None, folder: Path, threads: int, *, locks: bool = False) -> Iterator[OnRay | None]:
    """The place of workers: a Ray cluster, or none for this machine.

    Args:
        where: as in `joined`.
        folder: where their runs will lie, which every machine must see.
        threads: of each worker.
        locks: whether they divide the work by locks.

    Raises:
        ConfigError, ResourceError: there is no such cluster, or Ray is not installed.
    """
    if where is None:
        yield None
        return
    check_where(where)
    with joined(where) as cluster, sign_in(folder, locks=locks) as sign:
        place = OnRay(cluster, threads, sign)
        try:
            yield place
        finally:
            place.close()
