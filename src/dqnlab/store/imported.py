"""Runs that were not trained here, but brought in: `imported` in their meta.json. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import FolderError
from .folder import META
from .reading import read_json

IMPORTED = "imported"
UNKNOWN = "unknown"


class Imported(NamedTuple):
    """Where an agent came from."""

    file: str
    """its name"""
    sha256: str
    """of the whole file"""
    program: str
    """with its version, as far as the file says"""
    known: tuple[str, ...]
    """the settings that the file, or whoever brought it in, has said; what the others were nobody knows"""

    @property
    def says(self) -> str:
        """It in a few words."""
        return f"{self.file}, {self.program}"

    def knows(self, name: str) -> bool:
        """Whether a setting, by its dotted name, is known."""
        return name in self.known

    def as_known(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Settings by dotted name, with what nobody knows as such."""
        return {name: value if self.knows(name) else UNKNOWN for name, value in settings.items()}

    def as_dict(self) -> dict[str, Any]:
        """As meta.json holds it."""
        return {**self._asdict(), "known": list(self.known)}


def read_imported(path: Path) -> Imported | None:
    """What a meta.json says of where the agent came from; none if it was trained here. Raises FolderError."""
    about = read_json(path).get(IMPORTED)
    match about:
        case None:
            return None
        case {"file": str() as file, "sha256": str() as sha256, "program": str() as program, "known": list() as known}:
            if all(isinstance(name, str) for name in known):
                return Imported(file, sha256, program, tuple(known))
    raise FolderError(f"{str(path)!r} is damaged: {IMPORTED} cannot be {str(about)[:60]!r}")


def origin_of(folder: Path) -> Imported | None:
    """The same of a run's folder, where nothing is said of what nobody can read."""
    try:
        return read_imported(folder / META) if (folder / META).is_file() else None
    except FolderError:
        return None
