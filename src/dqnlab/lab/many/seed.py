"""The folder of one seed of many, and the report of a seed that failed."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...config import Config
from ...errors import DqnlabError, ResourceError, named
from ...memory import is_short_of_memory, out_of_memory
from ...store.door import write_atomically
from ...store.folder import CONFIG, ERROR, check_no_link
from ...store.lock import locked
from ...store.new import new_folder
from ...trust import redacted
from .line import Failed


@contextmanager
def seed_folder(config: Config, home: Path) -> Iterator[Path]:
    """The folder of a seed, locked: an existing one to continue in, or a new one. Raises FolderError."""
    check_no_link(home)
    if (home / CONFIG).is_file():
        with locked(home):
            yield home
    else:
        with new_folder(config, home, home.parent) as folder:
            yield folder


def failed(seed: int, home: Path, error: Exception) -> Failed:
    """The report of a seed without a result; an unexpected error leaves its traceback in the folder."""
    if is_short_of_memory(error) and not isinstance(error, ResourceError):
        error = out_of_memory(error)
    if isinstance(error, DqnlabError):
        return Failed(seed, redacted(str(error)), error.exit_code)
    with contextlib.suppress(DqnlabError):  # the report says what happened in any case
        write_atomically(home / ERROR, redacted("".join(traceback.format_exception(error))))
    return Failed(seed, redacted(f"{named(error)} (see {ERROR})"), 1)
