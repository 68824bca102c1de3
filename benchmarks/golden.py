"""The same seed makes the same run: hashes of weights and metrics, to compare two states of the code on one machine.

    python benchmarks/golden.py --write before.json        # the commit before
    python benchmarks/golden.py --against before.json      # the commit after

Every preset, with one and with three seeds, compiled and not, plus prioritised replay, frame stacks, two environment
copies and a run that was cut and resumed. Runs go through the command line, so that no inner name is needed. Of every
seed's folder: the networks (tensors by value, not files by bytes) and metrics.jsonl without what depends on a clock.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

ALWAYS = ["--tracker", "none", "--film.episodes=0", "--no-explain", "--quiet"]
PRESETS = {
    "cartpole": ["--preset", "cartpole", "--steps", "20000", "--no-stop-when-solved"],
    "textbook": ["--preset", "textbook", "--steps", "5000"],
    "default": ["--preset", "default", "--steps", "8000"],
}
SEEDS = {"one": [], "three": ["--seeds", "3"]}
COMPILED = {"eager": ["--compile", "off"], "compiled": ["--compile", "on"]}
SHORT = [*PRESETS["default"], "--compile", "off"]
MORE = {
    "prioritized": [*SHORT, "sampler:prioritized", "rule:greedy"],
    "stacked-frames": [*SHORT, "--env.frame-stack", "3"],
    "polyak": [*SHORT, "sync:polyak"],
    "one-copy": [*SHORT, "--env.copies", "1"],
    "lake": ["FrozenLake-v1", *SHORT],
    "acrobot": ["Acrobot-v1", *SHORT],
    "few-steps": [*SHORT, "--n", "1", "--env.num-envs", "3", "--update-every", "5"],
}
CLOCKS = ("time", "per_second", "seconds", "speed", "rate/", "memory", "created")


def programs() -> Iterator[tuple[str, list[str]]]:
    for preset, flags in PRESETS.items():
        for seeds, several in SEEDS.items():
            for how, compiled in COMPILED.items():
                yield f"{preset} {seeds} {how}", [*flags, *several, *compiled]
    yield from MORE.items()


def hash_tensors(path: Path) -> str:
    """Of the values in the order of the file; what they are called may change."""
    digest = hashlib.sha256()
    for tensor in torch.load(path, weights_only=True).values():
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def without_clocks(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if not any(word in key for word in CLOCKS)}


def hash_metrics(path: Path) -> str:
    rows = [without_clocks(json.loads(line)) for line in path.read_text("utf-8").splitlines()]
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:16]


def hash_run(folder: Path) -> dict[str, str]:
    """File inside the folder -> hash, for the networks and metrics of a run or of all seeds of a group."""
    found = {}
    for path in sorted(folder.rglob("*.pth")):
        found[path.relative_to(folder).as_posix()] = hash_tensors(path)
    for path in sorted(folder.rglob("metrics.jsonl")):
        found[path.relative_to(folder).as_posix()] = hash_metrics(path)
    return found


def train(name: str, flags: list[str], root: Path) -> dict[str, str]:
    folder = root / name.replace(" ", "-")
    command = [sys.executable, "-m", "dqnlab", "train", *flags, *ALWAYS, "--out", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root)
    if done.returncode:
        raise SystemExit(f"{name}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return hash_run(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, help="where the hashes go, as JSON")
    parser.add_argument("--against", type=Path, help="hashes to compare with; exit 1 where one differs")
    parser.add_argument("--only", default="", help="programs whose name contains this")
    args = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    earlier = json.loads(args.against.read_text()) if args.against else {}
    hashes: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory() as root:
        for name, flags in programs():
            if args.only in name:
                hashes[name] = train(name, flags, Path(root))
                compared = (
                    {key: earlier[name].get(key) == value for key, value in hashes[name].items()} if earlier else {}
                )
                print(f"{name:28} {len(hashes[name])} hashes  {sum(compared.values())} equal", flush=True)
                for key in [key for key, same in compared.items() if not same]:
                    print(f"    differs: {key}", flush=True)
    if args.write:
        args.write.write_text(json.dumps(hashes, indent=1) + "\n")
    if earlier:
        wanted = {name: earlier[name] for name in hashes}
        sys.exit(wanted != hashes)


if __name__ == "__main__":
    main()
