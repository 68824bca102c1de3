"""The networks in the page compute what PyTorch computes."""

import numpy as np
import pytest
import torch

from dqnlab.explain.page import pack_for_page
from dqnlab.explain.seen import obs_data
from dqnlab.learn.types import ObsSpec

from ..nets import mlp
from .conftest import Open
from .odd import MASKED, MIXED, observations
from .sample import layers, sample

STATES = 1000
VALUES = """(() => {
  const { unpack, row } = modules["core/codec.js"];
  const net = m.makeNetwork(unpack(argument.net));
  const obs = unpack(argument.obs);
  const values = (i) => Array.from(modules["net/features.js"].rate(net, argument.spec, row(obs, i)));
  return Array.from({ length: obs.shape[0] }, (_, i) => values(i));
})()"""


def vectors(size: int) -> np.ndarray:
    """States [1000, size], some of them large."""
    rng = np.random.default_rng(size)
    return (rng.standard_normal((STATES, size)) * rng.choice([0.1, 1, 30], (STATES, 1))).astype(np.float32)


def case(name: str) -> tuple[ObsSpec, tuple[int, ...], np.ndarray]:
    """What a network sees, its hidden layers, and 1,000 observations."""
    rng = np.random.default_rng(0)
    return {
        "cartpole": (ObsSpec((4,), np.dtype(np.float32)), (64, 64), vectors(4)),
        "one layer": (ObsSpec((4,), np.dtype(np.float32)), (16,), vectors(4)),
        "three layers": (ObsSpec((12,), np.dtype(np.float32)), (128, 64, 32), vectors(12)),
        "large": (ObsSpec((40,), np.dtype(np.float32)), (256, 256), vectors(40)),
        "states": (ObsSpec((), np.dtype(np.int64), 500), (32, 32), rng.integers(0, 500, STATES)),
        "pixels": (
            ObsSpec((2, 6, 6), np.dtype(np.uint8), None, 2, scale=255.0),
            (32,),
            rng.integers(0, 256, (STATES, 2, 6, 6), np.uint8),
        ),
        "mask": (MASKED, (16, 16), observations(MASKED, STATES)),
        "parts": (MIXED, (32,), observations(MIXED, STATES)),
    }[name]


@pytest.mark.parametrize(
    "name", ["cartpole", "one layer", "three layers", "large", "states", "pixels", "mask", "parts"]
)
def test_values_in_the_page_are_pytorchs(open_page: Open, name: str) -> None:
    spec, hidden, obs = case(name)
    net = mlp(spec, 5 if spec.mask is None else spec.shape[0] - spec.mask, hidden, 1).requires_grad_(False)
    for linear in net.linears():
        linear.weight.mul_(3)  # values of a trained network are far from zero
    expected = net.q_values(torch.from_numpy(obs)).numpy()
    assert np.ptp(expected[np.isfinite(expected)]) > 0.1
    assert np.isfinite(expected).all() == (spec.mask is None)
    about = obs_data(spec, [])
    seen = obs.astype(np.int32) if spec.num_states else spec.in_env_numbers(obs)
    packed = {"net": pack_for_page(layers(net)), "obs": pack_for_page(seen.reshape(STATES, -1)), "spec": about}
    got = np.array(open_page(sample()).module("net/network.js", VALUES, packed))
    assert got.shape == expected.shape
    assert (np.isfinite(got) == np.isfinite(expected)).all()
    got, expected = got[np.isfinite(got)], expected[np.isfinite(expected)]
    assert (np.abs(got - expected) <= 1e-4 * np.maximum(1, np.abs(expected))).all()
