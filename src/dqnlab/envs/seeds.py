"""Disjoint streams of environment seeds, all derived from the run's one seed."""

from typing import Literal, NamedTuple

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


class Seat(NamedTuple):
    """Which of several collectors of a run: each has seeds of its own. The only one has those of a run without."""

    number: int = 0
    num: int = 1
    life: int = 0
    """how many there were before in its place"""

    def seeds(self, seed: int, num_envs: int, draw: int) -> list[int]:
        """The seeds of its environments for training; another `draw` gives other ones."""
        every = env_seeds(seed, "train", self.num * num_envs, self.life + draw)
        return every[self.number * num_envs :][:num_envs]

    def generator(self, seed: int, use: Use) -> np.random.Generator:
        """Its own numpy generator."""
        return generator(seed, use, *([self.number, self.life] if self.number or self.life else []))


def generator(seed: int, use: Use, *which: int) -> np.random.Generator:
    """The numpy generator of one part of a run, or of one of several such parts."""
    return np.random.default_rng([seed, 100 + USES.index(use), *which])
