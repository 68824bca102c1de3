"""What the preset `default` makes of environments that nobody has tuned it for, and of rewards of any size.

    python benchmarks/default.py --seeds 20 21 22
    python benchmarks/default.py --seeds 20 --only Taxi

Every probe of `dqn selftest` with its rewards multiplied by 0.001 to 10,000: how many are learned to the probe's own
tolerance, multiplied alike. Then whole runs, judged over fresh episodes as `dqn train` judges. Prints a JSON line per
run and appends it to benchmarks/results/default.jsonl. For another commit, put its src on PYTHONPATH.
"""

import argparse
import json
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium.wrappers import TransformReward
from machine import RESULTS

from dqnlab.check.probes import PROBES, Probe, probe_config, try_probe
from dqnlab.config import Adam, Env, Film, Steps
from dqnlab.config.presets import get
from dqnlab.device import arithmetic
from dqnlab.run.system import assemble

SCALES = (1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4)
RUNS = {  # env steps, episodes of the score
    "zoo:RareReward-v0": (20_000, 100),
    "CartPole-v1": (100_000, 100),
    "Acrobot-v1": (100_000, 100),
    "FrozenLake-v1": (100_000, 1000),
    "CliffWalking-v1": (100_000, 20),
    "Taxi-v4": (200_000, 1000),
}
ZOO = Path(__file__).parents[1] / "tests" / "zoo"


def learn_probe(probe: Probe, scale: float, seed: int) -> bool:
    """Whether `default`'s head, rule, n, clipping and scale learn this probe's values times `scale`."""
    default = get("default")
    config = probe_config(default, probe)
    multiplied = replace(
        probe, q=[[scale * value for value in row] for row in probe.q], tolerance=scale * probe.tolerance
    )
    clip = default.optimizer.max_grad_norm if isinstance(default.optimizer, Adam) else None

    def make() -> gym.Env[Any, Any]:
        return TransformReward(probe.make(), lambda reward: scale * float(reward))

    optimizer = replace(config.optimizer, max_grad_norm=clip)
    config = replace(config, seed=seed, env=replace(config.env, id=make), optimizer=optimizer)
    return try_probe(multiplied, config).passed


def judge_run(env: str, steps: int, episodes: int, seed: int) -> dict[str, Any]:
    """One run of `default`, as `dqn train ENV --steps STEPS` would do it."""
    config = replace(
        get("default"),
        seed=seed,
        env=Env(id=env),
        budget=Steps(num=steps),
        device="cpu",
        film=Film(episodes=0),
        explain=False,
        score_episodes=episodes,
    )
    began = time.perf_counter()
    system = assemble(config)
    try:
        with arithmetic(1):
            for _ in system.events(notify=lambda line: None):
                pass
            verdict = system.judge.decide()
        return {
            "score": round(verdict.score.mean, 4),
            "solved": verdict.solved,
            "steps": system.progress.now.steps,
            "seconds": round(time.perf_counter() - began),
        }
    finally:
        system.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[20, 21, 22])
    parser.add_argument("--only", default="", help="names that contain this; `probes` for those")
    parser.add_argument("--label", default="now", help="what the lines are called")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(ZOO))
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / "default.jsonl").open("a") as file:

        def tell(line: dict[str, Any]) -> None:
            text = json.dumps({"label": args.label, **line})
            print(text, flush=True)
            print(text, file=file, flush=True)

        for seed in args.seeds:
            if args.only in "probes":
                for scale in SCALES:
                    learned = [probe.name for probe in PROBES if learn_probe(probe, scale, seed)]
                    tell({"probes": len(PROBES), "learned": len(learned), "scale": scale, "seed": seed})
            for env, (steps, episodes) in RUNS.items():
                if args.only in env:
                    tell({"env": env, "seed": seed, **judge_run(env, steps, episodes, seed)})


if __name__ == "__main__":
    main()
