"""What an update takes with each kind of convolutions, beside the bare products of the same update.

    python benchmarks/convs.py [--kinds small nature impala] [--agents 1 3] [--seconds 3] [--rounds 3] [--skip-compiled]

A network learns from pictures of its kind's own size, in batches of 32, by the textbook's rule and optimiser,
uncompiled and compiled, alone and as three agents in one program. The bare products are what no update can do without:
each layer goes forwards twice, in the online and in the target network, and backwards once to its weights and to what
it saw, with the first layer's pictures left out. Updates and products take turns; the least CPU time of the rounds
counts, on one thread. Prints a table; writes benchmarks/results/convs.json. Some 6 minutes, two of them compiling.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple
from unittest.mock import patch

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from machine import Others, describe_machine, write_results
from torch import Tensor, nn

from dqnlab import presets
from dqnlab.config import Config, Env, Mlp, Steps
from dqnlab.device import arithmetic
from dqnlab.run.system import System, assemble, make_update

BATCH = 32


class Kind(NamedTuple):
    """What a kind of convolutions looks at, and how many units follow it."""

    picture: spaces.Box
    hidden: int


KINDS = {
    "small": Kind(spaces.Box(0, 1, (10, 10, 4), np.bool_), 128),
    "nature": Kind(spaces.Box(0, 255, (4, 84, 84), np.uint8), 512),
    "impala": Kind(spaces.Box(0, 255, (4, 84, 84), np.uint8), 512),
}


class Noise(gym.Env[Any, Any]):
    """Random pictures; every third action is rewarded; episodes last fifty steps."""

    def __init__(self, picture: spaces.Box):
        self.observation_space, self.action_space = picture, spaces.Discrete(6)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        return self._shown(), {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        return self._shown(), float(action % 3 == 0), self.steps == 50, False, {}

    def _shown(self) -> np.ndarray:
        space = self.observation_space
        return self.np_random.integers(int(space.high.max()) + 1, size=space.shape).astype(space.dtype)


def setting(kind: str, compiled: bool) -> Config:
    """The textbook configuration with such a network."""
    picture, hidden = KINDS[kind]
    far = Steps(num=10**9)
    base = replace(presets.get("textbook"), budget=far, evaluate_every=far, select_episodes=1, conv=kind)
    sizes = {"torso": Mlp(hidden=(hidden,)), "batch_size": BATCH, "learning_starts": 500, "replay_capacity": 1_000}
    return replace(base, env=Env(id=partial(Noise, picture)), compile="on" if compiled else "off", **sizes)


# ── The bare products ────────────────────────────────────────────────────────────────────────────

Product = Callable[[], object]


@contextmanager
def layers_seen(found: list[tuple[nn.Module, Tensor]]) -> Iterator[None]:
    """Notes each convolution and matrix product, with what it is given."""

    def noting(kind: type[nn.Module]) -> Any:
        forward = kind.forward

        def note(layer: nn.Module, x: Tensor) -> Tensor:
            found.append((layer, x.detach().clone()))
            return forward(layer, x)

        return patch.object(kind, "forward", note)

    with noting(nn.Conv2d), noting(nn.Linear):
        yield


def bare_products(system: System) -> list[Product]:
    """The products of one update of this system, each to be called once."""
    found: list[tuple[nn.Module, Tensor]] = []
    batch = system.memory.batch(system.memory.sample())
    with torch.no_grad(), layers_seen(found):
        system.learner.online(batch.obs, batch.draws.online)
    products: list[Product] = []
    for number, (layer, x) in enumerate(found):
        forward, backward = _of_conv(layer, x) if isinstance(layer, nn.Conv2d) else _of_linear(layer, x)
        products += [forward, forward, partial(backward, number > 0)]
    return products


def _of_conv(layer: nn.Conv2d, x: Tensor) -> tuple[Product, Callable[[bool], object]]:
    weight = layer.weight.detach().clone()
    stride, padding = layer.stride, layer.padding
    assert not isinstance(padding, str)
    answer = torch.randn_like(torch.conv2d(x, weight, None, stride, padding))

    def backward(to_input: bool) -> object:
        wanted = [to_input, True, False]
        given = (answer, x, weight, None, stride, padding, (1, 1), False, (0, 0), 1, wanted)
        return torch.ops.aten.convolution_backward(*given)

    return lambda: torch.conv2d(x, weight, None, stride, padding), backward


def _of_linear(layer: nn.Module, x: Tensor) -> tuple[Product, Callable[[bool], object]]:
    weight = layer.get_parameter("weight").detach().clone()
    answer = torch.randn(len(x), len(weight))

    def backward(to_input: bool) -> object:
        return answer.T @ x, answer @ weight if to_input else None

    return lambda: x @ weight.T, backward


# ── Times ────────────────────────────────────────────────────────────────────────────────────────


def microseconds(act: Callable[[], object], seconds: float) -> float:
    """CPU time of one call."""
    act()
    calls, begun = 0, time.process_time()
    while time.process_time() - begun < seconds:
        act()
        calls += 1
    return (time.process_time() - begun) / calls * 1e6


def measure(kind: str, compiled: bool, agents: int, seconds: float, rounds: int) -> dict[str, Any]:
    """A row: CPU microseconds of an update and of its products, both per agent."""
    systems = [assemble(replace(setting(kind, compiled), seed=seed)) for seed in range(agents)]
    said: list[str] = []
    try:
        for system in systems:
            while system.memory.facts().size < 500:
                system.memory.add(system.collector.step())
        with arithmetic(1), Others() as others:
            products, update = bare_products(systems[0]), make_update(systems, said.append)
            taken = [(microseconds(partial(_learn, systems, update), seconds) / agents,
                      microseconds(lambda: [each() for each in products], seconds)) for _ in range(rounds)]  # fmt: skip
    finally:
        for system in systems:
            system.close()
    ours, bare = (min(column) for column in zip(*taken, strict=True))
    how = "compiled" if systems[0].config.compile == "on" else "uncompiled"
    row = {"kind": kind, "how": how, "agents": agents, "update": round(ours), "products": round(bare)}
    return {**row, "ratio": round(ours / bare, 2), "others": others.cores}


def _learn(systems: Sequence[System], update: Callable[[dict[int, Any]], object]) -> None:
    update({number: system.memory.sample() for number, system in enumerate(systems)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--agents", nargs="+", type=int, default=[1, 3])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--skip-compiled", action="store_true", help="which compiles for a minute or two")
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    print("| convolutions | | agents | update, CPU-µs per agent | its products | ratio |\n|---|---|---|---|---|---|")
    for kind in args.kinds:
        for compiled in (False,) if args.skip_compiled else (False, True):
            for agents in args.agents:
                rows.append(measure(kind, compiled, agents, args.seconds, args.rounds))
                shown = [f"{value:,}" if isinstance(value, int) else str(value) for value in rows[-1].values()]
                print("| " + " | ".join(shown[:6]) + " |", flush=True)
    write_results("convs", {"rows": rows, "batch": BATCH, "machine": describe_machine()})


if __name__ == "__main__":
    main()
