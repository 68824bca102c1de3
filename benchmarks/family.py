"""What an update takes with each kind of head, layer, stream, rule, sampler and optimiser, beside the plain one.

    python benchmarks/family.py [--agents 1 3] [--seconds 1] [--rounds 3] [--skip-compiled] [--kinds qr gru]

The textbook's configuration (two layers of 64, batches of 64, CartPole) with one kind changed, uncompiled and compiled,
alone and as three agents in one program. The kinds take turns; the least CPU time of the rounds counts, on one thread.
Prints a table of ratios to the plain update; writes benchmarks/results/family.json. Some 10 minutes, most of them
compiling.
"""

import argparse
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

from convs import microseconds
from machine import Others, describe_machine, write_results

from dqnlab import presets
from dqnlab.config import (
    C51,
    AdamW,
    Config,
    Double,
    Dueling,
    Gru,
    Hadamax,
    HlGauss,
    Iqn,
    LayerNorm,
    Lstm,
    Munchausen,
    Noisy,
    Prioritized,
    Quantiles,
    RAdam,
    RmsProp,
    Rollout,
    SpectralNorm,
    Steps,
)
from dqnlab.device import arithmetic
from dqnlab.run.system import System, assemble, make_update

KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "double": {"rule": Double()},
    "munchausen": {"rule": Munchausen()},
    "dueling": {"stream": Dueling(hidden=(64,))},
    "noisy": {"layers": Noisy()},
    "layer norm": {"norm": LayerNorm()},
    "spectral norm": {"norm": SpectralNorm()},
    "hadamax": {"torso": Hadamax(hidden=(64, 64))},
    "gru": {"torso": Gru(hidden=(64,), units=64)},
    "lstm": {"torso": Lstm(hidden=(64,), units=64)},
    "rollout": {"memory": Rollout(num_steps=1_024)},
    "prioritized": {"sampler": Prioritized()},
    "qr": {"head": Quantiles()},
    "iqn": {"head": Iqn()},
    "c51": {"head": C51(v_max=100.0)},
    "hl_gauss": {"head": HlGauss(v_max=100.0)},
    "adamw": {"optimizer": AdamW()},
    "radam": {"optimizer": RAdam()},
    "rmsprop": {"optimizer": RmsProp()},
    "rainbow": {
        "rule": Double(),
        "stream": Dueling(hidden=(64,)),
        "layers": Noisy(),
        "sampler": Prioritized(),
        "head": C51(v_max=100.0),
        "n": 3,
    },
}


def setting(kind: str, how: str) -> Config:
    """The textbook's configuration with such a part."""
    far = Steps(num=10**9)
    base = replace(presets.get("textbook"), budget=far, evaluate_every=far, select_episodes=1, compile=how)
    absent = getattr(KINDS[kind].get("memory"), "absent", ())  # settings that stay what they are, as they do not apply
    return replace(base, **{name: getattr(Config(), name) for name in absent}, **KINDS[kind])


def learner_of(kind: str, how: str, agents: int, stack: ExitStack) -> Callable[[], object]:
    """What one update of so many agents is, with the drawing of batches and priorities."""
    systems = [assemble(replace(setting(kind, how), seed=seed)) for seed in range(agents)]
    for system in systems:
        stack.callback(system.close)
        while system.memory.facts().size < 1_000:
            system.memory.add(system.collector.step())
    return partial(_learn, systems, make_update(systems, lambda line: None))


def _learn(systems: Sequence[System], update: Callable[[dict[int, Any]], dict[int, Any]]) -> None:
    samples = {number: system.memory.sample() for number, system in enumerate(systems)}
    for number, answer in update(samples).items():
        systems[number].memory.update_priorities(samples[number].slots, answer.error)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", nargs="+", type=int, default=[1, 3])
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="beside plain; all if none")
    parser.add_argument("--skip-compiled", action="store_true", help="which compiles for some minutes")
    args = parser.parse_args()
    columns = [(how, num) for how in (("off",) if args.skip_compiled else ("off", "on")) for num in args.agents]
    kinds = list(dict.fromkeys(["plain", *args.kinds]))
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}
    with arithmetic(1), Others() as others:
        for how, num in columns:
            with ExitStack() as stack:
                learners = {kind: learner_of(kind, how, num, stack) for kind in kinds}
                best = dict.fromkeys(kinds, float("inf"))
                for _ in range(args.rounds):
                    for kind, learn in learners.items():
                        best[kind] = min(best[kind], microseconds(learn, args.seconds) / num)
                for kind in kinds:
                    taken[kind].append(best[kind])
    names = [f"{'compiled' if how == 'on' else 'uncompiled'}, {num}" for how, num in columns]
    print("| | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    for kind, row in taken.items():
        shown = [f"{each:,.0f} ({each / plain:.2f})" for each, plain in zip(row, taken["plain"], strict=True)]
        print(f"| {kind} | " + " | ".join(shown) + " |")
    rows = {kind: dict(zip(names, map(round, row), strict=True)) for kind, row in taken.items()}
    if kinds == list(KINDS):
        write_results("family", {"microseconds": rows, "others": others.cores, "machine": describe_machine()})


if __name__ == "__main__":
    main()
