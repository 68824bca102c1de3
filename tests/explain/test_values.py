"""What a network thinks of its choices."""

import numpy as np
import pytest
import torch

from dqnlab.explain.values import values
from dqnlab.learn.heads import ScalarHead
from dqnlab.learn.networks import QNetwork
from dqnlab.learn.types import ObsSpec


def build(*q: float) -> QNetwork:
    """Says q[a] * x[0] for every action."""
    network = QNetwork(ObsSpec((1,), np.dtype(np.float32)), len(q), (1,), ScalarHead(), torch.Generator())
    numbers = [[[1.0]], [0.0], [[w] for w in q], [0.0] * len(q)]
    with torch.no_grad():
        for parameter, number in zip(network.parameters(), numbers, strict=True):
            parameter.copy_(torch.tensor(number))
    return network


def test_the_gap_lies_between_the_best_and_the_second_best() -> None:
    found = values(build(1, 5, 3.5), np.array([[1.0], [2.0]], np.float32))
    assert found.q.tolist() == [[1, 5, 3.5], [2, 10, 7]]
    assert found.best.tolist() == [1, 1]
    assert found.gap.tolist() == [1.5, 3]


def test_of_equal_actions_the_first_is_best_and_the_gap_is_zero() -> None:
    found = values(build(2, 7, 7), np.ones((1, 1), np.float32))
    assert (found.best.tolist(), found.gap.tolist()) == ([1], [0])


def test_a_single_action_has_no_rival() -> None:
    found = values(build(4), np.ones((1, 1), np.float32))
    assert (found.best.tolist(), found.gap.tolist()) == ([0], [0])


@pytest.mark.parametrize(
    "spec", [ObsSpec((), np.dtype(np.int64), 5), ObsSpec((2, 3), np.dtype(np.uint8)), ObsSpec((3,), np.dtype(np.bool_))]
)
def test_every_kind_of_stored_observation_is_rated(spec: ObsSpec) -> None:
    network = QNetwork(spec, 3, (4,), ScalarHead(), torch.Generator().manual_seed(0))
    obs = np.ones((2, *spec.shape), spec.dtype)
    with torch.no_grad():
        expected = network.q_values(torch.from_numpy(obs)).tolist()
    found = values(network, obs)
    assert found.q.tolist() == expected
    assert [expected[0][b] for b in found.best] == [max(expected[0])] * 2
