"""Convolutions: how arrays are pictures, and what is made of them."""

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from dqnlab.learn.convs import IMPALA, NATURE, SMALL, BareConv2d, Impala, Layer, Picture, Plain, find_pictures
from dqnlab.learn.encoder import Encoder
from dqnlab.learn.extractors import Extractor
from dqnlab.learn.networks import initialise
from dqnlab.learn.types import ObsPart, ObsSpec

BYTE, FLOAT = np.dtype(np.uint8), np.dtype(np.float32)


def of(shape: tuple[int, ...]) -> Picture:
    view = Picture.of(shape)
    assert view is not None
    return view


def drawn(conv: Extractor, seed: int = 0) -> Extractor:
    initialise(conv, torch.Generator().manual_seed(seed))
    return conv


@pytest.mark.parametrize(
    ("shape", "sides", "channels"),
    [
        ((84, 84), (84, 84), 1),
        ((210, 160, 3), (210, 160), 3),
        ((3, 210, 160), (210, 160), 3),
        ((10, 10, 4), (10, 10), 4),
        ((10, 10, 10), (10, 10), 10),
        ((4, 84, 84, 3), (84, 84), 12),
        ((4, 3, 84, 84), (84, 84), 12),
        ((2, 5), (2, 5), 1),
    ],
    ids=str,
)
def test_rows_and_columns_are_the_neighbouring_axes_whose_shorter_side_is_longest(
    shape: tuple[int, ...], sides: tuple[int, int], channels: int
) -> None:
    assert (of(shape).sides, of(shape).channels) == (sides, channels)


@pytest.mark.parametrize("shape", [(), (7,)], ids=str)
def test_what_has_fewer_than_two_axes_is_no_picture(shape: tuple[int, ...]) -> None:
    assert Picture.of(shape) is None


def test_the_same_picture_with_channels_first_and_last_is_seen_alike() -> None:
    last = torch.arange(2 * 11 * 12 * 3.0).view(2, 11, 12, 3)
    first = last.movedim(-1, 1).contiguous()
    seen = of((11, 12, 3)).arrange(last.flatten(1))
    assert torch.equal(seen, first)
    assert torch.equal(of((3, 11, 12)).arrange(first.flatten(1)), first)
    assert seen[1, 2, 3, 4] == last[1, 3, 4, 2]


def test_frames_of_a_stack_are_channels_and_a_stack_of_vectors_is_no_picture() -> None:
    stacked = ObsSpec((4, 12, 13, 3), BYTE, stack=4)
    (view,) = find_pictures(stacked, 10).values()
    assert (view.sides, view.channels) == ((12, 13), 12)
    assert find_pictures(ObsSpec((20, 30), FLOAT, stack=20), 10) == {}
    assert find_pictures(ObsSpec((20, 30), FLOAT), 10) == {0: Picture((20, 30), 0)}
    parts = (ObsPart(("x",), 0, (4, 20), BYTE), ObsPart(("image",), 80, (4, 12, 13, 3), BYTE))
    (among,) = find_pictures(ObsSpec((80 + 4 * 468,), BYTE, stack=4, parts=parts), 10).values()
    assert (among.sides, among.channels) == ((12, 13), 12)


def test_each_part_is_looked_at_on_its_own() -> None:
    shapes = [(), (3,), (10, 10), (9, 40), (3, 12, 10)]
    parts = tuple(ObsPart((str(i),), i, shape, BYTE) for i, shape in enumerate(shapes))
    assert list(find_pictures(ObsSpec((1000,), BYTE, parts=parts), 10)) == [2, 4]
    assert list(find_pictures(ObsSpec((1000,), BYTE, parts=parts), 9)) == [2, 3, 4]


# ── Arithmetic ───────────────────────────────────────────────────────────────────────────────────


def convolved(x: np.ndarray, conv: BareConv2d) -> np.ndarray:
    """[C, H, W] -> [channels, H', W'], number by number."""
    stride, margin = conv.stride[0], int(conv.padding[0])
    weight, bias = conv.weight.detach().numpy(), conv.bias.detach().numpy()
    x = np.pad(x, ((0, 0), (margin, margin), (margin, margin)))
    size = weight.shape[2]
    height, width = ((side - size) // stride + 1 for side in x.shape[1:])
    out = np.zeros((len(weight), height, width))
    for channel, row, column in product(range(len(weight)), range(height), range(width)):
        window = x[:, row * stride : row * stride + size, column * stride : column * stride + size]
        out[channel, row, column] = (window * weight[channel]).sum() + bias[channel]
    return out


def pooled(x: np.ndarray) -> np.ndarray:
    """The largest number of 3 x 3 around every second place."""
    x = np.pad(x, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    height, width = ((side - 3) // 2 + 1 for side in x.shape[1:])
    return np.array(
        [[[c[2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max() for j in range(width)] for i in range(height)] for c in x]
    )


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def test_a_convolution_of_literal_numbers() -> None:
    conv = Plain(of((3, 3)), [Layer(1, 2)])
    with torch.no_grad():
        conv.layers[0].weight.copy_(torch.tensor([[[[1.0, 2.0], [0.0, -1.0]]]]))
        conv.layers[0].bias.fill_(0.5)
    picture = torch.tensor([[1.0, 0.0, 2.0, 3.0, 1.0, 0.0, 0.0, 5.0, 1.0]])
    assert conv.width == 4
    # 1+0-1, 0+4-0, 3+2-5, 1+0-1, each plus 0.5
    assert conv(picture).tolist() == [[0.5, 4.5, 0.5, 0.5]]
    conv.layers[0].bias.data.fill_(-1)
    assert conv(picture).tolist() == [[0.0, 3.0, 0.0, 0.0]]


def test_plain_convolutions_against_a_slow_twin() -> None:
    view = of((9, 11, 2))
    conv = drawn(Plain(view, [Layer(3, 4, 2), Layer(2, 2)]))
    flat = torch.randn(2, 198, generator=torch.Generator().manual_seed(1))
    for got, picture in zip(conv(flat), view.arrange(flat), strict=True):
        x = picture.numpy()
        for layer in conv.layers:
            x = relu(convolved(x, layer))
        np.testing.assert_allclose(got.detach().numpy(), x.ravel(), rtol=1e-4, atol=1e-6)
        assert conv.width == x.size


def test_residual_sections_against_a_slow_twin() -> None:
    view = of((2, 5, 6))
    conv = drawn(Impala(view, (3, 2)))
    flat = torch.randn(1, 60, generator=torch.Generator().manual_seed(1))
    x = view.arrange(flat)[0].numpy()
    for section in conv.sections:
        x = pooled(convolved(x, section.conv))
        for block in section.blocks:
            x = x + convolved(relu(convolved(relu(x), block.first)), block.second)
    np.testing.assert_allclose(conv(flat)[0].detach().numpy(), relu(x).ravel(), rtol=1e-4, atol=1e-6)
    assert conv.width == x.size == 2 * 2 * 2


@pytest.mark.parametrize(
    ("conv", "width", "parameters"),
    [
        (Plain(of((10, 10, 4)), SMALL), 1_024, 592),
        (Plain(of((4, 84, 84)), NATURE), 3_136, 77_984),
        (Impala(of((4, 84, 84)), IMPALA), 3_872, 97_744),
    ],
    ids=["Young & Tian", "Mnih et al.", "Espeholt et al."],
)
def test_the_sizes_are_those_of_the_papers(conv: Extractor, width: int, parameters: int) -> None:
    assert conv.width == width
    assert sum(each.numel() for each in conv.parameters()) == parameters


@pytest.mark.parametrize("sides", [(36, 36), (37, 51), (84, 84), (210, 160)], ids=str)
@pytest.mark.parametrize("make", [lambda seen: Plain(seen, NATURE), lambda seen: Impala(seen, IMPALA)])
def test_the_width_is_known_before_any_picture_is_seen(make: Callable[[Picture], Extractor], sides: Any) -> None:
    with torch.device("meta"):
        sketched = make(of((*sides, 2))).width
    conv = drawn(make(of((*sides, 2))))
    assert conv(torch.zeros(1, 2 * math.prod(sides))).shape == (1, sketched)


def test_weights_follow_the_law_of_torchs_own_layer_and_one_generator() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    one, same, other = (drawn(Plain(of((5, 20, 20)), NATURE[1:]), seed) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    bound = (5 * 4 * 4) ** -0.5
    weight: Tensor = one.layers[0].weight.detach()
    assert 0.99 * bound < float(weight.abs().max()) <= bound
    assert torch.equal(weight, same.layers[0].weight)
    assert not torch.equal(weight, other.layers[0].weight)


# ── In the encoder ───────────────────────────────────────────────────────────────────────────────


def test_pictures_join_the_other_parts_as_features() -> None:
    parts = (
        ObsPart(("state",), 0, (), np.dtype(np.int64), num_states=3),
        ObsPart(("image",), 1, (3, 3), BYTE, scale=10.0),
        ObsPart(("speed",), 10, (2,), FLOAT),
    )
    obs = ObsSpec((14,), FLOAT, parts=parts, mask=12)
    conv = Plain(of((3, 3)), [Layer(1, 2)])
    with torch.no_grad():
        conv.layers[0].weight.fill_(1)
        conv.layers[0].bias.fill_(0)
    encode = Encoder(obs, {1: conv})
    row = torch.tensor([[2.0, *range(9), 0.25, -1.0, 1.0, 0.0]])
    assert encode.width == 3 + 4 + 2
    torch.testing.assert_close(encode(row), torch.tensor([[0, 0, 1, 0.8, 1.2, 2.0, 2.4, 0.25, -1.0]]))


def test_a_row_of_floats_in_which_one_part_is_a_picture_does_not_go_in_as_it_is() -> None:
    parts = (ObsPart(("image",), 0, (3, 3), FLOAT), ObsPart(("speed",), 9, (2,), FLOAT))
    obs = ObsSpec((11,), FLOAT, parts=parts)
    assert Encoder(obs).takes_vector
    assert not Encoder(obs, {0: Plain(of((3, 3)), [Layer(1, 2)])}).takes_vector
