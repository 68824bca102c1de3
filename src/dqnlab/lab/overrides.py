"""What may be different when a run is resumed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ..config import AnyEnvironment, Episodes, Steps
from ..track.tracker import AnyTracker


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """What differs from before."""

    budget: Steps | Episodes | None = None
    """a later end than the run was made for; it then continues even if it was solved"""
    env: AnyEnvironment | None = None
    """the environment, where a file cannot know it"""
    trackers: Sequence[AnyTracker] | None = None
    """those that the run began with if none"""
    trust_env_modules: Collection[str] = ()
    """modules that its environment and wrappers may import"""
    force_unlock: bool = False
    """take a folder over that was in use on another machine"""
