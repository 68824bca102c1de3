"""What short runs record, for each way of learning."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from dqnlab.config import C51, Adam, Config, Double, Env, Greedy, Mlp, Munchausen, Polyak, Prioritized, Scalar, Steps
from dqnlab.envs.make import EnvSpec
from dqnlab.run.keep import Keeper
from dqnlab.run.system import assemble
from dqnlab.store.folder import BATCH

SMALL = Config(
    env=Env(num_envs=4, max_episode_steps=15),
    torso=Mlp(hidden=(8, 6)),
    learning_starts=64,
    batch_size=32,
    replay_capacity=1000,
    update_every=2,
    budget=Steps(num=800),
    evaluate_every=Steps(num=10_000),
    select_episodes=1,
    confirm_episodes=1,
    score_episodes=1,
    compile="off",
)
WAYS = {
    "textbook": SMALL,
    "double, n = 3, Huber": replace(SMALL, rule=Double(), n=3, head=Scalar(huber=1.0)),
    "polyak, clipped": replace(SMALL, rule=Greedy(), sync=Polyak(tau=0.1), optimizer=Adam(max_grad_norm=0.5)),
    "divided rewards": replace(SMALL, reward_scale=4.0, n=3, head=Scalar(huber=1.0)),
    "prioritized": replace(SMALL, sampler=Prioritized(), rule=Double()),
    "a discrete state": replace(SMALL, env=Env(id="FrozenLake-v1", num_envs=4, max_episode_steps=15), n=2),
}
OTHERS = {  # of which less is said
    "categorical, divided rewards": replace(SMALL, reward_scale=4.0, head=C51(v_min=-100.0, v_max=100.0)),
    "munchausen, n = 3": replace(SMALL, rule=Munchausen(tau=1.0), n=3),
}

Recorded = tuple[dict[str, np.ndarray], Config, EnvSpec]


@cache
def record(way: str) -> Recorded:
    config = (WAYS | OTHERS)[way]
    system = assemble(config)
    try:
        with TemporaryDirectory() as place:
            keep = Keeper(Path(place), system.learner, system.memory, config.gamma, np.random.default_rng(8))
            events: Any = system.events()
            for event in events:
                if type(event).__name__ == "Evaluated":
                    break
                keep.take(event)
            keep.save_end()
            return load_file(Path(place) / BATCH), config, system.spec
    finally:
        system.close()
