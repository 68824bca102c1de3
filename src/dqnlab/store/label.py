"""What the user calls a run: its name and its tags, which change nothing of what it computes. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config.checks import quoted
from ..errors import ConfigError, FolderError
from ..trust import clean
from .folder import META, SUMMARY
from .reading import read_json

LATEST = "latest"
"""what the run that began last is called everywhere"""
MOST_LETTERS = 100
MOST_TAGS = 30


@dataclass(frozen=True, kw_only=True)
class Label:
    """A name, if there is one, and any tags. Raises ConfigError for what could not be typed again."""

    name: str | None = None
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "tags", tuple(dict.fromkeys(self.tags)))
        if self.name is not None:
            _check("name", self.name)
        if self.name == LATEST:
            raise ConfigError(f"name {LATEST!r} is what the newest run is called anyway: choose another")
        for tag in self.tags:
            _check("tag", tag)
            if "," in tag:
                raise ConfigError(f"tag {quoted(tag)} has a comma: give each tag by itself")
        if len(self.tags) > MOST_TAGS:
            raise ConfigError(f"a run has at most {MOST_TAGS} tags, got {len(self.tags)}")

    def as_dict(self) -> dict[str, Any]:
        """As meta.json and summary.json hold it."""
        return {"name": self.name, "tags": list(self.tags)}


UNLABELLED = Label()


def _check(what: str, text: str) -> None:
    if not text or text != text.strip() or text != clean(text) or len(text) > MOST_LETTERS:
        raise ConfigError(
            f"a {what} must be 1 to {MOST_LETTERS} visible characters on one line, without spaces around them, "
            f"got {quoted(text)}"
        )


def label_in(about: Mapping[str, Any]) -> Label:
    """What a meta.json or summary.json says; of runs made before there were labels, or damaged ones, nothing."""
    name, tags = about.get("name"), about.get("tags")
    try:
        return Label(
            name=name if isinstance(name, str) else None,
            tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        )
    except ConfigError:
        return UNLABELLED


def read_label(folder: Path) -> Label:
    """What the run or group in a folder is called."""
    try:
        return label_in(read_json(folder / (SUMMARY if (folder / SUMMARY).is_file() else META)))
    except FolderError:  # somebody has changed it: then it has no name
        return UNLABELLED
