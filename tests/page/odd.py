"""Pages of runs on unknown environments, with observations of any form."""

from typing import Any

import numpy as np
import torch
from gymnasium import spaces

from dqnlab.explain.seen import obs_data, pictures_of
from dqnlab.explain.world import inputs
from dqnlab.learn.networks import QNetwork
from dqnlab.learn.types import ObsPart, ObsSpec

from ..nets import mlp
from .sample import layers, sample

STEPS = 20
FLOAT, BYTES, BOOL, STATE = np.dtype(np.float32), np.dtype(np.uint8), np.dtype(np.bool_), np.dtype(np.int64)
MIXED = ObsSpec(
    (13,),
    FLOAT,
    parts=(
        ObsPart(("place",), 0, (2,), FLOAT),
        ObsPart(("job",), 2, (), STATE, 3, lowest=5),
        ObsPart(("codes",), 3, (2, 2), BYTES, scale=9.0),
        ObsPart(("night",), 7, (2,), BOOL),
        ObsPart(("shift",), 9, (), STATE, 4),
    ),
    mask=10,
)
"""an observation of parts of every kind, with a mask of three actions"""
MASKED = ObsSpec((7,), FLOAT, parts=(ObsPart(("obs",), 0, (4,), FLOAT),), mask=4)
"""four numbers, with a mask of three actions"""

NUMBERED = ObsSpec((4,), BYTES, parts=(ObsPart((), 0, (), STATE, 16, lowest=3),), mask=1)
"""one of sixteen states, from 3 on, with a mask of three actions"""


def observations(spec: ObsSpec, count: int, most: int = 256) -> np.ndarray:
    """Some, as they are stored [count, *shape]; of three actions at least two are allowed."""
    rng = np.random.default_rng(0)
    if not spec.parts:
        if spec.dtype == np.float32:
            return rng.normal(size=(count, *spec.shape)).astype(np.float32)
        return rng.integers(0, min(spec.num_states or most, most), (count, *spec.shape)).astype(spec.dtype)
    rows = np.ones((count, *spec.shape), spec.dtype)
    for part in spec.parts:
        below = part.num_states or {"uint8": 10, "bool": 2}.get(part.dtype.name)
        shape = (count, part.size)
        rows[:, part.place] = rng.normal(size=shape) if below is None else rng.integers(0, below, shape)
    if spec.mask is not None:
        rows[np.arange(count), spec.mask + rng.integers(0, spec.shape[0] - spec.mask, count)] = 0
    return rows


def networks_of(spec: ObsSpec, actions: int, hidden: tuple[int, ...] = (16,)) -> dict[str, QNetwork]:
    """Three networks with random weights."""
    names = ["best", "online", "target"]
    return {name: mlp(spec, actions, hidden, seed).requires_grad_(False) for seed, name in enumerate(names)}


def page_of(spec: ObsSpec, actions: int, image: bool = False) -> dict[str, Any]:
    """The data of a run on an unknown environment with such observations."""
    nets = networks_of(spec, actions)
    obs = observations(spec, STEPS)
    shown = spec.in_env_numbers(obs)
    q = {name: net.q_values(torch.from_numpy(obs)).numpy() for name, net in nets.items()}
    episode = sample()["episodes"][0] | {
        "length": STEPS,
        "obs": shown.astype(np.int32) if spec.num_states else shown,
        "action": q["best"].argmax(1).astype(np.uint8),
        "reward": np.zeros(STEPS, np.float32),
        "coin": np.zeros(STEPS, np.float32),
        "q": q,
        "state": None,
    }
    count = 0 if image else int(np.prod(spec.shape))
    seen = inputs(spec, None, {}, spaces.Dict()) if spec.parts else ()
    plain = [{"name": f"x[{i}]", "unit": "", "low": None, "high": None} for i in range(count)]
    return sample(
        obs=obs_data(spec, []) | {"image": image, "pictures": pictures_of(spec, [obs]) if image else []},
        inputs=[each._asdict() for each in seen] or plain,
        actions=[f"a{i}" for i in range(actions)],
        world={"kind": "none", "params": {}},
        networks={name: layers(net) for name, net in nets.items()},
        snapshots=[],
        episodes=[episode],
        labels={"longest": 0, "worst": 0, "best": 0},
        baseline=np.full(nets["best"].linears()[0].in_features, 0.1, np.float32),
    )
