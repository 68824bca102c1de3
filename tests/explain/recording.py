"""What short runs record, for each way of learning."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from dqnlab.config import (
    C51,
    Adam,
    AdamW,
    Boltzmann,
    Config,
    Constant,
    Cql,
    Demos,
    Double,
    Env,
    Greedy,
    Gru,
    HlGauss,
    Iqn,
    Lstm,
    Margin,
    Mlp,
    Munchausen,
    Noisy,
    Offline,
    Polyak,
    Prioritized,
    Quantiles,
    RAdam,
    Replay,
    RmsProp,
    Rollout,
    Scalar,
    Steps,
)
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
HEADS = {
    "categorical, divided rewards": replace(SMALL, reward_scale=4.0, head=C51(v_min=-100.0, v_max=100.0)),
    "categorical, narrow": replace(SMALL, head=C51(num=5, v_min=-2.0, v_max=2.0), rule=Double()),
    "histogram, divided rewards": replace(SMALL, reward_scale=2.0, head=HlGauss(v_min=-20.0, v_max=20.0)),
    "histogram, narrow": replace(SMALL, head=HlGauss(num=9, v_min=-1.0, v_max=1.0), n=3),
    "quantiles": replace(SMALL, head=Quantiles(num=7), rule=Double(), sampler=Prioritized()),
    "quantiles, divided rewards": replace(SMALL, head=Quantiles(num=51, kappa=0.1), reward_scale=4.0),
    "quantiles, noisy": replace(SMALL, head=Quantiles(num=3), layers=Noisy(), epsilon=Constant(value=0.0)),
    "implicit quantiles": replace(SMALL, head=Iqn(num=8, cosines=4), n=3),
}
OPTIMIZERS = {
    "adamw": replace(SMALL, optimizer=AdamW(weight_decay=0.1)),
    "radam": replace(SMALL, optimizer=RAdam()),
    "rmsprop": replace(SMALL, optimizer=RmsProp(), head=Quantiles(num=5)),
}
EXPLORING = {
    "boltzmann, divided rewards": replace(SMALL, exploration=Boltzmann(temperature=0.5), reward_scale=4.0),
}
RULES = {
    "munchausen, n = 3": replace(SMALL, rule=Munchausen(tau=1.0), n=3),
    "munchausen, quantiles, divided rewards": replace(
        SMALL, rule=Munchausen(tau=0.5, alpha=0.5, least=-0.2), head=Quantiles(num=7), reward_scale=2.0
    ),
    "munchausen, quantiles, masked": replace(
        SMALL,
        env=Env(id="Taxi-v4", num_envs=4, max_episode_steps=15),
        rule=Munchausen(tau=0.5),
        head=Quantiles(num=5),
    ),
    "munchausen, implicit": replace(SMALL, rule=Munchausen(), head=Iqn(num=4, cosines=4)),
}

REMEMBERING = {
    "gru, n = 2, prioritized": replace(
        SMALL, torso=Gru(hidden=(8,), units=6, burn_in=2, unroll=4), n=2, sampler=Prioritized()
    ),
    "lstm, no burn-in, quantiles": replace(
        SMALL, torso=Lstm(hidden=(), units=5, burn_in=0, unroll=8), head=Quantiles(num=5), rule=Double()
    ),
    "gru, divided rewards": replace(SMALL, torso=Gru(hidden=(), units=6, unroll=8), reward_scale=4.0),
}
ROLLING = replace(
    SMALL,
    memory=Rollout(num_steps=16, num_epochs=8),
    **{name: getattr(Config(), name) for name in ("replay_capacity", "learning_starts", "update_every")},
)
ROLLOUTS = {
    "rollout": ROLLING,
    "rollout, categorical, divided rewards": replace(
        ROLLING,
        memory=Rollout(num_steps=16, num_epochs=8, td_lambda=0.8),
        head=C51(v_max=40.0, v_min=-1.0),
        reward_scale=2.0,
    ),
    "rollout, quantiles, lambda 1": replace(
        ROLLING, memory=Rollout(num_steps=16, num_epochs=8, td_lambda=1.0), head=Quantiles(num=5)
    ),
}
RECORDED: dict[str, dict[str, Any]] = {
    "demonstrations, margin": {"regularizer": Margin(margin=0.5, weight=2.0), "reward_scale": 2.0},
    "demonstrations, n = 3": {"n": 3, "sampler": Prioritized()},
    "offline, cql": {"regularizer": Cql(alpha=0.5), "rule": Double(), "reward_scale": 2.0},
    "offline, cql, categorical": {"regularizer": Cql(), "head": C51(num=7, v_max=20.0, v_min=-1.0), "n": 2},
}

Recorded = tuple[dict[str, np.ndarray], Config, EnvSpec]


def write_demos(folder: Path) -> None:
    """Three short episodes of CartPole by chance, two of which are cut off."""
    chance = np.random.default_rng(0)
    for number, length in enumerate((12, 20, 20)):
        ends = np.arange(length) == length - 1
        np.savez(
            folder / f"{number}.npz",
            obs=chance.normal(size=(length + 1, 4)).astype(np.float32),
            action=chance.integers(2, size=length),
            reward=np.ones(length),
            terminated=ends & (number == 0),
            truncated=ends & (number > 0),
        )


def with_demos(way: str, source: str) -> Config:
    """A configuration that learns from recorded episodes."""
    if way.startswith("demonstrations"):
        return replace(SMALL, experience=Demos(source=source), **RECORDED[way])
    return replace(ROLLING, memory=Replay(), experience=Offline(source=source), **RECORDED[way])


@cache
def record(way: str) -> Recorded:
    with TemporaryDirectory() as demos:
        write_demos(Path(demos))
        known = WAYS | HEADS | RULES | EXPLORING | OPTIMIZERS | REMEMBERING | ROLLOUTS
        config = known[way] if way in known else with_demos(way, demos)
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
