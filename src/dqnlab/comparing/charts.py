"""The drawings of a comparison: learning curves, every seed, differences, profiles, probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..store.digits import number
from ..store.interval import student_t
from .assess import Assessment, CellView, Contrast
from .axes import Frame, Scale, band, drawing, frame, grid, line, x_axis
from .comparison import SeedResult
from .markup import Markup, el, together
from .verdict import difference, estimate

COLOURS = 6
NARROW, WIDE = 380.0, 820.0
MOST_POINTS = 200
"""of a mean curve: more than a screen shows apart"""
BESIDE = 6.0
"""pixels between the marks of two arms at one step"""
ROW = 40.0
"""pixels of an arm where arms are rows"""


class MeanCurve(NamedTuple):
    """The mean of many seeds' evaluations, and its 95 % interval over seeds."""

    step: np.ndarray  # [T] env steps
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def colour(index: int) -> str:
    """The class that gives an arm its colour; dashed where the colours begin again."""
    return f"arm-{index % COLOURS}" + (" again" if index >= COLOURS else "")


def mean_course(seeds: Sequence[SeedResult]) -> MeanCurve | None:
    """The mean curve of seeds; none without any evaluation.

    A seed counts with its latest evaluation: one that stopped early, having solved its task, keeps the last. The curve
    begins where every seed has been evaluated.
    """
    curves = [np.array(each.curve, float) for each in seeds if each.curve]
    if not curves:
        return None
    begin = max(curve[0, 0] for curve in curves)
    step = np.unique(np.concatenate([curve[:, 0] for curve in curves]))
    step = step[step >= begin]
    if len(step) > MOST_POINTS:
        step = step[np.linspace(0, len(step) - 1, MOST_POINTS).round().astype(int)]
    values = np.stack([curve[np.searchsorted(curve[:, 0], step, side="right") - 1, 1] for curve in curves])
    mean = values.mean(0)
    half = np.zeros(len(step))
    if len(curves) > 1:
        half = student_t(len(curves) - 1) * values.std(0, ddof=1) / len(curves) ** 0.5
    return MeanCurve(step, mean, mean - half, mean + half)


# ── Learning ─────────────────────────────────────────────────────────────────────────────────────


def curves_chart(found: Assessment, env: str, width: float = NARROW) -> Markup | None:
    """Mean return of each evaluation over env steps: each seed faintly, the mean with its interval over seeds."""
    views = [view for view in found.cells if view.cell.env == env]
    points = [point for view in views for seed in view.cell.seeds for point in seed.curve]
    if not points:
        return None
    courses = [mean_course(view.cell.scored) for view in views]
    inner = [value for _, value in points]
    ends = [float(edge) for c in courses if c is not None for edge in (*c.low, *c.high)]
    room = max(inner) - min(inner) or 1.0  # a band of few seeds may be wider than all there is to see
    low, high = min([*inner, *ends]), max([*inner, *ends])
    if any(len(course.step) > 1 for course in courses if course is not None):
        low, high = max(low, min(inner) - 0.25 * room), min(high, max(inner) + 0.25 * room)
    if not high > low:
        low, high = low - 1, high + 1
    plot = frame(width, 280, (0, max(step for step, _ in points)), (low, high))
    parts: list[Markup] = [grid(plot, "env steps", "mean return", 9 if width > NARROW else 5)]
    for i, view in enumerate(views):
        aside = BESIDE * (i - (len(views) - 1) / 2) if len(views) <= COLOURS else 0.0
        parts += [_seed_line(plot, seed, colour(i), aside) for seed in view.cell.seeds if seed.curve]
        course = courses[i]
        if course is not None:
            parts.append(_course(plot, course, colour(i), aside))
    parts += [_fork(plot, view, step, colour(i)) for i, view in enumerate(views) for step in _forks(view)]
    return drawing(plot, f"Learning curves on {env}", parts)


def _forks(view: CellView) -> list[int]:
    """Where an arm's seeds were branched from other runs, with which they share their curves until then."""
    return sorted({seed.fork for seed in view.cell.seeds if seed.fork is not None})


def _fork(plot: Frame, view: CellView, step: int, arm: str) -> Markup:
    says = el("title", f"{view.arm} was branched at env step {step:,}: until then it is the run that it came from")
    x = plot.x(step)
    return el("g", says, el("line", class_=f"fork {arm}", x1=x, x2=x, y1=plot.y.start, y2=plot.y.end))


def _course(plot: Frame, course: MeanCurve, arm: str, aside: float) -> Markup:
    low, high = (np.clip(edge, plot.y.low, plot.y.high) for edge in (course.low, course.high))
    if len(course.step) == 1:
        x = plot.x(course.step[0]) + aside
        bar = el("line", class_=f"whisker {arm}", x1=x, x2=x, y1=plot.y(low[0]), y2=plot.y(high[0]))
        return together([bar, el("circle", class_=f"dot {arm}", cx=x, cy=plot.y(course.mean[0]), r=4)])
    step = course.step.tolist()
    area = band(plot, step, low.tolist(), high.tolist(), f"area {arm}")
    return together([area, line(plot, step, course.mean.tolist(), f"mean {arm}")])


def _seed_line(plot: Frame, seed: SeedResult, arm: str, aside: float) -> Markup:
    """A seed's curve; of a single evaluation a point, as far aside as the mean of its arm, beside those of others."""
    x, y = zip(*seed.curve, strict=True)
    says = el("title", f"seed {seed.seed}" + (f": {seed.error}" if seed.error else ""))
    parts = [line(plot, x, y, f"thin {arm}")]
    if len(x) == 1:
        parts.append(el("circle", class_=f"faint {arm}", cx=plot.x(x[0]) + aside, cy=plot.y(y[0]), r=2.5))
    if seed.score is None:
        parts.append(_cross(plot.x(x[-1]) + (aside if len(x) == 1 else 0.0), plot.y(y[-1]), arm))
    return el("g", says, *parts)


def _cross(x: float, y: float, arm: str) -> Markup:
    return el("path", d=f"M{x - 4:g} {y - 4:g}l8 8M{x - 4:g} {y + 4:g}l8 -8", class_=f"cross {arm}")


# ── Every seed ───────────────────────────────────────────────────────────────────────────────────


def seeds_chart(found: Assessment, env: str, width: float = NARROW) -> Markup | None:
    """The score of every seed as a point, and the mean of each arm with its interval; failed seeds as crosses."""
    if env not in found.ranges:
        return None
    views = [view for view in found.cells if view.cell.env == env]
    low, high = found.ranges[env]
    ends = [v.mean for v in views if v.mean is not None]
    low = min([low, *(each.low for each in ends if each.low is not None)])
    high = max([high, *(each.high for each in ends if each.high is not None)])
    plot = _rows(width, len(views), *_roomy(low, high))
    parts: list[Markup] = [x_axis(plot, "score of a seed", 9 if width > NARROW else 5)]
    for i, view in enumerate(views):
        parts.append(el("text", _fitting(view.arm, width), class_="name", x=4, y=_row_top(i) + 11))
        parts.append(_strip(plot, view, _row_top(i) + 26, colour(i)))
    return drawing(plot, f"The score of every seed on {env}", parts)


def _strip(plot: Frame, view: CellView, y: float, arm: str) -> Markup:
    parts: list[Markup] = []
    taken: list[float] = []
    for seed in sorted(view.cell.scored, key=lambda each: (each.score.mean if each.score else 0, each.seed)):
        if seed.score is None:
            continue
        x = plot.x(seed.score.mean)
        near = sum(abs(x - other) < 5 for other in taken)
        taken.append(x)
        says = el("title", f"{view.arm}, seed {seed.seed}: {number(seed.score.mean)}")
        lift = (-1) ** near * ((near + 1) // 2) * 3.5
        parts.append(el("circle", says, class_=f"point {arm}", cx=x, cy=round(y + max(min(lift, 8), -8), 2), r=3.5))
    if view.mean is not None:
        parts.append(_whisker(plot, view.mean.mean, view.mean.low, view.mean.high, y, arm, view.arm))
    for i, seed in enumerate(view.cell.failed):
        says = el("title", f"{view.arm}, seed {seed.seed}: {seed.error}")
        parts.append(el("g", says, _cross(plot.x.start - 8 - 10 * i, y, f"failed {arm}")))
    return together(parts)


def _whisker(plot: Frame, value: float, low: float | None, high: float | None, y: float, arm: str, name: str) -> Markup:
    x = plot.x(value)
    parts = [el("title", f"{name}: mean {number(value, low, high)}")]
    if low is not None and high is not None:
        parts.append(el("line", class_=f"whisker {arm}", x1=plot.x(low), x2=plot.x(high), y1=y, y2=y))
        ends = (plot.x(low), plot.x(high))
        parts += [el("line", class_=f"whisker {arm}", x1=x_end, x2=x_end, y1=y - 5, y2=y + 5) for x_end in ends]
    parts.append(el("path", d=f"M{x:g} {y - 7:g}l6 7l-6 7l-6 -7Z", class_=f"diamond {arm}"))
    return el("g", *parts)


# ── Differences and probabilities ────────────────────────────────────────────────────────────────


def differences_chart(found: Assessment, env: str, width: float = NARROW) -> Markup | None:
    """How much higher each arm's mean score is than the baseline's, with its interval; 0 is no difference."""
    rows = [(i, c) for i, c in enumerate(found.contrasts) if c.env == env and c.welch is not None]
    if not rows:
        return None
    ends = [0.0]
    for _, each in rows:
        ends += [value for value in each.welch[:3] if value is not None] if each.welch else []
    plot = _rows(width, len(rows), *_roomy(min(ends), max(ends)))
    parts = [x_axis(plot, "mean score minus the baseline's", 9 if width > NARROW else 5), _level(plot, 0.0, len(rows))]
    for at, (_, each) in enumerate(rows):
        if each.welch is not None:
            arm = colour(_index(found, each))
            parts.append(_labelled(at, each, difference(each), width))
            value, low, high, _ = each.welch
            parts.append(_whisker(plot, value, low, high, _row_top(at) + 26, arm, each.arm))
    return drawing(plot, f"Differences to the baseline on {env}", parts)


def improvement_chart(found: Assessment, env: str | None, width: float = NARROW) -> Markup | None:
    """The probability that a seed of an arm is better than one of the baseline; ½ is no difference.

    Args:
        env: one environment, or none for all of them together.
    """
    if env is None:
        several = [(each.arm, each.improvement) for each in found.overall if each.improvement is not None]
    else:
        several = [(c.arm, c.improvement) for c in found.contrasts if c.env == env and c.improvement is not None]
    if not several:
        return None
    plot = _rows(width, len(several), 0.0, 1.0)
    label = "probability of a better score than the baseline"
    parts = [x_axis(plot, label), _level(plot, 0.5, len(several))]
    names = [arm.name for arm in found.comparison.arms]
    for at, (name, value) in enumerate(several):
        y = _row_top(at)
        parts.append(el("text", _fitting(name, width), class_="name", x=4, y=y + 11))
        parts.append(el("text", estimate(value), class_="tick end", x=width - 12, y=y + 11))
        parts.append(_whisker(plot, *value, y + 26, colour(names.index(name)), name))
    return drawing(plot, f"Probability of improvement {'on ' + env if env else 'on all environments'}", parts)


# ── Profiles ─────────────────────────────────────────────────────────────────────────────────────


def profiles_chart(found: Assessment, width: float = NARROW) -> Markup | None:
    """The share of seeds that score above each level, with its interval."""
    if not found.profiles:
        return None
    levels = found.levels.tolist()
    plot = frame(width, 280, (levels[0], levels[-1]), (0.0, 1.0))
    label = "normalised score" if len(found.comparison.envs) > 1 else "score"
    parts = [grid(plot, label, "share of seeds above it", 9 if width > NARROW else 5)]
    for i, each in enumerate(found.profiles):
        parts.append(band(plot, levels, each.low.tolist(), each.high.tolist(), f"area {colour(i)}"))
    for i, each in enumerate(found.profiles):
        parts.append(line(plot, levels, each.share.tolist(), f"mean {colour(i)}"))
    return drawing(plot, "Performance profiles", parts)


# ── Rows ─────────────────────────────────────────────────────────────────────────────────────────


def _rows(width: float, rows: int, low: float, high: float) -> Frame:
    """A frame whose rows carry their own names, above the marks."""
    height = rows * ROW + 52
    return Frame(width, height, Scale(low, high, 24, width - 14), Scale(0, 1, height - 38, 4))


def _row_top(row: int) -> float:
    return 6 + row * ROW


def _roomy(low: float, high: float) -> tuple[float, float]:
    room = 0.04 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def _level(plot: Frame, value: float, rows: int) -> Markup:
    """A line through the marks of every row, which leaves the words above them alone."""
    x = plot.x(value)
    tops = [_row_top(row) for row in range(rows)]
    return together([el("line", class_="level", x1=x, x2=x, y1=top + 16, y2=top + ROW - 4) for top in tops])


def _labelled(row: int, contrast: Contrast, says: str, width: float) -> Markup:
    y = _row_top(row) + 11
    name = el("text", _fitting(contrast.arm, width), class_="name", x=4, y=y)
    return together([name, el("text", says.partition(" (")[0], class_="tick end", x=width - 12, y=y)])


def _index(found: Assessment, contrast: Contrast) -> int:
    return [arm.name for arm in found.comparison.arms].index(contrast.arm)


def _fitting(text: str, width: float) -> str:
    """Text cut to what a drawing has room for."""
    most = int(width / 7.5)
    return text if len(text) <= most else f"{text[: most - 1]}…"
