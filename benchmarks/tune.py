"""`dqn tune CartPole-v1` with 30 trials, killed once, and how many programs trials of several shapes compile.

Prints what docs/results.md says and writes results/tune.json. `--only kill` or `--only programs` does one of the two.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "tune.json"
TRIALS = 30
KILLED_AFTER = 10  # trials that have ended
SHORT = "--steps 1500 --learning-starts 500 --evaluate-every.num 500 --select-episodes 2 --score-episodes 2 --seeds 1"
SAME = """
gamma = [0.9, 0.99]
epsilon.end = { low = 0.01, high = 0.1 }
optimizer.lr = { low = 1e-4, high = 1e-2, log = true }
sync.tau = { low = 0.01, high = 0.5 }
"""
SPACES = {
    "lr, gamma, epsilon, sync": SAME,
    "also two sizes of network": f"torso.hidden = [[32], [64]]\n{SAME}",
    "also two values of n": f"n = [1, 3]\n{SAME}",
}


def start(words: str, folder: Path, **environment: str) -> subprocess.Popen[bytes]:
    """The command, in a process group of its own."""
    command = [sys.executable, "-m", "dqnlab", "tune", "CartPole-v1", *words.split()]
    with (folder / "out.txt").open("ab") as out:
        return subprocess.Popen(
            command, cwd=folder, stdout=out, stderr=out, start_new_session=True, env=os.environ | environment
        )


def ended(folder: Path) -> int:
    """How many trials have come to their end, by the lines that were printed."""
    return sum(line.startswith("trial ") for line in (folder / "out.txt").read_text("utf-8").splitlines())


def killed_once() -> dict[str, Any]:
    """A study that is killed with all its processes after some trials, and started again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.perf_counter()
        first = start(f"--trials {TRIALS}", folder)
        while first.poll() is None and ended(folder) < KILLED_AFTER:
            time.sleep(0.1)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        before = time.perf_counter() - began
        seeds = {path: path.stat().st_mtime_ns for path in folder.rglob("trials/*/seed-*/result.json")}
        assert start(f"--trials {TRIALS}", folder).wait() == 0, (folder / "out.txt").read_text("utf-8")
        (study,) = folder.rglob("study.json")
        found = json.loads(study.read_text("utf-8"))
        again = [path for path, when in seeds.items() if path.stat().st_mtime_ns != when]
        done = [json.loads(path.read_text("utf-8"))["interrupted"] for path in again]
        return {
            "seconds": round(time.perf_counter() - began, 1),
            "seconds_until_killed": round(before, 1),
            "counts": found["counts"],
            "seeds_done_when_killed": len(seeds),
            "seeds_done_twice": len(done) - sum(done),
            "best": found["trials"][found["best"]],
            "importance": found["importance"],
            "verdict": found["verdict"],
        }


def programs() -> dict[str, int]:
    """How many programs each space compiles, from nothing."""
    found = {}
    for label, space in SPACES.items():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "space.toml").write_text(space, "utf-8")
            words = f"--space space.toml --trials 6 --confirm 0 --compile on {SHORT}"
            assert start(words, folder, XDG_CACHE_HOME=name).wait() == 0, (folder / "out.txt").read_text("utf-8")
            found[label] = len(list((folder / "dqnlab").glob("*.pt2")))
            print(f"{label}: {found[label]}", flush=True)
    return found


def main() -> None:
    """Does what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["kill", "programs"])
    only = parser.parse_args().only
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.is_file() else {}
    if only != "programs":
        results["killed_once"] = killed_once()
    if only != "kill":
        results["programs"] = programs()
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
