"""The findings against which there may be a repair, by what a run's notes call them. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable

from .page import words

REPAIRABLE = (
    "diverging",
    "over-estimating",
    "dead-network",
    "forgetting",
    "unbounded",
    "always-random",
    "not-exploring",
    "short-memory",
    "limit-as-end",
    "drowned",
    "biased",
)


def is_repairable(notes: Iterable[str]) -> bool:
    """Whether a run's notes, as its page leaves them, tell of a finding that `dqn heal` may repair."""
    named = tuple(words()[f"health.kind.{kind}.name"]["en"] for kind in REPAIRABLE)
    return any(note.startswith(named) for note in notes)
