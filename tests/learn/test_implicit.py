"""Implicit quantiles."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from dqnlab.learn.distributional import QuantileHead, quantile_loss
from dqnlab.learn.implicit import ImplicitHead, ImplicitStream
from dqnlab.learn.layers import NoisyLayer, PlainLayer
from dqnlab.learn.networks import LinearStream, Stream, initialise
from dqnlab.learn.streams import DuelingStream


def stream(inner: Stream | None = None, num: int = 3, cosines: int = 5) -> ImplicitStream:
    made = ImplicitStream(4, inner or LinearStream(4, 2, 1), num, cosines)
    initialise(made, torch.Generator().manual_seed(0))
    return made


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_it_agrees_with_a_loop_over_observations_and_levels() -> None:
    made, x = stream(), drawn(1, 6, 4)
    draw = made.draw(6, np.random.default_rng(0))
    assert len(draw) == made.num_draws(6) == 18
    assert bool(((draw >= 0) & (draw < 1)).all())
    with torch.no_grad():
        values = made(x, draw)
        assert values.shape == (6, 2, 6)
        for b in range(6):
            for i in range(3):
                level = draw[3 * b + i].item()
                waves = torch.tensor([math.cos(math.pi * level * k) for k in range(5)])
                expected = made.inner(x[b : b + 1] * made.embed(waves).relu(), draw[:0])[0, :, 0]
                torch.testing.assert_close(values[b, :, i], expected)
                assert values[b, :, 3 + i].tolist() == [pytest.approx(level)] * 2


def test_the_mean_is_taken_at_the_midpoints_of_equal_shares() -> None:
    made = stream(num=4)
    assert made.mean_draw(2).tolist() == [0.125, 0.375, 0.625, 0.875] * 2
    values = made(drawn(1, 2, 4), made.mean_draw(2))
    torch.testing.assert_close(ImplicitHead(4, 1.0).q_values(values), values[:, :, :4].mean(2))


@pytest.mark.parametrize(
    "inner",
    [
        DuelingStream(4, (5,), 2, 1, lambda inputs, outputs, after: PlainLayer(inputs, outputs)),
        DuelingStream(4, (5,), 2, 1, lambda inputs, outputs, after: NoisyLayer(inputs, outputs, 0.5)),
    ],
    ids=["dueling", "noisy dueling"],
)
def test_any_stream_lies_behind_it_with_random_numbers_of_its_own(inner: Stream) -> None:
    made, x = stream(inner), drawn(1, 6, 4)
    draw = made.draw(6, np.random.default_rng(0))
    assert len(draw) == len(made.mean_draw(6)) == 18 + inner.num_draws(18)
    values = made(x, draw)
    assert values.shape == (6, 2, 6)
    with torch.no_grad():
        for last in made.last():
            for parameter in last.parameters():
                parameter *= 4
        torch.testing.assert_close(made(x, draw)[:, :, :3], 4 * values[:, :, :3])
        torch.testing.assert_close(made(x, draw)[:, :, 3:], values[:, :, 3:])


def test_levels_at_the_midpoints_give_the_loss_of_fixed_quantiles() -> None:
    fixed, implicit = QuantileHead(4, 0.7), ImplicitHead(4, 0.7)
    quantiles, following = drawn(2, 2, 9, 4).unbind(0)
    levels = ((torch.arange(4) + 0.5) / 4).expand(9, 4)
    reward, discount = drawn(3, 2, 9).unbind(0)
    ours = implicit.loss(torch.cat([quantiles, levels], 1), torch.cat([following, drawn(4, 9, 4)], 1), reward, discount)
    for mine, theirs in zip(ours, fixed.loss(quantiles, following, reward, discount), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_the_loss_weighs_by_the_levels_that_were_asked_for() -> None:
    row, target = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0]])
    assert quantile_loss(row, target, 1.0, torch.tensor([[0.1, 0.9]])).item() == pytest.approx(0.5 * (0.1 + 0.9))
    assert quantile_loss(row, -target, 1.0, torch.tensor([[0.1, 0.3]])).item() == pytest.approx(0.5 * (0.9 + 0.7))
