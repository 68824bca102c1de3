"""Verdicts on what the network says: too much, without end, nothing, or something else each time."""

from __future__ import annotations

import numpy as np

from .findings import Course, Finding
from .foresee import foresee
from .signals import Column, since

FAR = 10.0  # times the ceiling: no slow error, but a runaway
OVER = 1.2  # times the ceiling: above what can be earned, sampling noise left aside
BEYOND = 0.6  # share of the scale by which values may lie above what was earned: the policy may still be improving
AT_THE_END = 0.05  # of the range that a head knows: values this near to its end lie at it
ENOUGH = 5  # evaluations below which nothing is said of their course
RECORDS = 30  # of batches, below which nothing is said of their mean
ONE_SIDED = 0.5  # share of the mean error that is bias, from which on targets are missed by design
SURE = 4.0  # standard errors within which a bias may be chance
COARSE = 10.0  # times the ceiling: two neighbours of a head's returns that lie farther apart than this
DROWNED = 10.0  # times what a step may earn: what a rule adds beside which rewards hardly count
SMALL = 0.005  # of what is predicted: errors too small to matter


def coarse(course: Course) -> Finding | None:
    """A head that knows only returns which lie much farther apart than anything that can be earned."""
    if course.facts.returns is None or not course.ceiling > 0:
        return None
    low, high, num = course.facts.returns
    step = (high - low) / (num - 1)
    if step <= COARSE * course.ceiling:
        return None
    return Finding(
        kind="coarse-range", severity="bad", numbers={"low": low, "high": high, "step": step, "most": course.ceiling}
    )


def beyond_range(course: Course) -> Finding | None:
    """Returns beyond those that the head knows: earned, or values at the upper end where more could be earned."""
    if course.facts.returns is None:
        return None
    low, high, _ = course.facts.returns
    earned, largest = course.get("eval/discounted_return").finite.value, course.get("learn/q_max").finite.last(1 / 3)
    near = high - AT_THE_END * (high - low)
    if not ((earned > high).any() or (earned < low).any() or (course.ceiling > high and largest.median > near)):
        return None
    return Finding(kind="narrow-range", severity="bad", numbers={"low": low, "high": high, "most": course.ceiling})


def drowned(course: Course) -> Finding | None:
    """A rule that adds so much for chance that rewards hardly count."""
    raises = course.facts.raises
    if not course.rate > 0 or raises <= DROWNED * course.rate:
        return None
    return Finding(kind="drowned", severity="bad", numbers={"added": raises, "earned": course.rate})


def diverging(course: Course) -> Finding | None:
    """Values or errors beyond all measure, or no numbers any more."""
    largest = course.get("learn/q_max")
    for name in ("learn/loss", "learn/q_mean", "learn/q_max", "learn/td_error", "learn/grad_norm"):
        column = course.get(name)
        broken = ~np.isfinite(column.value)
        if broken.any():
            return _diverging(course, int(column.step[broken.argmax()]))
    if course.facts.returns is not None:  # values cannot run away
        return None
    if not course.ceiling > 0:  # no reward was ever seen: nothing to compare with
        return None
    bound = FAR * max(course.ceiling, np.abs(course.get("train/reward").finite.value).max(initial=0.0))
    bound += max(course.raised, course.facts.lowers * course.horizon)
    alarm = np.abs(largest.smooth().value) > bound
    if alarm.any():
        return _diverging(course, int(largest.step[alarm.argmax()]))
    return None


def _diverging(course: Course, step: int) -> Finding:
    size = np.abs(course.get("learn/q_max").finite.value).max(initial=0.0)
    return Finding(
        kind="diverging",
        severity="bad",
        step=step,
        foreseen=foresee(course, step),
        numbers={"value": float(size), "ceiling": course.ceiling},
        causes=course.causes("no-target", "high-rate", "gamma-one"),
    )


def overestimating(course: Course) -> Finding | None:
    """Values above what can be earned; or, to the end, far above what is earned and not coming down."""
    value, earned = course.get("eval/value").finite, course.get("eval/discounted_return").finite
    if len(value.value) < ENOUGH or len(value.value) != len(earned.value) or not course.ceiling > 0:
        return None
    late = value.last(1 / 3)
    most = OVER * course.ceiling + course.raised
    beyond = value.value > most
    if late.median > most:
        step = int(value.step[_first_of_two(beyond)])
    else:
        scale = np.maximum(np.abs(earned.value), 0.2 * course.ceiling)
        excess = value.value - earned.value - course.tail - course.raised
        above = excess > BEYOND * scale
        count = len(late.value)
        climbs = late.median >= np.median(value.value[-2 * count : -count])  # initial optimism only goes down
        found = np.median(excess[-count:] - BEYOND * scale[-count:]) > 0
        if not (found and climbs):
            return None
        step = int(value.step[_first_of_two(above)])
    return Finding(
        kind="over-estimating",
        severity="bad",
        step=step,
        foreseen=foresee(course, step),
        numbers={
            "value": late.median,
            "earned": earned.last(1 / 3).median,
            "ceiling": course.ceiling,
        },
        causes=course.causes("no-target", "gamma-one", "random", "small-replay", "high-rate"),
    )


def biased(course: Course) -> Finding | None:
    """Predictions that stay on one side of their targets to the end: they are not the means that values should be.

    Predictions that still follow rising targets lag behind them; they say nothing yet.
    """
    bias, error, q = (course.get(f"learn/{name}").finite for name in ("td_bias", "td_error", "q_mean"))
    if course.facts.prioritized or len(bias.value) < RECORDS or not len(bias.value) == len(error.value) == len(q.value):
        return None
    late, predicted = bias.last(1 / 3).value, q.last(1 / 3)
    mean, usual = float(late.mean()), float(error.last(1 / 3).value.mean())
    chance = SURE * late.std() / np.sqrt(len(late))
    if abs(mean) <= max(ONE_SIDED * usual, chance, SMALL * float(np.abs(predicted.value).mean())):
        return None
    if abs(_drift(predicted)) > abs(mean):
        return None
    numbers = {"bias": mean, "error": usual}
    return Finding(kind="biased", severity="bad", numbers=numbers, causes=course.causes("huber", "no-target"))


def _drift(column: Column) -> float:
    """How far the straight line through a column's values leads."""
    steps = column.step - column.step[0]
    if steps[-1] == 0:  # as where a whole rollout is learned from at once: their order is known
        steps = np.arange(len(steps))
    return float(np.polyfit(steps, column.value, 1)[0] * steps[-1])


def _first_of_two(alarm: np.ndarray) -> int:
    """Index of the first alarm that the next record repeats; of the first if none is repeated."""
    twice = alarm[:-1] & alarm[1:]
    return int((twice if twice.any() else alarm).argmax())


def unbounded(course: Course) -> Finding | None:
    """Without a discount, values that still climb when training ends."""
    value = course.get("eval/value").finite
    if course.facts.gamma < 1 or len(value.value) < ENOUGH:
        return None
    count = max(len(value.value) // 4, 1)
    late, before = np.median(value.value[-count:]), np.median(value.value[-2 * count : -count])
    if abs(late) < 1.1 * abs(before):
        return None
    return Finding(
        kind="unbounded",
        severity="bad",
        step=int(value.step[-2 * count]),
        numbers={"value": float(late), "before": float(before)},
        causes=course.causes("gamma-one"),
    )


def dead(course: Course) -> Finding | None:
    """A network that says the same of every state, though its errors do not go away."""
    units = course.get("learn/dead_units")
    mean, largest = course.get("learn/q_mean"), course.get("learn/q_max")
    error = course.get("learn/td_error")
    if not len(units.value) or len({len(c.value) for c in (units, mean, largest, error)}) > 1:
        return None
    size = np.abs(mean.smooth().value) + 1e-12
    same = (largest.smooth().value - mean.smooth().value) < 0.05 * size
    alarm = (units.smooth().value >= 0.5) & same & (error.smooth().value > 0.03 * size)
    step = since(alarm[: _last(alarm)], units.step[: _last(alarm)])
    if alarm.mean() < 0.5 or step is None:
        return None
    return Finding(
        kind="dead-network",
        severity="bad",
        step=step,
        numbers={"dead": units.last(1 / 3).median},
        causes=course.causes("high-rate"),
    )


def _last(alarm: np.ndarray) -> int:
    """Where the last alarm ends; 0 if there was none."""
    return int(np.flatnonzero(alarm)[-1]) + 1 if alarm.any() else 0
