"""Which runs a server shows. A request names one by a number made of its folder: no path comes from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..config.changes import changes_text
from ..store.entry import RUNNING, Entry
from ..store.folder import CONFIG
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
    first: Path | None = None
    """a run or group that is there before the list has it: a group is listed once a seed has begun"""
    _known: dict[str, Path] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        if self.first is not None:
            self._known[run_number(self.first)] = self.first

    def entries(self) -> list[Entry]:
        """What there is, the newest first; what a link leads out to is not there, and no group that has such a seed."""
        root = (self.only or self.runs).resolve()
        found = all_entries(self.runs) if self.only is None else entries([self.only])
        inside = [each for each in found if _is_inside(each, root)][-MOST_RUNS:]
        for each in (*apart(inside), *inside):
            self._known[run_number(each.folder)] = each.folder
        return inside[::-1]

    def find(self, number: str) -> Path | None:
        """The folder of a run or group that was listed before, or that is there by now.

        None if a link has taken its place since.
        """
        if number not in self._known:
            self.entries()
        folder = self._known.get(number)
        return folder if folder is not None and run_number(folder) == number else None

    def seeds(self, group: Path) -> list[Path]:
        """The seeds of a group that have begun, in order. A link, which may lead anywhere, is none of them."""
        begun = [path.parent for path in group.glob(f"seed-*/{CONFIG}") if not path.parent.is_symlink()]
        self._known.update({run_number(seed): seed for seed in begun})
        return sorted(begun, key=lambda seed: (len(seed.name), seed.name))


def _is_inside(entry: Entry, root: Path) -> bool:
    return all(each.folder.resolve().is_relative_to(root) for each in (entry, *entry.runs))


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
