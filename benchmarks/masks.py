"""No forbidden action is ever taken or valued: random masked environments, counted over a million env steps.

    python benchmarks/masks.py [--steps 1000000]

Every product of head, rule, n, sampler and of where the mask is (`info`, or a part of the observation) explores, learns
and is judged in an environment of its own, which draws how many actions there are and, at every step, which of them are
allowed, and counts those taken that were not. Of every batch that is learned from: forbidden actions that were stored,
Q-values of forbidden actions that are not -inf, targets and losses that are not finite. Exits with 1 unless all is 0.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from machine import write_results

from dqnlab.config import Config, Double, Env, Greedy, Hard, Mlp, Prioritized, Scalar, Steps, Uniform
from dqnlab.envs.seeds import env_seeds
from dqnlab.learn.heads import at_action
from dqnlab.learn.policy import make_actor
from dqnlab.run.evaluate import Evaluator
from dqnlab.run.system import System, assemble

AXES = {
    "head": (Scalar(huber=None), Scalar(huber=1.0)),
    "rule": (Greedy(), Double()),
    "n": (1, 3),
    "sampler": (Uniform(), Prioritized()),
    "where": ("info", "key"),
}
NUM_ENVS = 8
JUDGED = 20  # episodes
taken = Counter[str]()
"""actions that environments were asked for: `allowed` and `forbidden`"""


@dataclass(frozen=True)
class Kind:
    """What an environment is."""

    seed: int
    where: str


class Forbids(gym.Env[Any, Any]):
    """Allows some of its 2 to 9 actions at each step, at least one, often only one; pays noise; ends by chance."""

    def __init__(self, kind: Kind):
        self.kind = kind
        self.num = int(np.random.default_rng(kind.seed).integers(2, 10))
        self.action_space = spaces.Discrete(self.num)
        parts: dict[str, spaces.Space[Any]] = {"x": spaces.Box(-1, 1, (3,), np.float32)}
        if kind.where == "key":
            parts["action_mask"] = spaces.MultiBinary(self.num)
        self.observation_space = spaces.Dict(parts)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return self._seen()

    def step(self, action: Any) -> Any:
        taken["allowed" if self.mask[action] else "forbidden"] += 1
        draw = self.np_random
        obs, info = self._seen()
        return obs, float(draw.normal()), draw.random() < 0.1, draw.random() < 0.05, info

    def _seen(self) -> Any:
        draw = self.np_random
        self.mask = (draw.random(self.num) < draw.choice([0.0, 0.3, 0.9])).astype(np.int8)
        self.mask[draw.integers(self.num)] = 1
        obs = {"x": draw.uniform(-1, 1, 3).astype(np.float32)}
        if self.kind.where == "key":
            return obs | {"action_mask": self.mask.copy()}, {}
        return obs, {"action_mask": self.mask.copy()}


def configs() -> Iterator[Config]:
    for number, kinds in enumerate(product(*AXES.values())):
        chosen = dict(zip(AXES, kinds, strict=True))
        env = Env(id=partial(Forbids, Kind(number, chosen.pop("where"))), num_envs=NUM_ENVS)
        small = {"torso": Mlp(hidden=(16,)), "batch_size": 32, "learning_starts": 200, "replay_capacity": 2_000}
        yield Config(
            env=env, seed=number, sync=Hard(every=20), budget=Steps(num=10**9), compile="off", **small, **chosen
        )


def check_batch(system: System, found: Counter[str]) -> None:
    """One update, and what of it has to do with actions that were forbidden."""
    start = system.spec.obs.mask
    sample = system.memory.sample()
    batch = system.memory.batch(sample)
    allowed = batch.obs[:, start:] != 0
    found["stored"] += int((at_action(allowed.float(), batch.action) == 0).sum())
    update = system.learner.update(batch)
    system.memory.update_priorities(sample.slots, update.error)
    found["valued"] += int(((update.q > -torch.inf) & ~allowed).sum())
    found["allowed but -inf"] += int(((update.q == -torch.inf) & allowed).sum())
    found["not finite"] += int((~update.target.isfinite()).sum()) + int(not update.loss.isfinite())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1_000_000, help="env steps in all, at least")
    args = parser.parse_args()
    torch.set_num_threads(1)
    found, every = Counter[str](), list(configs())
    for number, config in enumerate(every, 1):
        system = assemble(config)
        while system.collector.steps < args.steps / len(every):
            before = system.collector.steps
            system.memory.add(system.collector.step())
            if system.memory.due(before, system.collector.steps) and before // 64 != system.collector.steps // 64:
                check_batch(system, found)
                found["batches"] += 1
        system.close()
        judge = Evaluator(config.env, system.spec, config.gamma)
        judge.play(make_actor(system.learner.online), env_seeds(number, "select", JUDGED))
        judge.close()
        print(f"{number}/{len(every)}: {taken.total():,} actions, {taken['forbidden']} forbidden; {dict(found)}")
    wrong = {"taken": taken["forbidden"]} | {each: found[each] for each in ("stored", "valued", "not finite")}
    wrong["allowed but -inf"] = found["allowed but -inf"]
    write_results("masks", {"actions": taken.total(), "batches": found["batches"], "wrong": wrong})
    print(f"{taken.total():,} actions and {found['batches']:,} batches; wrong: {wrong}")
    sys.exit(any(wrong.values()))


if __name__ == "__main__":
    main()
