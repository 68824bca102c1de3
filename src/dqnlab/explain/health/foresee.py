"""From which step something could have been foreseen, and by which signal."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from .findings import Course, Foreseen
from .signals import Column, since

WARM_UP = 10  # records before a signal has a usual size
GRID = 300  # medians that are taken of a signal, however long it is


def foresee(course: Course, step: int) -> Foreseen | None:
    """The signal that stood out earliest and without a break until `step`; none if nothing did before."""
    found = [
        Foreseen(name, start)
        for name, at, alarm in alarms(course)
        if (start := since(alarm[at <= step], at[at <= step])) is not None and start < step
    ]
    return min(found, key=lambda each: each.step, default=None)


def alarms(course: Course) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name of each signal, the env steps of its records [N], and where it stands out [N] bool."""
    value, earned = course.get("eval/value").finite, course.get("eval/discounted_return").finite
    if len(value.value) == len(earned.value):
        scale = np.maximum(np.abs(earned.value), 0.2 * course.ceiling)
        far = value.value - earned.value - course.tail - course.raised > scale
        yield "eval/overestimation", value.step, (value.value > 1.1 * course.ceiling + course.raised) | far
    share = course.get("replay/terminal_share").finite
    yield "replay/terminal_share", share.step, (share.value == 0) & (np.maximum.accumulate(share.value) > 0)
    size = course.get("learn/q_mean").finite
    scaled: tuple[tuple[str, Callable[[Column, Column], np.ndarray]], ...] = (
        ("learn/td_error", _grew),
        ("learn/action_gap", _shrank),
    )
    for name, stands_out in scaled:
        column = course.get(name).finite
        if len(column.value) == len(size.value):
            yield name, column.step, stands_out(column.smooth(), size.smooth())
    norm = course.get("learn/grad_norm").finite.smooth()
    yield "learn/grad_norm", norm.step, _after_warm_up(norm.value > 10 * _usual(norm.value))
    dead = course.get("learn/dead_units").finite.smooth()
    yield "learn/dead_units", dead.step, _after_warm_up(dead.value > np.minimum.accumulate(dead.value) + 0.2)


def _grew(column: Column, size: Column) -> np.ndarray:
    """Where it is, beside the values, three times what is usual so far."""
    ratio = column.value / (np.abs(size.value) + 1e-9)
    return _after_warm_up(ratio > 3 * _usual(ratio))


def _shrank(column: Column, size: Column) -> np.ndarray:
    """Where it is, beside the values, a third of what is usual so far."""
    ratio = column.value / (np.abs(size.value) + 1e-9)
    return _after_warm_up(ratio < _usual(ratio) / 3)


def _usual(value: np.ndarray) -> np.ndarray:
    """The median of the records so far [N], without the first ones; brought up to date some GRID times."""
    if not len(value):
        return value
    at = np.unique(np.linspace(0, len(value) - 1, min(len(value), GRID)).astype(int))
    medians = np.array([np.median(value[min(WARM_UP, i) : i + 1]) for i in at])
    return medians[np.searchsorted(at, np.arange(len(value)), side="right") - 1]


def _after_warm_up(alarm: np.ndarray) -> np.ndarray:
    return alarm & (np.arange(len(alarm)) >= 2 * WARM_UP)
