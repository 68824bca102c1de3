"""A Ray that has died, or no longer answers: seen before it is asked for anything, and left all the same.

Whoever asks a dead one for anything large is ended by Ray's native code, without a word and without a chance to save.
"""

from __future__ import annotations

import atexit
import logging
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from .errors import ResourceError
from .trust import clean

LOOK_EVERY = 0.1  # seconds; meanwhile signals are heard
SAID_AFTER = 5.0  # seconds in which Ray is to end before something is said
LONGEST = 15.0  # seconds in which it is to end by itself
MOST_READ, LONGEST_LINE = 100_000, 200  # letters of what a process printed
KILLED = 5.0  # seconds that it has once its processes were killed


def leave_ray() -> None:
    """Leaves Ray, and ends it if it was started here: by force if it does not answer, or a signal comes meanwhile."""
    import ray

    started = _started_here()
    leaving = threading.Thread(target=_quietly, args=(ray.shutdown,), daemon=True)
    leaving.start()
    began, is_said = time.monotonic(), False
    try:
        while leaving.is_alive() and (waited := time.monotonic() - began) < LONGEST:
            leaving.join(LOOK_EVERY)
            if waited >= SAID_AFTER and not is_said:
                is_said = True
                onward = "then it is ended by force" if started else "then it is left as it is"
                logging.getLogger("dqnlab").warning(
                    f"waiting for Ray to end, which does not answer: {LONGEST - SAID_AFTER:.0f} s more, {onward}"
                )
    finally:
        if leaving.is_alive():
            for each in started:
                _quietly(each.kill)
            leaving.join(KILLED)
        if leaving.is_alive():
            atexit.unregister(ray.shutdown)  # which would wait for ever


def ray_lost() -> ResourceError:
    """What to say once Ray has ended on this machine."""
    return ResourceError(
        "Ray was lost: its process on this machine (raylet) has ended, and with it all that it had started; if nobody "
        "ended it, the machine may have run out of memory"
    )


def last_words(pid: int) -> str:
    """What a process printed last that Ray has started on this machine, in one line; empty if that was nothing.

    Of one that crashed it is the line that says how.
    """
    from ray._private.worker import global_worker

    with suppress(OSError, AttributeError):
        for path in Path(global_worker.node.get_logs_dir_path()).glob(f"worker-*-{pid}.err"):  # type: ignore
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = [line.strip() for line in file.read(MOST_READ).splitlines()]
            told = [line for line in lines if line and not line.startswith(":")]  # such lines are Ray's own
            crash = [line for line in told if line.startswith("Fatal Python error")]
            return clean((crash or told or [""])[-1])[:LONGEST_LINE]
    return ""


def _started_here() -> list[Any]:
    """The processes of a Ray that was started by this one."""
    from ray._private import worker

    node = worker._global_node
    return [] if node is None else [each.process for several in node.all_processes.values() for each in several]


def _quietly(call: Any) -> None:
    with suppress(Exception):
        call()


def line_to_ray() -> Lifeline:
    """A line to the process of Ray on this machine (its raylet), in whose cluster this process is."""
    from ray._private.worker import global_worker

    return Lifeline(str(global_worker.node.raylet_socket_name))  # type: ignore


class Lifeline:
    """A line to a process, which is cut when that ends. Nothing is said on it."""

    def __init__(self, path: str) -> None:
        """`path`: of a socket on which it listens. On Windows there is no such line, and nothing is seen."""
        self._line: socket.socket | None = None
        self._was_there = True
        if not hasattr(socket, "AF_UNIX"):
            return
        line = socket.socket(socket.AF_UNIX)
        line.setblocking(False)
        try:
            line.connect(path)
            self._line = line
        except OSError as e:
            line.close()
            self._was_there = not isinstance(e, ConnectionRefusedError | FileNotFoundError)

    @property
    def is_cut(self) -> bool:
        """Whether that process has ended."""
        if self._line is None:
            return not self._was_there
        try:
            return self._line.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def check(self) -> None:
        """Raises ResourceError if it has ended; then this process has left Ray, and nothing of Ray ends it any more."""
        if self.is_cut:
            leave_ray()
            raise ray_lost()

    def close(self) -> None:
        """Lets go of the line; a second time does nothing."""
        if self._line is not None:
            self._line.close()
            self._line = None
