"""Layers and convolutions that are products of two."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dqnlab.build import make_network
from dqnlab.config import Config, Hadamax, LayerNorm, Noisy
from dqnlab.envs.make import EnvSpec
from dqnlab.learn.convs import Picture
from dqnlab.learn.hadamax import ATARI, HadamaxConv, PooledLayer, PooledProduct, Product, gelu, same_margins
from dqnlab.learn.layers import LayeredTorso, NoisyLayer, PlainLayer
from dqnlab.learn.networks import initialise
from dqnlab.learn.types import NOTHING, ObsSpec


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def by_hand(x: float) -> float:
    return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def test_a_product_by_hand() -> None:
    made = Product(PlainLayer(1, 1), PlainLayer(1, 1))
    with torch.no_grad():
        made.one.linear.weight.fill_(2.0)
        made.one.linear.bias.fill_(-1.0)
        made.other.linear.weight.fill_(-1.0)
        made.other.linear.bias.fill_(0.5)
    assert made(torch.tensor([[1.0]]), NOTHING).item() == pytest.approx(by_hand(1.0) * by_hand(-0.5), abs=1e-6)
    assert gelu(torch.tensor(1.0)).item() == pytest.approx(0.8412, abs=1e-4)


def test_each_factor_takes_its_own_random_numbers() -> None:
    made = Product(NoisyLayer(3, 4, 0.5), NoisyLayer(3, 4, 0.5))
    initialise(made, torch.Generator().manual_seed(0))
    x, draw = drawn(1, 5, 3), made.draw(5, np.random.default_rng(0))
    assert len(draw) == made.num_draws(5) == len(made.mean_draw(5)) == 14
    torch.testing.assert_close(made(x, draw), gelu(made.one(x, draw[:7])) * gelu(made.other(x, draw[7:])))


@pytest.mark.parametrize(("window", "stride"), [(4, 4), (2, 2), (3, 1), (3, 2)])
@pytest.mark.parametrize("sides", [(10, 7), (3, 3), (1, 5), (21, 84)])
def test_pooling_agrees_with_a_loop_over_windows(sides: tuple[int, int], window: int, stride: int) -> None:
    x = drawn(0, 2, 3, *sides)
    pooled = F.max_pool2d(F.pad(x, same_margins(sides, window, stride), value=-math.inf), window, stride)
    rows, columns = (math.ceil(side / stride) for side in sides)
    assert pooled.shape == (2, 3, rows, columns)
    left, _, top, _ = same_margins(sides, window, stride)
    for row in range(rows):
        for column in range(columns):
            at, beside = row * stride - top, column * stride - left
            seen = x[:, :, max(at, 0) : at + window, max(beside, 0) : beside + window]
            assert torch.equal(pooled[:, :, row, column], seen.amax((2, 3)))


def test_a_pooled_product_agrees_with_its_formula() -> None:
    made, x = PooledProduct(2, PooledLayer(3, 4, 2, 2)), drawn(1, 2, 2, 6, 6)
    initialise(made, torch.Generator().manual_seed(0))
    factors = []
    for conv in made.convs:
        out = F.conv2d(F.pad(x, (1, 2, 1, 2)), conv.weight, conv.bias)  # as others do for an even kernel
        normed = (out - out.mean(1, keepdim=True)) / (out.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
        factors.append(F.gelu(normed, approximate="tanh"))
    torch.testing.assert_close(made(x), F.max_pool2d(factors[0] * factors[1], 2))


@pytest.mark.parametrize(("side", "features"), [(84, 64 * 11 * 11), (10, 64 * 2 * 2), (3, 64)])
def test_any_size_of_picture_will_do(side: int, features: int) -> None:
    """84 pixels become 21, 11 and 11, as in the paper."""
    picture = Picture.of((side, side, 4))
    assert picture is not None
    conv = HadamaxConv(picture, ATARI)
    assert conv.width == conv(torch.zeros(1, math.prod(picture.shape))).shape[1] == features


def test_its_pictures_are_scaled_and_its_layers_are_products() -> None:
    spec = EnvSpec(ObsSpec((10, 10, 4), np.dtype(np.uint8), scale=255.0), 0, 3, 0, None, 1)
    network = make_network(Config(conv="hadamax", torso=Hadamax(hidden=(8, 7))), spec)
    assert isinstance(network.torso, LayeredTorso)
    assert network.torso.width == 7
    assert network.chain() is None
    obs = torch.from_numpy(np.random.default_rng(0).integers(256, size=(3, 10, 10, 4)).astype(np.uint8))
    features = network.encode(obs)
    one, other = network.torso.branch.parts()
    torch.testing.assert_close(network.torso(features, NOTHING), other(one(features, NOTHING), NOTHING))
    assert [out.shape for out in network.torso.activations(features, NOTHING)] == [(3, 8), (3, 7)]


def test_its_norms_are_its_own_whatever_else_is_normalised() -> None:
    spec = EnvSpec(ObsSpec((5,), np.dtype(np.float32)), 0, 3, 0, None, 1)
    base = Config(torso=Hadamax(hidden=(8,)), layers=Noisy())
    one, other = (make_network(each, spec) for each in (base, replace(base, norm=LayerNorm())))
    obs = drawn(0, 4, 5)
    assert torch.equal(one.q_values(obs), other.q_values(obs))
    assert one.num_draws(4) == 2 * (5 + 8) + 8 + 3
