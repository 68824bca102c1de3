"""What makes features of one part of an observation: the contract, and numbers that are normalised.

Shapes: B observations in a batch, N numbers of a part, F features.
"""

import torch
from torch import Tensor, nn

SMALLEST = 1e-8  # variance, so that what never changed can be divided by
FARTHEST = 10.0  # deviations: a number that was never seen so far away would drown all others


class Extractor(nn.Module):
    """The contract: the numbers of a part, as they are stored, divided by its scale -> features."""

    width: int  # F

    def forward(self, numbers: Tensor) -> Tensor:
        """[B, N] -> [B, F]."""
        raise NotImplementedError

    def maps(self, numbers: Tensor) -> list[Tensor]:
        """What each layer makes of a picture, [B, C, H, W], the last being the features; none of other numbers."""
        return []

    def refresh(self, numbers: Tensor) -> None:
        """Moves its buffers (float32) on, in place, by a batch [B, N]: once after every update."""


class Normalizer(Extractor):
    """Numbers less their running mean, in running deviations, at most 10 of them; counted as they are learned from."""

    mean: Tensor
    variance: Tensor
    count: Tensor

    def __init__(self, num: int):
        super().__init__()
        self.width = num
        self.register_buffer("mean", torch.zeros(num))
        self.register_buffer("variance", torch.ones(num))
        self.register_buffer("count", torch.zeros(1))

    def forward(self, numbers: Tensor) -> Tensor:
        return ((numbers - self.mean) / (self.variance + SMALLEST).sqrt()).clamp(-FARTHEST, FARTHEST)

    def refresh(self, numbers: Tensor) -> None:
        """Joins the batch's mean and variance to those of all before (Chan, Golub & LeVeque 1983, eq. 2.1)."""
        size = len(numbers)
        total = self.count + size
        apart = numbers.mean(0) - self.mean
        squares = self.variance * self.count + numbers.var(0, correction=0) * size
        squares = squares + apart.square() * self.count * size / total
        self.variance.copy_(squares / total)
        self.mean.add_(apart * size / total)
        self.count.copy_(total)
