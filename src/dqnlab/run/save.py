"""When checkpoints are written, and what they hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..errors import ResourceError
from ..store.checkpoint.checkpoint import GrowingRows, Store
from .events import BlockEnded, Event

ATTEMPTS = 3  # failures in a row after which training ends: what cannot be saved should not go on for days
RETRY = 10  # a failed checkpoint is tried again after this part of the period

CUT_OFF = "its environment, which cannot be saved, was cut off in mid-episode"
# Why a run that is resumed there is not exactly one that nobody interrupted, by what the state says of environments.
LOSSES = {"C": CUT_OFF, "D": "its collectors began new episodes"}


class Stateful(Protocol):
    """What can be saved and restored."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


@dataclass
class Saver:
    """Writes a checkpoint at regular env steps; safe because the loop stands still meanwhile."""

    store: Store
    parts: Mapping[str, Stateful]
    logs: Mapping[str, GrowingRows]
    every: int
    """env steps; 0 for never"""
    level: Callable[[], str]
    """what the state says of the environments (`Collector.level`)"""
    about: Mapping[str, Any]
    """what is said beside every state"""
    notify: Callable[[str], None]
    inexact: str = ""
    """why this run is no longer what one that nobody interrupted would be; empty if it is"""
    step: int = 0
    """of the latest block"""
    _failures: int = field(default=0, init=False)
    _next: int = field(default=0, init=False)
    _saved: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._next = self._after(self.step)

    def is_due(self, event: Event) -> bool:
        """Whether to save after this event. One that failed where a run may be cut is tried again at the next cut."""
        if not isinstance(event, BlockEnded):
            return False
        self.step = event.step
        return self.every > 0 and event.step >= self._next and self.level() != "C"

    def save(self) -> None:
        """Writes a checkpoint of this moment if there is none yet. Raises ResourceError if that failed too often."""
        if self._saved == self.step:
            return
        self._next = self._after(self.step)
        state = {name: part.state_dict() for name, part in self.parts.items()}
        level = self.level()
        inexact = self.inexact or (f"{LOSSES[level]} at step {self.step:,}" if level in LOSSES else "")
        about = {**self.about, "level": level, "exact": not inexact, "inexact": inexact}
        try:
            self.store.save(self.step, state, self.logs, about)
            self._failures, self._saved = 0, self.step
        except ResourceError as e:
            self._failures += 1
            if self._failures == ATTEMPTS:
                raise ResourceError(f"{ATTEMPTS} checkpoints in a row could not be written: {e}") from e
            self._next = self.step + max(1, self.every // RETRY)
            self.notify(f"no checkpoint at step {self.step:,}: {e}. Training continues; it will be tried again soon")

    def _after(self, step: int) -> int:
        """The next multiple of the period."""
        return (step // self.every + 1) * self.every if self.every else 0
