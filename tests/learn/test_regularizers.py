"""Terms beside a head's loss: literal numbers, a slow twin, and where their gradients go."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from dqnlab.learn.fast.compiled import Fresh, Inputs, pure_update
from dqnlab.learn.learner import HardSync, Learner, State, loss
from dqnlab.learn.regularizers import Conservative, LargeMargin, Regularizer
from dqnlab.learn.targets import greedy
from dqnlab.learn.types import Batch, Draws, ObsSpec

from ..nets import adam, mlp


def batch_of(action: list[int], demonstrated: list[float] | None = None) -> Batch:
    size = len(action)
    some = torch.linspace(-1, 1, 2 * size).view(size, 2)
    ones = torch.ones(size)
    given = ones if demonstrated is None else torch.tensor(demonstrated)
    return Batch(some, torch.tensor(action), ones, 0.9 * ones, some + 0.1, ones, demonstrated=given)


def test_conservative_of_two_actions() -> None:
    q = torch.tensor([[0.0, 0.0], [math.log(3.0), 0.0]])
    made = Conservative(2.0)(q, batch_of([0, 1]))
    assert torch.allclose(made, torch.tensor([2 * math.log(2), 2 * math.log(4)]))


def test_margin_of_three_actions() -> None:
    q = torch.tensor([[1.0, 2.0, 0.0], [5.0, 2.0, 0.0], [1.0, 2.0, 0.0]])
    made = LargeMargin(0.5, 2.0)(q, batch_of([0, 0, 0], [1, 1, 0]))
    assert made.tolist() == [2 * (2.5 - 1.0), 0.0, 0.0]  # beaten; ahead by more than the margin; no demonstration


def slow_conservative(q: list[float], action: int, alpha: float) -> float:
    finite = [each for each in q if each > -math.inf]
    return alpha * (math.log(sum(math.exp(each) for each in finite)) - q[action])


def slow_margin(q: list[float], action: int, margin: float, weight: float) -> float:
    best = max(each if a == action else each + margin for a, each in enumerate(q))
    return weight * (best - q[action])


def test_they_are_what_the_formulas_say() -> None:
    rng = torch.Generator().manual_seed(0)
    q = torch.randn(1000, 4, generator=rng) * 3
    action = torch.randint(4, (1000,), generator=rng).tolist()
    batch = batch_of(action)
    conservative, margin = Conservative(0.7)(q, batch).tolist(), LargeMargin(0.8, 1.5)(q, batch).tolist()
    for row, chosen, one, other in zip(q.tolist(), action, conservative, margin, strict=True):
        assert one == pytest.approx(slow_conservative(row, chosen, 0.7), abs=1e-5)
        assert other == pytest.approx(slow_margin(row, chosen, 0.8, 1.5), abs=1e-5)


@pytest.mark.parametrize("term", [Conservative(1.0), LargeMargin(0.8, 1.0)])
def test_neither_is_below_0_nor_changes_when_all_values_are_raised(term: Regularizer) -> None:
    q = torch.randn(50, 3, generator=torch.Generator().manual_seed(1))
    batch = batch_of([0, 1, 2, 1, 0] * 10)
    assert (term(q, batch) >= 0).all()
    assert torch.allclose(term(q, batch), term(q + 5, batch), atol=1e-5)


@pytest.mark.parametrize("term", [Conservative(1.0), LargeMargin(0.8, 1.0)])
def test_forbidden_actions_are_left_out(term: Regularizer) -> None:
    free = torch.tensor([[1.0, 2.0]], requires_grad=True)
    masked = torch.cat([free, torch.full((1, 1), -math.inf)], 1)
    batch = batch_of([0])
    assert torch.equal(term(masked, batch), term(free, batch))
    (gradient,) = torch.autograd.grad(term(masked, batch).sum(), free)
    assert gradient.isfinite().all()


def test_conservative_pulls_the_stored_action_up_and_all_others_down() -> None:
    q = torch.zeros(1, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(Conservative(1.0)(q, batch_of([1])).sum(), q)
    assert torch.allclose(gradient, torch.tensor([[1 / 3, -2 / 3, 1 / 3]]))


def test_it_is_added_to_the_loss_and_nothing_else() -> None:
    online, target = (mlp(ObsSpec((2,), torch.zeros(0).numpy().dtype), 3, (4,), seed) for seed in (0, 1))
    batch = batch_of([0, 1, 2])._replace(weight=torch.tensor([1.0, 0.5, 2.0]))

    def twice(q: Tensor, batch: Batch) -> Tensor:
        return torch.full((3,), 2.0)

    plain, update = loss(online, target, batch, greedy)
    more, other = loss(online, target, batch, greedy, twice)
    assert (more - plain).item() == pytest.approx(2.0 * 3.5 / 3, rel=1e-5)
    assert torch.equal(update.error, other.error)  # priorities say how wrong the values are
    assert torch.equal(update.target, other.target)


@pytest.mark.parametrize("term", [Conservative(1.0), LargeMargin(0.8, 1.0)])
def test_the_pure_update_has_it_as_the_learners_own(term: Regularizer) -> None:
    online, target = (mlp(ObsSpec((2,), torch.zeros(0).numpy().dtype), 3, (4,), seed) for seed in (0, 1))
    learner = Learner(online, target, greedy, HardSync(5), adam(), np.random.default_rng(0), term)
    batch = batch_of([0, 1, 2])
    state = State(*(copy.deepcopy(each) for each in learner.state))
    fresh = Fresh(torch.tensor(learner.optimizer.next_factors), torch.zeros(3), batch.weight, torch.zeros(0), Draws())
    update = pure_update(online, greedy, learner.optimizer.descent, lambda *given: batch, term)
    pure, own = update(Inputs(state, (), fresh)), learner.update(batch)
    assert torch.allclose(pure.loss, own.loss)
    assert torch.allclose(state.online, learner.state.online, atol=1e-6)
