"""Ctrl-C as a note, so that a loop can stop where everything is consistent."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupt:
    """Whether somebody pressed Ctrl-C."""

    asked = False

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt  # a second one insists
        self.asked = True


@contextmanager
def ctrl_c_waits() -> Iterator[Interrupt]:
    """Turns the first Ctrl-C into a note, so that the loop can stop where everything is consistent."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():  # only there can a handler be set
        yield interrupt
        return
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def ctrl_c_ignored() -> Iterator[None]:
    """What starts meanwhile ignores Ctrl-C from its first moment, before its own code can."""
    if threading.current_thread() is not threading.main_thread():  # only there can a handler be set
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
