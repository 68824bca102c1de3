"""What a mask is worth: scheduling with forbidden machines masked, against the same with forbidden choices punished.

    python benchmarks/scheduling.py [--steps 10000] [--seeds 5]

Jobs of four kinds come one after the other for six machines. Each machine is good at one kind of job and takes a while;
a machine that is busy cannot be chosen. A job on a machine that is good at it pays 1, on another 0.3; a day has 50
moments. Where nothing is masked, choosing a busy machine costs 1 and the job waits. Both are trained by `default`.
"""

import argparse
import statistics
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from machine import write_results

import dqnlab
from dqnlab.config import Env, Film, Steps

MACHINES, KINDS, MOMENTS = 6, 4, 50
BUSY = (2, 7)  # moments that a job takes, at least and below


class Scheduling(gym.Env[Any, Any]):
    """Six machines, of which the last can always be chosen: it is good at nothing and never busy."""

    def __init__(self, masked: bool):
        self.masked = masked
        self.action_space = spaces.Discrete(MACHINES)
        left = spaces.Box(0, 1, (MACHINES,), np.float32)
        self.observation_space = spaces.Dict(job=spaces.Discrete(KINDS), left=left)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.left = np.zeros(MACHINES, int)
        self.moment = 0
        self.job = int(self.np_random.integers(KINDS))
        return self._seen()

    def step(self, action: Any) -> Any:
        reward = -1.0
        if self.left[action] == 0:
            reward = 1.0 if action % KINDS == self.job and action < MACHINES - 1 else 0.3
            if action < MACHINES - 1:
                self.left[action] = self.np_random.integers(*BUSY)
            self.job = int(self.np_random.integers(KINDS))
        elif self.masked:
            raise ValueError(f"machine {action} is busy")
        self.left = np.maximum(self.left - 1, 0)
        self.moment += 1
        obs, info = self._seen()
        return obs, reward, False, self.moment == MOMENTS, info

    def _seen(self) -> Any:
        obs = {"job": self.job, "left": (self.left / BUSY[1]).astype(np.float32)}
        return obs, {"action_mask": (self.left == 0).astype(np.int8)} if self.masked else {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    found: dict[str, list[float]] = {"masked": [], "punished": []}
    base = replace(
        dqnlab.presets.get("default"),
        budget=Steps(num=args.steps),
        evaluate_every=Steps(num=args.steps // 4),
        film=Film(episodes=0),
        explain=False,
    )
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(args.seeds):
            for name, scores in found.items():
                config = replace(base, seed=seed, env=Env(id=partial(Scheduling, name == "masked")))
                run = dqnlab.train(config, out=Path(folder) / f"{name}-{seed}", trackers=("none",))
                assert run.score is not None
                scores.append(run.score.mean)
                print(f"seed {seed} {name}: {run.score.mean:.2f}", flush=True)
    for name, scores in found.items():
        print(f"{name}: mean {statistics.mean(scores):.2f}, from {min(scores):.2f} to {max(scores):.2f}")
    write_results("scheduling", {"steps": args.steps, **found})


if __name__ == "__main__":
    main()
