"""How long an update takes on a device, beside the same one on the CPU.

    python benchmarks/device.py [--devices cpu cuda] [--seconds 4]

Networks of two sizes, uncompiled and compiled, one agent and ten side by side. Replay and networks lie on the device;
nothing but slots goes there and nothing is waited for until the last update of a measurement, as in training, which
reads a GPU's numbers only for metrics. Compiling takes most of the time: under 8 minutes in all. Where a device is
absent its rows say so. Prints a table; writes benchmarks/results/device.json if there is a GPU.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from machine import describe_machine, write_results

from dqnlab import presets
from dqnlab.config import Config, Mlp, Steps
from dqnlab.device import arithmetic
from dqnlab.errors import ConfigError
from dqnlab.run.system import System, assemble, make_update

SIZES = (((64, 64), 64), ((512, 512), 512))  # hidden units, batch
AGENTS = (1, 10)


class Row(NamedTuple):
    """One line of the table."""

    device: str
    hidden: str
    batch: int
    compiled: bool
    agents: int
    microseconds: float | str  # per agent and update, or why there is none


def rows(device: str, seconds: float) -> Iterator[Row]:
    """What a device takes for each kind of update."""
    for hidden, batch in SIZES:
        for compiled in (False, True):
            for agents in AGENTS:
                about = device, "-".join(map(str, hidden)), batch, compiled, agents
                yield Row(*about, measure(setting(device, hidden, batch, compiled), agents, seconds))


def setting(device: str, hidden: tuple[int, ...], batch: int, compiled: bool) -> Config:
    """The textbook configuration with such a network."""
    far = Steps(num=10**9)
    base = replace(presets.get("textbook"), budget=far, evaluate_every=far, select_episodes=1)
    sizes = {"torso": Mlp(hidden=hidden), "batch_size": batch, "learning_starts": 1_000}
    return replace(base, device=device, compile="on" if compiled else "off", **sizes)


def measure(config: Config, agents: int, seconds: float) -> float | str:
    """Microseconds per agent and update; why, if it cannot be done here."""
    said: list[str] = []
    try:
        systems = [assemble(replace(config, seed=seed)) for seed in range(agents)]
    except ConfigError as error:
        return str(error)
    try:
        for system in systems:
            while system.memory.facts().size < config.learning_starts:
                system.memory.add(system.collector.step())
        with arithmetic(config.threads):
            each = timed(systems, said, seconds)
        return said[-1] if systems[0].config.compile != config.compile else each
    finally:
        for system in systems:
            system.close()


def timed(systems: Sequence[System], said: list[str], seconds: float) -> float:
    """Microseconds per agent and update."""
    update = make_update(systems, said.append)

    def run(count: int) -> float:
        wait(systems[0].learner.device)
        begun = time.perf_counter()
        for _ in range(count):
            update({number: system.memory.sample() for number, system in enumerate(systems)})
        wait(systems[0].learner.device)
        return time.perf_counter() - begun

    run(20)  # the first ones take longer
    pace = run(20) / 20
    count = max(int(seconds / pace), 1)
    return round(run(count) / count / len(systems) * 1e6, 1)


def wait(device: torch.device) -> None:
    """Until all that was asked for has been computed."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", nargs="+", choices=("cpu", "cuda"), default=["cpu", "cuda"])
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    args = parser.parse_args()
    table = []
    print("| device | hidden | batch | compiled | agents | µs per agent and update |\n|---|---|---|---|---|---|")
    for device in args.devices:
        for row in rows(device, args.seconds):
            table.append(row._asdict())
            print("| " + " | ".join(map(str, row)) + " |", flush=True)
    if torch.cuda.is_available():
        about = describe_machine() | {"gpu": torch.cuda.get_device_name()}
        write_results("device", {"rows": table, "machine": about})


if __name__ == "__main__":
    main()
