"""The plain numbers among what a stranger's file says of the training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ...trust import clean

LONGEST = 40
MOST_BITS = 128


def plain_numbers(
    said: Mapping[str, Any], wanted: Sequence[tuple[str, str, type]]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The numbers under our names, and as text what should be such a number and is none.

    What is pickled, or null, says nothing.

    Args:
        wanted: our name, theirs, and the kind of number that it is.
    """
    found: dict[str, Any] = {}
    odd: list[str] = []
    for ours, theirs, kind in wanted:
        value = said.get(theirs)
        if is_plain(kind, value):
            found[ours] = value
        elif isinstance(value, str | int | float):
            odd.append(setting_says(ours, value))
    return found, tuple(odd)


def is_plain(kind: type, value: object) -> bool:
    """Whether a value is a number of that kind, from 0 on, and of an ordinary size."""
    if isinstance(value, bool) or not isinstance(value, int if kind is int else int | float):
        return False
    return math.isfinite(value) and 0 <= value < 2**63 if isinstance(value, float) else 0 <= value < 2**63


def setting_says(name: str, value: object) -> str:
    """A setting as a note shows it."""
    if isinstance(value, int) and value.bit_length() > MOST_BITS:  # Python writes none of many thousand digits
        return f"{name} = a number of {value.bit_length():,} bits"
    return f"{name} = {clean(str(value))[:LONGEST]}"
