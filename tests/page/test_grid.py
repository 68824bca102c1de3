"""A network on many points at once is the network of PyTorch."""

import numpy as np
import pytest
import torch

from dqnlab.explain.page import pack_for_page
from dqnlab.learn.types import ObsSpec

from ..nets import mlp
from .conftest import Open
from .sample import layers, network, sample

GRID = """(() => {
  const net = modules["net/network.js"].makeNetwork(modules["core/codec.js"].unpack(argument.net));
  const found = m.grid(net.layers, argument.base, argument.plane);
  return { action: [...found.action], value: [...found.value], gap: [...found.gap] };
})()"""
STATES = """(() => {
  const net = modules["net/network.js"].makeNetwork(modules["core/codec.js"].unpack(argument.net));
  const found = m.atStates(net.layers, 16);
  return { action: [...found.action], value: [...found.value], gap: [...found.gap] };
})()"""


def check(found: dict[str, list[float]], q: np.ndarray) -> None:
    """Q-values [points, A] and what the page makes of them."""
    ordered = np.sort(q, 1)
    assert found["action"] == q.argmax(1).tolist()
    assert found["value"] == pytest.approx(ordered[:, -1], abs=1e-4)
    assert found["gap"] == pytest.approx(ordered[:, -1] - ordered[:, -2], abs=1e-4)


@pytest.mark.parametrize("hidden", [(16,), (64, 64), (16, 8, 8)])
def test_a_plane_holds_what_pytorch_computes_at_its_points(open_page: Open, hidden: tuple[int, ...]) -> None:
    net = network(0, inputs=5, actions=3, hidden=hidden)
    base, xs, ys = [0.1, -0.4, 9.0, 1.5, 9.0], np.linspace(-2, 2, 7), np.linspace(3, -1, 5)
    points = np.tile(np.array(base, np.float32), (35, 1))
    points[:, 4], points[:, 2] = np.tile(xs, 5), np.repeat(ys, 7)
    plane = {"i": 4, "j": 2, "xs": xs.tolist(), "ys": ys.tolist()}
    given = {"net": pack_for_page(layers(net)), "base": base, "plane": plane}
    found = open_page(sample()).module("net/grid.js", GRID, given)
    check(found, net.q_values(torch.from_numpy(points)).numpy())


def test_states_hold_what_pytorch_computes(open_page: Open) -> None:
    spec = ObsSpec((), np.dtype(np.int64), 16)
    net = mlp(spec, 4, (16, 8)).requires_grad_(False)
    found = open_page(sample()).module("net/grid.js", STATES, {"net": pack_for_page(layers(net))})
    check(found, net.q_values(torch.arange(16)).numpy())


def test_a_large_network_is_asked_for_fewer_points(open_page: Open) -> None:
    opened = open_page(sample())
    sides = [
        opened.module("net/grid.js", "m.sideFor(modules['net/network.js'].makeNetwork(argument).layers)", argument)
        for argument in [
            {
                "layers": [{"weight": {"shape": [h, 4], "data": []}, "bias": {"data": []}} for h in [size]]
                + [{"weight": {"shape": [size, size], "data": []}, "bias": {"data": []}}]
            }
            for size in (64, 128, 2048)
        ]
    ]
    assert sides == [72, 42, 32]
