"""bsuite's score of a preset: each experiment of its published plot by bsuite's own environments and analysis.

    make bsuite ARGS="--only catch bandit"

Not a suite of `dqn benchmark`, for what is scored is something else (docs/design/0036): of each experiment a fixed
sweep of settings with one run each, and of a run the regret of all its *training* episodes, exploration and all.
bsuite's columns reach metrics.jsonl as the info of an episode's end; of those rows the ones that bsuite itself would
have logged are written as its files, from which its own `bsuite_score` computes. A run whose file is there is not made
again. What explores is the constant 0.05 of the published DQN, for an exploration that falls over the budget would be
part of the score. `--check` plays the same actions through bsuite's own recording and through this one, and compares
the files.

The three mnist experiments need the data set that bsuite downloads; where it is not, they are left out, of the
published mean too. Writes benchmarks/results/bsuite.json. By the costs of updates in docs/results.md the whole takes a
night on two cores.
"""

import argparse
import io
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import patch

import bsuite
import gymnasium as gym
import numpy as np
import pandas as pd
from bsuite import sweep
from bsuite.experiments import summary_analysis
from bsuite.logging import csv_load, csv_logging
from gymnasium import spaces
from machine import describe_machine, write_results

import dqnlab
from dqnlab import presets
from dqnlab.config import Config, Constant, Episodes, Film
from dqnlab.store.folder import METRICS
from dqnlab.store.metrics import read_records

if not hasattr(pd.Series, "append"):  # gone with pandas 2; bsuite 0.3.6 still scores deep_sea with it
    pd.Series.append = lambda self, other: pd.concat([self, other])

MNIST = Path("/tmp/mnist")
"""where bsuite keeps the data set"""
EPSILON = 0.05
PUBLISHED = {
    "bandit": 0.88, "mnist": 0.74, "catch": 0.91, "mountain_car": 0.94, "cartpole": 0.79,
    "bandit_noise": 0.60, "mnist_noise": 0.40, "catch_noise": 0.47, "mountain_car_noise": 0.82, "cartpole_noise": 0.71,
    "bandit_scale": 0.59, "mnist_scale": 0.29, "catch_scale": 0.59, "mountain_car_scale": 0.89, "cartpole_scale": 0.45,
    "deep_sea": 0.0, "deep_sea_stochastic": 0.0, "cartpole_swingup": 0.0,
    "umbrella_length": 0.48, "umbrella_distract": 0.48, "discounting_chain": 0.26,
    "memory_len": 0.04, "memory_size": 0.0,
}  # fmt: skip
"""of its DQN: google-deepmind/bsuite, reports/iclr_2019/images/bar_plot.png, read off by eye"""
SHORT = ("bandit", "mnist", "memory_size")
"""episodes of a step or two, for which compiling would not pay"""
LOGGED = (1.0, 1.2, 1.4, 1.7, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0)
"""times a power of ten: the episodes of which bsuite keeps a row"""


class Behaviour(gym.Env[Any, Any]):
    """An environment of bsuite; what it says of itself is the info of an episode's last step."""

    def __init__(self, name: str):
        with redirect_stdout(io.StringIO()):  # it says that it was loaded
            self.env = bsuite.load_from_id(name)
        size = int(np.prod(self.env.observation_spec().shape))
        self.observation_space = spaces.Box(-np.inf, np.inf, (size,), np.float32)
        self.action_space = spaces.Discrete(self.env.action_spec().num_values)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """The settings of the sweep say the seed."""
        super().reset(seed=seed)
        return self._flat(self.env.reset()), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        step = self.env.step(int(action))
        ended = step.last()
        cut = ended and step.discount != 0
        info = dict(self.env.bsuite_info()) if ended else {}
        return self._flat(step), float(step.reward or 0.0), ended and not cut, cut, info

    def _flat(self, step: Any) -> np.ndarray:
        return np.asarray(step.observation, np.float32).ravel()


def is_logged(episode: int) -> bool:
    """Whether bsuite keeps a row of this episode."""
    power = 10 ** np.floor(np.log10(max(episode, 1)))
    return any(episode == power * ratio for ratio in LOGGED)


def write_rows(name: str, folder: Path, episodes: Sequence[tuple[int, float, dict[str, float]]]) -> None:
    """Writes bsuite's file of a run.

    Args:
        episodes: of each its steps, its return, and what the environment said at its end.
    """
    with tempfile.TemporaryDirectory(dir=folder) as part:  # bsuite writes the file anew with every row
        logger, steps, earned = csv_logging.Logger(name, part), 0, 0.0
        for number, (length, own, said) in enumerate(episodes, 1):
            steps, earned = steps + length, earned + own
            if is_logged(number):
                about = {"steps": steps, "episode": number, "total_return": earned}
                logger.write(about | {"episode_len": length, "episode_return": own} | said)
        (written,) = Path(part).iterdir()
        os.replace(written, folder / written.name)


# ── Runs ─────────────────────────────────────────────────────────────────────────────────────────


def setting(preset: str, name: str) -> Config:
    """What learns on one setting of a sweep."""
    episodes = int(Behaviour(name).env.bsuite_num_episodes)
    far = Episodes(num=episodes)
    base = replace(presets.get(preset), env=replace(presets.get(preset).env, id=partial(Behaviour, name)), budget=far)
    few = {"evaluate_every": far, "select_episodes": 1, "confirm_episodes": 1, "score_episodes": 1}
    quiet = {"stop_when_solved": False, "film": Film(episodes=0), "explain": False, "checkpoint_every": 0}
    compiled = "off" if name.startswith(SHORT) else "on"
    # Rewards are measured by random play in the environment that trains, which would count.
    return replace(
        base, epsilon=Constant(value=EPSILON), learning_starts=128, reward_scale=1.0, compile=compiled, **few, **quiet
    )


def make(preset: str, folder: Path, name: str) -> str:
    """Trains on one setting of a sweep, and writes bsuite's file of it."""
    with tempfile.TemporaryDirectory() as home:
        run = dqnlab.train(setting(preset, name), out=Path(home) / "run", trackers=())
        if run.interrupted:
            raise KeyboardInterrupt
        rows = [row for row in read_records(run.folder / METRICS) if "train/reward" in row]
    said = "train/info/"
    write_rows(
        name,
        folder,
        [
            (
                int(row["train/length"]),
                row["train/reward"],
                {key.removeprefix(said): value for key, value in row.items() if key.startswith(said)},
            )
            for row in rows
        ],
    )
    return name


def done(folder: Path, name: str) -> bool:
    return (folder / f"{csv_logging.BSUITE_PREFIX}{name.replace('/', csv_logging.SAFE_SEPARATOR)}.csv").exists()


def _seeded(kind: Callable[[int], Any], seed: int | None = None) -> Any:
    return kind(0 if seed is None else seed)


def check(names: Sequence[str], episodes: int = 30) -> None:
    """Plays the same actions through bsuite's own recording and this one. Raises AssertionError."""
    for name in names:
        with tempfile.TemporaryDirectory() as home:
            theirs, ours = (Path(home) / each for each in ("theirs", "ours"))
            ours.mkdir()
            with patch("numpy.random.RandomState", partial(_seeded, np.random.RandomState)):  # some have no seed
                recorded, own = bsuite.load_and_record_to_csv(name, str(theirs)), Behaviour(name)
            draw, found = np.random.default_rng(0), []
            for _ in range(episodes):
                recorded.reset()
                own.reset()
                length, earned, ended = 0, 0.0, False
                while not ended:
                    action = int(draw.integers(own.action_space.n))
                    recorded.step(action)
                    _, reward, terminated, truncated, said = own.step(action)
                    length, earned, ended = length + 1, earned + reward, terminated or truncated
                found.append((length, earned, said))
            write_rows(name, ours, found)
            (one,), (other,) = (list(each.iterdir()) for each in (theirs, ours))
            assert one.name == other.name, (one.name, other.name)
            pd.testing.assert_frame_equal(pd.read_csv(one), pd.read_csv(other), rtol=1e-9, obj=name)
        print(f"{name}: the same rows", flush=True)


# ── The whole ────────────────────────────────────────────────────────────────────────────────────


def chosen(only: Sequence[str]) -> list[str]:
    """The settings of the experiments that were asked for, in bsuite's order."""
    if unknown := [name for name in only if name not in PUBLISHED]:
        sys.exit(f"unknown experiment {unknown[0]!r}: one of {', '.join(PUBLISHED)}")
    wanted = [name for name in PUBLISHED if not only or name in only]
    if not MNIST.is_dir() and (lost := [name for name in wanted if name.startswith("mnist")]):
        print(f"left out, for their data set is not in {MNIST}: {', '.join(lost)}")
        wanted = [name for name in wanted if name not in lost]
    return [each for each in sweep.SWEEP if each.partition("/")[0] in wanted]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--only", nargs="+", default=[], help="experiments")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=Path("runs/bsuite"), help="folder of bsuite's files")
    parser.add_argument("--check", action="store_true", help="compare what is recorded with bsuite's own, and stop")
    args = parser.parse_args()
    names = chosen(args.only)
    if args.check:
        check([name for name in names if name.endswith("/0")])
        return
    folder = args.out / args.preset
    folder.mkdir(parents=True, exist_ok=True)
    left = [name for name in names if not done(folder, name)]
    with ProcessPoolExecutor(args.jobs, mp_context=get_context("spawn")) as pool:
        for number, name in enumerate(pool.map(partial(make, args.preset, folder), left), 1):
            print(f"{number} of {len(left)}: {name}", flush=True)
    found, variables = csv_load.load_bsuite(str(folder))
    scores = summary_analysis.bsuite_score(found, variables)
    rows = {row["bsuite_env"]: float(row["score"]) for _, row in scores.iterrows() if row["finished"]}
    print("| experiment | DQN, published | ours |\n|---|---|---|")
    for name, score in rows.items():
        print(f"| {name} | {PUBLISHED[name]:.2f} | {score:.2f} |")
    means = [sum(each[name] for name in rows) / len(rows) for each in (PUBLISHED, rows)]
    print(f"| mean of these {len(rows)} | {means[0]:.2f} | {means[1]:.2f} |")
    if not args.only:
        about = {"preset": args.preset, "epsilon": EPSILON, "bsuite": bsuite.__version__, "machine": describe_machine()}
        write_results("bsuite", {"scores": rows, "mean": means[1], "published": PUBLISHED, **about})


if __name__ == "__main__":
    main()
