"""The processes that work on a study, and what becomes of them."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import NamedTuple

from ...errors import DqnlabError, named
from ...memory import memory_watched
from ...processes import PATIENCE, AnyProcess, end, how_it_ended, ignore_signals, kill, start
from ...store.lock import LOCK, free_of
from ...streams import steady_streams
from ..interrupt import Interrupt, signals_held
from ..many.line import Line, Stop
from ..remote.place import OnRay, RemoteProcess
from .study import StudyPlan
from .work import StudyBroken, Work

LOOK_EVERY = 0.25  # seconds
LAST_WORDS = 60.0  # seconds that a process which broke off has to say why, before it is ended by force
MOST_RETURNS = 3  # times that a killed process is replaced
CONTINUE = "the same command, or call, continues the study"


class ProcessBegan(NamedTuple):
    """The process has loaded what it needs."""


class ProcessDone(NamedTuple):
    """The process has nothing more to do: how it ends is of no account."""


def work_on(pipe: Connection, plan: StudyPlan) -> None:
    """The whole life of a process of a study."""
    ignore_signals()  # terminals send them to everyone; the parent decides
    logging.getLogger("dqnlab").setLevel(logging.ERROR)  # what a run says of itself would be said by each trial
    with steady_streams():
        line = Line(pipe)
        line.tell(ProcessBegan())
        try:
            with memory_watched():
                Work(plan, line).run()
            line.tell(ProcessDone())
        except DqnlabError as error:
            line.tell(StudyBroken(error))
        except Exception as error:
            line.tell(StudyBroken(DqnlabError(named(error))))


@dataclass(eq=False)
class _Hand:
    """A process and the parent's end of its pipe."""

    process: AnyProcess
    pipe: Connection
    has_joined: bool = False
    has_left: bool = False


@dataclass
class Pool:
    """So many processes, which share the work among themselves; the parent listens."""

    plan: StudyPlan
    size: int
    hear: Callable[[object], None]
    """takes each report"""
    looks: Callable[[], None]
    """called a few times a second"""
    place: OnRay | None = None
    """where the processes are; on this machine if none"""
    interrupted: bool = field(default=False, init=False)
    _hands: list[_Hand] = field(default_factory=list, init=False)
    _returns: int = field(default=0, init=False)
    _error: DqnlabError | None = field(default=None, init=False)

    def run(self, interrupt: Interrupt) -> None:
        """Works until all is done, or until it is asked to stop. Raises what made a process give up."""
        try:
            for _ in range(self.size):
                self._hire()
            while self._hands:
                if interrupt.asked and not self.interrupted:
                    self.interrupted = True
                    self._stop()
                self._listen()
                self.looks()
        finally:
            for hand in self._hands:
                kill(hand.process)
                end(hand.process)
                hand.pipe.close()
        if self._error is not None:
            raise self._error

    def _hire(self) -> None:
        with signals_held():
            if self.place is not None:
                self._hands.append(_Hand(*self.place.start(work_on, self.plan, StudyBroken)))
                return
            ours, theirs = multiprocessing.Pipe()
            process = start(work_on, (theirs, self.plan), "dqnlab, tuning")
            theirs.close()
            self._hands.append(_Hand(process, ours))

    def _stop(self) -> None:
        """Asks each to end; one that still waits for a processor of a cluster would not hear it."""
        for hand in self._hands:
            if isinstance(hand.process, RemoteProcess) and hand.process.began is None:
                hand.has_left = True
                hand.process.kill()
                continue
            with suppress(OSError):
                hand.pipe.send(Stop())

    def _listen(self) -> None:
        news = wait([each for hand in self._hands for each in (hand.pipe, hand.process.sentinel)], LOOK_EVERY)
        for hand in [h for h in self._hands if h.pipe in news or h.process.sentinel in news]:
            try:
                heard = hand.pipe.poll()
                while hand.pipe.poll():
                    self._take(hand, hand.pipe.recv())
            except (EOFError, OSError):
                heard = False
            if not heard:
                self._lose(hand)

    def _take(self, hand: _Hand, report: object) -> None:
        match report:
            case ProcessBegan():
                hand.has_joined = True
            case ProcessDone():
                hand.has_left = True
            case StudyBroken():
                hand.has_left = True
                self._error = self._error or report.error
                self._stop()
            case _:
                self.hear(report)

    def _lose(self, hand: _Hand) -> None:
        """A process has ended, or is about to: one that was killed is replaced, and its trial is taken up again."""
        end(hand.process, PATIENCE if hand.has_left else LAST_WORDS)
        hand.pipe.close()
        self._hands.remove(hand)
        code = hand.process.exitcode
        if isinstance(hand.process, RemoteProcess):
            self._free(hand.process)
        if hand.has_left or code == 0 or self.interrupted or self._error is not None:
            return
        if code is not None and code < 0 and self._returns < MOST_RETURNS:
            self._returns += 1
            self._hire()
            return
        self._error = DqnlabError(
            _lost(hand.has_joined, how_it_ended(hand.process), killed=code is not None and code < 0)
        )
        self._stop()

    def _free(self, process: RemoteProcess) -> None:
        """Gives back the runs that a process on another machine had, which nobody there does any more."""
        if process.began is not None:
            for lock in self.plan.folder.glob(f"*/*/seed-*/{LOCK}"):
                free_of(lock.parent, process.began.host, process.began.pid)


def _lost(has_joined: bool, ending: str, *, killed: bool) -> str:
    """What to say of a process that was neither done nor killed once or twice."""
    if has_joined or killed:
        again = f"after {MOST_RETURNS} others that were killed" if killed else "what it printed says why"
        return f"a process of the study ended {ending}, {again}: {CONTINUE}"
    return (
        f"a process of the study could not begin: it ended {ending}. What it printed says why; in a script, tune "
        'belongs under `if __name__ == "__main__":`'
    )
