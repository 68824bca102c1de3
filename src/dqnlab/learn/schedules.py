"""What changes while training goes on.

Epsilon as a function of progress: (env steps, finished episodes) -> share of random actions. The learning rate as a
function of the number of the update, from 1 on.
"""

import math
from collections.abc import Callable

from .optimizer import Rate

Schedule = Callable[[int, int], float]


def linear(start: float, end: float, steps: int) -> Schedule:
    """A straight line from `start` at step 0 to `end` at step `steps`, flat from there."""
    return lambda step, episode: start + (end - start) * min(step / steps, 1.0)


def linear_episodes(start: float, end: float, episodes: int) -> Schedule:
    """A straight line from `start` with the first episode to `end` after `episodes` of them, flat from there."""
    return lambda step, episode: start + (end - start) * min(episode / episodes, 1.0)


def geometric(start: float, end: float, factor: float) -> Schedule:
    """`start` times `factor` after every episode, never below `end`."""
    return lambda step, episode: max(start * factor**episode, end)


def constant(value: float) -> Schedule:
    """Always the same."""
    return lambda step, episode: value


# ── Learning rates ───────────────────────────────────────────────────────────────────────────────


def linear_rate(lr: float, end: float, updates: int) -> Rate:
    """A straight line from `lr` at the first update to `end` times that at update number `updates`, flat from there."""
    return lambda update: lr * (1 + (end - 1) * _way(update, updates))


def cosine_rate(lr: float, end: float, updates: int) -> Rate:
    """Half a cosine wave from `lr` to `end` times that, flat from there (Loshchilov & Hutter 2017, equation 5)."""
    return lambda update: lr * (end + (1 - end) * (1 + math.cos(math.pi * _way(update, updates))) / 2)


def _way(update: int, updates: int) -> float:
    """The share of the way that is behind, from the first update to the last."""
    return min((update - 1) / max(updates - 1, 1), 1.0)
