"""② The losses, against numbers worked out by hand and a loop over plain floats."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dqnlab.learn.losses import td_loss

NUMBER = st.floats(-100, 100, width=32)
ROW = st.tuples(NUMBER, NUMBER, NUMBER, st.floats(0, 1, width=32))  # q, next_q, reward, discount


def slow_loss(q: float, next_q: float, reward: float, discount: float, huber: float | None) -> tuple[float, ...]:
    """value, error and target of one sample, in plain floats."""
    target = reward + discount * next_q
    error = abs(target - q)
    if huber is None:
        return error**2, error, target
    return (error**2 / 2 if error <= huber else huber * (error - huber / 2)), error, target


def test_squared_loss_of_two_samples_by_hand() -> None:
    q, next_q = torch.tensor([22.5, 1.0]), torch.tensor([23.0, 2.0])
    value, error, target = td_loss(q, next_q, torch.tensor([1.0, -1.0]), torch.tensor([0.99, 0.0]), huber=None)
    assert target.tolist() == pytest.approx([23.77, -1])
    assert error.tolist() == pytest.approx([1.27, 2], rel=1e-6)
    assert value.tolist() == pytest.approx([1.6129, 4], rel=1e-6)


@pytest.mark.parametrize(
    ("huber", "expected"), [(None, [0.25, 1.0, 9.0]), (1.0, [0.125, 0.5, 2.5]), (2.0, [0.125, 0.5, 4.0])]
)
def test_squared_and_huber_loss_differ_as_by_hand(huber: float | None, expected: list[float]) -> None:
    reward, zeros = torch.tensor([0.5, -1.0, 3.0]), torch.zeros(3)
    assert td_loss(zeros, zeros, reward, zeros, huber).value.tolist() == expected


@settings(max_examples=50)
@given(st.lists(ROW, min_size=1, max_size=8), st.none() | st.floats(0.125, 50, width=32))
def test_losses_agree_with_a_loop_over_plain_floats(rows: list[tuple[float, ...]], huber: float | None) -> None:
    loss = td_loss(*torch.tensor(rows).unbind(1), huber)
    slow = torch.tensor([slow_loss(*row, huber) for row in rows], dtype=torch.float64)
    for fast, expected in zip(loss, slow.unbind(1), strict=True):
        torch.testing.assert_close(fast.double(), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("huber", [None, 1.0])
def test_a_sample_costs_the_same_alone_as_among_32(huber: float | None) -> None:
    row = torch.tensor([[0.3, 1.7, -0.4, 0.9]])
    alone, among = td_loss(*row.unbind(1), huber), td_loss(*row.repeat(32, 1).unbind(1), huber)
    for one, many in zip(alone, among, strict=True):
        assert one.shape == (1,)
        assert many.tolist() == one.tolist() * 32


@pytest.mark.parametrize(("huber", "expected"), [(None, [-8.0, 1.0]), (1.0, [-1.0, 0.5])])
def test_the_gradient_pulls_the_prediction_and_huber_limits_it(huber: float | None, expected: list[float]) -> None:
    q = torch.tensor([0.0, 0.5], requires_grad=True)
    loss = td_loss(q, torch.zeros(2), torch.tensor([4.0, 0.0]), torch.zeros(2), huber)
    loss.value.sum().backward()
    assert q.grad is not None
    assert q.grad.tolist() == expected
    assert not loss.error.requires_grad


def test_shapes_that_would_broadcast_are_refused() -> None:
    column, row = torch.zeros(3, 1), torch.zeros(3)
    for tensors in ([column, row, row, row], [row, column, row, row], [row, row, column, row], [row, row, row, column]):
        with pytest.raises(AssertionError):
            td_loss(*tensors, huber=None)
