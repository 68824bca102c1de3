"""Asking before something is taken away for good."""

from __future__ import annotations

import sys

from ..errors import ConfigError


def confirmed(question: str) -> bool:
    """Whether whoever sits at the terminal says yes. Raises ConfigError if nobody does: then --yes has to say so."""
    if not sys.stdin.isatty():
        raise ConfigError(f"{question} Nobody is there to answer: add --yes if that is right, or --dry-run to look")
    print(f"{question} [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
