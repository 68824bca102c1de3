"""Follows runs while they train, and hands out what is new to whoever looks at them.

A run is looked at a few times a second: whether its files have changed. Only then are they read, only what is new of
them, and what takes long is not done again before twenty times as long has passed.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config import Config
from ..errors import DqnlabError, FolderError
from ..explain.health.findings import RunFacts, facts_of
from ..explain.series import series_of
from ..store.agent import describe_run
from ..store.control import CONTROL, MOST_ORDERS, Control, Order, drop_shown, touch_control, write_control
from ..store.find import called, damage_of, run_row
from ..store.lock import hold
from .growing import Growing
from .networks import mark_of, steps_of
from .verdict import Turn, VerdictWatch

LOOK_EVERY = 0.2  # seconds between two looks at a run's files
LAZY = 20  # times as long as work took, after which it is done again
TOUCH_EVERY = 2.0  # seconds in which the run is told that somebody watches
STATUS_EVERY = 1.0  # seconds between two looks at who works on the run
VERDICT_EVERY = 0.4  # between two verdicts, at least
CURVE_EVERY = 0.2  # and of the curves
MOST_EVALUATIONS = 1_000
_WRITING = threading.Lock()  # a folder is held by one thread at a time

Wrap = Callable[[str, Any], tuple[str, Any] | None]
"""(kind, news) -> as somebody is told of them; none if not at all"""


class Unread:
    """What somebody has not seen yet: of each kind of news the latest, however slowly they are taken."""

    def __init__(self) -> None:
        self._news: dict[tuple[str, str], tuple[str, Any]] = {}
        self._there = asyncio.Event()

    def put(self, about: tuple[str, str], kind: str, news: Any) -> None:
        """Replaces older news about the same."""
        self._news[about] = kind, news
        self._there.set()

    async def take(self, patience: float) -> tuple[str, Any] | None:
        """The next news; none if there were none for so many seconds."""
        if not self._news:
            self._there.clear()
            try:
                await asyncio.wait_for(self._there.wait(), patience)
            except TimeoutError:
                return None
        return self._news.pop(next(iter(self._news)))


@dataclass
class Follower:
    """One run, and whoever looks at it."""

    folder: Path
    number: str
    trusted: tuple[str, ...] = ()
    on_turn: Callable[[Turn, Path], None] = lambda turn, folder: None
    clock: Callable[[], float] = time.monotonic
    viewer: str = field(default_factory=lambda: secrets.token_hex(8), init=False)
    growing: Growing = field(init=False)
    watch: VerdictWatch = field(init=False)
    latest: dict[str, Any] = field(default_factory=dict, init=False)
    """of each kind of news the latest, for whoever comes now"""
    error: str = field(default="", init=False)
    """why there is no verdict"""
    _boxes: dict[Unread, Wrap] = field(default_factory=dict, init=False)
    _facts: RunFacts | None = field(default=None, init=False)
    _config: Config | None = field(default=None, init=False)
    _orders: list[Order] = field(default_factory=list, init=False)
    _number: int = field(default=0, init=False)  # of the next order
    _asked: tuple[str, int] | None = field(default=None, init=False)  # which work on the run the orders were for
    _pause: str = field(default="", init=False)
    """whether the run stands still because of an order from here: "asked" for, or "seen"; empty if not"""
    _mark: tuple[object, ...] = field(default=(), init=False)
    _due: dict[str, float] = field(default_factory=dict, init=False)
    _status: str = field(default="", init=False)
    _is_told: bool = field(default=False, init=False)  # whether the file there is ours
    _judged: int = field(default=-1, init=False)  # how many lines the verdict is of
    _drawn: tuple[int, int] = field(default=(-1, -1), init=False)  # the same of the curves, and of the verdict then
    _news: dict[str, Any] = field(default_factory=dict, init=False)  # that nobody has been told yet

    def __post_init__(self) -> None:
        self.growing = Growing(self.folder)
        self.watch = VerdictWatch(called(self.folder))

    # ── Who looks ──

    def listen(self, box: Unread, wrap: Wrap) -> None:
        """Puts what there is into a mailbox, and from now on what is new, as `wrap` says it."""
        self._boxes[box] = wrap
        self._due.pop("touch", None)  # the run is told with the next look
        for kind, news in self.latest.items():
            self._put(box, kind, news)

    def forget(self, box: Unread) -> None:
        """Puts nothing into it any more."""
        self._boxes.pop(box, None)

    def _put(self, box: Unread, kind: str, news: Any) -> None:
        wrapped = self._boxes[box](kind, news)
        if wrapped is not None:
            box.put((self.number, kind), *wrapped)

    @property
    def is_watched(self) -> bool:
        """Whether somebody looks."""
        return bool(self._boxes)

    @property
    def is_running(self) -> bool:
        """Whether a process works on the run, as far as the latest look could tell."""
        return self._status == "running"

    def is_trained(self) -> bool:
        """Whether a process works on the run at this moment."""
        return hold(self.folder) is not None

    async def step(self) -> None:
        """Looks once, in another thread, and tells what is new."""
        await asyncio.to_thread(self.look)
        news, self._news = self._news, {}
        for kind, each in news.items():
            self.latest[kind] = each
            for box in self._boxes:
                self._put(box, kind, each)

    # ── What is asked of the run ──

    def order(self, name: str) -> None:
        """Asks something of the run. Raises FolderError, also if nobody works on it; ResourceError."""
        stands = self.growing.paused
        with _WRITING:
            self._write(name)
        if name in ("continue", "stop"):
            self._pause = ""
        elif name in ("pause", "step") and not stands:
            self._pause = "asked"

    def let_go(self) -> None:
        """Lets a run that was paused here continue, before nobody is left to say so."""
        if self._pause:
            with suppress(DqnlabError):
                self.order("continue")

    def _show_up(self) -> None:
        """Tells the run that somebody watches."""
        if self.is_watched and self.is_running and not (self._is_told and touch_control(self.folder)):
            with suppress(DqnlabError), _WRITING:
                self._write()

    def _write(self, *names: str) -> None:
        """Writes the orders, with these as the newest; those to whoever worked on the run before are not repeated."""
        work = hold(self.folder)
        if work is None:
            raise FolderError("it does not train; nothing was asked")
        if work != self._asked:
            self._asked, self._orders = work, []
        for name in names:
            self._orders = [*self._orders, Order(self._number, name)][-MOST_ORDERS:]
            self._number += 1
        write_control(self.folder, Control(self.viewer, tuple(self._orders)))
        self._is_told = True

    # ── What is new ──

    def look(self) -> None:
        """Looks at the run once, and tells what is new."""
        if self._is_due("status", STATUS_EVERY):
            self._look_who()
        if self._is_due("touch", TOUCH_EVERY):
            self._show_up()
        self.growing.read()
        if self._pause and self.growing.paused:
            self._pause = "seen"
        elif self._pause == "seen":
            self._pause = ""  # somebody else has let it go
        if not self.growing.more:
            self._at_leisure("verdict", VERDICT_EVERY, self._judge)
            self._at_leisure("curve", CURVE_EVERY, self._curve)
        if self.is_watched:
            self._state()
            self._networks()

    def _is_due(self, what: str, every: float) -> bool:
        now = self.clock()
        if now < self._due.get(what, now):
            return False
        self._due[what] = now + every
        return True

    def _at_leisure(self, what: str, every: float, work: Callable[[], None]) -> None:
        """Works if it is due, and not again before much more time has passed than it took."""
        if self._is_due(what, every):
            began = self.clock()
            work()
            ended = self.clock()
            self._due[what] = ended + max(every, LAZY * (ended - began))

    def _look_who(self) -> None:
        self._status = "running" if self.is_trained() else self._how_it_stands()
        if self._is_told and not self.is_running:
            self._is_told, self._pause = False, ""
            drop_shown(self.folder, [CONTROL])  # nobody is left to read it

    def _how_it_stands(self) -> str:
        """Of a run that nobody works on."""
        if not self.folder.is_dir():
            return "removed"
        status = str(run_row(self.folder)["status"])
        return "damaged" if damage_of(status) else status

    def _state(self) -> None:
        last, growing = self.growing.last, self.growing
        first = self.watch.findings[0] if self.watch.findings else None
        state = {
            "status": self._doing(),
            "step": growing.step,
            "episodes": int(last.get("train/episode", 0)),
            "updates": int(last.get("learn/updates", 0)),
            "epsilon": last.get("train/epsilon"),
            "steps_per_second": last.get("time/steps_per_second"),
            "verdict": None if first is None else {"kind": first.kind, "severity": first.severity},
            "damaged": growing.damaged,
            "obeyed": dict(growing.obeyed),
            "checkpoint_by": self._checkpoint_by(),
            "error": self.error,
        }
        if state != self.latest.get("state"):
            self._news["state"] = state

    def _doing(self) -> str:
        """How the run stands; of one that a process works on, what it does."""
        if self._status != "running":
            return self._status
        is_trained = self.growing.is_judged or self._is_spent()
        return "judging" if is_trained else "paused" if self.growing.paused else "running"

    def _is_spent(self) -> bool:
        """Whether the run has taken all the steps, or finished all the episodes, of its budget."""
        if self._config is None:
            return False
        budget = self._config.budget
        taken = {"steps": self.growing.step, "episodes": self.growing.last.get("train/episode", 0)}
        return taken[budget.kind] >= budget.num

    def _checkpoint_by(self) -> int | None:
        """The env step at which a run writes a checkpoint that continues exactly in any case; none if it never does."""
        every = 0 if self._config is None else self._config.checkpoint_every
        return (self.growing.step // every + 1) * every if every else None

    def _judge(self) -> None:
        """The verdict, if there is something new."""
        growing = self.growing
        if growing.num_lines == self._judged:
            return
        self._judged = growing.num_lines
        facts = self._known()
        if facts is None:
            return
        turn = self.watch.look(growing, facts)
        if turn is not None:
            self._news["turn"] = {
                "step": turn.step,
                "before": turn.before,
                "now": turn.now,
                "severity": turn.severity,
            }
            self.on_turn(turn, self.folder)

    def _curve(self) -> None:
        """The curves and the findings for whoever looks, if there is something new."""
        growing = self.growing
        now = growing.num_lines, self._judged
        if now == self._drawn or not self.is_watched:
            return
        self._drawn = now
        self._news["curve"] = {
            "series": series_of(growing.columns()),
            "evaluations": growing.evaluations[-MOST_EVALUATIONS:],
            "confirms": growing.confirms[-MOST_EVALUATIONS:],
            "findings": self.watch.data(),
            "count": growing.num_lines,
        }

    def _known(self) -> RunFacts | None:
        """What the verdict needs to know of the run; it may not be there yet when the first lines are."""
        if self._facts is None:
            try:
                described = describe_run(self.folder, self.trusted)
                self._config = described.config
                self._facts = facts_of(described.config, described.spec)
                self.error = ""
            except DqnlabError as e:
                self.error = str(e)
        return self._facts

    def _networks(self) -> None:
        """Of which env steps one can see a network, if that or what else a picture of it shows has changed."""
        mark = mark_of(self.folder)
        if mark == self._mark or not self.folder.is_dir():  # what was shown of a run that was removed stays
            return
        self._mark = mark
        try:
            steps, newest = steps_of(self.folder)
        except DqnlabError as e:
            self._news["network"] = {"steps": [], "newest": None, "error": str(e)}
            return
        self._news["network"] = {"steps": steps, "newest": newest, "mark": secrets.token_hex(4)}
