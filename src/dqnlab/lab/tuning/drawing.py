"""Drawings of a study as SVG text: the history of its trials, and each setting against the score."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from ...config.ranges import Numbers
from ...config.space import Range, choice_text
from .history import TrialRow

Scale = Callable[[Any], float]

# The margins of a drawing.
LEFT = 52.0
RIGHT = 10.0
TOP = 10.0
BOTTOM = 22.0


def history(trials: Sequence[TrialRow], best: int | None, width: float = 900, height: float = 220) -> str:
    """The score of each trial by its number, and the highest so far; a trial without one is a tick below."""
    finished = [each for each in trials if each.value is not None]
    if not finished:
        return ""
    y, ticks = _upwards([each.value or 0.0 for each in finished], height)
    last = max(trials[-1].number, 1)
    x = _linear(0, last, LEFT, width - RIGHT)
    marks, line = [], []
    highest = -math.inf
    for each in trials:
        at = x(each.number)
        if each.value is None:
            marks.append(f'<path class="given-up" d="M{at:.1f} {height - BOTTOM - 6:.1f}v6">{_title(each)}</path>')
            continue
        if each.value > highest:
            line.append(f"{'H' if line else 'M'}{at:.1f}{f'V{y(each.value):.1f}' if line else f' {y(each.value):.1f}'}")
            highest = each.value
        marks.append(_dot(at, y(each.value), each, best))
    steps = f'<path class="line" d="{"".join(line)}H{x(last):.1f}"/>'
    numbers = sorted({0, last // 2, last})
    below = "".join(
        f'<text class="tick" x="{x(n):.1f}" y="{height - 6}" text-anchor="middle">{n}</text>' for n in numbers
    )
    return _svg(f"{_grid(ticks, y, width)}{below}{steps}{''.join(marks)}", width, height, "score of each trial")


def against(
    name: str, each: Range, trials: Sequence[TrialRow], best: int | None, width: float = 300, height: float = 170
) -> str:
    """The score of each finished trial by one setting; empty if none had it."""
    shown = [trial for trial in trials if trial.value is not None and name in trial.values]
    if not shown:
        return ""
    y, ticks = _upwards([trial.value or 0.0 for trial in shown], height)
    x, labels = _across(each, width)
    dots = "".join(_dot(x(trial.values[name]), y(trial.value or 0.0), trial, best) for trial in shown)
    below = "".join(
        f'<text class="tick" x="{at:.1f}" y="{height - 6}" text-anchor="middle">{escape(text)}</text>'
        for at, text in labels
    )
    return _svg(f"{_grid(ticks, y, width)}{below}{dots}", width, height, f"score against {name}")


def _across(each: Range, width: float) -> tuple[Scale, list[tuple[float, str]]]:
    """Where a setting's value is drawn, and what stands below the axis."""
    low, high = LEFT + 8, width - RIGHT - 16
    if isinstance(each, Numbers):
        curve: Scale = math.log if each.log else float
        line = _linear(curve(each.low), curve(each.high), low, high)

        def at(value: Any) -> float:
            return line(curve(value))

        return at, [(at(end), f"{end:.3g}") for end in (each.low, each.high)]
    texts = [str(choice_text(value)) for value in each.values]
    place = _linear(0, max(len(texts) - 1, 1), low, high)
    places = {text: place(number) for number, text in enumerate(texts)}
    return lambda value: places.get(str(choice_text(value)), low), [(at, text[:12]) for text, at in places.items()]


def _upwards(values: Sequence[float], height: float) -> tuple[Scale, list[float]]:
    """Where a score is drawn, and the scores that have a line."""
    low, high = min(values), max(values)
    if high <= low:
        low, high = low - 1, high + 1
    return _linear(low, high, height - BOTTOM - 8, TOP), [low, (low + high) / 2, high]


def _linear(low: float, high: float, start: float, end: float) -> Scale:
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _grid(ticks: Sequence[float], y: Scale, width: float) -> str:
    return "".join(
        f'<path class="grid" d="M{LEFT} {y(tick):.1f}H{width - RIGHT}"/>'
        f'<text class="tick" x="{LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:.4g}</text>'
        for tick in ticks
    )


def _dot(x: float, y: float, each: TrialRow, best: int | None) -> str:
    kind = "best" if each.number == best else "default" if each.is_default else "other"
    size = 3.2 if kind == "other" else 5
    return f'<circle class="trial {kind}" cx="{x:.1f}" cy="{y:.1f}" r="{size}">{_title(each)}</circle>'


def _title(each: TrialRow) -> str:
    """What a browser shows beside the pointer."""
    value = each.state if each.value is None else f"{each.value:.4g}"
    tried = ", ".join(f"{name} = {choice_text(value)}" for name, value in each.values.items())
    return f"<title>{escape(f'trial {each.number}: {value}; {tried}')}</title>"


def _svg(inside: str, width: float, height: float, label: str) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(label)}">{inside}</svg>'
    )
