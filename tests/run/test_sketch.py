"""A network is sketched for its size when a run begins: that must not import torch's compiler, which takes seconds."""

import subprocess
import sys

import pytest

SKETCH = """
import sys
from itertools import product
import numpy as np
import torch
from dqnlab import config as c
from dqnlab.build import make_layout, sketch_network
from dqnlab.config import presets
from dqnlab.envs.make import EnvSpec
from dqnlab.learn.types import ObsSpec

spec = EnvSpec(ObsSpec((40, 40, 4), np.dtype(np.uint8)), 0, 4, 0, None, 0)
chosen = {name: presets.get(name) for name in presets.names()}
for conv, norm in product(("small", "nature", "impala", "hadamax"), (c.NoNorm(), c.LayerNorm(), c.SpectralNorm())):
    chosen[f"{conv}, {norm.kind}"] = c.Config(conv=conv, norm=norm)
chosen["residual"] = c.Config(conv="impala", norm=c.SpectralNorm(on="residual"))
for name, config in chosen.items():
    with torch.device("meta"):
        weights = sum(each.numel() for each in sketch_network(config, spec).parameters())
    make_layout(config, spec)
    print(name, weights > 1_000, "torch._dynamo" in sys.modules, sep=": ")
"""


@pytest.mark.world
def test_a_sketch_of_any_picture_network_does_without_torchs_compiler() -> None:
    out = subprocess.run([sys.executable, "-c", SKETCH], capture_output=True, text=True, check=True)
    lines = out.stdout.splitlines()
    assert len(lines) > 30
    assert [line for line in lines if not line.endswith(": True: False")] == []
