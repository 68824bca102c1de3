"""Rings: rows in columns of equal length, where each new row takes the place of the oldest."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

Column = np.ndarray | Tensor


class Ring:
    """The latest rows of a sequence: row number i lies in slot i % size."""

    def __init__(self, columns: Mapping[str, Column]):
        self.added = 0  # rows ever
        self._names = tuple(columns)
        self.live_in(columns.values())

    def live_in(self, columns: Sequence[Column] | Any) -> None:
        """Writes into these columns from now on, which hold what its own held before."""
        on_cpu = [x.numpy() if isinstance(x, Tensor) and x.device.type == "cpu" else x for x in columns]
        self._columns: list[Column] = on_cpu
        self.size = len(on_cpu[0])

    def append(self, *fields: np.ndarray) -> None:
        """Takes equally long fields, one per column, of at most `size` rows."""
        at, num = self.added % self.size, len(fields[0])
        room = self.size - at
        for column, field in zip(self._columns, fields, strict=True):
            new: Any = field if isinstance(column, np.ndarray) else torch.from_numpy(field).to(column.device)
            if num <= room:
                column[at : at + num] = new
            else:
                column[at:], column[: num - room] = new[:room], new[room:]
        self.added += num

    @property
    def bounds(self) -> tuple[int, int]:
        """The number of the oldest row that is still there, and of the next one to come."""
        return max(0, self.added - self.size), self.added

    def read(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """A copy of rows start..stop-1, by column."""
        slots = np.arange(start, stop) % self.size
        return {
            name: column[slots] if isinstance(column, np.ndarray) else column[torch.from_numpy(slots)].cpu().numpy()
            for name, column in zip(self._names, self._columns, strict=True)
        }

    def write(self, start: int, rows: Mapping[str, np.ndarray]) -> None:
        """Puts back rows that `read` gave, whose first one is number `start`; they are the latest now."""
        self.added = start
        self.append(*(rows[name] for name in self._names))
