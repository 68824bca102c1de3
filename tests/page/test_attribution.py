"""Which inputs made the best action better than the second best."""

import numpy as np
import pytest
import torch

from dqnlab.errors import ConfigError
from dqnlab.learn.networks import QNetwork
from dqnlab.learn.types import ObsSpec

from ..nets import mlp
from .attribution import attribution

PAIR = ObsSpec((2,), np.dtype(np.float32))


def build(obs: ObsSpec = PAIR, hidden: tuple[int, ...] = (16, 16), num_actions: int = 3, seed: int = 0) -> QNetwork:
    return mlp(obs, num_actions, hidden, seed)


def set_to(network: QNetwork, *numbers: list[list[float]] | list[float]) -> QNetwork:
    with torch.no_grad():
        for parameter, number in zip(network.parameters(), numbers, strict=True):
            parameter.copy_(torch.tensor(number))
    return network


def by_hand() -> QNetwork:
    """Two units, relu(x0 - x1) and relu(x1); Q = [2 u0 + u1, u1, -9]."""
    weights = [[1.0, -1.0], [0.0, 1.0]], [0.0, 0.0], [[2.0, 1.0], [0.0, 1.0], [0.0, 0.0]], [0.0, 0.0, -9.0]
    return set_to(build(hidden=(2,)), *weights)


def row(*numbers: float) -> np.ndarray:
    return np.array([numbers], np.float32)


def test_a_network_of_two_units_by_hand() -> None:
    # Gap = 2 relu(x0 - x1). From [-1, 1] to [3, 1] unit 0 is off for the first half of the way and on for the second:
    # its mean slope is 2 * 1/2 by x0 and -2 * 1/2 by x1, and only x0 moves, by 4.
    found = attribution(by_hand(), row(3, 1), np.array([-1.0, 1.0]), steps=4)
    assert (found.best.tolist(), found.second.tolist()) == ([0], [1])
    assert (found.gap.tolist(), found.baseline_gap.tolist()) == ([4], [0])
    assert found.parts.tolist() == [[4, 0]]
    assert found.residual.tolist() == [0]


def test_the_midpoint_rule_says_what_it_misses() -> None:
    # From [0, 1] to [3, 1] unit 0 wakes after a third of the way. The midpoints 1/4 and 3/4 see it in one of two:
    # the part is 3 * 2 * 1/2 = 3, and the gap has grown by 4.
    found = attribution(by_hand(), row(3, 1), np.array([0.0, 1.0]), steps=2)
    assert found.parts.tolist() == [[3, 0]]
    assert found.residual.tolist() == [-1]


def test_a_linear_network_is_split_exactly_by_one_step() -> None:
    # Biases of 100 keep every unit on, so Q is linear: Q0 - Q1 = 3 x0 - 2 x1.
    weights = [[1.0, 0.0], [0.0, 1.0]], [100.0, 100.0], [[3.0, 0.0], [0.0, 2.0], [0.0, 0.0]], [0.0, 0.0, 0.0]
    found = attribution(set_to(build(hidden=(2,)), *weights), row(4, -1), np.array([1.0, 1.0]), steps=1)
    assert found.parts.tolist() == [[9, 4]]
    assert found.residual.tolist() == [0]


@pytest.mark.parametrize("hidden", [(16,), (16, 16), (8, 8, 8)])
def test_the_parts_add_up_to_the_difference_of_the_gaps(hidden: tuple[int, ...]) -> None:
    network, rng = build(hidden=hidden), np.random.default_rng(0)
    obs, baseline = rng.normal(size=(50, 2)).astype(np.float32) * 3, np.array([0.3, -0.2], np.float32)
    found = attribution(network, obs, baseline, steps=2000)
    assert np.abs(found.residual).max() < 2e-3
    q = network.q_values(torch.from_numpy(obs)).detach().numpy()
    assert found.best.tolist() == q.argmax(1).tolist()
    low, high = np.sort(q, 1)[:, -2:].T
    assert found.gap == pytest.approx(high - low, abs=1e-6)
    at_start = network.q_values(torch.from_numpy(baseline[None])).detach().numpy()[0]
    assert found.baseline_gap == pytest.approx(at_start[found.best] - at_start[found.second], abs=1e-6)
    assert found.parts.sum(1) == pytest.approx(found.gap - found.baseline_gap, abs=2e-3)
    coarse = attribution(network, obs, baseline, steps=2)
    assert np.abs(coarse.residual).max() > np.abs(found.residual).max()


def test_an_input_that_does_not_move_has_no_part() -> None:
    found = attribution(build(), row(2, 0.5), np.array([0.1, 0.5]))
    assert found.parts[0, 1] == 0
    assert found.parts[0, 0] != 0


def test_discrete_states_are_split_among_their_one_hot_inputs() -> None:
    network = build(ObsSpec((), np.dtype(np.int64), 5))
    found = attribution(network, np.array([3, 0]), np.full(5, 0.2), steps=500)
    assert found.parts.shape == (2, 5)
    assert np.abs(found.residual).max() < 1e-3


def test_pixels_are_split_as_the_first_layer_sees_them() -> None:
    network = build(ObsSpec((2, 2), np.dtype(np.uint8), scale=255.0))
    found = attribution(network, np.full((1, 2, 2), 255, np.uint8), np.ones(4))
    assert found.parts.tolist() == [[0, 0, 0, 0]]  # 255 is 1 to the network: nothing moves


def test_no_weight_and_no_gradient_is_touched() -> None:
    network = build()
    before = [p.clone() for p in network.parameters()]
    attribution(network, row(1, 2), np.zeros(2))
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    assert all(p.grad is None for p in network.parameters())


def test_what_cannot_be_explained_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"num_actions = 1: a gap needs a second action"):
        attribution(build(num_actions=1), row(1, 2), np.zeros(2))
    with pytest.raises(ConfigError, match=r"steps = 0: the line needs at least one point"):
        attribution(build(), row(1, 2), np.zeros(2), steps=0)
    with pytest.raises(ConfigError, match=r"the baseline has shape \(3,\), the network takes 2 inputs"):
        attribution(build(), row(1, 2), np.zeros(3))
