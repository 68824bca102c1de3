"""How convolutions look at pictures: what they see, which pixels mattered, what each layer makes of them.

T moments, A actions, C channels, H rows, W columns. Everything becomes small images, as a page holds them.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from ..learn.convs import Picture
from ..learn.encoder import as_features
from ..learn.extractors import Extractor
from ..learn.networks import QNetwork
from ..learn.types import ObsPart, ObsSpec
from .frames import brightness, picture, webp

MOST = 24  # moments of an episode
ACTIONS = ("6aa9e8", "f0985a", "b898e0", "55c3cc", "ea86ba", "c9a186")  # `--action-N` of the page's dark colours
NOBODY = "9aa6b2"  # what speaks against the only action that is allowed
GAP = 1  # pixels between two feature maps, which nothing is drawn on
FAINT = 0.35  # how bright the picture is below them


class Maps(NamedTuple):
    """The feature maps of one layer, side by side."""

    channels: int
    height: int  # of one map
    width: int
    columns: int  # maps in a row, each with a gap behind it and below
    images: list[str]  # white is the largest number of the layer at that moment, black is 0 and below


class Seen(NamedTuple):
    """What is shown of one picture among the numbers of an observation."""

    name: str  # empty if the observation is nothing else
    frames: int  # of a stack, side by side, the oldest first
    height: int
    width: int
    seen: list[str]
    mattered: list[str]  # the picture, dim, with its pixels coloured by gradient x input
    largest: np.ndarray  # [T] size of the largest such product, which is coloured fully
    layers: list[Maps]


class Looks(NamedTuple):
    """Of every `every`th step of an episode."""

    every: int
    best: np.ndarray  # [T] the action that is rated highest
    second: np.ndarray  # [T] the next, against which pixels speak; -1 if no other is allowed
    views: list[Seen]

    def data(self) -> dict[str, object]:
        """As the page's data name it."""
        views = [view._asdict() | {"layers": [layer._asdict() for layer in view.layers]} for view in self.views]
        return self._asdict() | {"views": views}


def looks(network: QNetwork, obs: np.ndarray, most: int) -> Looks | None:
    """How it looks at some moments of an episode [T, *obs_shape], within `most` bytes of text; none without pictures.

    None too if not even one moment fits.
    """
    places = list(_pictures(network))
    if not places:
        return None
    every = max(1, -(-len(obs) // MOST))
    shown = obs[::every]
    weighed = attribution(network, shown)
    views = [_view(network.obs, part, extractor, shown, weighed) for part, extractor in places]
    found = Looks(every, weighed.best, weighed.second, views)
    while _size(found) > most and len(found.best) > 1:
        found = _halved(found)
    return found if _size(found) <= most else None


class Attribution(NamedTuple):
    """Which numbers of observations spoke for the best action."""

    best: np.ndarray  # [T]
    second: np.ndarray  # [T]; -1 if no other is allowed
    parts: np.ndarray  # [T, *obs_shape] gradient of Q(best) - Q(second), times the number


def attribution(network: QNetwork, obs: np.ndarray) -> Attribution:
    """Gradient times input of the gap between the two best actions of observations [T, *obs_shape]."""
    numbers = torch.from_numpy(obs.astype(np.float32)).requires_grad_()
    q = network.q_values(numbers)
    best = q.argmax(1)
    others = q.detach().scatter(1, best[:, None], -math.inf)
    second = torch.where(others.amax(1) > -math.inf, others.argmax(1), -1)
    top = q.gather(1, best[:, None])[:, 0]
    next_best = q.gather(1, second.clamp(min=0)[:, None])[:, 0]
    gap = top - torch.where(second >= 0, next_best, 0)
    (slope,) = torch.autograd.grad(gap.sum(), numbers)
    return Attribution(
        best.numpy().astype(np.int32), second.numpy().astype(np.int32), (slope * numbers).detach().numpy()
    )


def _pictures(network: QNetwork) -> Iterator[tuple[ObsPart, Extractor]]:
    """The parts of its observations that convolutions look at."""
    spec = network.obs
    parts = spec.parts or (ObsPart((), 0, spec.shape, spec.dtype, scale=spec.scale),)
    for name, extractor in network.encode.extractors.items():
        part = parts[int(name)]
        with torch.no_grad():
            if cast(Extractor, extractor).maps(torch.zeros(1, part.size)):
                yield part, cast(Extractor, extractor)


def _view(spec: ObsSpec, part: ObsPart, extractor: Extractor, obs: np.ndarray, weighed: Attribution) -> Seen:
    rows = obs.reshape(len(obs), -1)[:, part.place]
    frames = spec.stack if spec.stack > 1 else 1
    shape = part.shape[1:] if spec.stack > 1 else part.shape
    stacked = rows.reshape(len(rows), frames, *shape)
    black, white = brightness([stacked], part.scale)
    pictures = [[picture(frame, black, white) for frame in moment] for moment in stacked]
    placed = Picture.of(shape)
    assert placed is not None
    rated = weighed.best, weighed.second
    pixels = torch.from_numpy(weighed.parts.reshape(len(obs), -1)[:, part.place].reshape(-1, math.prod(shape)))
    heat = placed.arrange(pixels).sum(1).numpy().reshape(len(obs), frames, *placed.sides)
    with torch.no_grad():
        maps = extractor.maps(as_features(torch.from_numpy(rows), part.num_states, part.scale))
    return Seen(
        name=part.name,
        frames=frames,
        height=placed.sides[0],
        width=placed.sides[1],
        seen=[webp(np.concatenate(moment, 1), lossless=True) for moment in pictures],
        mattered=[webp(_coloured(*each), lossless=True) for each in zip(pictures, heat, *rated, strict=True)],
        largest=np.abs(heat).max((1, 2, 3)),
        layers=[_layer(each) for each in maps],
    )


def _coloured(frames: Sequence[np.ndarray], heat: np.ndarray, best: int, second: int) -> np.ndarray:
    """Frames [H, W, 3] side by side, coloured by heat [frames, H, W]: the largest of all is fully coloured.

    What speaks for the best action has its colour, what speaks against it that of the second best.
    """
    ground = FAINT * np.concatenate(list(frames), 1).astype(float)
    weight = np.concatenate(list(heat), 1)
    weight = weight / (np.abs(weight).max() or 1.0)
    colour = np.where(weight[..., None] > 0, _colour(best), _colour(second))
    return np.rint(ground + (colour - ground) * np.abs(weight)[..., None]).clip(0, 255).astype(np.uint8)


def _colour(action: int) -> np.ndarray:
    return np.array(list(bytes.fromhex(NOBODY if action < 0 else ACTIONS[action % len(ACTIONS)])))


def _layer(maps: Tensor) -> Maps:
    """Feature maps [T, C, H, W] as images."""
    moments, channels, height, width = maps.shape
    columns = math.ceil(math.sqrt(channels * height / width))
    lacking = -channels % columns
    most = maps.amax((1, 2, 3), keepdim=True).clamp(min=1e-12)
    gray = (255 * (maps / most).clamp(min=0)).round()
    gray_and_opaque = torch.stack([gray, torch.full_like(gray, 255)], -1)  # [T, C, H, W, 2]
    padded = torch.nn.functional.pad(gray_and_opaque, (0, 0, 0, GAP, 0, GAP, 0, lacking)).to(torch.uint8)
    rows = padded.view(moments, -1, columns, height + GAP, width + GAP, 2).transpose(2, 3)
    images = rows.reshape(moments, -1, columns * (width + GAP), 2).numpy()
    return Maps(channels, height, width, columns, [webp(image, lossless=True) for image in images])


def _halved(found: Looks) -> Looks:
    """Every second of its moments."""
    views = [
        view._replace(
            seen=view.seen[::2],
            mattered=view.mattered[::2],
            largest=view.largest[::2],
            layers=[layer._replace(images=layer.images[::2]) for layer in view.layers],
        )
        for view in found.views
    ]
    return Looks(2 * found.every, found.best[::2], found.second[::2], views)


def _size(found: Looks) -> int:
    """Bytes of text."""
    images = (
        image
        for view in found.views
        for group in (view.seen, view.mattered, *(layer.images for layer in view.layers))
        for image in group
    )
    return sum(map(len, images))
