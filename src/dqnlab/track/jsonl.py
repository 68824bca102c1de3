"""metrics.jsonl: the record of a run that is always kept, one line of strict JSON per record.

The first line is `{"schema": 1, …}`. JSON has no NaN and no infinity: they are written as the strings
"nan", "inf" and "-inf", and read back as numbers.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import FolderError
from ..store.door import DISK, append, create, replacing
from ..store.metrics import SCHEMA, parse_line
from ..store.reading import open_plain
from .open import in_one_line, warn

NAME = "metrics.jsonl"


class MetricsFile:
    """Writes records, each flushed before `log` returns. A full disk costs a warning, never the run.

    Args:
        after: goes on with the file of a run that is taken up again after this env step, and drops what was
            recorded later; a new file if none.
    """

    def __init__(self, path: Path, about: Mapping[str, str] | None = None, after: int | None = None) -> None:
        self.path = path
        self._file: int | None = None
        try:
            kept = None if after is None else cut_back(path, after)
            self._file = create(path) if kept is None else append(path, kept)
            empty = os.fstat(self._file).st_size == 0
        except FileExistsError:
            raise FolderError(f"{path} already exists: choose another folder, or move it away") from None
        except OSError as error:
            self._give_up(error)
            return
        if empty:
            self._write({"schema": SCHEMA, **(about or {})})

    def log(self, step: int, row: Mapping[str, float | Sequence[float]]) -> None:
        """Writes one record: `step` first, then the row's values in its own order."""
        self._write(record_of(step, row))

    def sync(self) -> None:
        """Hands what was written to the disk itself."""
        if self._file is not None:
            try:
                DISK.flush(self._file)
            except OSError as error:
                self._give_up(error)

    def close(self) -> str | None:
        file, self._file = self._file, None
        if file is not None:
            try:
                os.close(file)
            except OSError as error:
                self._give_up(error)
        return None

    def _write(self, record: Mapping[str, object]) -> None:
        if self._file is None:
            return
        line = json.dumps(record, allow_nan=False, ensure_ascii=False) + "\n"
        try:
            DISK.write(self._file, memoryview(line.encode()))
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        warn(f"{self.path} cannot be written ({in_one_line(error)}): no more metrics are written. Training continues.")
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):  # of the same disk, which has just been said
                os.close(file)


def cut_back(path: Path, step: int) -> os.stat_result | None:
    """Drops the records of later env steps, and a torn last line; the new file, or none if there was no old one.

    Raises FolderError, ResourceError.
    """
    if not os.path.lexists(path):
        return None
    with open_plain(path) as old, replacing(path) as part:
        for number, line in enumerate(old):
            record = parse_line(line.decode("utf-8", errors="replace")) if line.endswith(b"\n") else None
            if record is not None and (number == 0 or _step(record) <= step):
                part.write(line)
        return part.stat()


def lacks_rows(path: Path, step: int, episodes: int, evaluations: int) -> bool:
    """Whether the file of a run holds fewer of its episodes or evaluations up to an env step than there were.

    Raises FolderError.
    """
    if not os.path.lexists(path):
        return episodes + evaluations > 0
    found = records_between(path, -1, step)
    return (
        sum("train/episode" in record for record in found) < episodes
        or sum("eval/reward" in record for record in found) < evaluations
    )


def record_of(step: int, row: Mapping[str, float | Sequence[float]]) -> dict[str, object]:
    """A record as its line says it."""
    return {"step": step} | {name: _strict(value) for name, value in row.items()}


def records_between(path: Path, start: int, stop: int) -> list[dict[str, object]]:
    """The records of env steps in (start, stop], as their lines say them. Raises FolderError."""
    with open_plain(path) as file:
        lines = [line.decode("utf-8", errors="replace") for line in file if line.endswith(b"\n")]
    found = (parse_line(line) for line in lines[1:])
    return [record for record in found if record is not None and start < _step(record) <= stop]


def copy_until(path: Path, to: Path, step: int, more: Sequence[Mapping[str, object]] = ()) -> None:
    """Copies the records of a run up to an env step into the file of another run, and adds some.

    Raises FolderError, ResourceError.
    """
    with open_plain(path) as old, replacing(to) as part:
        for number, line in enumerate(old):
            record = parse_line(line.decode("utf-8", errors="replace")) if line.endswith(b"\n") else None
            if record is not None and (number == 0 or _step(record) <= step):
                part.write(line)
        for record in more:
            part.write((json.dumps(record, allow_nan=False, ensure_ascii=False) + "\n").encode())


def _step(record: Mapping[str, object]) -> float:
    step = record.get("step")
    return step if isinstance(step, int) else math.inf


def _strict(value: float | Sequence[float]) -> object:
    if isinstance(value, Sequence):
        return [_strict(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
