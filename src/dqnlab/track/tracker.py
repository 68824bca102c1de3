"""What a tracker is: somewhere to send metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker knows about the run."""

    run_folder: Path
    env: str
    config: dict[str, Any]  # plain nested values
    description: str
    after: int | None = None  # the env step after which a run was taken up again; none for a new one


class Tracker(Protocol):
    """Somewhere to send metrics."""

    def log(self, step: int, row: Mapping[str, float]) -> None:
        """Takes metrics of one env step; steps never fall."""

    def close(self) -> str | None:
        """Finishes, and returns a line for the user: where the metrics are or how to send them later."""
