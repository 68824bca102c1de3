"""What keeps layers at one size: layer norms of what they give, spectral norms of their weights.

Shapes: B samples in a batch, N inputs and M outputs of a layer, C channels, H rows, W columns.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .convs import BareConv2d, Layer, plain_conv
from .layers import Dense
from .networks import BareLinear

FIRST_ITERATIONS = 15  # of the power method, before the first update; each update makes one more


class Normed(Dense):
    """A layer with a layer norm behind it: (x - mean) / deviation, by learned numbers (Ba et al. 2016, equation 4)."""

    def __init__(self, layer: Dense, outputs: int):
        super().__init__()
        self.layer = layer
        self.norm = nn.LayerNorm(outputs)

    def num_draws(self, size: int) -> int:
        return self.layer.num_draws(size)

    def draw(self, size: int, rng: np.random.Generator) -> Tensor:
        return self.layer.draw(size, rng)

    def mean_draw(self, size: int) -> Tensor:
        return self.layer.mean_draw(size)

    def forward(self, x: Tensor, draw: Tensor) -> Tensor:
        return self.norm.forward(self.layer.forward(x, draw))

    def refresh(self) -> None:
        self.layer.refresh()


class ChannelNorm(nn.LayerNorm):
    """A layer norm over the channels of each place of a picture: [B, C, H, W] -> the same."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.movedim(1, -1)).movedim(-1, 1)


def normed_conv(seen: int, layer: Layer) -> nn.Module:
    """A convolution with a layer norm behind it."""
    return nn.Sequential(plain_conv(seen, layer), ChannelNorm(layer.channels))


class SpectralLayer(Dense):
    """A layer whose weights are divided by their largest singular value (Miyato et al. 2018, equation 8)."""

    u: Tensor

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.linear = BareLinear(inputs, outputs)
        self.register_buffer("u", torch.full((outputs,), outputs**-0.5))

    def forward(self, x: Tensor, draw: Tensor) -> Tensor:
        return F.linear(x, self.linear.weight / largest(self.linear.weight, self.u), self.linear.bias)

    def refresh(self) -> None:
        iterate(self.linear.weight, self.u)


class SpectralConv2d(BareConv2d):
    """A convolution likewise, its weights [C, C', height, width] taken as a matrix [C, C' height width]."""

    u: Tensor

    def __init__(self, seen: int, layer: Layer):
        super().__init__(seen, layer.channels, layer.kernel, layer.stride, layer.margin)
        self.register_buffer("u", torch.full((layer.channels,), layer.channels**-0.5))

    def forward(self, input: Tensor) -> Tensor:
        weight = self.weight / largest(self.weight.flatten(1), self.u)
        return F.conv2d(input, weight, self.bias, self.stride, self.padding)

    def refresh(self) -> None:
        iterate(self.weight.flatten(1), self.u)


def largest(weight: Tensor, u: Tensor) -> Tensor:
    """The largest singular value [] of a matrix [M, N], as far as the vector u [M] is its left singular vector.

    That is u' W v for v = W' u / |W' u|; the derivative by W is that with u and v held. A target network that follows
    smoothly has a u that is no longer of length 1.
    """
    return (u @ weight).norm() / u.norm()


def iterate(weight: Tensor, u: Tensor) -> None:
    """One iteration of the power method (Miyato et al. 2018, Algorithm 1): moves u [M] on, in place."""
    v = F.normalize(u @ weight, dim=0)
    u.copy_(F.normalize(weight @ v, dim=0))


@torch.no_grad()
def settle_norms(network: nn.Module) -> None:
    """Brings spectral norms close to the weights that a network begins with."""
    if any(weights.is_meta for weights in network.parameters()):  # a sketch, which has only their shapes
        return
    for module in network.modules():
        if isinstance(module, SpectralLayer | SpectralConv2d):
            for _ in range(FIRST_ITERATIONS):
                module.refresh()
