"""Folders and files that the user names on the command line."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import ResourceError
from ..store.door import make_path
from ..store.find import find_run


def home(run: str, runs: Path) -> Path:
    """The run's folder, or the weights file that was named instead. Raises FolderError."""
    return Path(run) if os.path.isfile(run) else find_run(run, runs, or_network=True)


def named_folder(out: Path) -> Path:
    """A folder that the caller named, made if it is not there; links lead where they lead. Raises ResourceError."""
    try:
        if not out.is_dir():
            make_path(out)
        return out.resolve()
    except OSError as e:
        raise ResourceError(f"cannot make the folder {str(out)!r} ({e.strerror or e}): choose another --out") from e
