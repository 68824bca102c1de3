"""metrics.jsonl as it grows: only what is new is read, and kept as columns. The file may come from anyone."""

from __future__ import annotations

import math
import os
from array import array
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FolderError
from ..explain.health.signals import Column
from ..store.control import ORDERS
from ..store.folder import METRICS
from ..store.metrics import parse_line
from ..store.reading import is_count, is_number, open_plain

PIECE = 1 << 22  # bytes that are read at once
LONGEST = 1 << 20  # bytes of a line: ours are far shorter
MOST_VALUES = 10_000_000  # numbers that are kept of one run
MOST_NAMES = 400
MOST_NAME = 100
MOST_RETURNS = 1_000
_SPELLED = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_LISTS = ("eval/returns", "confirm/returns")


class Growing:
    """The metrics of one run so far.

    A run that is resumed replaces its file by one without the records after its checkpoint: it is then read anew. A
    last line without its end is left until it has one; a line that is no record is left out and counted.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / METRICS
        self._id: tuple[int, int] | None = None
        self._forget()

    def _forget(self) -> None:
        self._at = 0
        self._rest = b""
        self._steps: dict[str, array[float]] = {}
        self._values: dict[str, array[float]] = {}
        self.num_values = 0
        self.num_lines = 0
        self.damaged = 0
        """lines that are no record"""
        self.is_full = False
        """whether no more is kept, for there is too much of it"""
        self.last: dict[str, float] = {}
        """the latest value of each metric"""
        self.step = 0
        self.paused = False
        """whether the latest of a viewer's orders left the run standing"""
        self.obeyed: dict[str, int] = {}
        """how often the run has done each of a viewer's orders"""
        self.is_judged = False
        """whether training has ended by an order or because it was solved, and nothing was learned since"""
        self._stepping = 0  # blocks that were asked for, and at whose end it has not stood still yet
        self.evaluations: list[dict[str, Any]] = []
        self.confirms: list[dict[str, Any]] = []

    def read(self) -> bool:
        """Reads what is new, or a piece of it; whether there was anything."""
        try:
            found = os.stat(self._path)
        except OSError:
            return False
        if (found.st_dev, found.st_ino) == self._id and found.st_size == self._at:
            return False
        if self.is_full and (found.st_dev, found.st_ino) == self._id and found.st_size > self._at:
            return False
        try:
            with open_plain(self._path) as file:
                now = os.fstat(file.fileno())
                if (now.st_dev, now.st_ino) != self._id or now.st_size < self._at:
                    self._forget()
                    self._id = (now.st_dev, now.st_ino)
                file.seek(self._at)
                piece = file.read(PIECE)
        except (FolderError, OSError):
            return False
        self._at += len(piece)
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > LONGEST:
            self._rest, self.is_full = b"", True
            self.damaged += 1
        for line in lines:
            self._take(line)
        return bool(piece)

    @property
    def more(self) -> bool:
        """Whether a piece of the file is still unread."""
        try:
            return not self.is_full and os.stat(self._path).st_size > self._at
        except OSError:
            return False

    def columns(self) -> dict[str, Column]:
        """Every metric, by rising env step."""
        return {name: _rising(np.array(steps), np.array(self._values[name])) for name, steps in self._steps.items()}

    def column(self, name: str) -> Column:
        """One metric; empty if it was never recorded."""
        return _rising(np.array(self._steps.get(name, ())), np.array(self._values.get(name, ())))

    def _take(self, line: bytes) -> None:
        self.num_lines += 1
        if self.is_full or not line.strip():
            return
        record = parse_line(line.decode("utf-8", errors="replace")) if len(line) <= LONGEST else None
        if record is None:
            self.damaged += 1
            return
        if "schema" in record:  # the header
            return
        step = record.get("step")
        if not is_count(step):
            self.damaged += 1
            return
        self._note_orders(record, step)
        self.step = max(self.step, step)
        for name, value in record.items():
            if isinstance(value, list):
                self._take_list(name, step, value, record)
            elif name != "step":
                self._take_number(name, float(step), value)

    def _note_orders(self, record: dict[str, Any], step: int) -> None:
        """Which were obeyed, and how the run stands: one that recorded more after a pause or its end was resumed."""
        if step > self.step:
            self.is_judged = False
            self.paused = self.paused and self._stepping > 0
        self.is_judged = self.is_judged or record.get("confirm/passed") == 1
        for name in ORDERS:
            if f"control/{name}" in record:
                self._note_order(name)

    def _note_order(self, name: str) -> None:
        if name == "step":  # done where it stands still again
            self.paused, self._stepping = True, self._stepping + 1
            return
        if name == "pause" and self._stepping:
            self.obeyed["step"] = self.obeyed.get("step", 0) + self._stepping
        else:
            self.obeyed[name] = self.obeyed.get(name, 0) + 1
        if name != "checkpoint":
            self.paused, self._stepping = name == "pause", 0
        self.is_judged = self.is_judged or name == "stop"

    def _take_number(self, name: str, step: float, raw: object) -> None:
        value = _SPELLED.get(raw) if isinstance(raw, str) else float(raw) if is_number(raw) else None
        if value is None or len(name) > MOST_NAME:
            return
        if name not in self._steps:
            if len(self._steps) == MOST_NAMES:
                return
            self._steps[name], self._values[name] = array("d"), array("d")
        if self.num_values == MOST_VALUES:
            self.is_full = True
            return
        self._steps[name].append(step)
        self._values[name].append(value)
        self.num_values += 1
        self.last[name] = value

    def _take_list(self, name: str, step: int, values: list[Any], record: dict[str, Any]) -> None:
        sound = len(values) <= MOST_RETURNS and all(map(is_number, values))
        if name not in _LISTS or not values or not sound or self.num_values + len(values) > MOST_VALUES:
            return
        self.num_values += len(values)
        if name == "eval/returns":
            self.evaluations.append({"step": step, "returns": values})
        else:
            self.confirms.append({"step": step, "returns": values, "passed": record.get("confirm/passed") == 1})


def _rising(step: np.ndarray, value: np.ndarray) -> Column:
    if len(step) > 1 and (np.diff(step) < 0).any():
        order = np.argsort(step, kind="stable")
        return Column(step[order], value[order])
    return Column(step, value)
