"""Where in the user's own files an error was raised."""

import os
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import gymnasium as gym

from ..errors import named


def _folder(path: str | Path) -> str:
    return f"{Path(path).resolve()}{os.sep}"


THROUGH = (_folder(Path(__file__).parent.parent), _folder(Path(gym.__file__).parent))  # calls only pass through these
LIBRARIES = tuple(_folder(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib"))


def named_with_place(error: BaseException) -> str:
    """An error as one line, with the file and line that most likely caused it."""
    place = place_of(error)
    return named(error) if place is None else f"{named(error)} ({Path(place[0]).name}, line {place[1]})"


def place_of(error: BaseException) -> tuple[str, int] | None:
    """File and line of the innermost frame in a file of the user's, else of one that is not ours or Gymnasium's."""
    frames = [each for each in _frames(error.__traceback__) if not each[0].startswith(THROUGH)]
    own = [each for each in frames if not each[0].startswith(LIBRARIES)]
    return (own or frames or [None])[-1]


def _frames(traceback: TracebackType | None) -> Iterator[tuple[str, int]]:
    """File and line of each frame that has a file, the outermost first."""
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if not file.startswith("<"):
            yield str(Path(file).resolve()), traceback.tb_lineno
        traceback = traceback.tb_next
