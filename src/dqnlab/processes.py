"""Other processes: started so that no signal meets them unprepared, ended with all that they have started."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any, Protocol

from .errors import ConfigError

# Ctrl-C; what schedulers and `kill` send; the closed terminal; a scheduler's warning that time is nearly up (Slurm's
# --signal). Windows does not know the last two.
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1") if hasattr(signal, name)]

PATIENCE = 5.0  # seconds that a process has to end


def as_sent(value: Any) -> bytes:
    """What is passed to another process of a value. Raises whatever pickling and the value's own methods raise."""
    return bytes(ForkingPickler.dumps(value))


def check_picklable(value: Any, label: str) -> bytes:
    """Settings of the environment `label` as they are sent. Raises ConfigError for what cannot be sent."""
    try:
        return as_sent(value)
    except Exception as error:  # pickling raises many kinds, and whatever the user's objects raise
        raise ConfigError(
            f"env {label!r} cannot be passed to other processes ({error}): make env.id a function at the top level of "
            "a module, and env.kwargs plain values"
        ) from error


def as_received(sent: bytes) -> Any:
    """What was passed from another process of the same program. Raises whatever its modules raise."""
    return ForkingPickler.loads(sent)


def check_sendable(value: Any, label: str) -> None:
    """Raises ConfigError for what cannot be passed to other processes: settings of the environment `label`."""
    sent = check_picklable(value, label)
    if b"__main__" in sent and is_interactive():
        raise ConfigError(
            f"env {label!r} is defined in an interactive session, where other processes cannot "
            "find it: put it into a file, such as envs.py, and import it from there"
        )


def start(target: Callable[..., object], args: tuple[Any, ...], name: str) -> SpawnProcess:
    """A new process that runs `target(*args)`, which has to call `ignore_signals` first."""
    context = multiprocessing.get_context("spawn")  # forked copies of a process with threads may hang
    process = context.Process(target=target, args=args, name=name)
    if os.name != "nt":
        with signals_blocked():  # the first start would start this too, which unblocks signals
            resource_tracker.ensure_running()
    with signals_blocked(), _without_lost_script():
        process.start()
    return process


class AnyProcess(Protocol):
    """A process that was started, on this machine or on another."""

    @property
    def pid(self) -> int | None:
        """Its number; none on another machine."""

    @property
    def sentinel(self) -> Any:
        """What `multiprocessing.connection.wait` says of, once it has ended."""

    @property
    def exitcode(self) -> int | None: ...

    def join(self, timeout: float | None = None) -> None: ...

    def is_alive(self) -> bool: ...

    def kill(self) -> None: ...


def end(process: AnyProcess, patience: float = PATIENCE) -> None:
    """Waits so many seconds for a process to end, then ends it by force: to anything milder it is deaf."""
    process.join(patience)
    if process.is_alive():
        kill(process)
        process.join()


def kill(process: AnyProcess) -> None:
    """Ends a process with all that it has started, such as a compiler."""
    import psutil

    with suppress(psutil.Error):
        started = [] if process.pid is None else psutil.Process(process.pid).children(recursive=True)
        for each in started:
            with suppress(psutil.Error):
                each.kill()
    process.kill()


def how(code: int | None) -> str:
    """The exit code of a process in words."""
    return f"with exit code {code}" if code is None or code >= 0 else f"by signal {-code}"


def how_it_ended(process: AnyProcess) -> str:
    """How a process has ended, in words."""
    return str(getattr(process, "fate", "")) or how(process.exitcode)


def usable_cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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


@contextmanager
def signals_blocked() -> Iterator[None]:
    """A process that starts meanwhile gets none of these signals until it calls `ignore_signals`.

    Here they are obeyed afterwards. To ignore them instead would lose those that come meanwhile.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows, where processes inherit nothing of the kind
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore_signals() -> None:
    """From here on this process ignores these signals, those too that were blocked when it started."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
