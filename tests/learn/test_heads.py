"""③ What a network's last numbers mean."""

import pytest
import torch

from dqnlab.learn.heads import Head, ScalarHead, row_of
from dqnlab.learn.losses import td_loss


def test_the_scalar_head_reads_each_number_as_a_return() -> None:
    head = ScalarHead()
    assert head.width == 1
    assert head.q_values(torch.tensor([[[1.0], [2.0]], [[3.0], [4.0]]])).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(("huber", "expected"), [(None, 9.0), (1.0, 2.5)])
def test_the_scalar_head_chooses_between_squared_and_huber(huber: float | None, expected: float) -> None:
    loss = ScalarHead(huber).loss(
        torch.tensor([[1.0]]), torch.tensor([[4.0]]), torch.tensor([2.0]), torch.tensor([0.5])
    )
    assert (loss.value.tolist(), loss.error.tolist(), loss.target.tolist()) == ([expected], [3.0], [4.0])


def test_the_scalar_head_adds_nothing_to_the_pure_loss() -> None:
    row, next_row, reward, discount = torch.randn(4, 6, generator=torch.Generator().manual_seed(0)).unbind(0)
    loss = ScalarHead(0.5).loss(row[:, None], next_row[:, None], reward, discount)
    for ours, pure in zip(loss, td_loss(row, next_row, reward, discount, 0.5), strict=True):
        assert ours.tolist() == pure.tolist()


def test_row_of_picks_the_numbers_of_one_action_per_sample() -> None:
    values = torch.arange(12.0).reshape(2, 3, 2)  # [B, A, K]
    assert row_of(values, torch.tensor([2, 0])).tolist() == [[4, 5], [6, 7]]


@pytest.mark.parametrize(("batch", "actions", "width"), [(1, 1, 1), (1, 4, 1), (7, 2, 1), (5, 3, 11)])
def test_row_of_agrees_with_a_loop(batch: int, actions: int, width: int) -> None:
    draws = torch.Generator().manual_seed(batch)
    values = torch.randn(batch, actions, width, generator=draws)
    action = torch.randint(actions, (batch,), generator=draws)
    assert row_of(values, action).tolist() == [values[b, a].tolist() for b, a in enumerate(action.tolist())]


def test_the_gradient_reaches_the_taken_action_alone() -> None:
    values = torch.zeros(2, 3, 1, requires_grad=True)
    row_of(values, torch.tensor([1, 2])).sum().backward()
    assert values.grad is not None
    assert values.grad.squeeze(-1).tolist() == [[0, 1, 0], [0, 0, 1]]


def test_a_head_must_keep_the_contract() -> None:
    nothing = torch.zeros(1)
    with pytest.raises(NotImplementedError):
        Head().q_values(nothing)
    with pytest.raises(NotImplementedError):
        Head().loss(nothing, nothing, nothing, nothing)
