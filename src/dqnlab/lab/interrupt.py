"""Signals: what asks a process to end, from its first line to its last.

A command has one handler for all of them from its beginning on, so that nobody else's is there for a moment: not
Python's, which ends in a traceback, nor a drawing library's, which would swallow the signal. Most work is left by an
exception at once (`Interrupted`); while a network learns, the first signal is only noted, so that training stops where
everything is consistent (`signals_wait`). Whoever still insists seconds later ends the process at once.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from ..processes import SIGNALS

SIGNALLED = 128  # what the exit code of a command adds to the number of the signal that ended it, as shells do
PATIENCE = 3.0  # seconds in which more signals mean the same wish: whoever leaves is not disturbed
AGAIN = 0.05  # seconds after which a signal is sent again that arrived where no exception can be raised


class Interrupted(KeyboardInterrupt):
    """A signal wants this process to end."""

    def __init__(self, signum: int) -> None:
        super().__init__("interrupted")
        self.signum = signum


def signal_of(error: KeyboardInterrupt) -> int:
    """The number of the signal behind it."""
    noted = current()
    said = error.signum if isinstance(error, Interrupted) else None if noted is None else noted.signal
    return said or signal.SIGINT


class Interrupt:
    """The signal handler: whether this process was asked to stop, and when."""

    signal: int | None = None
    """the first signal that came"""

    def __init__(self, *, patient: bool = False) -> None:
        self.patient = patient
        """whether the first signal is only noted"""
        self.code: int | None = None
        """the exit code, once all is done: then nothing is left to interrupt"""
        self.first_of_all: list[Callable[[], None]] = []
        """what is called before the exception is raised"""
        self.held = False
        """whether something is being written or started: meanwhile signals wait"""
        self._since = 0.0
        self._raised: float | None = None
        self._late = False

    @property
    def asked(self) -> bool:
        return self.signal is not None

    def asks(self) -> bool:
        """Whether it was asked by now."""
        return self.asked

    @property
    def waited(self) -> float:
        """Seconds since it was asked."""
        return time.monotonic() - self._since

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.code is not None:
            _leave(self.code)
        if self._raised is not None:
            if now - self._raised >= PATIENCE:
                _leave(SIGNALLED + signum)
            return
        noted = not self.asked
        if noted:
            self.signal, self._since = signum, now
        if noted and self.patient:
            return
        if self.held:
            self._late = True
        else:
            self.throw()

    def let_go(self) -> None:
        """Nothing is held any more. Raises Interrupted if a signal has come meanwhile."""
        self.held = False
        late = self._late
        self._late = False
        if late:
            self.throw()

    def throw(self) -> None:
        """Raises Interrupted, once."""
        self._raised = time.monotonic()
        for call in self.first_of_all:
            call()
        raise Interrupted(self.signal or signal.SIGINT)

    def swallowed(self) -> None:
        """The exception was raised where Python can only drop it: in a finalizer, say. It is raised again soon."""
        self._raised = None
        main, signum = threading.main_thread().ident, self.signal or signal.SIGINT
        if main is not None and hasattr(signal, "pthread_kill"):
            again = threading.Timer(AGAIN, signal.pthread_kill, (main, signum))
            again.daemon = True
            again.start()


def _leave(code: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # it may be in the middle of a write, or be closed
            stream.flush()
    os._exit(code)


def current() -> Interrupt | None:
    """The handler that this process has, if it has one."""
    handler = signal.getsignal(signal.SIGINT)
    others = (signal.getsignal(each) for each in SIGNALS)
    return handler if isinstance(handler, Interrupt) else next((h for h in others if isinstance(h, Interrupt)), None)


@contextmanager
def signals_end() -> Iterator[Interrupt]:
    """Meanwhile each of the signals raises Interrupted, and no one else's handler is there. Nested, nothing changes."""
    interrupt = current()
    if interrupt is not None or threading.current_thread() is not threading.main_thread():
        yield interrupt or Interrupt()  # only in the main thread a handler can be set
        return
    interrupt = Interrupt()
    before = {each: signal.getsignal(each) for each in SIGNALS if not _is_taken(each)}
    dropped = sys.unraisablehook

    def drop(unraisable: Any) -> None:
        if isinstance(unraisable.exc_value, Interrupted):
            interrupt.swallowed()
        else:
            dropped(unraisable)

    sys.unraisablehook = drop
    for each in before:
        signal.signal(each, interrupt)
    try:
        yield interrupt
    finally:
        if interrupt.code is None:  # else the process ends now
            for each, handler in before.items():
                signal.signal(each, handler or signal.SIG_DFL)
        sys.unraisablehook = dropped


def _is_taken(signum: int) -> bool:
    """Whether a signal keeps its meaning: one that is ignored, as under nohup; a script's own of what has none else."""
    before = signal.getsignal(signum)
    return before is signal.SIG_IGN or (signum == getattr(signal, "SIGUSR1", None) and before is not signal.SIG_DFL)


@contextmanager
def signals_wait() -> Iterator[Interrupt]:
    """Turns the first signal into a note, so that the loop can stop where everything is consistent."""
    with signals_end() as interrupt:
        interrupt.patient = True
        try:
            yield interrupt
        finally:
            interrupt.patient = False


@contextmanager
def signals_held() -> Iterator[None]:
    """What is made meanwhile is made as a whole: a signal that raises Interrupted raises it afterwards."""
    interrupt = current()
    if interrupt is None or interrupt.held:
        yield
        return
    interrupt.held = True
    try:
        yield
    finally:
        interrupt.let_go()


@contextmanager
def children_end() -> Iterator[None]:
    """What was started meanwhile, such as a compiler, is ended when a signal comes, with all that it started."""
    interrupt = current()
    if interrupt is None:
        yield
        return
    import psutil

    me = psutil.Process()
    before = {each.pid for each in me.children(recursive=True)}

    def end() -> None:
        for each in me.children(recursive=True):
            if each.pid not in before:
                with suppress(psutil.Error):
                    each.kill()

    interrupt.first_of_all.append(end)
    try:
        yield
    finally:
        interrupt.first_of_all.remove(end)
