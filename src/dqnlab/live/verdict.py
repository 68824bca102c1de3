"""The health verdict of a run as it grows, and what is done when it turns."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..explain.diagnose import diagnose_columns
from ..explain.health.findings import Finding, RunFacts, as_data
from ..explain.words import verdict
from ..trust import clean
from .growing import Growing


@dataclass(frozen=True)
class Turn:
    """A verdict that is another one than before."""

    run: str
    step: int
    before: str
    now: str
    severity: str
    says: str
    """it as a sentence or two"""

    def line(self) -> str:
        """It for a terminal."""
        return clean(f"{self.run}, step {self.step:,}: {self.before} -> {self.says}")


@dataclass
class VerdictWatch:
    """The verdict on one run. One that is not there at the next look too has not turned: it is in between."""

    run: str
    findings: list[Finding] = field(default_factory=list, init=False)
    _held: str = field(default="", init=False)  # the verdict that stands
    _maybe: str = field(default="", init=False)  # what the latest look said otherwise

    def look(self, growing: Growing, facts: RunFacts) -> Turn | None:
        """Judges what there is by now; the turn, if it has turned."""
        self.findings = diagnose_columns(growing.columns(), facts)
        first = self.findings[0]
        if first.kind == self._held:
            self._maybe = ""
            return None
        if not self._held:
            self._held = first.kind
            return None
        if first.kind != self._maybe:
            self._maybe = first.kind
            return None
        before = self._held
        self._held = first.kind
        self._maybe = ""
        return Turn(self.run, growing.step, before, first.kind, first.severity, verdict(first))

    def data(self) -> list[dict[str, Any]]:
        """The findings as the page gets them."""
        return as_data(self.findings)


@dataclass
class Alert:
    """A command of the user's own that is run when a verdict turns. No shell reads it, and no file names it."""

    words: Sequence[str]
    start: Callable[..., Any] = subprocess.Popen
    _running: list[Any] = field(default_factory=list, init=False)

    def __call__(self, turn: Turn, folder: Path) -> None:
        """Starts it, with the verdict as its last word and the rest in its environment; waits for nothing."""
        self._running = [each for each in self._running if each.poll() is None]
        if len(self._running) >= MOST_ALERTS:  # it does not end
            return
        more = {
            "DQN_RUN": str(folder),
            "DQN_STEP": str(turn.step),
            "DQN_VERDICT": turn.now,
            "DQN_VERDICT_BEFORE": turn.before,
            "DQN_SEVERITY": turn.severity,
        }
        process = self.start(
            [*self.words, turn.line()],
            env={**os.environ, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._running.append(process)


MOST_ALERTS = 4  # that run at once
