"""Asking before something is taken away for good."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import ConfigError
from ..terminal.text import clean
from ..trust import shown

STAYS = "stays, as dqnlab has not made it"


def tell(what: str, paths: Sequence[Path]) -> None:
    """A line below a row of sizes, on some of what lies in it; nothing if there is none."""
    if paths:
        print(f"{'':>9}  {what}: {', '.join(clean(shown(path)) for path in paths)}")


def confirmed(question: str) -> bool:
    """Whether whoever sits at the terminal says yes. Raises ConfigError if nobody does: then --yes has to say so."""
    if not sys.stdin.isatty():
        raise ConfigError(f"{question} Nobody is there to answer: add --yes if that is right, or --dry-run to look")
    print(f"{question} [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
