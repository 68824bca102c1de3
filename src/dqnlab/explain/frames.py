"""A film strip of an episode: a few small images, evenly spaced, however long it gets."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..envs.frames import shrink

BRIGHT = 128  # of 255: as much as some number reaches in a picture that can be seen as it is
QUALITY = 60  # of webp, for what an environment drew
SHARP = 64  # images up to this size are kept exactly: each of their pixels is a thing of its own; so are flat drawings


@dataclass(frozen=True)
class FrameLimits:
    """What the images of all episodes may take."""

    images: int = 120
    width: int = 240
    """pixels"""
    size: int = 2_500_000
    """bytes, as they stand in the page"""


class Frames(NamedTuple):
    """Images at regular steps, from step 0 on."""

    every: int
    width: int
    height: int
    images: list[str]  # data:image/webp;base64,…


class Strip:
    """Takes images of one episode; when there are too many, every second one goes."""

    def __init__(self, limits: FrameLimits, episodes: int):
        self.every, self.images = 1, list[np.ndarray]()
        self._most = max(2, limits.images // episodes)
        self._width = limits.width
        self._broken = False

    def wants(self, t: int) -> bool:
        """Whether there should be an image of step t."""
        return not self._broken and t % self.every == 0

    def add(self, image: np.ndarray | None) -> None:
        """Takes a picture [H, W, 3] uint8, of the size of the first; of none there will be no strip."""
        if image is None or (self.images and image.shape != self._shape):
            self._broken, self.images = True, []  # no image is better than a wrong one
            return
        self._shape = image.shape
        self.images.append(shrink(image, self._width))
        if len(self.images) > self._most:
            self.images = self.images[::2]
            self.every *= 2


def brightness(seen: Sequence[np.ndarray], scale: float) -> tuple[float, float]:
    """What is black and what is white in observations that are pictures themselves, episodes [T, *frame_shape].

    Pictures have the full range that they announce (`ObsSpec.scale`). Others are shown as they are if that is bright
    enough to see; small codes are told apart only on the range of what was seen of them.
    """
    if scale != 1 or not seen:
        return 0.0, scale
    low, high = float(min(each.min() for each in seen)), float(max(each.max() for each in seen))
    return (0.0, 255.0) if high >= BRIGHT else (low, high)


def strip_of(seen: np.ndarray, bright: tuple[float, float], limits: FrameLimits, episodes: int) -> Strip:
    """The strip of an episode whose observations are pictures themselves, [T, *frame_shape]."""
    strip = Strip(limits, episodes)
    strip.every = -(-len(seen) // max(2, limits.images // episodes))
    strip.images = [shrink(picture(frame, *bright), limits.width) for frame in seen[:: strip.every]]
    return strip


def picture(frame: np.ndarray, black: float, white: float) -> np.ndarray:
    """What an observation that is a picture looks like: [H, W, 3] uint8.

    Args:
        frame: [H, W], or with channels first or last; three of them are colours, of others the brightest counts.
        black, white: numbers that are shown so.
    """
    array = frame.reshape(frame.shape[-3:]) if frame.ndim > 3 and frame.shape[0] == 1 else frame
    if array.ndim > 2:
        first, last = array.shape[0], array.shape[-1]
        place = 0 if last not in (1, 3) and (first in (1, 3) or first < last) else array.ndim - 1
        array = np.moveaxis(array, place, -1)
        array = array if array.ndim == 3 and array.shape[-1] == 3 else array.reshape(*array.shape[:2], -1).max(-1)
    share = (array.astype(np.float32) - black) / max(white - black, 1)
    bright = np.rint(255 * share).clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(bright[..., None], (*bright.shape, 3)) if bright.ndim == 2 else bright)


def encode_strip(strip: Strip | None, size: int) -> Frames | None:
    """The images as text for the page, within a number of bytes: every second one is dropped until they fit. None if "
    "none."""
    if strip is None or not strip.images:
        return None
    first = strip.images[0]
    exact = max(first.shape) <= SHARP or len(webp(first, lossless=True)) <= len(webp(first, lossless=False))
    every, images = strip.every, [webp(image, lossless=exact) for image in strip.images]
    while sum(map(len, images)) > size and len(images) > 1:
        every, images = every * 2, images[::2]
    height, width = strip.images[0].shape[:2]
    return Frames(every, width, height, images) if sum(map(len, images)) <= size else None


def webp(image: np.ndarray, lossless: bool) -> str:
    """A picture uint8 as text for the page: [H, W, 3], or [H, W, 2] with gray numbers and how opaque they are."""
    from PIL import Image

    with io.BytesIO() as out:
        Image.fromarray(image).save(out, "WEBP", lossless=lossless, quality=QUALITY, method=0)
        return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()
