"""What is said of a bug."""

from typing import NamedTuple


class Bug(NamedTuple):
    """One, as an edit of one place."""

    says: str
    path: str  # below src/dqnlab
    old: str
    new: str
    red: tuple[str, ...]  # files below tests


class Impossible(NamedTuple):
    """One for which there is no place."""

    says: str
    why: str
