"""Starts a server beside a run, as a process of its own: neither takes the other along. Loads nothing for it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Beside:
    """What `dqn train --live` was asked for."""

    runs: Path
    alert: Sequence[str] = ()
    """words of the command that is run when the verdict turns"""
    trusted: Sequence[str] = ()
    _process: Any = field(default=None, init=False)

    def start(self, folder: Path, say: Callable[[str], None]) -> None:
        """Starts it, once; `say` is told its lines. It ends after this process has, once no page is open any more."""
        if self._process is not None:
            return
        asked = {
            "folder": str(folder.absolute()),
            "runs": str(self.runs.absolute()),
            "alert": list(self.alert),
            "trusted": list(self.trusted),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "dqnlab.live.beside", json.dumps(asked)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is meant for the run
            text=True,
            errors="replace",
        )
        threading.Thread(target=self._hear, args=(say,), name="dqnlab-live", daemon=True).start()

    def _hear(self, say: Callable[[str], None]) -> None:
        for line in self._process.stdout:
            say(line.rstrip())
