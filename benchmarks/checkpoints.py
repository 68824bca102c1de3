"""What checkpoints cost: of 100,000 steps of the textbook program, and with a replay of a million frames.

    python benchmarks/checkpoints.py --steps 100000 --frames 1000000

First `dqn train --preset textbook` without its evaluations and films, with a clock around every checkpoint. Then a
replay of stacked 84x84 frames is filled, saved once, and saved again after each 10,000 new frames: what is written
then is what is new. Writes benchmarks/results/checkpoints.json.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from machine import describe_machine, write_results

from dqnlab import presets
from dqnlab.config import Film, Steps
from dqnlab.lab import session
from dqnlab.learn.layout import Layout, reach_of
from dqnlab.learn.replay import Pace, Replay
from dqnlab.learn.samplers import Uniform
from dqnlab.learn.types import Block, ObsSpec, Transitions
from dqnlab.store.checkpoint.checkpoint import Saved, Store

NEW = 10_000  # frames between two checkpoints


class Timed(Store):
    """A store with a clock."""

    seconds: ClassVar[list[float]] = []
    written: ClassVar[list[int]] = []

    def save(self, *args: Any, **kwargs: Any) -> Saved:
        start = time.perf_counter()
        saved = super().save(*args, **kwargs)
        self.seconds.append(time.perf_counter() - start)
        self.written.append(saved.bytes_written)
        return saved


def of_a_run(steps: int, folder: Path) -> dict[str, Any]:
    """Seconds and bytes of the checkpoints of a textbook run, and their share of its training."""
    import dqnlab.store.checkpoint.checkpoint as checkpoint

    before, checkpoint.Store = checkpoint.Store, Timed  # type: ignore[misc]
    config = replace(
        presets.get("textbook"),
        budget=Steps(num=steps),
        evaluate_every=Steps(num=steps),
        film=Film(episodes=0),
        explain=False,
        score_episodes=1,
        confirm_episodes=1,
        select_episodes=1,
    )
    try:
        run = session.train(config, out=folder / "run", trackers=("none",))
    finally:
        checkpoint.Store = before  # type: ignore[misc]
    return {
        "steps": steps,
        "compiled": config.compile,
        "checkpoints": len(Timed.seconds),
        "milliseconds each": round(1e3 * statistics.median(Timed.seconds), 1),
        "slowest": round(1e3 * max(Timed.seconds), 1),
        "bytes each": int(statistics.median(Timed.written)),
        "seconds in all": round(sum(Timed.seconds), 3),
        "seconds of training": run.seconds["train"],
        "share": round(sum(Timed.seconds) / run.seconds["train"], 4),
    }


def frames(replay: Replay, num: int, rng: np.random.Generator) -> None:
    """Adds steps of a thousand envs, one transition each."""
    zeros, ones = np.zeros(1000, np.int64), np.ones(1000, np.int64)
    transitions = Transitions(np.arange(1000), zeros, ones, ones, ones)
    for _ in range(num // 1000):
        images = rng.integers(0, 256, (1, 1000, 84, 84), np.uint8)
        first = np.full((1, 1000), replay.frames.added % 500_000 == 0)
        replay.add(Block(images, first, transitions, [], 1000, 0.0))


def of_a_replay(size: int, folder: Path) -> dict[str, Any]:
    """Seconds and bytes of a checkpoint after each 10,000 new frames."""
    rng = np.random.default_rng(0)
    obs = ObsSpec((4, 84, 84), np.dtype(np.uint8), stack=4)
    replay = Replay(Layout(size, obs, 1, reach_of(1, 4, 1000)), Uniform(), Pace(1, 1, 64), rng)
    frames(replay, size, rng)
    store = Store(folder)
    first = timed(store, replay)
    rows = []
    for _ in range(3):
        frames(replay, NEW, rng)
        rows.append(timed(store, replay))
    start = time.perf_counter()
    at = Store(folder).latest()
    assert at is not None
    verified = time.perf_counter() - start
    return {
        "frames": size,
        "first": {"seconds": round(first[0], 2), "bytes": first[1]},
        f"after {NEW:,} frames": {
            "seconds": round(statistics.median(row[0] for row in rows), 3),
            "bytes": rows[-1][1],
        },
        "seconds to verify all": round(verified, 2),
    }


def timed(store: Store, replay: Replay) -> tuple[float, int]:
    start = time.perf_counter()
    saved = store.save(replay.frames.added, {"replay": replay.state_dict()}, replay.logs, {})
    return time.perf_counter() - start, saved.bytes_written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--frames", type=int, default=1_000_000)
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=Path.cwd(), prefix=".checkpoints-"))
    try:
        found = {"run": of_a_run(args.steps, folder), "replay": of_a_replay(args.frames, folder)}
    finally:
        shutil.rmtree(folder)
    for title, table in found.items():
        print(title, table)
    write_results("checkpoints", {**found, "machine": describe_machine()})


if __name__ == "__main__":
    main()
