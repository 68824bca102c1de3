"""A branch without changes ends in its parent's bits, through the command line: presets, compiled or not, many seeds.

    python benchmarks/branches.py    # some ten minutes

Trains each preset on CartPole-v1, alone and with three seeds, uncompiled and compiled; branches it in its middle, from
the checkpoints it kept and by replaying it from its seed. Compared are the weights of the best and of the last network
and every recorded row: but for its clocks, and for the last bits of the loss (docs/design/0028). No branch may call
itself inexact. Writes benchmarks/results/branches.json.
"""

import argparse
import json
import math
import subprocess
import sys
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from machine import describe_machine, write_results

from dqnlab.store.folder import BEST, LAST, RESULT

PRESETS = ("dqn", "double", "rainbow")
STEPS, AT = 4_000, 2_500


def dqn(*words: str, folder: Path) -> None:
    """Runs a command in a folder. Raises CalledProcessError."""
    subprocess.run([sys.executable, "-m", "dqnlab", *words], cwd=folder, check=True, capture_output=True, text=True)


def contents(run: Path) -> tuple[list[Any], list[dict[str, Any]]]:
    """The networks' weights, and what was recorded, without its clocks."""
    weights = [torch.load(run / name, weights_only=True) for name in (BEST, LAST)]
    lines = (run / "metrics.jsonl").read_text("utf-8").splitlines()
    rows = [{name: v for name, v in json.loads(line).items() if not name.startswith("time/")} for line in lines]
    return weights, rows


def equal(one: Any, other: Any, name: str = "") -> bool:
    """Whether two files hold the same, to the bit; the loss, which is a mean, but for rounding."""
    if name == "learn/loss":
        return math.isclose(one, other, rel_tol=1e-6)
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[name], other[name], name) for name in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


def is_exact(run: Path) -> bool:
    """Whether it says of itself that it is."""
    return json.loads((run / RESULT).read_text("utf-8"))["inexact"] == ""


def branched(preset: str, compile: str, seeds: int, keep: int, folder: Path) -> int:
    """How many of the seeds' branches end in their parents' bits."""
    home = folder / f"{preset}-{compile}-{seeds}-{keep}"
    base = ["train", "CartPole-v1", "--preset", preset, "--steps", str(STEPS), "--compile", compile]
    rest = ["--keep", str(keep), "--checkpoint-every", "1000", "--evaluate-every", "1000", "--no-stop-when-solved"]
    quiet = ["--tracker", "none", "--no-film", "--no-explain"]
    many = ["--seeds", str(seeds)] if seeds > 1 else []
    dqn(*base, *rest, *quiet, *many, "--out", str(home), folder=folder)
    dqn("branch", str(home), "--at", str(AT), "--out", f"{home}-branch", folder=folder)
    names = [f"seed-{seed}" for seed in range(seeds)] if seeds > 1 else ["."]
    pairs = [(home / name, Path(f"{home}-branch") / name) for name in names]
    return sum(equal(contents(one), contents(other)) and is_exact(other) for one, other in pairs)


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    rows, wrong = list[dict[str, Any]](), 0
    with TemporaryDirectory() as folder:
        for preset, compile, seeds, keep in product(PRESETS, ("off", "on"), (1, 3), (1, 4)):
            same = branched(preset, compile, seeds, keep, Path(folder))
            wrong += seeds - same
            begins = "kept checkpoints" if keep > 1 else "its seed"
            print(f"{preset}, compile {compile}, from {begins}: {same} of {seeds}", flush=True)
            rows.append({"preset": preset, "compile": compile, "seeds": seeds, "keep": keep, "same": same})
    write_results("branches", {"machine": describe_machine(), "steps": STEPS, "at": AT, "branches": rows})
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
