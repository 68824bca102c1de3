"""Which trackers there are, and the shell that keeps one from ever stopping a run."""

from __future__ import annotations

import contextlib
import difflib
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence

from ..errors import ConfigError, named
from ..trust import clean, redacted
from .merged import Merged
from .swanlab import SwanlabTracker
from .tensorboard import TensorboardTracker
from .tracker import TrackedRun, Tracker

# The package behind each tracker, and the command that installs it.
PACKAGES = {
    "swanlab": ("swanlab", "pip install swanlab"),
    "tensorboard": ("tensorboard", 'pip install "dqnlab[tensorboard]"'),
}
NAMES = (*PACKAGES, "none")


def check_trackers(names: Sequence[str]) -> None:
    """Raises unless `open_trackers` could open these. Cheap: imports none of them, writes nothing.

    Raises ConfigError for a name that does not exist or a package that is missing.
    """
    for name in names:
        if name not in NAMES:
            close = difflib.get_close_matches(name, NAMES, n=1)
            hint = f"did you mean {close[0]}?" if close else f"choose from {', '.join(NAMES)}"
            raise ConfigError(f"unknown tracker {name!r}: {hint}")
    if "none" in names and set(names) != {"none"}:
        raise ConfigError(f"tracker none excludes all others, got {', '.join(names)}: leave out one or the other")
    for name in names:
        package, command = PACKAGES.get(name, ("", ""))
        if package and importlib.util.find_spec(package) is None:
            raise ConfigError(f"tracker {name} needs the package {package}, which is not installed: {command}")


def open_trackers(names: Sequence[str], about: TrackedRun) -> list[Tracker]:
    """The trackers of these names, each once, guarded, fed one row per step."""
    check_trackers(names)
    found = (safe_tracker(name, about) for name in dict.fromkeys(names) if name != "none")
    return list(found)


def safe_tracker(name: str, about: TrackedRun) -> SafeTracker:
    """One tracker in its shell; a tracker that cannot even be made is reported there too."""

    def make() -> Tracker:
        if name == "swanlab":
            return Merged(SwanlabTracker(about))
        return Merged(TensorboardTracker(about))

    return SafeTracker(name, make)


def warn(line: str) -> None:
    """Prints one line of warning to standard error."""
    # A closed terminal is no reason to lose a run, and there is nobody left to tell.
    with contextlib.suppress(OSError, ValueError):
        print(clean(redacted(line)), file=sys.stderr, flush=True)


class SafeTracker:
    """A tracker that fails at most once: one line on standard error, and it is off."""

    def __init__(self, name: str, make: Callable[[], Tracker]) -> None:
        self.name = name
        self._tracker: Tracker | None = None
        self._on = True
        try:
            self._tracker = make()
        except Exception as error:  # whatever a tracker's package may raise
            self._switch_off(error)

    def log(self, step: int, row: Mapping[str, float]) -> None:
        if self._tracker is None or not self._on:
            return
        try:
            self._tracker.log(step, row)
        except Exception as error:
            self._switch_off(error)

    def close(self) -> str | None:
        tracker, self._tracker = self._tracker, None
        if tracker is None:
            return None
        try:
            line = tracker.close()
        except Exception as error:
            self._switch_off(error)
            return None
        return line if self._on else None

    def _switch_off(self, error: Exception) -> None:
        if self._on:  # said once: a tracker that failed may well fail again when it is closed
            warn(f"tracker {self.name} is off: {in_one_line(error)}. Training continues; metrics.jsonl has everything.")
        self._on = False


def in_one_line(error: Exception) -> str:
    """An error as one line of moderate length."""
    text = named(error)
    return text if len(text) <= 200 else text[:199] + "…"
