"""Standard streams that are closed, full or without a reader: words are lost, never results.

Each stream meets some commands here, and each command some streams; all of them meet by `make faults`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dqnlab.streams import Steady

pytestmark = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
SMALL = "--steps 200 --learning-starts 64 --batch-size 64 --evaluate-every.num 100 --select-episodes 2 --out mine"
SMALL += " --confirm-episodes 2 --score-episodes 2 --film.episodes 0 --no-explain --tracker none --compile off"
SHELLS = [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-", "> /dev/full", "2> /dev/full", "> /dev/full 2>&1"]
SPEAKING = ["--version", "--help", "presets", "runs", "nonsense"]
ALL = os.environ.get("DQNLAB_FAULTS") == "all"


def dqn(words: str, streams: str) -> subprocess.CompletedProcess[str]:
    line = f"exec {sys.executable} -m dqnlab {words} {streams}"
    return subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=100)


def pairs() -> list[tuple[str, str]]:
    """Commands and streams: every other pair, so that each meets some of the others; or all with all."""
    table = [(words, streams) for streams in SHELLS for words in SPEAKING]
    return table if ALL else table[::2]


@pytest.mark.world
@pytest.mark.parametrize(("words", "streams"), pairs())
def test_a_command_that_only_speaks_says_that_nobody_could_hear_it(words: str, streams: str) -> None:
    done = dqn(words, streams)
    assert "Traceback" not in done.stdout + done.stderr
    lost = ">" in streams and not streams.startswith("2>")
    assert done.returncode == (2 if words == "nonsense" else 5 if lost else 0)
    if lost and "2>" not in streams and words != "nonsense":
        assert done.stderr.startswith("error: cannot write to standard output: ")


@pytest.mark.world
@pytest.mark.parametrize("streams", SHELLS if ALL else SHELLS[::2] + SHELLS[-1:])
def test_training_goes_on_whatever_becomes_of_its_words(streams: str) -> None:
    done = dqn(f"train {SMALL}", streams)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert json.loads(Path("mine/result.json").read_text())["interrupted"] is False


def test_a_stream_cannot_be_closed_by_others_and_keeps_its_first_failure() -> None:
    class Full:
        encoding = "utf-8"

        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

        def flush(self) -> None:
            pass

    steady = Steady(Full())  # type: ignore[arg-type]
    steady.close()
    assert not steady.closed
    assert print("words", file=steady) is None
    assert steady.failure is not None
    assert steady.failure.errno == 28
    assert Steady(None).failure is not None
