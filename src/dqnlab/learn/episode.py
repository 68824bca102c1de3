"""What is told of an episode when it has ended."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Episode(NamedTuple):
    """A finished episode as the environment scored it: nothing clipped, nothing discounted."""

    ret: float  # the return: sum of rewards
    length: int  # env steps
    numbers: Mapping[str, float] = MappingProxyType({})  # what the environment said at its end, by name
