"""What the page that explains a run costs: its size and seconds for several kinds of environment, and the recording.

    python benchmarks/report.py

Trains each briefly, then writes its page as `dqn train` does, and once more. A page above its budget is an error.
Then 100,000 steps of the textbook program with a clock around everything that is kept only to be explained later:
snapshots and recorded batches.
Writes benchmarks/results/report.json.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from machine import describe_machine, write_results

import dqnlab
from dqnlab import presets
from dqnlab.config import Config, Env, Film, Steps
from dqnlab.explain.report import write_report
from dqnlab.run.keep import Keeper

BUDGETS = {"CartPole": 800_000, "CartPole, textbook net": 800_000, "24x24 image": 5_000_000}
OTHERS = 1_500_000  # bytes of any other page


class Pixels(gym.Env[np.ndarray, int]):
    """A light that must be kept in the middle of a 24x24 picture; it draws nothing but what it shows."""

    observation_space = spaces.Box(0, 255, (24, 24), np.uint8)
    action_space = spaces.Discrete(3)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.at, self.steps = int(self.np_random.integers(24)), 0
        return self._seen(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.at = int(np.clip(self.at + action - 1 + self.np_random.integers(-1, 2), 0, 23))
        self.steps += 1
        return self._seen(), 1.0 - abs(self.at - 12) / 12, False, self.steps >= 100, {}

    def _seen(self) -> np.ndarray:
        image = np.zeros((24, 24), np.uint8)
        image[8:16, max(self.at - 1, 0) : self.at + 2] = 255
        return image


class Twelve(gym.Env[np.ndarray, int]):
    """Twelve numbers drift; each action calms four of them."""

    observation_space = spaces.Box(-10, 10, (12,), np.float32)
    action_space = spaces.Discrete(3)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.x, self.steps = self.np_random.normal(size=12).astype(np.float32), 0
        return self.x.copy(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.x += self.np_random.normal(scale=0.2, size=12).astype(np.float32)
        self.x[4 * action : 4 * action + 4] *= 0.5
        self.steps += 1
        high = bool(np.abs(self.x).max() > 5)
        return np.clip(self.x, -10, 10), 1.0, high, self.steps >= 200, {}


def configs() -> dict[str, Config]:
    """Short runs: whether they learn does not matter here."""
    brief = replace(
        presets.get("default"),
        budget=Steps(num=6_000),
        evaluate_every=Steps(num=2_000),
        confirm_episodes=5,
        score_episodes=5,
        select_episodes=5,
    )
    envs: dict[str, str | Callable[..., Any]] = {
        "LunarLander": "LunarLander-v3",
        "FrozenLake": "FrozenLake-v1",
        "24x24 image": Pixels,
        "12-vector": Twelve,
    }
    quiet = {"explain": False, "film": Film(episodes=0)}
    runs = {
        "CartPole": presets.get("cartpole"),
        "CartPole, textbook net": replace(brief, torso=presets.get("textbook").torso),
        "CartPole, default net": brief,
    }
    for name in ("acrobot", "mountaincar"):  # whose networks are larger
        chosen = presets.get(name)
        runs[chosen.env.id] = replace(brief, env=chosen.env, torso=chosen.torso)
    runs |= {
        name: replace(brief, env=Env(id=made, max_episode_steps=200 if callable(made) else None))
        for name, made in envs.items()
    }
    return {name: replace(config, **quiet) for name, config in runs.items()}  # type: ignore[arg-type]


def pages(folder: Path) -> dict[str, Any]:
    """Bytes of each page, and seconds to write it first and again."""
    rows = {}
    for name, config in configs().items():
        run = dqnlab.train(config, out=folder / name, trackers=("none",))
        seconds = []
        for _ in range(2):
            start = time.perf_counter()
            path = write_report(run, config.env).path
            seconds.append(round(time.perf_counter() - start, 3))
        rows[name] = {"bytes": path.stat().st_size, "seconds": seconds, "episodes_steps": config.env.max_episode_steps}
        print(f"{name:<24}{path.stat().st_size / 1000:>8.0f} kB   {seconds[0]:.2f} s, again {seconds[1]:.2f} s")
    over = {name: row["bytes"] for name, row in rows.items() if row["bytes"] > BUDGETS.get(name, OTHERS)}
    if over:
        raise SystemExit(f"pages above their budget: {over}")
    return rows


@contextmanager
def clock_on(kind: type, names: tuple[str, ...], spent: dict[str, float]) -> Iterator[None]:
    """Adds up the seconds inside some methods."""
    before = {name: getattr(kind, name) for name in names}

    def timed(name: str) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            start = time.perf_counter()
            try:
                return before[name](*args)
            finally:
                spent[name] = spent.get(name, 0.0) + time.perf_counter() - start

        return call

    for name in names:
        setattr(kind, name, timed(name))
    try:
        yield
    finally:
        for name, method in before.items():
            setattr(kind, name, method)


def recording(steps: int, folder: Path) -> dict[str, Any]:
    """Seconds spent on what is kept to be explained, and their share of training."""
    textbook = presets.get("textbook")
    config = replace(
        textbook, budget=Steps(num=steps), evaluate_every=Steps(num=steps), film=Film(episodes=0), explain=False
    )
    config = replace(config, score_episodes=1, confirm_episodes=1, select_episodes=1)
    spent: dict[str, float] = {}
    with clock_on(Keeper, ("_take_snapshot", "_record_moment", "save_end"), spent):
        run = dqnlab.train(config, out=folder / "textbook", trackers=("none",))
    share = sum(spent.values()) / run.seconds["train"]
    print(f"recording over {steps:,} textbook steps: {1000 * sum(spent.values()):.0f} ms, {share:.3%} of training")
    return {"seconds": spent, "train": run.seconds["train"], "share": share}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100_000)
    steps = parser.parse_args().steps
    with tempfile.TemporaryDirectory() as folder:
        found = {"pages": pages(Path(folder)), "recording": recording(steps, Path(folder))}
    write_results("report", {"machine": describe_machine(), **found})


if __name__ == "__main__":
    main()
