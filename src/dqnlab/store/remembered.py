"""The environments made in Python that this process has trained on: no file holds them, but here they are known.

Only what a caller has handed to this very process is found again, by the run's folder; another process has to be given
the environment once more. Nothing is ever read from a file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..config import Env

KNOWN: dict[Path, Callable[..., Any]] = {}
"""by the folder of a run"""


def remember(folder: Path, env: Env) -> None:
    """Takes note of what makes the environment of the run in a folder."""
    if not isinstance(env.id, str):
        KNOWN[folder.resolve()] = env.id


def recall(folder: Path, label: str) -> Callable[..., Any] | None:
    """What makes the environment, of this name, of the run in a folder; none if this process does not know it."""
    found = KNOWN.get(folder.resolve())
    return found if found is not None and Env(id=found).label == label else None
