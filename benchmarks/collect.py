"""Env steps per second of collecting alone: 64 native CartPoles, the present policy, a 3-step replay, one core.

    python benchmarks/collect.py --steps 64000 --repeats 5

Writes benchmarks/results/collect.json.
"""

import argparse
import time
from dataclasses import replace

from machine import describe_machine, write_results

from dqnlab import presets
from dqnlab.device import arithmetic
from dqnlab.run.system import assemble


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=64_000)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    system, rates = assemble(replace(presets.get("cartpole"), n=3)), []
    with arithmetic(1):
        for _ in range(args.repeats):
            start, steps = time.perf_counter(), 0
            while steps < args.steps:
                block = system.collector.step()
                system.memory.add(block)
                steps += block.steps
            rates.append(round(steps / (time.perf_counter() - start)))
            print(f"{rates[-1]:,} env steps/s", flush=True)
    system.close()
    write_results("collect", {"steps_per_second": rates, "machine": describe_machine()})


if __name__ == "__main__":
    main()
