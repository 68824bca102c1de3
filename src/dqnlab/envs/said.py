"""Warnings on their way from another process to the one that can show them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

from .contract import TakenAs
from .once import Topic, is_news


class Said(NamedTuple):
    """A warning."""

    kind: type[Warning]
    text: str
    about: tuple[str, str] | None  # of a TakenAs


def said_by(warning: Warning | str) -> Said:
    """What was said there."""
    if not isinstance(warning, Warning):
        return Said(UserWarning, warning, None)
    if isinstance(warning, TakenAs):
        return Said(UserWarning, str(warning), warning.about)
    kind = type(warning) if type(warning).__module__ == "builtins" else UserWarning  # others may not be known there
    return Said(kind, str(warning), None)


def say_again(said: Sequence[Said], own: set[Topic], stacklevel: int = 3) -> None:
    """Says it here; what is true of every copy once. `own` is as in `is_news`."""
    for each in said:
        if each.about is None:
            warnings.warn(each.text, each.kind, stacklevel=stacklevel)
        elif is_news(each.about, own):
            warnings.warn(TakenAs(each.text, each.about), stacklevel=stacklevel)
