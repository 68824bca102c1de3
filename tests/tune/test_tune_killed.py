"""A study whose processes are killed, and one that two commands share, end like one that nobody disturbed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import optuna
import pytest

pytestmark = [pytest.mark.world, pytest.mark.timeout(400)]

WORDS = (
    "tune CartPole-v1 --space space.toml --trials 4 --seeds 2 --confirm 1 --steps 3000 --evaluate-every.num 500 "
    "--select-episodes 2 --confirm-episodes 2 --score-episodes 3 --learning-starts 256 --compile off"
)


def begin(study: str, *more: str) -> subprocess.Popen[bytes]:
    """The command, in a process group of its own."""
    words = [sys.executable, "-m", "dqnlab", *WORDS.split(), "--study", study, *more]
    return subprocess.Popen(words, start_new_session=True, stdout=subprocess.DEVNULL)


def results(study: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(f"runs/CartPole-v1/{study}/study.json").read_text("utf-8"))
    return found


def trained(study: str) -> list[Path]:
    return sorted(Path(f"runs/CartPole-v1/{study}/trials").glob("*/seed-*/result.json"))


def test_a_study_that_was_killed_continues_and_two_commands_share_one() -> None:
    Path("space.toml").write_text("gamma = [0.9, 0.99]\n[optimizer]\nlr = { low = 1e-4, high = 0.1, log = true }\n")
    killed = begin("killed", "--jobs", "1")
    try:
        until = time.monotonic() + 120
        while len(trained("killed")) < 3 and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
    assert 3 <= len(trained("killed")) < 8
    assert "trials" not in results("killed")
    once = {path: path.stat().st_mtime_ns for path in trained("killed")}

    both = [begin("killed", "--jobs", "1"), begin("killed", "--jobs", "1")]
    assert [each.wait(timeout=240) for each in both] == [0, 0]
    found = results("killed")
    assert sum(each["state"] in ("finished", "pruned") for each in found["trials"]) == 4
    assert len(found["trials"]) == 4
    assert {path: path.stat().st_mtime_ns for path in once} == once  # what had ended was not done again

    backend = optuna.storages.journal.JournalFileBackend("runs/CartPole-v1/killed/journal.log")
    study = optuna.load_study(study_name="dqnlab", storage=optuna.storages.JournalStorage(backend))
    assert [each.state.is_finished() for each in study.trials] == [True] * 4

    whole = begin("whole", "--jobs", "1")
    assert whole.wait(timeout=240) == 0
    for one, other in zip(results("whole")["trials"][:2], found["trials"], strict=False):
        assert one["scores"] == other["scores"]  # the seed that was cut off, too, ended as if it had not been


def test_a_study_that_is_interrupted_says_how_to_continue() -> None:
    Path("space.toml").write_text("gamma = [0.9, 0.99]\n", "utf-8")
    words = [sys.executable, "-m", "dqnlab", *WORDS.split(), "--jobs", "1"]
    running = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True)
    until = time.monotonic() + 120
    while not trained("tune-cartpole") and time.monotonic() < until:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate(timeout=120)
    assert running.returncode == 130
    assert "interrupted: these are the trials so far" in out
    assert f"dqn {WORDS} --jobs 1" in out
