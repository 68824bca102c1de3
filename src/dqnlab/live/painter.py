"""A process of its own that plays and paints: an environment that hangs or crashes takes nobody along."""

from __future__ import annotations

import threading
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from ..errors import DqnlabError, named
from ..processes import end, how, ignore_signals, kill, start
from ..streams import steady_streams
from .kept import KeptNetworks
from .paint import paint

PATIENCE = 120.0  # seconds that a picture may take; an environment's own time limit is shorter


class CannotPaint(DqnlabError):
    """Why a run cannot be shown."""


@dataclass
class Painter:
    """Paints runs, one after the other."""

    trusted: Collection[str] = ()
    """modules that the runs' environments may import"""
    patience: float = PATIENCE
    _process: SpawnProcess | None = field(default=None, init=False)
    _pipe: Connection[Any, Any] | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def paint(self, folder: Path, step: int | None) -> bytes:
        """As `paint.paint`, in the other process. Waits. Raises CannotPaint."""
        with self._lock:
            pipe, process = self._begun()
            try:
                pipe.send((folder, step))
                if not pipe.poll(self.patience):
                    kill(process)
                    raise CannotPaint(f"this run could not be painted within {self.patience:.0f} s")
                found = pipe.recv()
            except (EOFError, OSError) as e:
                process.join()
                raise CannotPaint(f"the process that paints runs ended {how(process.exitcode)}") from e
            finally:
                if not process.is_alive():
                    self._process = None
        if isinstance(found, bytes):
            return found
        raise CannotPaint(str(found))

    def warm(self) -> None:
        """Begins the process, which takes a few seconds."""
        with self._lock:
            self._begun()

    def close(self) -> None:
        """Ends the process."""
        process, self._process = self._process, None
        if process is not None:
            if self._pipe is not None:
                self._pipe.close()
            end(process, 1.0)

    def _begun(self) -> tuple[Connection[Any, Any], SpawnProcess]:
        if self._process is None or self._pipe is None or not self._process.is_alive():
            self._pipe, theirs = Pipe()
            self._process = start(_work, (theirs, tuple(self.trusted)), "dqnlab-painter")
            theirs.close()
        return self._pipe, self._process


def _work(pipe: Connection[Any, Any], trusted: tuple[str, ...]) -> None:
    """The whole life of the process that paints."""
    ignore_signals()
    kept = KeptNetworks()
    with steady_streams(), suppress(EOFError, OSError):
        while True:
            folder, step = pipe.recv()
            pipe.send(_painted(folder, step, kept, trusted))


def _painted(folder: Path, step: int | None, kept: KeptNetworks, trusted: tuple[str, ...]) -> bytes | str:
    """A painted run, or why there is none."""
    try:
        return paint(folder, step, kept, trusted)
    except DqnlabError as error:
        return str(error)
    except Exception as error:  # an environment may raise anything
        return named(error)
