"""What an environment says in numbers when an episode ends: whether it succeeded, the parts of its reward."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .rows import MASK

MOST_NAMES = 20  # that are kept of one environment
_NAME = re.compile(r"[^\W_][\w .:()-]{0,59}")  # what metrics of every tracker can be called
_OTHERS = {
    MASK,
    "TimeLimit.truncated",
    "episode",
    "final_info",
    "final_observation",
    "final_obs",
    "terminal_observation",
}

Numbers = Mapping[str, float]
"""by name"""


def numbers_in(info: Any) -> dict[str, float]:
    """The finite numbers and truth values of an info, those that Gymnasium itself puts there left out."""
    if not isinstance(info, dict):
        return {}
    found = dict[str, float]()
    for name, value in info.items():
        if not isinstance(name, str) or name in _OTHERS or not _NAME.fullmatch(name):
            continue
        if isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating):
            try:
                number = float(value)
            except OverflowError:
                continue
            if math.isfinite(number):
                found[name] = number
    return found


def numbers_of(infos: Any, i: int) -> dict[str, float]:
    """As `numbers_in`, of env i, from the infos of a vector: arrays [E], and `_name` [E] where only some have one."""
    if not isinstance(infos, dict):
        return {}
    own = {name: value[i] for name, value in infos.items() if isinstance(value, np.ndarray) and value.ndim == 1}
    return numbers_in({name: value for name, value in own.items() if own.get(f"_{name}", True)})


def left_out(info: Any) -> list[str]:
    """What of an info looks like numbers too, and is not among `numbers_in`: by its name, or because of what it is."""
    if not isinstance(info, dict):
        return []
    kept = numbers_in(info)
    others = {name: value for name, value in info.items() if name not in kept and name not in _OTHERS}
    return [str(name) for name, value in others.items() if _holds_numbers(value)]


def _holds_numbers(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_numbers, value.values()))
    if isinstance(value, np.ndarray):
        return value.size == 1 and value.dtype.kind in "biuf"
    return isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating)


class Names:
    """The first names that an environment uses, as many as are kept."""

    def __init__(self, known: Iterable[str] = ()):
        self.known = list(known)

    def kept(self, numbers: Numbers) -> dict[str, float]:
        """Those of the numbers whose names are known, or become so."""
        for name in numbers:
            if name not in self.known and len(self.known) < MOST_NAMES:
                self.known.append(name)
        return {name: number for name, number in numbers.items() if name in self.known}


def means(episodes: Sequence[Numbers]) -> dict[str, float]:
    """The mean of each number over the episodes that ended with it."""
    names, values = Names(), dict[str, list[float]]()
    for numbers in episodes:
        for name, number in names.kept(numbers).items():
            values.setdefault(name, []).append(number)
    return {name: math.fsum(each) / len(each) for name, each in values.items()}
