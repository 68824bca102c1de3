"""A watchdog: an environment that never answers becomes an error instead of a wait without end."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NamedTuple

from ..errors import EnvironmentFault
from ..trust import clean
from .guard import EnvironmentHangs, Guard
from .once import said_once

LOOK_EVERY = 1.0  # seconds between two looks, at most; in between it costs nothing
GRACE = 10.0  # seconds that an environment has to let an error through before the process ends
_CALL = Guard.call.__code__  # through which every call of an environment passes
_SIGNAL = getattr(signal, "SIGURG", None)  # of no meaning to a process that did not ask for it


class EnvCall(NamedTuple):
    """Identifies one call of an environment; a frame would keep everything on its stack alive."""

    guard: Guard
    what: str
    number: int


@contextmanager
def watched(timeout: float) -> Iterator[None]:
    """Meanwhile a call of an environment that lasts longer than `timeout` seconds raises EnvironmentHangs.

    Works in the main thread, where signals arrive. Code in C that ignores them, or everything on Windows, cannot be
    interrupted: then the message is printed and the process ends with the fault's exit code, its last checkpoint
    untouched. Code in C that holds Python's lock keeps the watchdog from looking too. Within another `watched` that
    one goes on. What is remarkable about the environment is said once meanwhile.

    Args:
        timeout: 0 for no watchdog.
    """
    with said_once():
        if timeout == 0 or _on_duty or threading.current_thread() is not threading.main_thread():
            yield
        else:
            with _on_watch(timeout):
                yield


@contextmanager
def _on_watch(timeout: float) -> Iterator[None]:
    watchdog = _Watchdog(timeout)
    _on_duty.append(watchdog)
    before = signal.signal(_SIGNAL, watchdog.bark) if _SIGNAL is not None else None
    watchdog.start()
    try:
        yield
    finally:
        watchdog.stop()
        _on_duty.remove(watchdog)
        if _SIGNAL is not None:
            signal.signal(_SIGNAL, before or signal.SIG_DFL)


class _Watchdog:
    """Looks from a thread of its own at what the main thread is doing."""

    def __init__(self, timeout: float):
        self._timeout, self._every = timeout, min(LOOK_EVERY, timeout / 4)
        self._call: EnvCall | None = None  # that was going on at the latest look
        self._lasted = 0.0  # seconds in sight: a process that was stopped for the night is not blamed
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dqnlab-watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        main = threading.main_thread().ident
        assert main is not None
        while not self._over.wait(self._every):
            call = _call_in(sys._current_frames().get(main))
            self._lasted = self._lasted + self._every if call is not None and call == self._call else 0.0
            self._call = call
            if call is None or self._lasted < self._timeout:
                continue
            if self._lasted >= self._timeout + GRACE:
                print(clean(f"error: {self._fault(call)}"), file=sys.stderr, flush=True)
                os._exit(EnvironmentFault.exit_code)
            if _SIGNAL is not None:
                signal.pthread_kill(main, _SIGNAL)

    def bark(self, signum: int, frame: FrameType | None) -> None:
        """In the main thread: raises if the call is still running."""
        call = self._call
        if call is not None and self._lasted >= self._timeout and _call_in(frame) == call:
            raise self._fault(call)

    def _fault(self, call: EnvCall) -> EnvironmentHangs:
        return call.guard.hangs(call.what, self._timeout)


_on_duty: list[_Watchdog] = []  # one at most


def _call_in(frame: FrameType | None) -> EnvCall | None:
    """The call of an environment that a stack is in, if any."""
    while frame is not None and frame.f_code is not _CALL:
        frame = frame.f_back
    if frame is None:
        return None
    guard: Guard = frame.f_locals["self"]
    return EnvCall(guard, frame.f_locals["what"], guard.calls)
