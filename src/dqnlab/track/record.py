"""From events to everything that is kept: the metrics file first, then the trackers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from ..run.events import Commanded, Event
from ..store.folder import Run
from .jsonl import NAME, MetricsFile
from .open import SafeTracker
from .rows import returns, row
from .tracker import TrackedRun, Tracker


class Recorder:
    """Writes every event that has metrics to metrics.jsonl and to the trackers, which must be guarded ones.

    Args:
        trackers: these finish in a thread of their own, which hands on what they kept while the run is judged.
        own: the caller's, which stay in the thread that trains and are told of the result.
    """

    def __init__(
        self,
        about: TrackedRun,
        trackers: Sequence[Tracker],
        clock: Callable[[], float] = time.monotonic,
        own: Sequence[SafeTracker] = (),
    ) -> None:
        self._trackers = trackers
        self._own = own
        self._stopwatch = WallClock(clock)
        self._lines: list[str] = []
        self._closing: threading.Thread | None = None
        self._over = threading.Event()
        self._run: Run | None = None
        header = {"env": about.env, "description": about.description}
        try:
            self._file = MetricsFile(about.run_folder / NAME, header, about.after)
        except BaseException:
            self._lines = _closed(trackers, None)  # nobody else knows of them
            self._close_own(None)
            raise

    def record(self, event: Event) -> None:
        found = row(event)
        if found is None:
            return
        step, metrics = found
        if isinstance(event, Commanded) and event.command != "pause":
            self._stopwatch.restart(step)
        metrics |= self._stopwatch.columns(step)
        self._file.log(step, {**metrics, **returns(event)})
        for tracker in (*self._trackers, *self._own):
            tracker.log(step, metrics)

    def sync(self) -> None:
        """Sees to it that what was recorded survives a loss of power."""
        self._file.sync()

    def end(self) -> None:
        """No more events will come: the trackers hand on what they have, while other work continues."""
        if self._closing is None:
            self._file.close()
            self._closing = threading.Thread(target=self._end_trackers, name="dqnlab-trackers", daemon=True)
            self._closing.start()

    def close(self, run: Run | None = None) -> list[str]:
        """Waits until all is finished; returns the trackers' lines for the user.

        Args:
            run: what it came to, once its files are made; none if it came to nothing.
        """
        self.end()
        assert self._closing is not None
        if not self._over.is_set():
            self._run = run
            self._over.set()
        self._closing.join()
        self._close_own(run)
        return self._lines

    def _end_trackers(self) -> None:
        for tracker in self._trackers:
            tracker.end()
        self._over.wait()
        self._lines = _closed(self._trackers, self._run)

    def _close_own(self, run: Run | None) -> None:
        own, self._own = self._own, ()
        self._lines += _closed(own, run)


def _closed(trackers: Sequence[Tracker], run: Run | None) -> list[str]:
    """The lines of trackers that are told what the run came to, if it came to anything, and closed."""
    lines = []
    for tracker in trackers:
        if run is not None:
            tracker.finish(run)
        if (line := tracker.close()) is not None:
            lines.append(line)
    return lines


class WallClock:
    """The columns of wall-clock time: the only ones in which two equal runs may differ."""

    def __init__(self, clock: Callable[[], float], pause: float = 0.5) -> None:
        self._clock = clock
        self._pause = pause  # seconds between two rates: over shorter spans a rate is mostly noise
        self._start = self._then = clock()
        self._then_step = 0

    def restart(self, step: int) -> None:
        """Lets the next rate begin here: until now the run may have stood still."""
        self._then, self._then_step = self._clock(), step

    def columns(self, step: int) -> dict[str, float]:
        """Seconds since the start; from time to time also env steps per second since the last rate."""
        now = self._clock()
        columns = {"time/seconds": round(now - self._start, 6)}
        passed, steps = now - self._then, step - self._then_step
        if passed >= self._pause and steps > 0:
            columns["time/steps_per_second"] = round(steps / passed, 3)
            self._then, self._then_step = now, step
        return columns
