"""`dqn train --live` of one seed: the view in the terminal, and a server beside it."""

from __future__ import annotations

from dataclasses import dataclass

from ..config import Config
from ..live.start import Beside
from ..run.events import Event
from ..terminal.tally import RunInfo
from ..terminal.view import View


@dataclass
class LiveBesideView:
    """A view of a run, with a server beside it."""

    view: View
    server: Beside

    def start(self, config: Config, about: RunInfo) -> None:
        """Shows what begins, here and there."""
        self.view.start(config, about)
        if about.folder is not None:
            self.server.start(about.folder, self.view.say)

    def __call__(self, event: Event) -> None:
        """Takes any event."""
        self.view(event)

    def say(self, line: str) -> None:
        """Shows a line that stays."""
        self.view.say(line)

    def stop(self) -> None:
        """The server ends when this process has."""
        self.view.stop()
