"""Steps of other optimisers, against torch's own or a loop, and schedules of the learning rate."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from dqnlab.learn.formulas import AdamW, RAdam, RmsProp
from dqnlab.learn.optimizer import Adam, Descent, Optimizer, constant_rate
from dqnlab.learn.schedules import cosine_rate, linear_rate


def gradients(count: int, size: int = 20) -> list[Tensor]:
    """Gradients of very different lengths."""
    draws = torch.Generator().manual_seed(0)
    return [torch.randn(size, generator=draws) * 10.0 ** (i % 5 - 2) for i in range(count)]


def follow(formula: Any, lr: float = 0.01, count: int = 60) -> list[Tensor]:
    """The values after each step."""
    values = torch.linspace(-1, 1, 20)
    optimizer = Optimizer(values, Descent(formula, constant_rate(lr), None))
    path = []
    for gradient in gradients(count):
        optimizer.step(values, gradient)
        path.append(values.clone())
    assert len(optimizer.memory) == formula.num_memory
    return path


def follow_torch(kind: Any, count: int = 60, **settings: Any) -> list[Tensor]:
    values = torch.linspace(-1, 1, 20).requires_grad_()
    optimizer = kind([values], **settings)
    path = []
    for gradient in gradients(count):
        values.grad = gradient.clone()
        optimizer.step()
        path.append(values.detach().clone())
    return path


def test_adamw_is_torchs() -> None:
    ours = follow(AdamW(Adam(0.9, 0.99, 1e-6), weight_decay=0.3))
    theirs = follow_torch(torch.optim.AdamW, lr=0.01, betas=(0.9, 0.99), eps=1e-6, weight_decay=0.3)
    torch.testing.assert_close(torch.stack(ours), torch.stack(theirs), rtol=1e-5, atol=1e-6)


def test_adamw_by_hand() -> None:
    """The first step is lr long against the gradient, and lr times the decay of each weight is lost."""
    values = torch.tensor([2.0, -4.0])
    optimizer = Optimizer(values, Descent(AdamW(Adam(0.9, 0.999, 0.0), 0.5), constant_rate(0.1), None))
    optimizer.step(values, torch.tensor([3.0, 5.0]))
    assert values.tolist() == pytest.approx([2 - 0.1 - 0.1 * 0.5 * 2, -4 - 0.1 + 0.1 * 0.5 * 4])


@pytest.mark.parametrize("beta2", [0.9, 0.99])
def test_radam_is_torchs(beta2: float) -> None:
    ours = follow(RAdam(0.9, beta2, 1e-6))
    theirs = follow_torch(torch.optim.RAdam, lr=0.01, betas=(0.9, beta2), eps=1e-6)
    torch.testing.assert_close(torch.stack(ours), torch.stack(theirs), rtol=1e-4, atol=1e-6)


def test_radam_goes_by_the_mean_until_the_square_can_be_trusted() -> None:
    formula = RAdam(0.9, 0.999, 1e-8)
    trusted = [steps for steps in range(1, 20) if formula.factors(steps, 1.0)[1] != 0]
    assert trusted == list(range(6, 20))
    assert formula.factors(1, 0.5) == pytest.approx((-0.5 / 0.1, 0.0))
    alone, scaled = formula.factors(100_000, 0.5)
    assert (alone, scaled) == (0.0, pytest.approx(-0.5))


def test_rmsprop_agrees_with_a_loop() -> None:
    ours = follow(RmsProp(decay=0.9, eps=0.01))
    values = torch.linspace(-1, 1, 20).tolist()
    mean, square = [0.0] * 20, [0.0] * 20
    for given, path in zip(gradients(60), ours, strict=True):
        for i, g in enumerate(given.tolist()):
            mean[i] = 0.9 * mean[i] + 0.1 * g
            square[i] = 0.9 * square[i] + 0.1 * g * g
            values[i] -= 0.01 * g / math.sqrt(square[i] - mean[i] ** 2 + 0.01)
        assert path.tolist() == pytest.approx(values, rel=1e-4, abs=1e-5)


def test_a_variance_that_rounding_puts_below_zero_is_zero() -> None:
    memory = [torch.ones(3), torch.full((3,), 1 - 1e-6)]
    change = RmsProp(decay=0.5, eps=1e-8)(torch.zeros(3), torch.ones(3), memory, (-1.0,))
    assert change.tolist() == pytest.approx([-1e4] * 3)


# ── Learning rates ───────────────────────────────────────────────────────────────────────────────


def test_a_linear_rate_by_hand() -> None:
    rate = linear_rate(0.8, 0.25, 5)
    wanted = [0.8, 0.65, 0.5, 0.35, 0.2, 0.2, 0.2]
    assert [rate(update) for update in (1, 2, 3, 4, 5, 6, 10**9)] == pytest.approx(wanted)


def test_a_cosine_rate_by_hand() -> None:
    rate = cosine_rate(1.0, 0.0, 5)
    half = math.sqrt(0.5)
    wanted = [1, (1 + half) / 2, 0.5, (1 - half) / 2, 0, 0]
    assert [rate(update) for update in (1, 2, 3, 4, 5, 99)] == pytest.approx(wanted, abs=1e-12)
    assert cosine_rate(0.4, 0.5, 3)(3) == pytest.approx(0.2)


@pytest.mark.parametrize("rate", [linear_rate(0.5, 0.1, 1), cosine_rate(0.5, 0.1, 1)])
def test_a_schedule_of_one_update_begins_where_it_is(rate: Any) -> None:
    assert (rate(1), rate(2)) == (0.5, pytest.approx(0.05))
