"""Which runs are asked for and in which order, and each as a row of plain values. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from ..config.changes import changes_text
from .entry import Entry

Order = Literal["time", "score", "steps", "seconds", "name", "env"]
Status = Literal["finished", "running", "interrupted", "failed", "unfinished", "damaged"]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What runs have to be; texts are looked for anywhere and in any case, or with `*` and `?` as a whole."""

    env: str | None = None
    preset: str | None = None
    name: str | None = None
    tags: Sequence[str] = ()
    """all of them"""
    status: Sequence[str] = ()
    """one of them"""
    solved: bool | None = None

    def takes(self, entry: Entry) -> bool:
        """Whether a run is asked for."""
        texts = ((self.env, [entry.env]), (self.preset, [entry.preset]), (self.name, [entry.name, entry.called]))
        return (
            all(wanted is None or any(_matches(wanted, text) for text in found) for wanted, found in texts)
            and set(self.tags) <= set(entry.label.tags)
            and (not self.status or entry.status in self.status)
            and (self.solved is None or (entry.solved is not None and is_solved(entry) == self.solved))
        )


def is_solved(entry: Entry) -> bool:
    """Whether every seed reaches the threshold."""
    return entry.solved is not None and entry.solved == len(entry.seeds)


def _matches(wanted: str, text: str) -> bool:
    wanted, text = wanted.casefold(), text.casefold()
    return fnmatchcase(text, wanted) if {"*", "?"} & set(wanted) else wanted in text


def ordered(found: Sequence[Entry], by: Order, *, reverse: bool = False) -> list[Entry]:
    """Sorted: by time the oldest first, by score the best, by steps and seconds the fewest; who has none comes last."""
    if by == "time":  # as they are listed
        return list(reversed(found)) if reverse else list(found)
    keys: list[tuple[Any, Entry]] = [(_key(entry, by), entry) for entry in found]
    known = sorted((each for each in keys if each[0] is not None), key=lambda each: each[0], reverse=reverse)
    return [entry for _, entry in [*known, *(each for each in keys if each[0] is None)]]


def _key(entry: Entry, by: Order) -> Any:
    match by:
        case "score":
            return None if entry.score is None else -entry.score[0]
        case "steps":
            return entry.env_steps
        case "seconds":
            return entry.seconds
        case "name":
            return entry.name.casefold()
        case _:
            return entry.env.casefold()


COLUMNS = (
    *("name", "folder", "group", "env", "preset", "seeds", "status", "score", "low", "high", "scored", "solved"),
    *("env_steps", "updates", "seconds", "created", "tags", "settings", "parent", "removed"),
    "damage",
)
"""of `dqn runs --json` and `--csv` (docs/runs.md): kept, new ones are added at the end"""


def rows(found: Iterable[Entry]) -> list[dict[str, Any]]:
    """Every entry as plain values under the names of COLUMNS."""
    return [_row(entry) for entry in found]


def _row(entry: Entry) -> dict[str, Any]:
    mean, low, high = entry.score or (None, None, None)
    parent = entry.parent or {}
    values: tuple[Any, ...] = (
        *(entry.name, str(entry.folder), entry.group and entry.group.name, entry.env, entry.preset, list(entry.seeds)),
        *(entry.status, mean, low, high, entry.scored, entry.solved, entry.env_steps, entry.updates, entry.seconds),
        *(entry.created, list(entry.label.tags), dict(entry.settings)),
        f"{parent['run']} at step {parent['step']}" if {"run", "step"} <= parent.keys() else None,
        list(entry.removed),
        entry.damage or None,
    )
    return dict(zip(COLUMNS, values, strict=True))


def flat_rows(found: Iterable[Entry]) -> list[dict[str, Any]]:
    """The same with every value as one cell: lists with a blank between their items, settings as one types them."""
    return [
        {
            **row,
            "seeds": " ".join(map(str, row["seeds"])),
            "tags": ",".join(row["tags"]),
            "removed": " ".join(map(str, row["removed"])),
            "settings": changes_text(row["settings"]),
        }
        for row in rows(found)
    ]
