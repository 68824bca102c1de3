"""Which trackers there are, and the shell that keeps one from ever stopping a run."""

from __future__ import annotations

import contextlib
import difflib
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence

from ..config.checks import quoted
from ..errors import ConfigError, named
from ..store.folder import Run
from ..trust import clean, redacted
from .merged import Merged
from .swanlab import SwanlabTracker
from .tensorboard import TensorboardTracker
from .tracker import METHODS, AnyTracker, OwnTracker, Swanlab, TrackedRun, Tracker

# The package behind each tracker, and the command that installs it.
PACKAGES = {
    "swanlab": ("swanlab", "pip install swanlab"),
    "tensorboard": ("tensorboard", 'pip install "dqnlab[tensorboard]"'),
}
NAMES = (*PACKAGES, "none")


def check_trackers(trackers: Sequence[AnyTracker]) -> None:
    """Raises unless `open_trackers` could open these. Cheap: imports none of them, writes nothing.

    Raises ConfigError for a name that does not exist, a package that is missing, or an object that is no tracker.
    """
    names = [name for each in trackers if (name := _name(each))]
    for own in trackers:
        if not isinstance(own, str | Swanlab):
            _check_own(own)
    if len({each for each in trackers if isinstance(each, Swanlab)}) > 1:
        raise ConfigError("trackers has several Swanlab(…), and a run is one experiment: leave out all but one")
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


def _name(tracker: AnyTracker) -> str:
    """What a tracker of dqnlab's is called; empty for the caller's own."""
    return "swanlab" if isinstance(tracker, Swanlab) else tracker if isinstance(tracker, str) else ""


def _check_own(own: object) -> None:
    if isinstance(own, type):
        raise ConfigError(f"tracker {own.__name__} is a class: pass an object of it, {own.__name__}(…)")
    missing = [name for name in METHODS if not callable(getattr(own, name, None))]
    if missing:
        raise ConfigError(
            f"a tracker is a name, Swanlab(…) or an object with the methods {', '.join(METHODS)}: {quoted(own)} has no "
            f"{missing[0]}"
        )


def open_trackers(trackers: Sequence[AnyTracker], about: TrackedRun) -> list[Tracker]:
    """Those of them that dqnlab has, each once, guarded, fed one row per step."""
    check_trackers(trackers)
    known: dict[str, str | Swanlab] = {}
    for each in trackers:
        if isinstance(each, Swanlab) or (isinstance(each, str) and each != "none" and each not in known):
            known[_name(each)] = each
    return [safe_tracker(each, about) for each in known.values()]


def open_own(trackers: Sequence[AnyTracker], about: TrackedRun) -> list[SafeTracker]:
    """The caller's own among them, guarded, started, fed one row per step."""
    return [_safe_own(each, about) for each in trackers if not isinstance(each, str | Swanlab)]


def safe_tracker(tracker: str | Swanlab, about: TrackedRun) -> SafeTracker:
    """One tracker in its shell; a tracker that cannot even be made is reported there too."""

    def make() -> Tracker:
        if tracker == "tensorboard":
            return Merged(TensorboardTracker(about))
        return Merged(SwanlabTracker(about, Swanlab() if isinstance(tracker, str) else tracker))

    return SafeTracker(_name(tracker), make)


def _safe_own(own: OwnTracker, about: TrackedRun) -> SafeTracker:
    """A tracker of the caller's own in its shell, started."""

    def make() -> Tracker:
        own.start(about)
        return Merged(_Started(own))

    return SafeTracker(type(own).__name__, make)


class _Started:
    """A tracker of the caller's own as one of dqnlab's."""

    def __init__(self, own: OwnTracker) -> None:
        self.log = own.log
        self.finish = own.finish
        self.close = own.close

    def end(self) -> None:
        """Nothing: it keeps nothing that dqnlab knows of."""


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
        except (Exception, SystemExit) as error:  # whatever a tracker's package may raise, even to end the program
            self._switch_off(error)

    def log(self, step: int, row: Mapping[str, float]) -> None:
        self._guarded(lambda tracker: tracker.log(step, row))

    def end(self) -> None:
        self._guarded(lambda tracker: tracker.end())

    def finish(self, run: Run) -> None:
        self._guarded(lambda tracker: tracker.finish(run))

    def _guarded(self, call: Callable[[Tracker], None]) -> None:
        if self._tracker is None or not self._on:
            return
        try:
            call(self._tracker)
        except (Exception, SystemExit) as error:
            self._switch_off(error)

    def close(self) -> str | None:
        tracker, self._tracker = self._tracker, None
        if tracker is None:
            return None
        try:
            line = tracker.close()
            if not isinstance(line, str | None):
                raise TypeError(f"close must return a text or none, got {line!r}")
        except (Exception, SystemExit) as error:
            self._switch_off(error)
            return None
        return line if self._on else None

    def _switch_off(self, error: BaseException) -> None:
        if self._on:  # said once: a tracker that failed may well fail again when it is closed
            warn(f"tracker {self.name} is off: {in_one_line(error)}. Training continues; metrics.jsonl has everything.")
        self._on = False


def in_one_line(error: BaseException) -> str:
    """An error as one line of moderate length."""
    text = named(error)
    return text if len(text) <= 200 else text[:199] + "…"
