"""Signals as a note, so that a loop can stop where everything is consistent."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Ctrl-C; what schedulers and `kill` send; the closed terminal, which Windows does not know.
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

SIGNALLED = 128  # what the exit code of a command adds to the number of the signal that ended it, as shells do


class Interrupt:
    """Whether somebody wants this process to stop, and since when."""

    signal: int | None = None
    """the first signal that came"""
    _since = 0.0

    @property
    def asked(self) -> bool:
        return self.signal is not None

    @property
    def waited(self) -> float:
        """Seconds since it was asked."""
        return time.monotonic() - self._since

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt  # a second one insists
        self.signal, self._since = signum, time.monotonic()


@contextmanager
def signals_wait() -> Iterator[Interrupt]:
    """Turns the first signal into a note, so that the loop can stop where everything is consistent."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():  # only there can a handler be set
        yield interrupt
        return
    before = {each: signal.signal(each, interrupt) for each in SIGNALS if signal.getsignal(each) is not signal.SIG_IGN}
    try:
        yield interrupt
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def signals_ignored() -> Iterator[None]:
    """What starts meanwhile ignores these signals from its first moment, before its own code can."""
    if threading.current_thread() is not threading.main_thread():  # only there can a handler be set
        yield
        return
    before = {each: signal.signal(each, signal.SIG_IGN) for each in SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler or signal.SIG_DFL)
