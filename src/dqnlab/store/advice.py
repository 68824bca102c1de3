"""What a message tells to do, as it can be typed: on the command line, and in Python where that is another way."""

from __future__ import annotations

import shlex
from pathlib import Path

from ..errors import FolderError
from ..trust import clean, shown
from .folder import META, SUMMARY
from .own import flag_needed
from .reading import read_env


def command(name: str, folder: Path, *words: str) -> str:
    """A command on a run's folder, as it can be typed here."""
    return " ".join(["dqn", name, shlex.quote(shown(folder)), *words]) + clean(flag_needed(folder))


def how_to_resume(folder: Path) -> str:
    """What to type to resume a run or a group: in Python where only Python knows the environment."""
    seeds = sorted(folder.glob(f"seed-*/{META}")) if (folder / SUMMARY).is_file() else []
    if is_callable(seeds[0].parent if seeds else folder):
        return f"dqnlab.{'resume_many' if seeds else 'resume'}({shown(folder)!r}, env=…) in Python"
    return command("resume", folder)


def is_callable(folder: Path) -> bool:
    """Whether, by its folder, the environment of a run was made in Python."""
    try:
        return bool(read_env(folder / META)["callable"])
    except FolderError:  # a group, or somebody has changed it: the command itself will say what is wrong
        return False
