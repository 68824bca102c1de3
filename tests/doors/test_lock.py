"""One process at a time: also where the second opens the lock's file while the first is about to remove it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dqnlab.errors import FolderError
from dqnlab.store import lock
from dqnlab.store.lock import LOCK, locked

RUN = Path("run")
# Opens the lock's file as `locked` does, waits until the test has given its own back, and goes on.
SECOND = """
import sys
from pathlib import Path
from dqnlab.store import lock
really = lock._open
def opened(folder):
    file = really(folder)
    print("opened", flush=True)
    sys.stdin.readline()
    return file
lock._open = opened
with lock.locked(Path("run")):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.world
def test_whoever_opened_a_lock_that_was_removed_meanwhile_takes_the_one_that_bears_the_name() -> None:
    RUN.mkdir()
    pipe = subprocess.PIPE
    with locked(RUN):
        first = (RUN / LOCK).stat().st_ino
        second = subprocess.Popen([sys.executable, "-c", SECOND], stdin=pipe, stdout=pipe, text=True)
        assert second.stdin is not None
        assert second.stdout is not None
        assert second.stdout.readline() == "opened\n"
    assert not (RUN / LOCK).exists()  # so what the second has open is a file without a name
    with locked(RUN):
        third = (RUN / LOCK).stat()
        second.stdin.write("\n")
        second.stdin.flush()
        assert second.stdout.readline() == "opened\n"  # again: what it had locked was nobody's lock any more
        second.stdin.write("\n")
        second.stdin.flush()
        second.stdin.close()
        assert second.stdout.read() == ""
        assert second.wait(30) == 1  # in use: it holds nothing
        assert os.path.samestat((RUN / LOCK).stat(), third)
    second.stdout.close()
    assert first != 0
    with locked(RUN), pytest.raises(FolderError, match="is in use by process"), locked(RUN.resolve() / "../run"):
        pass
    assert lock.LOCK not in os.listdir(RUN)
