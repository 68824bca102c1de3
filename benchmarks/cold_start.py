"""How long a person waits: from process start to a confirmed solve, one fresh process per seed.

    python benchmarks/cold_start.py --seeds 5000 5020

Every run is `dqn train` without its film. Its seconds are the wall-clock of the whole process minus what it spent on
reports after the score was known. Writes benchmarks/results/cold_start.json.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import describe_machine, write_results

AFTER = ("film", "curves", "page", "trackers")  # phases once the score is known


def one(preset: str, seed: int, out: Path) -> dict[str, object]:
    """One run in a process of its own."""
    words = [
        "train",
        "--preset",
        preset,
        "--seed",
        str(seed),
        "--out",
        str(out),
        "--film.episodes",
        "0",
        "--no-explain",
        "--quiet",
    ]
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "dqnlab", *words], check=True, capture_output=True)
    seconds = time.perf_counter() - start
    result = json.loads((out / "result.json").read_text())
    return {
        "seed": seed,
        "solved": result["solved"],
        "score": result["score"]["mean"],
        "attempts": result["attempts"],
        "env_steps": result["env_steps"],
        "updates": result["updates"],
        "seconds": round(seconds - sum(result["seconds"].get(name, 0.0) for name in AFTER), 3),
        "phases": result["seconds"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="cartpole")
    parser.add_argument("--seeds", type=int, nargs=2, default=(5000, 5020), metavar=("FIRST", "END"))
    args = parser.parse_args()
    rows = []
    for seed in range(*args.seeds):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(one(args.preset, seed, Path(folder)))
        print(rows[-1], flush=True)
    seconds = [float(str(row["seconds"])) for row in rows]
    totals = {
        "solved": sum(row["solved"] is True for row in rows),
        "runs": len(rows),
        "median": round(statistics.median(seconds), 2),
        "worst": max(seconds),
    }
    print(totals)
    write_results("cold_start", {"preset": args.preset, **totals, "rows": rows, "machine": describe_machine()})


if __name__ == "__main__":
    main()
