"""Files as other programs write them, made here: their formats, none of their code."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

SAID: dict[str, Any] = {
    "policy_class": {":type:": "<class 'abc.ABCMeta'>", ":serialized:": "gASVAAAA", "__module__": "their.dqn"},
    "policy_kwargs": {},
    "gamma": 0.97,
    "learning_rate": 0.0023,
    "batch_size": 32,
    "buffer_size": 5_000,
    "learning_starts": 100,
    "n_envs": 1,
    "seed": 3,
    "exploration_initial_eps": 1.0,
    "exploration_final_eps": 0.04,
    "exploration_fraction": 0.16,
    "num_timesteps": 50_176,
    "_total_timesteps": 50_000,
    "_n_updates": 25_000,
    "train_freq": {":type:": "<class 'TrainFreq'>", ":serialized:": "gASVAAAA"},
}
"""some of what such an agent's JSON holds: plain numbers, and what is pickled"""


def chain(*sizes: int) -> nn.Sequential:
    """Linear layers with ReLUs between them, as the twin of what is read."""
    torch.manual_seed(sum(sizes))
    layers: list[nn.Module] = []
    for i in range(len(sizes) - 1):
        layers += [nn.Linear(sizes[i], sizes[i + 1]), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def nature(channels: int, actions: int) -> nn.Sequential:
    """The network of Mnih et al. (2015), for 84 x 84 pixels."""
    torch.manual_seed(channels)
    convs = [nn.Conv2d(channels, 32, 8, 4), nn.ReLU(), nn.Conv2d(32, 64, 4, 2), nn.ReLU(), nn.Conv2d(64, 64, 3)]
    dense = [nn.Linear(3136, 512), nn.ReLU(), nn.Linear(512, actions)]
    return nn.Sequential(*convs, nn.ReLU(), nn.Flatten(), *dense)


def named(network: nn.Sequential, prefix: str) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": w.detach() for name, w in network.state_dict().items()}


def torch_bytes(content: object, old: bool = False) -> bytes:
    """What torch.save writes, in its format of before 1.6 if asked."""
    made = io.BytesIO()
    torch.save(content, made, _use_new_zipfile_serialization=not old)
    return made.getvalue()


def policy(network: nn.Sequential, name: str = "q_net") -> dict[str, Tensor]:
    """A policy's weights: of the network that acts, and of a target network with other numbers."""
    own = named(network, f"{name}.{name}")
    return own | {f"{name}_target.{key.partition('.')[2]}": w + 1 for key, w in own.items()}


def sb3_zip(
    file: Path, weights: Mapping[str, Tensor] | bytes, said: Mapping[str, Any] | bytes = SAID, **more: bytes
) -> Path:
    """An agent's archive, with more parts by name."""
    members = {
        "data": said if isinstance(said, bytes) else json.dumps(said).encode(),
        "policy.pth": weights if isinstance(weights, bytes) else torch_bytes(dict(weights)),
        "_stable_baselines3_version": b"2.9.2",
        **more,
    }
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file
