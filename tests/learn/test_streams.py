"""Streams of more than one way from features to values."""

import pytest
import torch

from dqnlab.learn.layers import PlainLayer
from dqnlab.learn.streams import DuelingStream
from dqnlab.learn.types import NOTHING


def stream(hidden: tuple[int, ...], num_actions: int = 3, num_values: int = 2) -> DuelingStream:
    made = DuelingStream(4, hidden, num_actions, num_values, lambda inputs, outputs, after: PlainLayer(inputs, outputs))
    draws = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draws))
    return made


def test_state_and_advantages_by_hand() -> None:
    made = stream((), num_actions=2, num_values=1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.zero_()
        made.state.layers[-1].linear.bias.copy_(torch.tensor([1.0]))
        made.advantage.layers[-1].linear.bias.copy_(torch.tensor([2.0, 4.0]))
    assert made(torch.zeros(1, 4), NOTHING).tolist() == [[[0.0], [2.0]]]  # 1 + 2 - 3 and 1 + 4 - 3


@pytest.mark.parametrize("hidden", [(), (5,), (5, 6)])
def test_the_mean_over_actions_is_the_value_of_the_state(hidden: tuple[int, ...]) -> None:
    made, x = stream(hidden), torch.randn(7, 4, generator=torch.Generator().manual_seed(1))
    values = made(x, NOTHING)
    assert values.shape == (7, 3, 2)
    torch.testing.assert_close(values.mean(1), made.state(x, NOTHING))


def test_last_are_the_layers_that_values_are_proportional_to() -> None:
    made, x = stream((5,)), torch.randn(7, 4, generator=torch.Generator().manual_seed(1))
    before = made(x, NOTHING)
    with torch.no_grad():
        for layer in made.last():
            for parameter in layer.parameters():
                parameter *= 4
    torch.testing.assert_close(made(x, NOTHING), 4 * before)
