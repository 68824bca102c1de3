"""TensorBoard as a tracker: event files under `tensorboard/` in the run folder.

Only the records are TensorBoard's; the file they go into comes from the door, as every file in a run's folder.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import shlex
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ..store.door import create, make_folder
from ..store.folder import Run
from .tracker import TrackedRun

FLUSH_EVERY = 10.0  # seconds
_VERSION = "brain.Event:2"


class TensorboardTracker:
    """Writes scalars as they come, and the config as a text."""

    def __init__(self, about: TrackedRun) -> None:
        # Looked up by name: torch and TensorBoard give them no types.
        self._summary: Any = importlib.import_module("torch.utils.tensorboard.summary")
        self._proto: Any = importlib.import_module("tensorboard.compat.proto.event_pb2")
        records: Any = importlib.import_module("tensorboard.summary.writer.record_writer")

        self._folder = about.run_folder / "tensorboard"
        make_folder(self._folder)
        self._file = _new_file(self._folder)
        self._records = records.RecordWriter(self._file)
        self._flushed = time.monotonic()
        self._write(0, file_version=_VERSION)
        if about.after is not None:  # taken up again, a run has no use for what was recorded after its checkpoint
            start = self._proto.SessionLog(status=self._proto.SessionLog.START)
            self._write(about.after + 1, file_version=_VERSION)
            self._write(about.after + 1, session_log=start)
        config = json.dumps(about.config, indent=2, default=str)
        self._write(0, summary=self._summary.text("about", f"{about.env}: {about.description}"))
        self._write(0, summary=self._summary.text("config", f"```json\n{config}\n```"))
        self._file.flush()

    def log(self, step: int, row: Mapping[str, float]) -> None:
        for name, value in row.items():
            self._write(step, summary=self._summary.scalar(name, value))
        if time.monotonic() - self._flushed > FLUSH_EVERY:
            self._flushed = time.monotonic()
            self._file.flush()

    def end(self) -> None:
        self._file.flush()

    def finish(self, run: Run) -> None:
        """Nothing: TensorBoard has no place for a page."""

    def close(self) -> str | None:
        self._file.close()
        return f"TensorBoard: to see it: tensorboard --logdir {shlex.quote(str(self._folder))}"

    def _write(self, step: int, **content: Any) -> None:
        event = self._proto.Event(wall_time=time.time(), step=step, **content)
        self._records.write(event.SerializeToString())


def _new_file(folder: Path) -> BinaryIO:
    """A new event file, by the name that TensorBoard looks for. Raises OSError."""
    stem = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}"
    for number in itertools.count():
        try:
            return os.fdopen(create(folder / f"{stem}.{number}"), "wb")
        except FileExistsError:
            continue
    raise AssertionError
