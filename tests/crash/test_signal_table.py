"""Every signal, at every phase of every command: one line, its exit code, no traceback; and what was known is kept.

A few cells of the table run here; all of them by `make faults` (DQNLAB_FAULTS=all).
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

pytestmark = [pytest.mark.world, pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")]
CHILD = Path(__file__).parent / "child"
ALL = os.environ.get("DQNLAB_FAULTS") == "all"
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")

SMALL = (
    "signalled:Signalled-v0 --steps 300 --learning-starts 64 --batch-size 32 --checkpoint-every 100 --env.num-envs 1"
)
SMALL += " --evaluate-every.num 100 --select-episodes 2 --confirm-episodes 2 --score-episodes 40 --tracker none"
SMALL += " --compile off --no-stop-when-solved"
TRUST = "--trust-env-module signalled"
WORDS = {
    "--version": "--version",
    "--help": "--help",
    "presets": "presets",
    "runs": "runs",
    "train": f"train {SMALL} --out mine",
    "train compiled": f"train {SMALL.replace('--compile off', '--compile on')} --out mine",
    "train --seeds": f"train {SMALL} --out mine --seeds 2",
    "train --seeds long": f"train {SMALL} --steps 100000000 --out mine --seeds 2",
    "train --dry-run": f"train {SMALL} --dry-run",
    "resume": f"resume mine --steps 600 {TRUST}",
    "evaluate": f"evaluate mine --episodes 200 {TRUST}",
    "record": f"record mine {TRUST}",
    "watch": f"watch mine --episodes 3 {TRUST}",
    "explain": f"explain mine {TRUST}",
    "doctor": "doctor signalled:Signalled-v0",
    "selftest": "selftest",
}
NEEDS_A_RUN = ("resume", "evaluate", "record", "watch", "explain")
# The moments of each command: what has begun, and whether the score is known by then.
PHASES = {
    "--version": [],
    "--help": [],
    "presets": ["import dqnlab.config.presets", "import rich.console"],
    "runs": ["import dqnlab.store.find"],
    "train": [
        "import dqnlab.app.calls",
        "import dqnlab.app.show",
        "import numpy",
        "import torch",
        "import gymnasium",
        "during assemble",
        "during step",
        "during select",
        "during decide",
        "import matplotlib",
        "during record",
        "during write_report",
        "rename report.html",
        "import moviepy",
    ],
    "train compiled": ["start g++", "import torch._inductor"],
    "train --seeds": ["import dqnlab.lab.many.crew", "import multiprocessing.popen_spawn_posix"],
    "train --seeds long": ["file mine/seed-1/best_model.pth", "file mine/seed-0/best_model.pth, all"],
    "train --dry-run": ["import dqnlab.config.toml"],
    "resume": ["import torch", "during restore", "during step", "during decide"],
    "evaluate": ["import torch", "during play_out"],
    "record": ["import torch", "during record", "import moviepy"],
    "watch": ["import torch", "during watch"],
    "explain": ["import torch", "during write_report", "rename report.html"],
    "doctor": ["import torch", "during examine"],
    "selftest": ["import torch", "call _values"],
}


class Cell(NamedTuple):
    """A command that is sent a signal so many times at a moment."""

    command: str
    moment: str
    name: str
    times: int


def table() -> Iterator[Cell]:
    """All cells."""
    for command, moments in PHASES.items():
        for moment in moments:
            for name in SIGNALS:
                for times in (1, 2, 20):
                    yield Cell(command, moment, name, times)


def sample() -> Iterator[Cell]:
    """A cell of each moment that differs from the others, the signals and their number by turns."""
    at = 0
    for command, moments in PHASES.items():
        for moment in moments:
            if command == "train compiled" or moment == "import numpy":
                continue  # a compiler takes its time; numpy is loaded as torch is
            if moment == "import torch" and command != "train":
                continue  # every command loads it in the same way
            yield Cell(command, moment, SIGNALS[at % 4], (1, 2, 20)[at // 4 % 3])
            at += 1


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has ended."""
    folder = tmp_path_factory.mktemp("ended")
    words = [sys.executable, "-m", "dqnlab", *WORDS["train"].split(), "--film.episodes", "0", "--no-explain", "--quiet"]
    subprocess.run(words, check=True, cwd=folder, env=variables("SIGINT 0 never never"))
    return folder / "mine"


def variables(fault: str) -> dict[str, str]:
    fault, _, to = fault.partition(", ")
    source = str(Path(__file__).resolve().parents[2] / "src")
    path = os.pathsep.join([str(CHILD), source])
    more = {"FAULT": fault, "FAULT_TO": to, "PYTHONPATH": path, "SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy"}
    more |= {"FAULT_CAME": str(Path.cwd() / "came")}
    return {**os.environ, **more, "SWANLAB_MODE": "disabled", "OMP_NUM_THREADS": "1"}


def left_running(folder: Path) -> list[str]:
    """The processes that still work in a folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if Path(process.cwd()) == folder and process.pid != os.getpid():
                found.append(" ".join(process.cmdline()))
    return found


def name_of(cell: Any) -> str:
    return f"{cell.command}, {cell.moment}, {cell.name} x {cell.times}".replace(" ", "_")


@pytest.mark.parametrize("cell", list(table() if ALL else sample()), ids=name_of)
def test_a_signal_ends_any_command_at_any_phase_with_one_line_and_its_code(cell: Cell, request: Any) -> None:
    if cell.command in NEEDS_A_RUN:
        shutil.copytree(request.getfixturevalue("ended"), "mine")
    words = [sys.executable, "-m", "dqnlab", *WORDS[cell.command].split()]
    fault = f"{cell.name} {cell.times} {cell.moment}"
    # In a session of its own, as a terminal's: whatever is left of it afterwards has been forgotten.
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=300, env=variables(fault), start_new_session=True
    )
    said = done.stdout + done.stderr
    assert Path("came").exists(), f"no signal was sent, for the moment never came: {said}"
    assert "Traceback" not in said, said
    assert "Exception ignored" not in said, said
    assert done.returncode == 128 + getattr(signal, cell.name), said
    assert not list(Path.cwd().rglob("*.part")), said
    assert not list(Path.cwd().rglob(".film-*")), said
    if cell.command == "train --seeds long":
        assert left_running(Path.cwd()) == [], said
        assert json.loads(Path("mine/summary.json").read_text())["interrupted"]
        assert said.count("interrupted: these are the results so far") == 1
        kept = [Path(f"mine/seed-{seed}/best_model.pth").exists() for seed in (0, 1)]
        assert any(kept)
    if cell.command == "train" and Path("mine/result.json").exists():
        result = json.loads(Path("mine/result.json").read_text())
        assert result["score"] is not None or result["interrupted"]
        scored = cell.moment in ("import matplotlib", "during record", "during write_report", "rename report.html")
        assert (result["score"] is not None) == (scored or cell.moment == "import moviepy")
