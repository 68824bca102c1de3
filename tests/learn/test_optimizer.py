"""Adam on one flat vector, against torch's own."""

import copy

import pytest
import torch
from torch import Tensor

from dqnlab.learn.optimizer import Adam, Descent, Optimizer, clip

from ..nets import adam

DESCENT = adam(0.01)


def gradients(count: int, size: int = 20) -> list[Tensor]:
    """Gradients of very different lengths."""
    draws = torch.Generator().manual_seed(0)
    return [torch.randn(size, generator=draws) * 10.0 ** (i % 5 - 2) for i in range(count)]


def test_the_first_steps_by_hand() -> None:
    values = torch.tensor([1.0, 1.0])
    optimizer = Optimizer(values, adam(0.1, 0.5, 0.5, 0.0))
    norm = optimizer.step(values, torch.tensor([3.0, -4.0]))
    assert norm.item() == 5
    assert values.tolist() == pytest.approx([0.9, 1.1])  # the first step is lr long, whatever the gradient
    optimizer.step(values, torch.tensor([0.0, -4.0]))
    # mean 3/4 of (1 - 1/4) = 1; mean square 9/4 of 3/4 = 3; 1 / sqrt(3)
    assert values.tolist() == pytest.approx([0.9 - 0.1 / 3**0.5, 1.2])


def test_what_a_step_multiplies_by_undoes_the_bias_of_both_means() -> None:
    formula = adam(0.1, 0.9, 0.75).formula
    assert formula.factors(1, 0.1) == pytest.approx((2.0, -1.0))
    assert formula.factors(2, 0.1) == pytest.approx((1 / (7 / 16) ** 0.5, -0.1 / 0.19))
    assert formula.factors(10_000, 0.1) == pytest.approx((1.0, -0.1))


@pytest.mark.parametrize("descent", [DESCENT, adam(0.01, 0.0, 0.9), adam(0.01, eps=0.1), adam(0.01, max_grad_norm=1.0)])
def test_50_random_steps_agree_with_torchs_adam(descent: Descent) -> None:
    values, theirs = torch.zeros(20), torch.nn.Parameter(torch.zeros(20))
    ours, formula = Optimizer(values, descent), descent.formula
    assert isinstance(formula, Adam)
    torchs = torch.optim.Adam([theirs], 0.01, (formula.beta1, formula.beta2), formula.eps)
    for gradient in gradients(50):
        theirs.grad = gradient.clone()
        if descent.max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_([theirs], descent.max_grad_norm)
        torchs.step()
        ours.step(values, gradient)
        torch.testing.assert_close(values, theirs.detach(), rtol=1e-6, atol=1e-6)
    assert values.abs().mean() > 0.01  # not by standing still


@pytest.mark.parametrize("max_norm", [0.1, 5.0, 1e6])
def test_clipping_agrees_with_torchs(max_norm: float) -> None:
    for gradient in gradients(10):
        before, theirs = gradient.clone(), torch.nn.Parameter(torch.zeros(20))
        theirs.grad = gradient.clone()
        their_norm = torch.nn.utils.clip_grad_norm_([theirs], max_norm)
        clipped, norm = clip(gradient, max_norm)
        torch.testing.assert_close(norm, their_norm)
        torch.testing.assert_close(clipped, theirs.grad)
        assert clipped.norm() <= max_norm * (1 + 1e-6)
        assert torch.equal(gradient, before)


def test_without_a_limit_or_within_it_the_gradient_is_taken_as_it_is() -> None:
    gradient = torch.tensor([3.0, 4.0])
    for max_norm in (None, 5.1):
        clipped, norm = clip(gradient, max_norm)
        assert (clipped.tolist(), norm.item()) == ([3, 4], 5)
    assert clip(gradient, 1.0)[0].tolist() == pytest.approx([0.6, 0.8], rel=1e-6)
    assert clip(torch.zeros(2), 1.0)[0].tolist() == [0, 0]


def test_the_norm_returned_is_the_one_before_clipping() -> None:
    values = torch.zeros(2)
    assert Optimizer(values, adam(max_grad_norm=0.5)).step(values, torch.tensor([3.0, 4.0])).item() == 5


def test_a_saved_state_continues_with_equal_steps() -> None:
    values = torch.ones(20)
    optimizer = Optimizer(values, DESCENT)
    for gradient in gradients(7):
        optimizer.step(values, gradient)
    copied, state = values.clone(), copy.deepcopy(optimizer.state_dict())
    resumed = Optimizer(copied, DESCENT)
    resumed.load_state_dict(state)
    for gradient in gradients(7):
        optimizer.step(values, gradient)
        resumed.step(copied, gradient)
        assert torch.equal(values, copied)
    assert resumed.steps == optimizer.steps == 14


def test_a_state_for_another_number_of_parameters_is_refused() -> None:
    with pytest.raises(RuntimeError, match="must match the size"):
        Optimizer(torch.zeros(3), DESCENT).load_state_dict(Optimizer(torch.zeros(4), DESCENT).state_dict())
