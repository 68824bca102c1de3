"""The runs behind the pictures of docs/dqn.md: trains, and writes what was measured into runs.json.

    python docs/pictures/runs.py      # some minutes on two cores
    python docs/pictures/draw.py      # draws runs.json

Each curve is `{"step": [...], "return": [...], "value": [...], "earned": [...]}`: every so many env steps the
online network plays greedy episodes in a test environment. `return` is their mean return, `value` what the
network expects at their first observations, `earned` what they really brought, discounted.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch

from dqnlab.config import Adam, Config, Double, Env, Greedy, Hard, Linear, Polyak, Steps
from dqnlab.config.presets import get
from dqnlab.device import arithmetic
from dqnlab.envs.make import describe
from dqnlab.envs.seeds import env_seeds
from dqnlab.learn.policy import q_function
from dqnlab.run.evaluate import Evaluator
from dqnlab.run.events import BlockEnded
from dqnlab.run.system import System, assemble

HERE = Path(__file__).resolve().parent
GAMMA = 0.99
Curve = dict[str, list[float]]

# Only the loop runs here: no evaluation by the judge, no early end, no checkpoints.
BARE = Config(
    gamma=GAMMA,
    evaluate_every=Steps(num=10**9),
    select_episodes=1,
    stop_when_solved=False,
    checkpoint_every=0,
    compile="off",
)
CALM = replace(
    BARE,
    rule=Double(),
    optimizer=Adam(lr=1e-3),
    sync=Polyak(tau=0.01),
    replay_capacity=20_000,
    learning_starts=500,
)


class AsTermination(gym.Wrapper[Any, Any, Any, Any]):
    """The mistake: says of an episode that was cut that it came to its end."""

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self.env.step(action)
        return obs, reward, terminated or truncated, False, info


def short(env_id: str, limit: int, mistaken: bool) -> gym.Env[Any, Any]:
    """An environment with a short step limit, reported rightly or mistaken for an end."""
    made = gym.make(env_id, max_episode_steps=limit)
    return AsTermination(made) if mistaken else made


def lake(mistaken: bool, seed: int) -> Curve:
    """FrozenLake, at most 15 steps in training, tested under its registered limit of 100."""
    env = Env(id=partial(short, "FrozenLake-v1", 15, mistaken))
    epsilon = Linear(start=1.0, end=0.1, steps=7_000)
    config = replace(CALM, seed=seed, env=env, epsilon=epsilon, update_every=2, budget=Steps(num=20_000))
    return curve(config, Env(id="FrozenLake-v1"), every=1_000, episodes=200)


def pole(mistaken: bool, seed: int) -> Curve:
    """CartPole, at most 50 steps in training, tested under its registered limit of 500."""
    env = Env(id=partial(short, "CartPole-v1", 50, mistaken), num_envs=8)
    epsilon = Linear(start=1.0, end=0.1, steps=5_000)
    config = replace(CALM, seed=seed, env=env, epsilon=epsilon, n=3, update_every=4, budget=Steps(num=30_000))
    return curve(config, Env(id="CartPole-v1"), every=1_500, episodes=20)


def chase(sync_every: int, seed: int) -> Curve:
    """CartPole by the plain rule; `sync_every` = 1 is to have no target network."""
    config = replace(
        BARE,
        seed=seed,
        env=Env(id="CartPole-v1"),
        rule=Greedy(),
        sync=Hard(every=sync_every),
        epsilon=Linear(start=1.0, end=0.1, steps=5_000),
        replay_capacity=20_000,
        learning_starts=500,
        update_every=2,
        budget=Steps(num=20_000),
    )
    return curve(config, Env(id="CartPole-v1"), every=1_000, episodes=20)


def curve(config: Config, test: Env, every: int, episodes: int) -> Curve:
    """Trains, and tests the online network every so many env steps."""
    rows: list[tuple[float, ...]] = []
    evaluator, seeds = Evaluator(test, describe(test), config.gamma), env_seeds(0, "evaluate", episodes)
    system = assemble(config)
    with arithmetic(1):
        for step in pauses(system, every):
            played = evaluator.play(q_function(system.learner.online), seeds)
            rows.append((step, *(float(x.mean()) for x in (played.returns, played.value, played.discounted))))
    evaluator.close()
    system.close()
    names = ("step", "return", "value", "earned")
    return {name: [round(x, 4) for x in column] for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def pauses(system: System, every: int) -> Iterator[int]:
    """Trains; yields the env step whenever another `every` of them are over."""
    before = 0
    for event in system.events():
        if isinstance(event, BlockEnded):
            if event.step // every > before // every:
                yield event.step
            before = event.step


def maps() -> dict[str, Any]:
    """The values of a CartPole network in training: cart at rest in the middle, pole angle x angular velocity."""
    side = 41
    angle, speed = np.linspace(-0.21, 0.21, side).round(4), np.linspace(-2, 2, side).round(3)
    grid = np.zeros((side, side, 4), np.float32)
    grid[..., 2], grid[..., 3] = angle[None, :], speed[:, None]
    obs = torch.from_numpy(grid.reshape(-1, 4))
    config = replace(get("cartpole"), compile="off", checkpoint_every=0, budget=Steps(num=60_000))
    system, found = assemble(config), []
    with arithmetic(1):
        for step in pauses(system, 3_000):
            with torch.no_grad():
                q = system.learner.online.q_values(obs).view(side, side, 2).numpy()
            played = system.judge.select(system.learner.online, step).mean
            found.append(
                {
                    "step": step,
                    "return": played,
                    "value": q.max(2).astype(float).round(1).tolist(),
                    "gap": (q[..., 1] - q[..., 0]).astype(float).round(3).tolist(),  # right - left
                }
            )
    system.close()
    best = max(range(len(found)), key=lambda i: found[i]["return"])
    chosen = [found[0], found[len(found[: best + 1]) // 2], found[best]]
    return {"seed": config.seed, "angle": angle.tolist(), "speed": speed.tolist(), "maps": chosen}


def main() -> None:
    jobs = {
        "lake/right": (partial(lake, False), 5),
        "lake/mistaken": (partial(lake, True), 5),
        "pole/right": (partial(pole, False), 5),
        "pole/mistaken": (partial(pole, True), 5),
        "chase/1": (partial(chase, 1), 3),
        "chase/100": (partial(chase, 100), 3),
    }
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        found = {name: [pool.submit(job, seed) for seed in range(seeds)] for name, (job, seeds) in jobs.items()}
        curves = {name: [future.result() for future in futures] for name, futures in found.items()}
    (HERE / "runs.json").write_text(json.dumps(curves) + "\n", "utf-8")
    (HERE / "maps.json").write_text(json.dumps(maps()) + "\n", "utf-8")


if __name__ == "__main__":
    main()
