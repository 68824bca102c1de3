"""Drives one run by its own system's events, to its end or to a request to stop."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import Protocol

from ..run.events import BlockEnded
from ..run.system import Updater
from ..store.folder import Run
from .experiment import Experiment
from .interrupt import signal_of


class Request(Protocol):
    """Something that may ask a loop to stop."""

    @property
    def asked(self) -> bool: ...

    def asks(self) -> bool:
        """Whether it asks by now."""

    @property
    def waited(self) -> float:
        """Seconds since it was asked."""

    @property
    def signal(self) -> int | None:
        """What asked, if it was a signal."""


def drive(
    experiment: Experiment, update: Updater, waiting: AbstractContextManager[Request], *, show: bool = True
) -> Run:
    """Trains, judges and reports: to the end, or until a request to stop.

    Args:
        update: answers the samples of its system, which is the only one.
        waiting: what notes a request while it is entered, which is as long as the loop runs.
        show: whether to film and explain it.
    """
    start = time.perf_counter()
    interrupted = True
    try:
        with waiting as request:
            experiment.system.listen(request.asks)
            interrupted = _feed(experiment, update, request)
            experiment.signal = request.signal
    except KeyboardInterrupt as error:  # somebody insisted: not even the block was finished
        experiment.signal = signal_of(error)
        experiment.save_between()
    except Exception as error:
        experiment.fail(time.perf_counter() - start, error)
        raise
    return experiment.conclude(time.perf_counter() - start, interrupted=interrupted, show=show)


def _feed(experiment: Experiment, update: Updater, request: Request) -> bool:
    """Hands over every event and saves the end; returns whether a request came, be it after the last event."""
    for event in experiment.system.events(update):
        experiment.take(event)
        if experiment.stops:
            experiment.end_here()
            break
        if isinstance(event, BlockEnded) and request.asked and experiment.may_stop(request.waited):
            experiment.save()
            return True
    experiment.save()
    return request.asked
