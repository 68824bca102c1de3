"""Epsilon as a function of progress: (env steps, finished episodes) -> share of random actions."""

from collections.abc import Callable

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
