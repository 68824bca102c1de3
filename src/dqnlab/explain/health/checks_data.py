"""Verdicts on what is learned from: whether the replay holds the ends of episodes, true ones, and enough."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .findings import Course, Finding
from .signals import Column

FEW = 10  # ends below which nothing is concluded
DRIFT = 2.0  # of `drift`: lengths that nothing changes reach it once in a thousand times
SORTS = 5  # different lengths from which on it is no schedule that ends episodes
EPISODES_HELD = 3.0  # fewer episodes than this in the replay, and each new one pushes out most of what is known


class Ends(NamedTuple):
    """What the replay should hold and what it holds, at each record of the learner [N]."""

    step: np.ndarray  # env steps
    held: np.ndarray  # transitions
    terminal: np.ndarray  # transitions that end in a terminal state, as stored
    early: np.ndarray  # how many there would be of the episodes that ended before the step limit
    late: np.ndarray  # how many more there would be if episodes at the step limit counted too


def ends_of(course: Course, limit: float) -> Ends | None:
    """Counts the ends; None if something was not recorded."""
    share, size = course.get("replay/terminal_share"), course.get("replay/size")
    length = course.get("train/length").finite
    if not len(share.value) or len(share.value) != len(size.value) or not len(length.value):
        return None
    each = np.minimum(length.value, course.facts.n)  # an end shows in the last n windows
    early, late = (_within(length.step, each * kind, size) for kind in (length.value < limit, length.value >= limit))
    return Ends(size.step, size.value, np.rint(share.value * size.value), early, late)


def _within(step: np.ndarray, count: np.ndarray, size: Column) -> np.ndarray:
    """Sums of the counts at env steps in (now − size, now], for every record of the replay's size."""
    total = np.concatenate([[0.0], np.cumsum(count)])
    until, start = (np.searchsorted(step, edge, side="right") for edge in (size.step, size.step - size.value))
    return total[until] - total[start]


def blind(course: Course) -> Finding | None:
    """Episodes end before their step limit and at all sorts of times, yet no terminal state was ever stored.

    An environment may have a horizon of its own, or a few: then episodes are as long as one of these. Or one drawn by
    chance: then they are as long whatever the agent has learned, as long in the first third of them as in the last.
    """
    length = course.get("train/length").finite.value
    if not len(length):
        return None
    limit = min(course.facts.max_episode_steps, float(length.max()))
    ends = ends_of(course, limit)
    if ends is None or course.facts.gamma == 0 or ends.terminal.any():
        return None
    alarm = ends.early >= FEW * course.facts.n
    if not alarm.any() or len(np.unique(length[length < limit])) < SORTS or drift(length) < DRIFT:
        return None
    return Finding(
        kind="blind-to-the-end",
        severity="bad",
        step=int(ends.step[alarm.argmax()]),
        numbers={
            "episodes": float((length < limit).sum()),
            "length": float(np.median(length)),
        },
    )


def drift(length: np.ndarray) -> float:
    """How far the lengths [N] of the last third of episodes differ from those of the first; 0 of too few.

    Kolmogorov and Smirnov's statistic of two samples: the largest distance of their distributions, times what makes it
    independent of N.
    """
    third = len(length) // 3
    if third == 0:
        return 0.0
    first, last = np.sort(length[:third]), np.sort(length[-third:])
    below = [np.searchsorted(each, length, side="right") / third for each in (first, last)]
    return float(np.abs(below[0] - below[1]).max() * np.sqrt(third / 2))


def limit_as_end(course: Course) -> Finding | None:
    """Episodes that a step limit cut are stored as if the world had ended there."""
    length = course.get("train/length").finite.value
    if not len(length) or course.facts.gamma == 0:
        return None
    limit, known = float(course.facts.max_episode_steps), True
    if length.max() < limit:  # maybe the environment counts its steps itself
        limit, known = float(length.max()), False
        if (length == limit).sum() < max(FEW, 0.2 * len(length)) or len(np.unique(length)) < SORTS:
            return None
    ends = ends_of(course, limit)
    if ends is None:
        return None
    alarm = (ends.late >= FEW / 2 * course.facts.n) & (ends.terminal >= ends.early + 0.7 * ends.late)
    if not alarm.any():
        return None
    return Finding(
        kind="limit-as-end",
        severity="bad" if known else "notice",
        step=int(ends.step[alarm.argmax()]),
        numbers={"limit": limit, "episodes": float((length >= limit).sum())},
    )


def short_memory(course: Course) -> Finding | None:
    """A replay that holds less than a few episodes."""
    size, length = course.get("replay/size"), course.get("train/length").finite
    if course.facts.rollout:
        return None
    if not len(size.value) or size.value[-1] < course.facts.replay_capacity or len(length.value) < FEW:
        return None
    held = size.value / np.maximum(np.interp(size.step, length.step, length.smooth().value), 1)
    late = Column(size.step, held).last(0.5)
    if late.median >= EPISODES_HELD:
        return None
    few = held < EPISODES_HELD
    return Finding(
        kind="short-memory",
        severity="bad",
        step=int(size.step[few.argmax()]),
        numbers={"held": late.median, "capacity": float(course.facts.replay_capacity)},
        causes=course.causes("small-replay"),
    )


def no_failures(course: Course) -> Finding | None:
    """The last terminal state has left the replay: the network forgets what failing looks like."""
    share, size = course.get("replay/terminal_share"), course.get("replay/size")
    seen = share.value > 0
    if course.facts.rollout or not seen.any() or len(share.value) != len(size.value) or seen[-1]:
        return None
    last = int(np.flatnonzero(seen)[-1])
    return Finding(kind="no-failures", severity="notice", step=int(share.step[last + 1]))
