"""What tests of moving things share: waiting, and a network that balances CartPole without having learned it."""

import time
from typing import Any

import gymnasium as gym
import numpy as np
import torch

from dqnlab.explain.seen import obs_data
from dqnlab.learn.networks import QNetwork
from dqnlab.learn.types import ObsSpec

from .conftest import Open, Opened
from .sample import layers, network, sample


def until(opened: Opened, expression: str, seconds: float = 30) -> None:
    """Waits until an expression holds in the page. (playwright's own way to wait is forbidden by the page's policy.)"""
    end = time.monotonic() + seconds
    while not opened.page.evaluate(expression):
        assert time.monotonic() < end, f"never true: {expression}"
        opened.page.wait_for_timeout(20)


def at_numbers(open_page: Open) -> Open:
    """Opens pages where every number is told, and not the story alone."""

    def open_(data: Any, hash: str = "", **screen: Any) -> Opened:
        return open_page(data, hash="&".join(filter(None, ["level=numbers", hash])), **screen)

    return open_


def balancing() -> QNetwork:
    """A network that balances: "right" is worth a weighing of the four inputs, "left" the opposite."""
    net = network(0, hidden=(2,))
    first, last = net.linears()
    weights = torch.tensor([0.05, 0.2, 2.0, 0.5])
    first.weight.copy_(torch.stack([weights, -weights]))
    last.weight.copy_(torch.tensor([[-1.0, 1.0], [1.0, -1.0]]))
    first.bias.zero_()
    last.bias.zero_()
    return net


# What the page needs to know of an environment's physics, and the inputs that a slider may take.
CONSTANTS = {
    "mountaincar": "min_position max_position max_speed goal_position goal_velocity force gravity",
    "acrobot": "dt LINK_LENGTH_1 LINK_LENGTH_2 LINK_MASS_1 LINK_MASS_2 LINK_COM_POS_1 LINK_COM_POS_2 LINK_MOI "
    "MAX_VEL_1 MAX_VEL_2 AVAIL_TORQUE book_or_nips",
}
BOUNDS = {"mountaincar": [(-1.2, 0.6), (-0.07, 0.07)], "acrobot": [(-1, 1)] * 4 + [(-12.6, 12.6), (-28.3, 28.3)]}


def classic(kind: str) -> tuple[dict[str, Any], QNetwork]:
    """A page of MountainCar or Acrobot with the first step of one episode, and its best network."""
    env: Any = gym.make({"mountaincar": "MountainCar-v0", "acrobot": "Acrobot-v1"}[kind])
    obs, _ = env.reset(seed=0)
    size, own = len(obs), env.unwrapped
    nets = {name: network(seed, inputs=size, actions=3) for seed, name in enumerate(("best", "online", "target"))}
    data = sample()
    episode = data["episodes"][0] | {
        "obs": obs[None],
        "action": np.zeros(1, np.uint8),
        "reward": -np.ones(1, np.float32),
        "coin": np.zeros(1, np.float32),
        "q": {name: net.q_values(torch.from_numpy(obs)[None]).numpy() for name, net in nets.items()},
        "state": np.array(own.state, np.float64)[None],
    }
    data |= {
        "obs": obs_data(ObsSpec((size,), np.dtype(np.float32)), []),
        "inputs": [
            {"name": f"x[{i}]", "unit": "", "low": low, "high": high} for i, (low, high) in enumerate(BOUNDS[kind])
        ],
        "actions": ["0", "1", "2"],
        "world": {"kind": kind, "params": {name: getattr(own, name) for name in CONSTANTS[kind].split()}},
        "networks": {name: layers(net) for name, net in nets.items()},
        "snapshots": [],
        "episodes": [episode],
        "labels": {"longest": 0, "worst": 0, "best": 0},
        "baseline": np.zeros(size, np.float32),
        "settings": data["settings"] | {"max_episode_steps": 200},
    }
    return data, nets["best"]
