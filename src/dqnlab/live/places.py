"""Which runs a server shows. A request names one by a number made of its folder: no path comes from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..config.changes import changes_text
from ..store.entry import RUNNING, Entry
from ..store.ledger import all_entries, apart, entries
from ..store.select import rows

MOST_RUNS = 5_000  # that a list has, the newest


def run_number(folder: Path) -> str:
    """What a run or group is called in addresses."""
    return sha256(str(folder.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]


@dataclass
class Places:
    """The runs and groups below a folder, or one of them alone."""

    runs: Path
    only: Path | None = None
    """a run or group, if nothing else is to be shown"""
    _known: dict[str, Path] = field(default_factory=dict, init=False)

    def entries(self) -> list[Entry]:
        """What there is, the newest first; a folder that a link leads out to is not there."""
        root = (self.only or self.runs).resolve()
        found = all_entries(self.runs) if self.only is None else entries([self.only])
        inside = [each for each in found if each.folder.resolve().is_relative_to(root)][-MOST_RUNS:]
        for each in apart(inside):
            self._know(each, root)
        for each in inside:
            self._know(each, root)
        return inside[::-1]

    def find(self, number: str) -> Path | None:
        """The folder of a run or group that was listed before, or that is there by now."""
        if number not in self._known:
            self.entries()
        return self._known.get(number)

    def _know(self, entry: Entry, root: Path) -> None:
        if entry.folder.resolve().is_relative_to(root):
            self._known[run_number(entry.folder)] = entry.folder


def as_rows(found: list[Entry]) -> list[dict[str, Any]]:
    """The list as the page gets it: no path but names, each with its number."""
    listed = rows(found)
    for row, entry in zip(listed, found, strict=True):
        del row["folder"]
        row["id"] = run_number(entry.folder)
        row["set"] = changes_text(row.pop("settings"))
        row["is_group"] = bool(entry.runs)
    return listed


def training(found: list[Entry]) -> list[Entry]:
    """Of these the runs that a process works on, of groups their seeds."""
    return [each for each in apart(found) if each.status == RUNNING]
