"""Microseconds per agent step of the same work in the one-file example, the library and its peers.

    python benchmarks/speed.py [--peers] [--steps 10000] [--repeats 5] [--core N] [--only NAME ...]

The work: CartPole-v1, one env, a 4-64-64-2 network, one update with 64 transitions per env step by Adam at 1e-3,
target copied every 100 updates, replay of 10,000, no evaluation. Each program runs in a process of its own with one
thread, in turn, several times over, and measures itself in its steady state (steady.py). Those that use every core run
as several processes at once, each with its share of the agents, as `dqn train --seeds` does. Seconds differ from
machine to machine and from minute to minute: what counts are the ratios, taken within each turn; the table says how
much of the machine others took meanwhile. A peer needs its own environment, which `make bench-peers` makes. Writes
benchmarks/results/speed.json.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from machine import Others, describe_machine, write_results

HERE = Path(__file__).parent
ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "NPROC": "1",  # the size of XLA's other pool of threads
}
REFERENCE, LIMIT = "example", "limit"
COLUMNS = ("program", "µs per step", "min–max", "× example", "× limit", "processor µs", "startup s", "others")
AGENTS = 10


class Program(NamedTuple):
    """One row of the table."""

    name: str
    file: str
    words: tuple[str, ...] = ()
    venv: str | None = None  # a peer's environment; the library's own if none
    every_core: bool = False  # as one process for each core, which share the agents

    @property
    def python(self) -> Path:
        return HERE / ".venvs" / self.venv / "bin" / "python" if self.venv else Path(sys.executable)


PROGRAMS = (
    Program(REFERENCE, "workers/example.py"),
    Program("dqnlab eager", "workers/library.py", ("--compile", "off")),
    Program("dqnlab compiled", "workers/library.py", ("--compile", "on")),
    Program("dqnlab ten seeds", "workers/library.py", ("--compile", "on", "--agents", str(AGENTS))),
    Program("dqnlab ten seeds, every core", "workers/library.py", ("--compile", "on"), every_core=True),
    Program("sb3", "peers/run_sb3.py", venv="sb3"),
    Program("cleanrl", "peers/run_cleanrl.py", venv="cleanrl"),
    Program("rejax", "peers/run_rejax.py", venv="rejax"),
    Program("rejax ten seeds", "peers/run_rejax.py", ("--agents", str(AGENTS)), venv="rejax"),
    Program("rejax ten seeds, every core", "peers/run_rejax.py", venv="rejax", every_core=True),
    Program(LIMIT, "workers/limit.py"),
)


def run(program: Program, steps: int, core: int | None) -> dict[str, Any]:
    """What one program measured in processes of its own, and what others took of the machine meanwhile.

    Args:
        core: where it runs, if it is to run on one and no other.
    """
    cores = sorted(os.sched_getaffinity(0)) if program.every_core else [core]
    share = AGENTS // len(cores)
    words = ("--agents", str(share)) if program.every_core else ()
    path = os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))
    command = [str(program.python), str(HERE / program.file), "--steps", str(steps), *program.words, *words]
    environment = os.environ | ONE_THREAD | {"PYTHONPATH": path}
    pins = [[] if each is None else ["taskset", "--cpu-list", str(each)] for each in cores]
    with Others() as others, ThreadPoolExecutor(len(cores)) as pool:
        each = list(pool.map(lambda pin: _measured(program, [*pin, *command], environment), pins))
    joined = each[0]
    for key in ("microseconds_per_step", "processor_microseconds_per_step"):
        if key in joined:
            joined[key] = statistics.mean(one[key] for one in each)
    if "microseconds_per_step" in joined:
        joined["microseconds_per_step"] = round(joined["microseconds_per_step"] / len(cores), 2)
    return joined | {"others": others.cores}


def _measured(program: Program, command: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{program.name} failed: {' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def chosen(peers: bool, only: Sequence[str]) -> list[Program]:
    """The programs to run; says which peers have no environment."""
    found = [each for each in PROGRAMS if (each.name in only if only else peers or not each.venv)]
    for missing in (each for each in found if not each.python.exists()):
        print(f"{missing.name}: left out, for it has no environment; `make bench-peers` makes it")
    return [each for each in found if each.python.exists()]


def take_turns(
    programs: Sequence[Program], steps: int, repeats: int, core: int | None
) -> list[dict[str, dict[str, Any]]]:
    """By turn and program, what was measured. A program that says why it is absent runs no second time."""
    turns, absent = [], set()
    for number in range(repeats):
        turn = {}
        for program in (each for each in programs if each.name not in absent):
            measured = run(program, steps, core)
            if "absent" in measured:
                absent.add(program.name)
                print(f"{program.name}: left out, for {measured['absent']}")
                continue
            turn[program.name] = measured
            print(f"{number + 1}/{repeats} {program.name}: {measured['microseconds_per_step']} µs per step", flush=True)
        turns.append(turn)
    return turns


def summarise(name: str, turns: Sequence[dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """One program's medians over the turns; its ratios are medians of the ratios within each turn."""
    key = "microseconds_per_step"
    every = [turn[name] for turn in turns]
    row = {"program": name, "versions": every[0]["versions"]}
    for field in (key, "processor_microseconds_per_step", "startup_seconds", "others"):
        row[field] = round(statistics.median(each[field] for each in every), 2)
    for other in (REFERENCE, LIMIT):
        if other in turns[0]:
            row[f"of_{other}"] = round(statistics.median(turn[name][key] / turn[other][key] for turn in turns), 3)
    row["turns"] = [{k: v for k, v in each.items() if k != "versions"} for each in every]
    return row


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as Markdown, fastest last; of what others took, in cores, the most of any turn."""
    lines = [COLUMNS, ("---",) * len(COLUMNS)]
    for row in sorted(rows, key=lambda row: -row["microseconds_per_step"]):
        each = [turn["microseconds_per_step"] for turn in row["turns"]]
        ratios = (row.get(f"of_{REFERENCE}"), row.get(f"of_{LIMIT}"))
        cells = (row["microseconds_per_step"], f"{min(each):.0f}–{max(each):.0f}", *ratios)
        others = f"{max(turn['others'] for turn in row['turns']):.0%}"
        lines.append((row["program"], *cells, row["processor_microseconds_per_step"], row["startup_seconds"], others))
    return "\n".join("| " + " | ".join("–" if cell is None else str(cell) for cell in line) + " |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", action="store_true", help="also those whose environment is there")
    parser.add_argument("--steps", type=int, default=10_000, help="env steps per agent in the long run")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--core", type=int, help="the core that programs of one process run on; wherever if none")
    names = [program.name for program in PROGRAMS]
    parser.add_argument("--only", nargs="+", choices=names, default=[], metavar="NAME", help=", ".join(names))
    args = parser.parse_args()
    turns = take_turns(chosen(args.peers, args.only), args.steps, args.repeats, args.core)
    rows = [summarise(name, turns) for name in turns[0]]
    print(table(rows))
    if not args.only:  # a part would overwrite the whole
        machine = describe_machine()
        about = {"steps": args.steps, "repeats": args.repeats, "core": args.core}
        write_results("speed", {**about, "rows": rows, "machine": machine})


if __name__ == "__main__":
    main()
