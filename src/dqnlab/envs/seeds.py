"""Disjoint streams of environment seeds, all derived from the run's one seed."""

from typing import Literal

import numpy as np

SeedStream = Literal["train", "select", "confirm-1", "confirm-2", "evaluate", "film", "explain", "scale"]
STREAMS: tuple[SeedStream, ...] = ("train", "select", "confirm-1", "confirm-2", "evaluate", "film", "explain", "scale")
Use = Literal["act", "replay", "record", "explain", "scale", "learn", "demos"]
# New ones at the end: the numbers of a run stay its own.
USES: tuple[Use, ...] = ("act", "replay", "record", "explain", "scale", "learn", "demos")
_ROOM = 2**28  # seeds per stream; together they stay below 2**31, which every environment accepts


def env_seeds(seed: int, stream: SeedStream, num: int, draw: int = 0) -> list[int]:
    """`num` distinct seeds of a stream; another `draw` gives other ones.

    No seed of one stream ever occurs in another: each has a range of its own.
    """
    index = STREAMS.index(stream)
    rng = np.random.default_rng([seed, index, draw])
    return (index * _ROOM + rng.choice(_ROOM, size=num, replace=False, shuffle=False)).tolist()


def generator(seed: int, use: Use) -> np.random.Generator:
    """The numpy generator of one part of a run."""
    return np.random.default_rng([seed, 100 + USES.index(use)])
