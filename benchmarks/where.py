"""Where the time of a step goes: by part of the loop, and by operation of an uncompiled update.

    python benchmarks/where.py --steps 6000

The work is that of `benchmarks/speed.py`: the textbook preset without evaluations. First a run without any clock in
it, then one with a clock around each part (the clocks themselves cost about half a microsecond each), compiled and
uncompiled; then torch's own profiler over uncompiled updates of one batch. A compiled update is one call into a
library and cannot be looked into. Writes benchmarks/results/where.json.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from machine import describe_machine, write_results
from torch.profiler import ProfilerActivity, profile

from dqnlab import presets
from dqnlab.config import Config, Steps
from dqnlab.device import arithmetic
from dqnlab.run.events import BlockEnded
from dqnlab.run.system import System, assemble, make_update
from dqnlab.run.train import run

WARM_UP = 1500  # steps, 1,000 of them fill the replay
UPDATES = 300  # under torch's profiler


class Clocks:
    """Seconds spent in chosen methods."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def around(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds[part] += time.perf_counter() - start

        return timed

    def attach(self, system: System) -> None:
        collector, memory = system.collector, system.memory
        policy, envs = collector.policy, collector.envs
        policy.actor = self.around("acting: the network", policy.actor)
        for owner, method, part in (
            (envs, "step", "environment"),
            (memory, "add", "storing"),
            (memory, "sample", "choosing a batch"),
        ):
            setattr(owner, method, self.around(part, getattr(owner, method)))


def drive(config: Config, steps: int, clocks: Clocks | None) -> float:
    """Microseconds per env step after a warm-up."""
    system = assemble(config)
    with arithmetic(config.threads):
        update = make_update([system], print)
        if clocks is not None:
            clocks.attach(system)
            update = clocks.around("update", update)
        start = 0.0
        for event in run(system.loop(), lambda sample: update({0: sample})[0]):
            if isinstance(event, BlockEnded) and event.step == WARM_UP:
                if clocks is not None:
                    clocks.seconds.clear()
                start = time.perf_counter()
            elif isinstance(event, BlockEnded) and event.step == WARM_UP + steps:
                break
        spent = time.perf_counter() - start
    system.close()
    return 1e6 * spent / steps


def parts(config: Config, steps: int) -> dict[str, float]:
    """Microseconds per env step, by part."""
    bare, clocks = drive(config, steps, None), Clocks()
    whole = drive(config, steps, clocks)
    each = {part: 1e6 * seconds / steps for part, seconds in clocks.seconds.items()}
    each["the rest: coins, folding, loop, events"] = whole - sum(each.values())
    named = {part: round(micros, 1) for part, micros in sorted(each.items(), key=lambda pair: -pair[1])}
    return {"a step without clocks": round(bare, 1), **named}


def operations(config: Config) -> dict[str, float]:
    """Microseconds per uncompiled update, by torch operation (its own time, children left out)."""
    system = assemble(config)
    with arithmetic(config.threads):
        update = make_update([system], print)
        for event in run(system.loop(), lambda sample: update({0: sample})[0]):
            if isinstance(event, BlockEnded) and event.step == WARM_UP:
                break
        sample = system.memory.sample()
        with profile(activities=[ProfilerActivity.CPU]) as watched:
            for _ in range(UPDATES):
                update({0: sample})
    system.close()
    spent = {row.key: row.self_cpu_time_total / UPDATES for row in watched.key_averages()}
    return {name: round(micros, 1) for name, micros in sorted(spent.items(), key=lambda pair: -pair[1]) if micros >= 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=6000)
    args = parser.parse_args()
    far = Steps(num=10**9)
    base = replace(presets.get("textbook"), budget=far, evaluate_every=far, select_episodes=1, metrics_every=10**9)
    tables = {
        "compiled, µs per step": parts(replace(base, compile="on"), args.steps),
        "uncompiled, µs per step": parts(replace(base, compile="off"), args.steps),
        "uncompiled, µs per update, profiled": operations(replace(base, compile="off")),
    }
    for title, table in tables.items():
        print(f"\n{title}")
        for name, micros in table.items():
            print(f"  {micros:8.1f}  {name}")
    write_results("where", {**tables, "steps": args.steps, "machine": describe_machine()})


if __name__ == "__main__":
    main()
