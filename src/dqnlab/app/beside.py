"""`dqn train --live`: a server beside the run or group, as soon as it has a folder. Loads no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..config import Config
from ..live.start import Beside
from ..store.folder import Run
from ..store.group import Failure
from ..terminal.board import Board
from ..terminal.standing import Standing
from .alert import alert_words
from .arguments import Train


def beside(args: Train) -> Beside:
    """The server that was asked for."""
    words = () if args.alert is None else alert_words(args.alert)
    return Beside(args.runs, words, args.trust_env_module)


@dataclass
class LiveBesideBoard:
    """A board of a group, with a server beside it."""

    board: Board
    server: Beside

    def start(self, config: Config, seeds: Sequence[int], folder: Path, workers: int) -> None:
        """Shows what begins, here and there."""
        self.board.start(config, seeds, folder, workers)
        self.server.start(folder, print)

    def show(self, standings: Sequence[Standing]) -> None:
        """How far each seed is."""
        self.board.show(standings)

    def ended(self, result: Run | Failure, done: int, whole: int) -> None:
        """A seed has ended."""
        self.board.ended(result, done, whole)

    def stop(self) -> None:
        """The server ends when this process has."""
        self.board.stop()
