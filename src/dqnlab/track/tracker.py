"""What a tracker is: somewhere to send metrics. Three kinds of values stand for one where trackers are asked for:
the name of one that dqnlab has, `Swanlab(…)` with its settings, or an object of the caller's own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol

from ..config.checks import Says, quoted
from ..config.typed import check_fields
from ..errors import ConfigError
from ..store.folder import Run
from ..trust import clean


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker knows about the run."""

    run_folder: Path
    env: str
    config: dict[str, Any]  # plain nested values
    description: str
    after: int | None = None  # the env step after which a run was taken up again; none for a new one
    name: str = ""  # its own, or that of its folder; of a seed with the group's before it
    group: str | None = None  # what the group of a seed is called
    tags: tuple[str, ...] = ()


class Tracker(Protocol):
    """Somewhere to send metrics."""

    def log(self, step: int, row: Mapping[str, float]) -> None:
        """Takes metrics of one env step; steps never fall."""

    def end(self) -> None:
        """Hands on what it has kept: no more metrics will come, while the run is still to be judged and explained."""

    def finish(self, run: Run) -> None:
        """Takes what the run came to, with its page among its files if it has one."""

    def close(self) -> str | None:
        """Finishes, and returns a line for the user: where the metrics are or how to send them later."""


class OwnTracker(Protocol):
    """A tracker of the caller's own, as an object. All is called in the thread that trains, `start` first.

    Whatever it raises costs one line of warning and turns it off; training continues.
    """

    def start(self, run: TrackedRun) -> None:
        """Takes note of what begins, or is resumed (`run.after`)."""

    def log(self, step: int, row: Mapping[str, float]) -> None:
        """Takes metrics of one env step; steps never fall, and each comes once."""

    def finish(self, run: Run) -> None:
        """Takes what the run came to, once it is on disk: also where that is an interruption or an error."""

    def close(self) -> str | None:
        """Lets go of everything, and returns a line for the user, or none."""


METHODS = ("start", "log", "finish", "close")


@dataclass(frozen=True, kw_only=True)
class Swanlab:
    """How SwanLab files a run. What is left out is what SwanLab's own settings say, or else what dqnlab calls it."""

    project: str | None = None
    """project in SwanLab; RL-All-In-One if its own settings name none"""
    workspace: str | None = None
    """workspace or organisation in SwanLab; the user's own if none"""
    name: str | None = None
    """name of the experiment; the run's if none"""
    group: str | None = None
    """group of experiments; that of the seeds if none"""
    tags: tuple[str, ...] = ()
    """a tag of the experiment, beside the run's own"""
    id: str | None = None
    """id of an experiment to continue; a new one if none"""

    def __post_init__(self) -> None:
        check_fields(self, "swanlab.")
        for field_name, (pattern, wanted) in _ALLOWED.items():
            value = getattr(self, field_name)
            if value is not None and not (re.fullmatch(pattern, value) and _is_visible(value)):
                raise ConfigError(f"swanlab.{field_name} must be {wanted}, got {quoted(value)}")
        if len(self.tags) > MOST_TAGS or not all(len(tag) <= MOST_LETTERS and _is_visible(tag) for tag in self.tags):
            raise ConfigError(
                f"swanlab.tags must be up to {MOST_TAGS} of up to {MOST_LETTERS} visible characters on one line, "
                f"got {quoted(self.tags)}"
            )


# What SwanLab 0.10 takes; it would say so only in its own process, when the run has begun.
MOST_TAGS = 30
MOST_LETTERS = 512
_ALLOWED = {
    "project": (r"[0-9A-Za-z_\-+.]{1,100}", "1 to 100 letters, digits or -_+."),
    "workspace": (r"[0-9A-Za-z_\-]{1,25}", "1 to 25 letters, digits or -_"),
    "name": (rf".{{1,{MOST_LETTERS}}}", f"1 to {MOST_LETTERS} visible characters on one line"),
    "group": (rf".{{1,{MOST_LETTERS}}}", f"1 to {MOST_LETTERS} visible characters on one line"),
    "id": (r"[0-9A-Za-z_\-]{1,100}", "1 to 100 letters, digits or -_"),
}


def _is_visible(text: str) -> bool:
    """Whether there is something to see, and nothing that steers a terminal or stands for half a character."""
    return bool(text.strip()) and text == clean(text)


AnyTracker = str | Swanlab | OwnTracker
Trackers = Annotated[
    Sequence[AnyTracker],
    Says("names of trackers, Swanlab(…), or objects with the methods start, log, finish and close"),
]
