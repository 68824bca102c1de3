"""Verdicts on what the agent does: whether it tries things out, and whether it keeps what it could do."""

from __future__ import annotations

from typing import Literal

import numpy as np

from .findings import Course, Finding
from .foresee import foresee

ENOUGH = 5  # evaluations below which nothing is said of their course
EPISODES = 20  # episodes below which nothing is said of exploration
ALMOST_NONE = 0.06  # of the actions random: 0.05, where epsilon usually ends, but not 0.1
LASTS = 3  # evaluations in a row that are no accident
HALF = 0.5  # of the way from the worst evaluation to the best so far


def progress(mean: np.ndarray) -> np.ndarray:
    """How good each evaluation [N] is: 0 as the worst so far, 1 as the best so far; 1 where little was gained yet."""
    best, worst = steady_best(mean), np.minimum.accumulate(mean)
    gained = best - worst
    known = gained >= 0.25 * (mean.max() - mean.min())  # of what was gained in the end
    return np.where(known & (gained > 0), (mean - worst) / np.where(gained > 0, gained, 1), 1.0)


def steady_best(mean: np.ndarray) -> np.ndarray:
    """The best so far [N] of what was reached in two of three evaluations: a single lucky one does not count as "
    "reached."""
    padded = np.concatenate([mean[:1], mean[:1], mean])
    return np.maximum.accumulate(np.median(np.lib.stride_tricks.sliding_window_view(padded, 3), axis=1))


def longest_low(low: np.ndarray) -> tuple[int, int]:
    """Start and length of the longest stretch of alarms [N]; of equals the last."""
    best = (0, 0)
    start = 0
    for i, alarm in enumerate(low):
        start = start if alarm else i + 1
        if alarm and i + 1 - start >= best[1]:
            best = (start, i + 1 - start)
    return best


def forgetting(course: Course) -> Finding | None:
    """Evaluations that fell far below the best and stayed there, swing to the end, or came back."""
    found = course.get("eval/reward").finite
    if len(found.value) < ENOUGH:
        return None
    low = progress(found.value) < HALF
    if np.ptp(found.value) < 0.1 * _spread(course):  # nothing was ever gained that could be lost
        return None
    start, length = longest_low(low)
    severity: Literal["bad", "notice"] = "bad"
    kind = "forgetting"
    if length < max(LASTS, 0.15 * len(low)):
        after = low[int(found.value.argmax()) :] if low.any() else low
        if len(after) < ENOUGH or after.mean() < 0.25:
            return None
        kind = "unsettled"
        severity = "notice"
        start = int(low.argmax())
        length = int(low.sum())
    if not low[-max(LASTS, len(low) // 5) :].any():
        kind, severity = "recovered", "notice"
    best = float(steady_best(found.value)[start])
    step = int(found.step[start])
    return Finding(
        kind=kind,
        severity=severity,
        step=step,
        foreseen=foresee(course, step),
        numbers={
            "best": best,
            "fell": float(np.median(found.value[start : start + length])),
            "evaluations": float(length),
            "last": float(found.value[-1]),
        },
        causes=course.causes("no-target", "small-replay", "high-rate"),
    )


def always_random(course: Course) -> Finding | None:
    """Exploration that never ends: what is learned is never practised."""
    epsilon = course.get("train/epsilon").finite
    if len(epsilon.value) < EPISODES or epsilon.last(0.1).median < 0.5:
        return None
    numbers = {"epsilon": epsilon.last(0.1).median}
    if course.facts.epsilon_end < 0.5:
        if _reached(course, course.get("eval/reward").finite.value.max(initial=-np.inf)):
            return None  # it was solved before
        return Finding(kind="still-exploring", severity="notice", numbers=numbers)
    return Finding(
        kind="always-random", severity="bad", step=int(epsilon.step[0]), numbers=numbers, causes=course.causes("random")
    )


def not_exploring(course: Course) -> Finding | None:
    """Hardly any random action for most of training, while every episode ends alike."""
    epsilon, ret = course.get("train/epsilon").finite, course.get("train/reward").finite
    mean = course.get("eval/reward").finite
    explores = course.facts.noisy or course.facts.soft
    if explores or len(epsilon.value) < EPISODES or not len(mean.value) or not len(ret.value):
        return None
    floor = epsilon.value < ALMOST_NONE
    usual = np.median(ret.value)
    alike = np.abs(ret.value - usual) <= 0.01 * max(abs(usual), 1.0)
    stuck = np.abs(mean.value - usual) <= 0.01 * max(abs(usual), 1.0)
    if floor.mean() < 0.5 or alike.mean() < 0.95 or stuck[-ENOUGH:].mean() < 1 or usual > 0:
        return None
    return Finding(
        kind="not-exploring",
        severity="bad",
        step=int(epsilon.step[floor.argmax()]),
        numbers={"epsilon": float(epsilon.value[-1]), "usual": float(usual), "episodes": float(len(ret.value))},
    )


def not_learning(course: Course) -> Finding | None:
    """Evaluations that are at the end no better than at the start."""
    found = course.get("eval/reward").finite
    if len(found.value) < ENOUGH:
        return None
    first, best = found.value[0], found.value.max()
    if np.ptp(found.value) > 0.1 * _spread(course) or _reached(course, best):
        return None
    return Finding(kind="not-learning", severity="notice", numbers={"first": float(first), "best": float(best)})


def _spread(course: Course) -> float:
    """How far the returns of training episodes lie apart."""
    ret = course.get("train/reward").finite.value
    return float(max(np.ptp(ret) if len(ret) else 0.0, 1e-9))


def _reached(course: Course, best: float) -> bool:
    """Whether the best evaluation reached the threshold."""
    return course.facts.threshold is not None and best >= course.facts.threshold
