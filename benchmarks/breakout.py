"""How long a million steps of MinAtar's Breakout take plain DQN, and how much of that no update can do without.

    python benchmarks/breakout.py [--steps 1000000] [--agents 1 2] [--preset dqn]

The whole of `dqn train minatar.gym:MinAtar/Breakout-v1 --preset dqn --steps 1000000 --seeds N`, from the first line to
the score, compiling and evaluating included; pages and films are left out. Published beside it: 20 min 23 s per agent
on an A100, 12 min 19 s with 50 agents at once (rejax, img/speedup_minatar.png, read off by eye), which does not say how
many updates that takes. The bare products are those of benchmarks/convs.py, measured before each training: the matrix
products and convolutions of an update, without which there is none. Prints a row for each number of agents; writes
benchmarks/results/breakout.json. Needs the extra minatar, and quiet cores for about an hour.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from convs import bare_products, microseconds
from machine import Others, describe_machine, write_results

import dqnlab
from dqnlab import presets
from dqnlab.config import Config, Film, Steps
from dqnlab.device import arithmetic
from dqnlab.processes import usable_cores
from dqnlab.run.system import assemble

BREAKOUT = "minatar.gym:MinAtar/Breakout-v1"
FIRST_SEED = 5000


def setting(preset: str, steps: int) -> Config:
    """What is trained."""
    base = replace(presets.get(preset), env=replace(presets.get(preset).env, id=BREAKOUT), budget=Steps(num=steps))
    return replace(base, stop_when_solved=False, film=Film(episodes=0), explain=False)


def product_microseconds(config: Config, seconds: float = 5.0) -> float:
    """CPU time of the bare products of one update."""
    system = assemble(replace(config, compile="off"))
    try:
        while system.memory.facts().size < config.batch_size:
            system.memory.add(system.collector.step())
        with arithmetic(1):
            products = bare_products(system)
            return microseconds(lambda: [each() for each in products], seconds)
    finally:
        system.close()


def measure(config: Config, agents: int) -> dict[str, Any]:
    """A row: minutes, updates, and the share of the cores' time that the bare products take."""
    products = product_microseconds(config)
    with tempfile.TemporaryDirectory() as home, Others() as others:
        began = time.perf_counter()
        seeds = range(FIRST_SEED, FIRST_SEED + agents)
        group = dqnlab.train_many(config, tuple(seeds), runs=Path(home), trackers=(), quiet=True)
        seconds = time.perf_counter() - began
    if group.failures or any(run.score is None for run in group.runs):
        raise SystemExit(f"no row for {agents}: not every agent came to a score {group.failures or ''}".rstrip())
    updates = sum(run.updates for run in group.runs)
    cores = min(agents, usable_cores())
    return {
        "agents": agents,
        "minutes": round(seconds / 60, 2),
        "minutes_per_agent": round(seconds / 60 / agents, 2),
        "updates_per_step": round(updates / sum(run.env_steps for run in group.runs), 3),
        "products_us": round(products, 1),
        "share_of_products": round(products * 1e-6 * updates / (seconds * cores), 3),
        "scores": [run.score.mean for run in group.runs if run.score is not None],
        "others": others.cores,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--agents", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--preset", default="dqn")
    args = parser.parse_args()
    config = setting(args.preset, args.steps)
    rows = list[dict[str, Any]]()
    print("| agents | minutes | per agent | updates per step | share of the bare products | scores |")
    print("|---|---|---|---|---|---|")
    for agents in args.agents:
        row = measure(config, agents)
        rows.append(row)
        scores = ", ".join(f"{score:.1f}" for score in row["scores"])
        share = f"{row['share_of_products']:.0%}"
        shown = [agents, row["minutes"], row["minutes_per_agent"], row["updates_per_step"], share, scores]
        print("| " + " | ".join(map(str, shown)) + " |", flush=True)
    about = {"preset": args.preset, "steps": args.steps, "batch": config.batch_size, "machine": describe_machine()}
    write_results("breakout", {"rows": rows, **about})


if __name__ == "__main__":
    main()
