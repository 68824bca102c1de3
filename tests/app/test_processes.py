"""What only a process of its own can show: signals, pipes, the module as a program."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

SHORT = "--evaluate-every.num 500 --select-episodes 2 --confirm-episodes 2 --score-episodes 2"
SHORT += " --env.max-episode-steps 60 --film.episodes 0 --no-explain --compile off --tracker none"
ENDLESS = f"--no-stop-when-solved --steps 1e9 {SHORT}"


class Process(subprocess.Popen[str]):
    """`dqn` in a process of its own, its output in pipes."""

    stdout: IO[str]
    stderr: IO[str]


def start(*words: str) -> Process:
    pipe = subprocess.PIPE
    return Process([sys.executable, "-m", "dqnlab", *words], stdout=pipe, stderr=pipe, text=True)


@pytest.mark.world
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_a_reader_who_leaves_hears_no_complaint() -> None:
    with start("presets", "textbook") as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141


@pytest.mark.world
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_ctrl_c_keeps_what_was_learnt_and_leaves_with_130() -> None:
    with start("train", *ENDLESS.split(), "--out", "mine") as process:
        next(line for line in process.stdout if "evaluated" in line)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 130
    assert "interrupted: these are the results so far" in rest
    assert json.loads(Path("mine/result.json").read_text())["interrupted"] is True
    assert Path("mine/best_model.pth").exists()
    assert Path("mine/last_model.pth").exists()


@pytest.mark.world
def test_training_goes_on_when_nobody_reads_its_lines() -> None:
    with start("train", "--steps", "2000", *SHORT.split(), "--out", "mine") as process:
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()
    assert json.loads(Path("mine/result.json").read_text())["interrupted"] is False
