"""Rings: rows in columns of equal length, where each new row takes the place of the oldest."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor


class Ring:
    """The latest rows of a sequence: row number i lies in slot i % size. All columns on one device."""

    def __init__(self, columns: Mapping[str, Tensor]):
        self.added = 0  # rows ever
        self._names = tuple(columns)
        self.move_to(list(columns.values()))

    def move_to(self, columns: Sequence[Tensor]) -> None:
        """Writes into these columns from now on; they hold what its own held before."""
        self.size, self._device = len(columns[0]), columns[0].device
        self._on_cpu = self._device.type == "cpu"  # where numpy writes into the same memory, at a fraction of the cost
        self._columns: list[Any] = [column.numpy() for column in columns] if self._on_cpu else list(columns)

    def append(self, *fields: np.ndarray) -> None:
        """Takes equally long fields, one per column, of at most `size` rows."""
        at, num = self.added % self.size, len(fields[0])
        new: Sequence[Any] = fields if self._on_cpu else [torch.from_numpy(each).to(self._device) for each in fields]
        room = self.size - at
        if num <= room:
            for column, field in zip(self._columns, new, strict=True):
                column[at : at + num] = field
        else:
            for column, field in zip(self._columns, new, strict=True):
                column[at:], column[: num - room] = field[:room], field[room:]
        self.added += num

    @property
    def bounds(self) -> tuple[int, int]:
        """The number of the oldest row that is still there, and of the next one to come."""
        return max(0, self.added - self.size), self.added

    def read(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """A copy of rows start..stop-1, by column."""
        slots = np.arange(start, stop) % self.size
        if self._on_cpu:
            rows = [column[slots] for column in self._columns]
        else:
            rows = [column[torch.from_numpy(slots).to(self._device)].cpu().numpy() for column in self._columns]
        return dict(zip(self._names, rows, strict=True))

    def write(self, start: int, rows: Mapping[str, np.ndarray]) -> None:
        """Puts back rows that `read` gave, whose first one is number `start`; they are the latest now."""
        self.added = start
        self.append(*(rows[name] for name in self._names))
