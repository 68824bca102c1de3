"""Prioritised drawing and its update among a million transitions.

    python benchmarks/prioritised.py --capacity 1000000 --batch 64

Fills a sampler with random errors, then repeats what an update of the learner asks of it: draw a batch, and say how
wrong each transition of it was. A repetition gives the median of its rounds in microseconds; the best repetition
counts, for others on the machine can only add to it. Writes benchmarks/results/prioritised.json.
"""

import argparse
import statistics
import time

import numpy as np
import torch
from machine import describe_machine, write_results

from dqnlab.learn.samplers import Prioritized, Slots


def filled(capacity: int, rng: np.random.Generator) -> Prioritized:
    """A sampler that knows an error of every slot."""
    sampler = Prioritized(capacity, alpha=0.6, beta=0.4)
    slots = Slots(0, capacity, capacity)
    sampler.added(slots)
    sampler.update(slots.numbers(), torch.from_numpy(rng.random(capacity, np.float32)))
    return sampler


def repetition(
    sampler: Prioritized, capacity: int, batch: int, rounds: int, rng: np.random.Generator
) -> dict[str, float]:
    """Medians over `rounds` [µs]: of draws, of updates, and of both together."""
    errors = torch.from_numpy(rng.random((rounds, batch), np.float32))
    held = Slots(0, capacity, capacity)
    draws, updates = [], []
    for error in errors:
        start = time.perf_counter()
        slots, _ = sampler.draw(batch, held, rng)
        drawn = time.perf_counter()
        sampler.update(slots, error)
        updates.append(1e6 * (time.perf_counter() - drawn))
        draws.append(1e6 * (drawn - start))
    both = [draw + update for draw, update in zip(draws, updates, strict=True)]
    columns = {"draw": draws, "update": updates, "both": both}
    return {name: round(statistics.median(column), 1) for name, column in columns.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--capacity", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    sampler, rows = filled(args.capacity, rng), []
    for _ in range(args.repeats):
        rows.append(repetition(sampler, args.capacity, args.batch, args.rounds, rng))
        print(rows[-1], flush=True)
    best = min(rows, key=lambda row: row["both"])
    print(f"draw and update of {args.batch} among {args.capacity}: {best['both']} µs")
    content = {"microseconds": best, "capacity": args.capacity, "batch": args.batch, "rows": rows}
    write_results("prioritised", {**content, "machine": describe_machine()})


if __name__ == "__main__":
    main()
