"""Commands that run beside a test of a page, and waiting for what they do."""

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

PATIENCE = 240  # seconds for one thing to come, on a machine that does much else


class Program:
    """A command that runs, and what it says."""

    def __init__(self, words: str, folder: Path) -> None:
        number = len(list(folder.glob("*.log")))
        self.log = folder / f"{number}.log"
        with self.log.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dqnlab", *words.split()], cwd=folder, stdout=out, stderr=subprocess.STDOUT
            )

    def until(self, pattern: str) -> str:
        """What it says that is like this, once it does."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if found := re.search(pattern, self.log.read_text()):
                return found[1]
            time.sleep(0.1)
        raise AssertionError(f"never said: {self.log.read_text()}")

    def kill(self) -> None:
        """Ends it and all that it began."""
        if self.process.poll() is None:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                child.kill()
            self.process.kill()
        self.process.wait()


def waited(what: Any) -> Any:
    """What something comes to, once it comes to anything."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.1)
    raise AssertionError("it never came")
