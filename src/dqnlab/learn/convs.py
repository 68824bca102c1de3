"""Convolutions: what makes features of pictures.

Shapes: B pictures in a batch, C channels, H rows, W columns, F features.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple, Self

from torch import Tensor, nn

from .extractors import Extractor
from .types import ObsSpec


class Picture(NamedTuple):
    """How an array is a picture: two neighbouring axes are its rows and columns, all others are channels.

    So colours may come first or last, and the frames of a stack, or its colours, are channels too.
    """

    shape: tuple[int, ...]
    rows: int  # the axis of the rows; the columns are the next

    @classmethod
    def of(cls, shape: tuple[int, ...]) -> Self | None:
        """The one whose shorter side is longest, with channels last where two are alike; none of less than two axes."""
        if len(shape) < 2:
            return None
        return cls(shape, max(range(len(shape) - 1), key=lambda axis: min(shape[axis : axis + 2])))

    @property
    def sides(self) -> tuple[int, int]:
        """H and W."""
        return self.shape[self.rows], self.shape[self.rows + 1]

    @property
    def channels(self) -> int:
        """C."""
        return math.prod(self.shape) // math.prod(self.sides)

    def arrange(self, flat: Tensor) -> Tensor:
        """[B, numbers of the array] -> [B, C, H, W]."""
        rows = self.rows + 1
        pictures = flat.view(-1, *self.shape).movedim((rows, rows + 1), (-2, -1))
        return pictures.reshape(-1, self.channels, *self.sides)


def find_pictures(obs: ObsSpec, least: int) -> dict[int, Picture]:
    """What of an observation are pictures of at least so many pixels a side, by the number of the part."""
    frames = int(obs.stack > 1)  # the axes before those of a frame
    parts = obs.parts or (obs,)
    found = {number: Picture.of(part.shape[frames:]) for number, part in enumerate(parts)}
    return {
        number: Picture(parts[number].shape, frame.rows + frames)
        for number, frame in found.items()
        if frame is not None and min(frame.sides) >= least
    }


class Layer(NamedTuple):
    """One convolution."""

    channels: int  # that it makes
    kernel: int  # pixels a side
    stride: int = 1
    margin: int = 0  # pixels of zeros on each side

    def sides(self, sides: Sequence[int]) -> list[int]:
        """H' and W' of what it makes of a picture, by H and W."""
        return [(side + 2 * self.margin - self.kernel) // self.stride + 1 for side in sides]


SMALL = (Layer(16, 3),)  # Young & Tian 2019, for the 10 x 10 pictures of MinAtar
NATURE = (Layer(32, 8, 4), Layer(64, 4, 2), Layer(64, 3))  # Mnih et al. 2015, for 84 x 84
IMPALA = (16, 32, 32)  # Espeholt et al. 2018, channels of each section


class BareConv2d(nn.Conv2d):
    """torch's layer without its initialisation, which would draw from the global generator."""

    def reset_parameters(self) -> None:
        """Leaves the memory as it is, for `initialise`."""

    def refresh(self) -> None:
        """Moves its buffers (float32) on, in place: once after every update."""


MakeConv = Callable[[int, Layer], nn.Module]
"""(channels that it sees, what it is) -> a convolution, [B, C, H, W] -> [B, C', H', W']."""


def plain_conv(seen: int, layer: Layer) -> BareConv2d:
    """A convolution and nothing else."""
    return BareConv2d(seen, layer.channels, layer.kernel, layer.stride, layer.margin)


class Plain(Extractor):
    """Convolutions without a margin, each followed by a ReLU."""

    def __init__(self, picture: Picture, layers: Sequence[Layer], make: MakeConv = plain_conv):
        super().__init__()
        self.picture = picture
        seen = [picture.channels, *(layer.channels for layer in layers[:-1])]
        self.layers = nn.ModuleList(make(*each) for each in zip(seen, layers, strict=True))
        sides: Sequence[int] = picture.sides
        for layer in layers:
            sides = layer.sides(sides)
        self.width = layers[-1].channels * math.prod(sides)

    def forward(self, numbers: Tensor) -> Tensor:
        return self.maps(numbers)[-1].flatten(1)

    def maps(self, numbers: Tensor) -> list[Tensor]:
        outputs = [self.picture.arrange(numbers)]
        for layer in self.layers:
            outputs.append(layer.forward(outputs[-1]).relu())
        return outputs[1:]


class Impala(Extractor):
    """Residual sections, each of half the rows and columns of the one before: the deep network of Espeholt et al."""

    def __init__(
        self,
        picture: Picture,
        channels: Sequence[int],
        make: MakeConv = plain_conv,
        make_residual: MakeConv | None = None,
    ):
        """`make_residual` makes the convolutions inside of residual blocks, by default as `make` all others."""
        super().__init__()
        self.picture = picture
        makes = make, make_residual or make
        self.sections = nn.ModuleList(Section(*pair, *makes) for pair in pairwise((picture.channels, *channels)))
        self.width = channels[-1] * math.prod(math.ceil(side / 2 ** len(channels)) for side in picture.sides)

    def forward(self, numbers: Tensor) -> Tensor:
        return self.maps(numbers)[-1].flatten(1)

    def maps(self, numbers: Tensor) -> list[Tensor]:
        outputs = [self.picture.arrange(numbers)]
        for section in self.sections:
            outputs.append(section.forward(outputs[-1]))
        return [*outputs[1:-1], outputs[-1].relu()]

    def refresh(self, numbers: Tensor) -> None:
        for module in self.modules():
            if isinstance(module, BareConv2d):
                module.refresh()


class Section(nn.Module):
    """A convolution, a maximum over every second place, two residual blocks."""

    def __init__(self, seen: int, channels: int, make: MakeConv, make_residual: MakeConv):
        super().__init__()
        self.conv = make(seen, Layer(channels, 3, margin=1))
        self.blocks = nn.ModuleList(Residual(channels, make_residual) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, channels, ⌈H/2⌉, ⌈W/2⌉]."""
        x = nn.functional.max_pool2d(self.conv.forward(x), 3, stride=2, padding=1)
        for block in self.blocks:
            x = block.forward(x)
        return x


class Residual(nn.Module):
    """What two convolutions make of a picture is added to it."""

    def __init__(self, channels: int, make: MakeConv):
        super().__init__()
        self.first = make(channels, Layer(channels, 3, margin=1))
        self.second = make(channels, Layer(channels, 3, margin=1))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        return x + self.second.forward(self.first.forward(x.relu()).relu())
