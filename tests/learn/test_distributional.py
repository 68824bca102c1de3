"""Heads that describe a return by more than its mean: by hand, and by loops that follow the papers' algorithms."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from dqnlab.learn.distributional import (
    CategoricalHead,
    HistogramHead,
    QuantileHead,
    cross_entropy,
    project,
    quantile_loss,
)
from dqnlab.learn.heads import Head

HEADS: dict[str, Head] = {
    "quantiles": QuantileHead(5, 1.0),
    "categorical": CategoricalHead(7, -2.0, 3.0),
    "histogram": HistogramHead(6, -2.0, 3.0, 0.75),
}


def case(seed: int, batch: int, width: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Rows and what a transition brings, some of them terminal."""
    draws = torch.Generator().manual_seed(seed)
    row, next_row = torch.randn(2, batch, width, generator=draws) * 2
    reward, discount = torch.randn(batch, generator=draws), torch.rand(batch, generator=draws)
    return row, next_row, reward, discount * torch.randint(2, (batch,), generator=draws)


# ── Quantiles ────────────────────────────────────────────────────────────────────────────────────


def test_the_quantile_loss_by_hand() -> None:
    row, target = torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0]])
    # errors 1 and -1, Huber's 1/2 each; weights |1/4 - 0| and |3/4 - 1|
    assert quantile_loss(row, target, 1.0).tolist() == [0.25]
    # delta 1/2: (1 - 1/4) / 2 = 3/8, over kappa 3/4
    assert quantile_loss(row, target, 0.5).tolist() == pytest.approx([0.375])


def slow_quantile_loss(row: list[float], target: list[float], kappa: float) -> float:
    total = 0.0
    for i, predicted in enumerate(row):
        tau = (2 * i + 1) / (2 * len(row))
        for sample in target:
            u = sample - predicted
            huber = u * u / 2 if abs(u) <= kappa else kappa * (abs(u) - kappa / 2)
            total += abs(tau - (u < 0)) * huber / kappa / len(target)
    return total


@pytest.mark.parametrize("kappa", [0.3, 1.0, 2.0])
def test_the_quantile_loss_agrees_with_a_loop(kappa: float) -> None:
    row, target = (given.double() for given in case(0, 1_000, 6)[:2])
    expected = [slow_quantile_loss(*pair, kappa) for pair in zip(row.tolist(), target.tolist(), strict=True)]
    assert quantile_loss(row, target, kappa).tolist() == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_the_quantiles_of_what_is_seen_are_where_the_loss_is_least() -> None:
    """Of returns 0 … 99 with a small kappa: quantiles 1/8, 3/8, 5/8, 7/8."""
    seen, row = torch.arange(100.0)[None], torch.full((1, 4), 50.0, requires_grad=True)
    optimizer = torch.optim.SGD([row], lr=2.0)
    for _ in range(2_000):
        optimizer.zero_grad()
        quantile_loss(row, seen, 0.1).sum().backward()
        optimizer.step()
    assert row.tolist()[0] == pytest.approx([12, 37, 62, 87], abs=1.5)


def test_a_quantile_head_bootstraps_from_each_quantile() -> None:
    head = QuantileHead(2, 1.0)
    loss = head.loss(torch.tensor([[0.0, 2.0]]), torch.tensor([[2.0, 6.0]]), torch.tensor([1.0]), torch.tensor([0.5]))
    assert head.q_values(torch.tensor([[[1.0, 3.0]]])).tolist() == [[2.0]]
    assert (loss.target.tolist(), loss.error.tolist()) == ([3.0], [2.0])  # the mean of 2 and 4, less the mean of 0, 2
    assert loss.value.tolist() == pytest.approx([slow_quantile_loss([0.0, 2.0], [2.0, 4.0], 1.0)])


# ── Categories ───────────────────────────────────────────────────────────────────────────────────


def test_the_projection_by_hand() -> None:
    moved = torch.tensor([[-0.5, 0.5, 1.5]])  # -1, 0, 1 and a reward of 1/2
    shares = torch.tensor([[0.4, 0.4, 0.2]])
    # -1/2 halves between -1 and 0, 1/2 between 0 and 1, 3/2 counts as 1
    torch.testing.assert_close(project(shares, moved, -1.0, 1.0), torch.tensor([[0.2, 0.4, 0.4]]))


def slow_projection(shares: list[float], reward: float, discount: float, v_min: float, v_max: float) -> list[float]:
    """Algorithm 1 of Bellemare et al. 2017; what falls on a return goes to it whole."""
    num = len(shares)
    step, made = (v_max - v_min) / (num - 1), [0.0] * num
    for j, share in enumerate(shares):
        moved = min(max(reward + discount * (v_min + j * step), v_min), v_max)
        b = (moved - v_min) / step
        low, high = math.floor(b), math.ceil(b)
        if low == high:
            made[low] += share
        else:
            made[low] += share * (high - b)
            made[high] += share * (b - low)
    return made


def test_the_categorical_target_agrees_with_the_papers_algorithm() -> None:
    head = CategoricalHead(7, -2.0, 3.0)
    row, next_row, reward, discount = case(1, 1_000, 7)
    moved = reward[:, None] + discount[:, None] * head.returns(row)
    made = project(next_row.softmax(1), moved, head.v_min, head.v_max)
    rows = zip(next_row.softmax(1).tolist(), reward.tolist(), discount.tolist(), strict=True)
    expected = torch.tensor([slow_projection(*each, -2.0, 3.0) for each in rows])
    torch.testing.assert_close(made, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(made.sum(1), torch.ones(1_000))


@pytest.mark.parametrize(("v_min", "v_max", "num"), [(-101.0, 101.0, 51), (0.1, 0.7, 11), (-1e-3, 2e4, 51)])
def test_no_probability_is_lost_and_the_mean_is_kept_within_the_range(v_min: float, v_max: float, num: int) -> None:
    head = CategoricalHead(num, v_min, v_max)
    draws = torch.Generator().manual_seed(0)
    shares = torch.rand(50, num, generator=draws).softmax(1)
    moved = torch.rand(50, num, generator=draws) * (v_max - v_min) + v_min
    made = project(shares, moved, v_min, v_max)
    torch.testing.assert_close(made.sum(1), torch.ones(50))
    torch.testing.assert_close(
        made @ head.returns(made), (shares * moved).sum(1), rtol=1e-4, atol=1e-4 * (v_max - v_min)
    )
    beyond = project(shares, moved + 10 * (v_max - v_min), v_min, v_max)
    torch.testing.assert_close(beyond[:, -1], torch.ones(50))


def test_a_categorical_head_predicts_what_nothing_is_left_to_learn_of() -> None:
    head = CategoricalHead(3, -1.0, 1.0)
    row = torch.tensor([[0.2, 0.3, 0.5]]).log()
    assert head.q_values(row[:, None]).item() == pytest.approx(0.3)
    loss = head.loss(row, row, torch.tensor([0.0]), torch.tensor([1.0]))
    assert loss.value.item() == pytest.approx(-sum(p * math.log(p) for p in (0.2, 0.3, 0.5)))
    assert loss.error.item() == pytest.approx(0, abs=1e-6)
    assert loss.target.item() == pytest.approx(0.3)


def test_the_divergence_is_the_error() -> None:
    loss = cross_entropy(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]]), torch.tensor([5.0]))
    assert [each.item() for each in loss] == pytest.approx([math.log(2), math.log(2), 5.0])


# ── Histograms ───────────────────────────────────────────────────────────────────────────────────


def test_a_target_in_the_middle_of_a_bin_by_hand() -> None:
    head = HistogramHead(4, 0.0, 4.0, sigma=0.5)
    # within one deviation 68.3 %, beyond it half of the rest; nothing lies outside of the range
    made = HistogramHead(3, 0.0, 3.0, sigma=0.5).histogram(torch.tensor([1.5]))[0]
    inside = math.erf(1 / math.sqrt(2)) / math.erf(3 / math.sqrt(2))
    assert made.tolist() == pytest.approx([(1 - inside) / 2, inside, (1 - inside) / 2], abs=1e-5)
    assert head.q_values(torch.zeros(1, 1, 4)).item() == pytest.approx(2.0)  # the middle of the range


def test_histograms_agree_with_a_loop_and_keep_the_mean() -> None:
    head = HistogramHead(20, -5.0, 5.0, sigma=0.75)
    targets = torch.linspace(-3.0, 3.0, 1_000, dtype=torch.float64)
    made = head.histogram(targets)

    def slow(target: float) -> list[float]:
        below = [math.erf((-5 + i * 0.5 - target) / (0.75 * 0.5 * math.sqrt(2))) for i in range(21)]
        return [(after - before) / (below[-1] - below[0]) for before, after in pairwise(below)]

    expected = torch.tensor([slow(each) for each in targets.tolist()], dtype=torch.float64)
    torch.testing.assert_close(made, expected, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(made @ head.centres(made).double(), targets, rtol=0, atol=5e-3)


def test_targets_beyond_the_range_fall_into_its_last_bins() -> None:
    made = HistogramHead(10, -1.0, 1.0, sigma=0.75).histogram(torch.tensor([-1e6, 1e6]))
    torch.testing.assert_close(made.sum(1), torch.ones(2))
    assert made.argmax(1).tolist() == [0, 9]


def test_a_histogram_head_regresses_on_the_mean_of_what_follows() -> None:
    head = HistogramHead(40, -5.0, 5.0, sigma=0.75)
    row, next_row, reward, discount = case(2, 50, 40)
    loss = head.loss(row, next_row, reward, discount)
    torch.testing.assert_close(loss.target, reward + discount * head.q_values(next_row))
    torch.testing.assert_close(loss.error, (loss.target - head.q_values(row)).abs())
    own = -(head.histogram(loss.target) * row.log_softmax(1)).sum(1)
    torch.testing.assert_close(loss.value, own)


# ── All of them ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_the_gradient_flows_through_the_prediction_alone(head: Head) -> None:
    row, next_row, reward, discount = case(3, 20, head.width)
    row.requires_grad_()
    loss = head.loss(row, next_row, reward, discount)
    assert all(each.shape == (20,) for each in loss)
    assert not loss.error.requires_grad
    assert not loss.target.requires_grad
    assert bool((loss.error >= 0).all())
    loss.value.sum().backward()
    assert row.grad is not None
    assert bool(row.grad.isfinite().all())
    assert bool((row.grad != 0).any(1).all())


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_each_sample_is_on_its_own(head: Head) -> None:
    given = case(4, 8, head.width)
    whole = head.loss(*given)
    for b in range(8):
        alone = head.loss(*(each[b : b + 1] for each in given))
        for mine, theirs in zip(alone, whole, strict=True):
            torch.testing.assert_close(mine[0], theirs[b], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_logits_as_large_as_float32_holds_give_numbers(head: Head) -> None:
    row = torch.full((1, head.width), -1e30)
    row[0, 0] = 1e30
    loss = head.loss(row, -row, torch.tensor([0.5]), torch.tensor([0.9]))
    if not head.proportional:
        assert bool(torch.stack(list(loss)).isfinite().all())
    assert bool(head.q_values(row[:, None]).isfinite().all())
