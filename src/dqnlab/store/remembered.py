"""The environments made in Python that this process has trained on: no file holds them, but here they are known.

Only what a caller has handed to this very process is found again, by the run's folder; another process has to be given
the environment once more. Nothing is ever read from a file.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..config import Env

KNOWN: dict[Path, Env] = {}
"""by the folder of a run"""


def remember(folder: Path, env: Env) -> None:
    """Takes note of what makes the environment of the run in a folder."""
    if env.in_python:
        KNOWN[folder.resolve()] = env


def recall(folder: Path, env: Env) -> Env | None:
    """The environment of the run in a folder, as its file describes it, with what makes it.

    None if this process does not know that, or knows something of another name.
    """
    found = KNOWN.get(folder.resolve())
    if found is None or found.label != env.label:
        return None
    return replace(env, id=found.id, wrappers=found.wrappers)
