"""Hadamax: layers and convolutions that are the products of two (Kooi et al. 2025).

Shapes: B pictures or samples in a batch, C channels, H rows, W columns, F features.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .convs import BareConv2d, Picture
from .extractors import Extractor
from .layers import Dense, cut
from .norms import ChannelNorm


class Product(Dense):
    """gelu(one layer) * gelu(another), both of what comes in. The layers bring their norms with them."""

    def __init__(self, one: Dense, other: Dense):
        super().__init__()
        self.one = one
        self.other = other

    def num_draws(self, size: int) -> int:
        return self.one.num_draws(size) + self.other.num_draws(size)

    def draw(self, size: int, rng: np.random.Generator) -> Tensor:
        return torch.cat([self.one.draw(size, rng), self.other.draw(size, rng)])

    def mean_draw(self, size: int) -> Tensor:
        return torch.cat([self.one.mean_draw(size), self.other.mean_draw(size)])

    def forward(self, x: Tensor, draw: Tensor) -> Tensor:
        own, others = cut(draw, self.one.num_draws(len(x)))
        return gelu(self.one.forward(x, own)) * gelu(self.other.forward(x, others))


def gelu(x: Tensor) -> Tensor:
    """x times the share of a normal distribution below x, by its usual tanh (Hendrycks & Gimpel 2016)."""
    return F.gelu(x, approximate="tanh")


def as_it_is(x: Tensor) -> Tensor:
    """The activation of layers that bring their own."""
    return x


class PooledLayer(NamedTuple):
    """Two convolutions side by side, and the maximum of their product."""

    channels: int
    kernel: int  # pixels a side, as all others
    window: int  # of the maximum
    stride: int  # of the maximum


ATARI = (PooledLayer(32, 8, 4, 4), PooledLayer(64, 4, 2, 2), PooledLayer(64, 3, 3, 1))


class HadamaxConv(Extractor):
    """Steps of two convolutions, each with a layer norm over channels and a GELU, whose product is pooled.

    Margins keep the size of pictures, so that only pooling makes them smaller, and any size will do.
    """

    def __init__(self, picture: Picture, steps: Sequence[PooledLayer]):
        super().__init__()
        self.picture = picture
        seen = [picture.channels, *(step.channels for step in steps[:-1])]
        self.steps = nn.ModuleList(PooledProduct(*each) for each in zip(seen, steps, strict=True))
        stride = math.prod(step.stride for step in steps)
        self.width = steps[-1].channels * math.prod(math.ceil(side / stride) for side in picture.sides)

    def forward(self, numbers: Tensor) -> Tensor:
        return self.maps(numbers)[-1].flatten(1)

    def maps(self, numbers: Tensor) -> list[Tensor]:
        outputs = [self.picture.arrange(numbers)]
        for step in self.steps:
            outputs.append(step.forward(outputs[-1]))
        return outputs[1:]


class PooledProduct(nn.Module):
    """One of the steps: pictures [B, C', H, W] -> [B, C, ⌈H / stride⌉, ⌈W / stride⌉]."""

    def __init__(self, seen: int, step: PooledLayer):
        super().__init__()
        self.step = step
        self.convs = nn.ModuleList(BareConv2d(seen, step.channels, step.kernel) for _ in range(2))
        self.norms = nn.ModuleList(ChannelNorm(step.channels) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """The maximum over windows of gelu(norm(conv(x))) * gelu(norm(conv'(x)))."""
        padded = F.pad(x, same_margins(x.shape[2:], self.step.kernel, 1))
        one, other = (
            gelu(norm.forward(conv.forward(padded))) for conv, norm in zip(self.convs, self.norms, strict=True)
        )
        margins = same_margins(x.shape[2:], self.step.window, self.step.stride)
        return F.max_pool2d(F.pad(one * other, margins, value=-math.inf), self.step.window, self.step.stride)


def same_margins(sides: Sequence[int], window: int, stride: int) -> list[int]:
    """Left, right, top, bottom: what a picture [H, W] lacks to be cut into ⌈side / stride⌉ windows each way."""
    margins = list[int]()
    for side in reversed(sides):
        lacking = max((math.ceil(side / stride) - 1) * stride + window - side, 0)
        margins += [lacking // 2, lacking - lacking // 2]
    return margins
