"""Every product of kinds learns the same by itself and side by side with others in one program.

    make matrix
    python benchmarks/matrix.py --compile    # compiled as well: some 20 s a product the first time
    python benchmarks/matrix.py --seen "nature convolutions"    # of these observations only
    python benchmarks/matrix.py --compile --sample 60    # so many products by chance, always the same ones

Kinds of observation (numbers normalised or not, each kind of convolutions, masks, joint actions), of head, layers,
stream, rule, sampler, sync and n-step, one and three agents; for plain numbers also of torso and norm: 18,688
products, divided among the cores. Each product is assembled as a run is, filled by its own collector, and learns on
the same samples twice: eagerly, and as the program that would be compiled. The largest difference of anything that an
update computes or changes is compared with 1e-4. Prints what differs, and a table of the kinds; writes
benchmarks/results/matrix.json. CI runs a covering array of the pairs of these kinds.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from machine import describe_machine, write_results
from torch import Tensor

from dqnlab.config import (
    C51,
    Adam,
    Config,
    Double,
    Dueling,
    Env,
    Greedy,
    Gru,
    Hadamax,
    Hard,
    HlGauss,
    Iqn,
    LayerNorm,
    Lstm,
    Mlp,
    Munchausen,
    Noisy,
    NoNorm,
    PlainLayers,
    PlainStream,
    Polyak,
    Prioritized,
    Quantiles,
    Scalar,
    SpectralNorm,
    Steps,
    Uniform,
)
from dqnlab.errors import ConfigError
from dqnlab.learn.fast import stack
from dqnlab.processes import usable_cores
from dqnlab.run.system import System, assemble

TOLERANCE = 1e-4
ROUNDS = 5
EVERY = 1_000  # products between two lines about how far it is
SIZE = 40  # transitions in a memory: five batches, of some six episodes


class Sampled(gym.Env[Any, Any]):
    """Shows samples of a space, with a mask if asked; one action is rewarded; episodes last seven steps."""

    def __init__(self, space: spaces.Space[Any], masked: bool = False, joint: bool = False):
        """`joint`: an action has two components, and the mask is one of each."""
        self.observation_space = space
        self.sizes = (2, 3) if joint else (3,)
        self.action_space: Any = spaces.MultiDiscrete(self.sizes) if joint else spaces.Discrete(3)
        self.masked = masked

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        return self._shown()

    def step(self, action: Any) -> Any:
        self.steps += 1
        obs, info = self._shown()
        return obs, float(np.all(action == 1)), self.steps == 7, False, info

    def _shown(self) -> Any:
        self.observation_space.seed(int(self.np_random.integers(2**31)))
        masks = tuple(self._mask(size) for size in self.sizes)
        shown = {"action_mask": masks if len(masks) > 1 else masks[0]} if self.masked else {}
        return self.observation_space.sample(), shown

    def _mask(self, size: int) -> np.ndarray:
        mask = self.np_random.random(size) < 0.5
        mask[self.np_random.integers(size)] = True
        return mask


NUMBERS, PIXELS = spaces.Box(-1, 1, (4,), np.float32), spaces.Box(0, 255, (12, 12, 2), np.uint8)
PARTS = spaces.Dict(x=spaces.Box(-1, 1, (2,)), way=spaces.Discrete(3))
MIXED = spaces.Dict(image=PIXELS, x=spaces.Box(-9, 9, (2,), np.float32))


def seen(space: spaces.Space[Any], masked: bool = False, joint: bool = False, **settings: Any) -> dict[str, Any]:
    """The settings of an environment that shows this, and of what looks at it."""
    scale = "high" if space in (PIXELS, MIXED) else "auto"  # bytes as they are make rounding errors large
    return {"env": Env(id=partial(Sampled, space, masked, joint), num_envs=2, scale=scale), **settings}


SEEN = {
    "numbers": seen(NUMBERS),
    "numbers normalised": seen(NUMBERS, normalize_obs=True),
    "states": seen(spaces.Discrete(6)),
    "pixels end to end": seen(PIXELS, conv="none"),
    "small convolutions": seen(PIXELS, conv="small"),
    "nature convolutions": seen(spaces.Box(0, 255, (36, 36), np.uint8), conv="nature"),
    "impala convolutions": seen(PIXELS, conv="impala"),
    "parts and mask": seen(PARTS, masked=True),
    "picture beside normalised numbers, and mask": seen(MIXED, masked=True, normalize_obs=True),
    "joint actions and mask": seen(NUMBERS, masked=True, joint=True),
}
AXES: dict[str, dict[str, Any]] = {
    "seen": SEEN,
    "head": {
        "squared": Scalar(huber=None),
        "huber": Scalar(huber=1.0),
        "quantiles": Quantiles(num=7),
        "iqn": Iqn(num=4, cosines=5),
        "c51": C51(num=11, v_min=-2.0, v_max=3.0),
        "hl_gauss": HlGauss(num=11, v_min=-2.0, v_max=3.0),
    },
    "torso": {
        "mlp": Mlp(hidden=(8,)),
        "hadamax": Hadamax(hidden=(8,)),
        "gru": Gru(hidden=(8,), units=6, burn_in=1, unroll=4),
        "lstm": Lstm(hidden=(), units=6, burn_in=0, unroll=4),
    },
    "norm": {"no norm": NoNorm(), "layer norm": LayerNorm(), "spectral norm": SpectralNorm()},
    "layers": {"plain": PlainLayers(), "noisy": Noisy()},
    "stream": {"plain": PlainStream(), "dueling": Dueling(hidden=(5,))},
    "rule": {"greedy": Greedy(), "double": Double(), "munchausen": Munchausen()},
    "sampler": {"uniform": Uniform(), "prioritized": Prioritized()},
    "sync": {"hard": Hard(every=2), "polyak": Polyak(tau=0.1)},
    "n": {"1": 1, "3": 3},
    "agents": {"1": 1, "3": 3},
}


OF_NUMBERS = {"torso": "mlp", "norm": "no norm"}
"""axes whose other kinds are multiplied with all others for plain numbers only; tests/seams joins them with pictures"""


def programs(shown: Sequence[str]) -> Iterator[tuple[tuple[str, ...], Config, int]]:
    """Every product with these observations: its kinds, the configuration, how many agents."""
    for kinds in product(shown, *list(AXES.values())[1:]):
        named = dict(zip(AXES, kinds, strict=True))
        if named["seen"] != "numbers" and any(named[axis] != usual for axis, usual in OF_NUMBERS.items()):
            continue
        chosen = {axis: AXES[axis][kind] for axis, kind in zip(AXES, kinds, strict=True)}
        agents = chosen.pop("agents")
        adam = Adam(eps=1e-3)  # by a smaller one gradients that are rounding errors alone would move weights
        small = Config(optimizer=adam, batch_size=8, learning_starts=20, replay_capacity=200, compile="off")
        try:
            config = replace(small, budget=Steps(num=1_000), **chosen.pop("seen"), **chosen)
        except ConfigError:  # they do not go together
            continue
        yield kinds, config, agents


def filled(config: Config, agents: int) -> tuple[list[System], list[System]]:
    """Agents that have seen several episodes each, and others that have seen the same."""
    pairs = [[assemble(replace(config, seed=seed)) for _ in range(2)] for seed in range(agents)]
    for one, other in pairs:
        while one.memory.facts().size < SIZE:
            block = one.collector.step()
            for each in (one, other):
                each.memory.add(block)
        other.learner.load_state_dict(one.learner.state_dict())
    together, alone = zip(*pairs, strict=True)
    return list(together), list(alone)


def difference(together: Sequence[System], alone: Sequence[System], folder: Path) -> float:
    """The largest one, of what updates computed and of what they changed."""
    memories = [each.memory for each in together]
    one = stack.Stack([each.learner for each in together], memories, [], folder, lambda line: None)
    largest = 0.0
    for _ in range(ROUNDS):
        samples = {i: system.memory.sample() for i, system in enumerate(alone)}
        answers = one.update(samples)
        for i, sample in samples.items():
            own = alone[i].learner.update(alone[i].memory.batch(sample))
            pairs = [*zip(answers[i], own, strict=True), *zip(vectors(together[i]), vectors(alone[i]), strict=True)]
            largest = max(largest, *(apart(ours, theirs) for ours, theirs in pairs))
            alone[i].memory.update_priorities(sample.slots, own.error)
    return largest


def vectors(system: System) -> list[Tensor]:
    *flat, memory = system.learner.state
    return [*flat, *memory]


def apart(ours: Tensor, theirs: Tensor) -> float:
    """How far two tensors are apart, relative to numbers above 1; equal infinities are not."""
    gap = torch.where(ours == theirs, torch.zeros(()), (ours - theirs).abs() / theirs.abs().clamp(min=1))
    return float(gap.max()) if gap.numel() else 0.0


def learned(made: tuple[tuple[str, ...], Config, int], compile: bool) -> tuple[tuple[str, ...], float]:
    """The kinds of a product, and how differently it learns."""
    torch.set_num_threads(1)
    kinds, config, agents = made
    systems = filled(config, agents)
    as_it_is = patch.object(stack, "compile_program", lambda function, example, *rest: lambda given: function(*given))
    with TemporaryDirectory() as folder, nullcontext() if compile else as_it_is:
        gap = difference(*systems, Path(folder))
    for system in (*systems[0], *systems[1]):
        system.close()
    return kinds, gap


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compile", action="store_true", help="compile each program, not only trace it")
    parser.add_argument("--sample", type=int, help="so many products, chosen by chance; all of them if not said")
    parser.add_argument("--seen", nargs="+", choices=SEEN, default=list(SEEN), help="which observations")
    args = parser.parse_args()
    begun = time.perf_counter()
    wrong: list[list[str]] = []
    counts = Counter[str]()
    largest = 0.0
    chosen = list(programs(args.seen))
    if args.sample is not None:
        order = np.random.default_rng(0).permutation(len(chosen))[: args.sample]
        chosen = [chosen[number] for number in sorted(order.tolist())]
    with ProcessPoolExecutor(usable_cores(), get_context("spawn")) as pool:
        answers = pool.map(partial(learned, compile=args.compile), chosen, chunksize=16)
        for done, (kinds, gap) in enumerate(answers, start=1):
            counts.update(f"{axis} {kind}" for axis, kind in zip(AXES, kinds, strict=True))
            largest = max(largest, gap)
            if not gap <= TOLERANCE:
                wrong.append([*kinds, f"{gap:.2g}"])
                print("DIFFERS", *wrong[-1], sep=" · ", flush=True)
            if done % EVERY == 0:
                print(f"{done:,} of {len(chosen):,} after {time.perf_counter() - begun:.0f} s", flush=True)
    total = sum(counts.values()) // len(AXES)
    seconds = time.perf_counter() - begun
    print(f"{total - len(wrong)} of {total} products learn the same; largest difference {largest:.2g}; {seconds:.0f} s")
    print(*(f"{kind}: in {count}" for kind, count in counts.items()), sep="\n")
    how = "compiled" if args.compile else "traced"
    content = {"how": how, "products": total, "wrong": wrong, "largest": largest, "seconds": round(seconds)}
    write_results("matrix", {"machine": describe_machine(), **content})
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
