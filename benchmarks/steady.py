"""How every program of the speed benchmark is timed: a long run minus a short one, in one process.

So imports, building, compiling and warming up do not count; they are reported as startup. Standard library only,
because each peer imports this in an environment of its own, with `benchmarks` on the path (see speed.py).
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, NamedTuple

SHORT = 5  # the long run has so many times the steps of the short one
EPSILON = 0.5  # for peers: about the share of random actions in the example between steps 2,000 and 10,000

Line = dict[str, Any]


class Reading(NamedTuple):
    """Two clocks."""

    wall: float
    processor: float  # of all threads together

    def since(self, before: "Reading") -> "Reading":
        return Reading(self.wall - before.wall, self.processor - before.processor)


def read() -> Reading:
    return Reading(time.perf_counter(), time.process_time())


STARTED = read()


def arguments() -> argparse.Namespace:
    """--steps: env steps per agent of the long run; --agents; --compile, for who can."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--agents", type=int, default=1)
    parser.add_argument("--compile", choices=("on", "off"), default="off")
    return parser.parse_args()


def measure(prepare: Callable[[int], Callable[[], object]], steps: int, agents: int = 1) -> Line:
    """Times programs that can only be run as a whole.

    `prepare(steps)` builds a fresh program and returns what runs it. The short one is run once before, to warm up.
    """
    short = steps // SHORT
    prepare(short)()
    ready = read()
    readings = []
    for length in (short, steps):
        run = prepare(length)
        before = read()
        run()
        readings.append(read().since(before))
    return line(readings[1].since(readings[0]), (steps - short) * agents, ready, short * agents)


@dataclass
class Marks:
    """Times a program that tells its steps as it goes: one run, read at the short and at the long mark."""

    steps: int
    readings: list[tuple[int, Reading]] = field(default_factory=list)

    def passed(self, step: int) -> bool:
        """Notes the time at a mark; true at the last one, when the program may end."""
        if step >= (self.steps // SHORT, self.steps)[len(self.readings)]:
            self.readings.append((step, read()))
        return len(self.readings) == 2

    def line(self, agents: int = 1) -> Line:
        """What came out, with `step` counted for each of so many agents."""
        (short, first), (long, last) = self.readings
        return line(last.since(first), (long - short) * agents, first, short * agents)


def line(spent: Reading, steps: int, ready: Reading, before: int) -> Line:
    """What a program prints.

    spent, steps:  the steady part, and the agents' env steps in it
    ready, before:  a moment after startup, and the agents' env steps made until then
    """
    each = spent.wall / steps
    return {
        "microseconds_per_step": round(each * 1e6, 2),
        "processor_microseconds_per_step": round(spent.processor / steps * 1e6, 2),
        "startup_seconds": round(ready.since(STARTED).wall - before * each, 2),
    }


def show(measured: Line, *packages: str) -> None:
    """Prints one line of JSON, with the versions of what mattered."""
    print(json.dumps({**measured, "versions": {name: version(name) for name in packages}}))
