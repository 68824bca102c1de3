"""The library against the one-file example on the same work: one update per env step, no evaluation.

    python benchmarks/against_example.py --steps 5000 --repeats 5

Both run alternately in processes of their own; the ratio of env steps/s is what counts, for seconds differ from
machine to machine and from minute to minute. Each run is made long and short, and the rate taken from the difference,
so that imports and warming up do not count. Writes benchmarks/results/against_example.json.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from machine import describe_machine, write_results

EXAMPLE = Path(__file__).parents[1] / "examples" / "dqn_in_one_file.py"
LIBRARY = """
import sys
from dataclasses import replace
from dqnlab import events, presets
from dqnlab.config import Steps
steps = int(sys.argv[1])
config = replace(presets.get("textbook"), budget=Steps(num=steps), evaluate_every=Steps(num=10**9), metrics_every=10**9,
                 select_episodes=1)
stream = events(config)
for event in stream:
    if getattr(event, "updates", 0) >= steps - 64:
        break
stream.close()
"""


def seconds(command: list[str]) -> float:
    """Wall-clock of one process."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def example(steps: int) -> float:
    return seconds([sys.executable, str(EXAMPLE), "--steps", str(steps), "--no-evaluation"])


def library(steps: int) -> float:
    return seconds([sys.executable, "-c", LIBRARY, str(steps)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    short = args.steps // 5
    rows = []
    for _ in range(args.repeats):
        rates = {}
        for name, run in (("example", example), ("library", library)):
            rates[name] = (args.steps - short) / (run(args.steps) - run(short))
        rows.append({name: round(rate, 1) for name, rate in rates.items()})
        rows[-1]["ratio"] = round(rates["library"] / rates["example"], 3)
        print(rows[-1], flush=True)
    ratio = statistics.median(row["ratio"] for row in rows)
    print(f"median ratio {ratio}")
    write_results("against_example", {"ratio": ratio, "steps": args.steps, "rows": rows, "machine": describe_machine()})


if __name__ == "__main__":
    main()
