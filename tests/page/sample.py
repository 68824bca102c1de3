"""The data of a page without a training run: CartPole played by three small networks with random weights."""

from typing import Any

import gymnasium as gym
import numpy as np
import torch

from dqnlab.explain.seen import obs_data
from dqnlab.learn.networks import QNetwork
from dqnlab.learn.types import ObsSpec

from ..nets import mlp

PARAMS = (
    "gravity",
    "masscart",
    "masspole",
    "total_mass",
    "length",
    "polemass_length",
    "force_mag",
    "tau",
    "kinematics_integrator",
    "theta_threshold_radians",
    "x_threshold",
)


def network(seed: int, inputs: int = 4, actions: int = 2, hidden: tuple[int, ...] = (16, 16)) -> QNetwork:
    """A network for a float vector."""
    obs = ObsSpec((inputs,), np.dtype(np.float32))
    return mlp(obs, actions, hidden, seed).requires_grad_(False)


def layers(net: QNetwork, dtype: type[np.floating[Any]] = np.float32) -> dict[str, Any]:
    """A network as the page has it."""
    return {
        "layers": [
            {"weight": each.weight.numpy().astype(dtype), "bias": each.bias.numpy().astype(dtype)}
            for each in net.linears()
        ]
    }


def episode(nets: dict[str, QNetwork], seed: int, steps: int = 60) -> dict[str, Any]:
    """A greedy CartPole episode of the best network, as the page has it."""
    env = gym.make("CartPole-v1")
    obs, _ = env.reset(seed=seed)
    seen, actions, states = [], [], []
    ended = "cut"
    for _ in range(steps):
        seen.append(obs)
        states.append(np.array(env.unwrapped.state, np.float64))  # type: ignore[attr-defined]
        actions.append(int(nets["best"].q_values(torch.from_numpy(obs)[None]).argmax()))
        obs, _, terminated, _, _ = env.step(actions[-1])
        if terminated:
            ended = "terminated"
            break
    env.close()
    batch = np.array(seen, np.float32)
    return {
        "seed": seed,
        "return": float(len(actions)),
        "length": len(actions),
        "ended": ended,
        "obs": batch,
        "action": np.array(actions, np.uint8),
        "reward": np.ones(len(actions), np.float32),
        "q": {name: net.q_values(torch.from_numpy(batch)).numpy() for name, net in nets.items()},
        "coin": np.random.default_rng(seed).random(len(actions)).astype(np.float32),
        "state": np.array(states),
        "frames": None,
    }


def sample(**changes: Any) -> dict[str, Any]:
    """The whole data of a page; `changes` replace its top-level parts."""
    nets = {"best": network(0), "online": network(1), "target": network(2)}
    env = gym.make("CartPole-v1").unwrapped
    episodes = [episode(nets, seed) for seed in range(3)]
    lengths = [each["length"] for each in episodes]
    steps = np.arange(0, 1000, 100, dtype=np.float32)
    score = {"mean": 480.5, "low": 470.0, "high": 490.0, "minimum": 300.0, "maximum": 500.0, "episodes": 100}
    data = {
        "schema": 1,
        "run": {
            "name": "20261122T000000Z-cartpole-s0",
            "env": "CartPole-v1",
            "preset": "cartpole",
            "seed": 0,
            "score": {**score, "returns": [480.5] * 100},
            "score_registered": None,
            "selected_score": 500.0,
            "solved": True,
            "attempts": 1,
            "env_steps": 12_345,
            "updates": 678,
            "seconds": {"train": 1.5, "total": 2.5},
            "interrupted": False,
            "created": "2026-11-22T00:00:00+00:00",
            "versions": {"python": "3.11.7", "torch": "2.13.0"},
        },
        "threshold": 475.0,
        "settings": {
            "gamma": 0.99,
            "n": 1,
            "epsilon": 0.05,
            "double": False,
            "huber": None,
            "lr": 1e-3,
            "replay_capacity": 10_000,
            "sync": "hard, every 100",
            "max_episode_steps": 500,
        },
        "config": [["env.id", "CartPole-v1"], ["gamma", "0.99"], ["seed", "0"]],
        "files": [["best network", "best_model.pth"], ["metrics", "metrics.jsonl"]],
        "obs": obs_data(ObsSpec((4,), np.dtype(np.float32)), []),
        "inputs": [
            {"name": "inputs.cartpole.position", "unit": "m", "low": -2.4, "high": 2.4},
            {"name": "inputs.cartpole.velocity", "unit": "m/s", "low": -3.0, "high": 3.0},
            {"name": "inputs.cartpole.angle", "unit": "rad", "low": -0.2095, "high": 0.2095},
            {"name": "inputs.cartpole.angular_velocity", "unit": "rad/s", "low": -3.0, "high": 3.0},
        ],
        "actions": ["actions.left", "actions.right"],
        "world": {"kind": "cartpole", "params": {name: getattr(env, name) for name in PARAMS} | {"fps": 50}},
        "networks": {name: layers(net) for name, net in nets.items()},
        "snapshots": [{"step": 500 * i, **layers(network(10 + i), np.float16)} for i in range(3)],
        "episodes": episodes,
        "labels": {
            "usual": int(np.argmax(lengths)),
            "longest": int(np.argmax(lengths)),
            "worst": int(np.argmin(lengths)),
            "best": int(np.argmax(lengths)),
        },
        "baseline": np.concatenate([each["obs"] for each in episodes]).mean(0),
        "moment": None,
        "findings": [],
        "series": {"learn/td_error": {"step": steps, "value": np.exp(-steps / 500)}},
        "evaluations": [{"step": 500, "returns": [100.0, 120.0]}, {"step": 1000, "returns": [490.0, 500.0]}],
        "confirms": [{"step": 1000, "returns": [495.0, 500.0], "passed": True}],
    }
    return data | changes
