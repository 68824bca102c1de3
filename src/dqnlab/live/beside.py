"""A server that was started beside a run that begins, by `dqn train --live`, and outlives it while somebody looks."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path

from ..terminal.text import clean
from .serve import Serving, serve_runs
from .verdict import Alert


def serve_beside(words: list[str]) -> None:
    """Serves what the one argument says, as `start` writes it, until the parent has ended and no page is open."""
    asked = json.loads(words[0])
    folder, runs = Path(asked["folder"]), Path(asked["runs"])
    inside = folder.resolve().is_relative_to(runs.resolve())
    wanted = Serving(
        runs=runs,
        only=None if inside else folder,
        first=folder,
        trusted=tuple(asked["trusted"]),
        alert=Alert(asked["alert"]) if asked["alert"] else None,
        leaves_with_parent=True,
        watches=folder,
    )
    serve_runs(wanted, _say)


def _say(line: str) -> None:
    with suppress(OSError, ValueError):  # the parent has ended
        print(clean(line), flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        serve_beside(sys.argv[1:])
