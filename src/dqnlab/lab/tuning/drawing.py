"""Drawings of a study as SVG text: the history of its trials, and each setting against the score."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from ...comparing.axes import short
from ...comparing.axes import ticks as nice_ticks
from ...config.ranges import Numbers
from ...config.space import Range, choice_text
from .history import TrialRow

Scale = Callable[[Any], float]

# The margins of a drawing.
LEFT = 52.0
RIGHT = 10.0
TOP = 10.0
BOTTOM = 22.0
NARROW, WIDE = 380.0, 900.0
"""widths of the history; a narrow screen has its own"""


def history(trials: Sequence[TrialRow], best: int | None, width: float = WIDE, height: float = 220) -> str:
    """The score of each trial by its number, and the highest so far; of one that was given up what it had reached.

    A ring's height is no score: a line leads from it to what it was compared with.
    """
    shown = [each for each in trials if height_of(each) is not None]
    if not shown:
        return ""
    y, marks = _upwards([*(height_of(each) or 0.0 for each in shown), *_compared(shown)], height)
    last = max(trials[-1].number, 1)
    x = _linear(0, last, LEFT, width - RIGHT)
    line = []
    highest = -math.inf
    for each in shown:
        if each.value is not None and each.value > highest:
            at, up = f"{x(each.number):.1f}", f"{y(each.value):.1f}"
            line.append(f"H{at}V{up}" if line else f"M{at} {up}")
            highest = each.value
    steps = f'<path class="line" d="{"".join(line)}H{x(last):.1f}"/>' if line else ""
    dots = "".join(_dot(x(each.number), y(height_of(each) or 0.0), each, best) for each in shown)
    gaps = "".join(_gap(x(each.number), y, each) for each in shown)
    numbers = [each for each in nice_ticks(0, last, 10 if width > NARROW else 5) if each == round(each)]
    below = "".join(_tick(x(number), height, f"{number:g}") for number in numbers)
    return _svg(f"{_grid(marks, y, width)}{below}{steps}{gaps}{dots}", width, height, "score of each trial")


def against(
    name: str, each: Range, trials: Sequence[TrialRow], best: int | None, width: float = 300, height: float = 170
) -> str:
    """The score of each trial by one setting; empty if none had it."""
    shown = [trial for trial in trials if height_of(trial) is not None and name in trial.values]
    if not shown:
        return ""
    y, marks = _upwards([*(height_of(trial) or 0.0 for trial in shown), *_compared(shown)], height)
    x, labels = _across(each, width)
    dots = "".join(_dot(x(trial.values[name]), y(height_of(trial) or 0.0), trial, best) for trial in shown)
    gaps = "".join(_gap(x(trial.values[name]), y, trial) for trial in shown)
    below = "".join(_tick(at, height, text) for at, text in labels)
    return _svg(f"{_grid(marks, y, width)}{below}{gaps}{dots}", width, height, f"score against {name}")


def height_of(each: TrialRow) -> float | None:
    """What is drawn of a trial: its score, or what it had reached when it was given up."""
    return each.reached if each.value is None else each.value


def _compared(trials: Sequence[TrialRow]) -> list[float]:
    return [each.rival for each in trials if each.rival is not None]


def _gap(x: float, y: Scale, each: TrialRow) -> str:
    """From where a trial was given up to the median of the others there."""
    if each.rival is None or each.reached is None:
        return ""
    return f'<path class="gap" d="M{x:.1f} {y(each.reached):.1f}V{y(each.rival):.1f}m-4 0h8"/>'


def number_text(value: float) -> str:
    """A number of a range: 0.0064, 200,000."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def _tick(x: float, height: float, text: str) -> str:
    return f'<text class="tick" x="{x:.1f}" y="{height - 6}" text-anchor="middle">{escape(text)}</text>'


def _across(each: Range, width: float) -> tuple[Scale, list[tuple[float, str]]]:
    """Where a setting's value is drawn, and what stands below the axis."""
    low, high = LEFT + 8, width - RIGHT - 16
    if isinstance(each, Numbers):
        curve: Scale = math.log if each.log else float
        line = _linear(curve(each.low), curve(each.high), low, high)

        def at(value: Any) -> float:
            return line(curve(value))

        return at, [(at(end), number_text(end)) for end in (each.low, each.high)]
    texts = [str(choice_text(value)) for value in each.values]
    place = _linear(0, max(len(texts) - 1, 1), low, high)
    places = {text: place(number) for number, text in enumerate(texts)}
    return lambda value: places.get(str(choice_text(value)), low), [(at, text[:12]) for text, at in places.items()]


def _upwards(values: Sequence[float], height: float) -> tuple[Scale, list[float]]:
    """Where a score is drawn, and the round scores that have a line."""
    low, high = min(values), max(values)
    if high <= low:
        low, high = low - 1, high + 1
    return _linear(low, high, height - BOTTOM - 8, TOP), nice_ticks(low, high, 5)


def _linear(low: float, high: float, start: float, end: float) -> Scale:
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _grid(ticks: Sequence[float], y: Scale, width: float) -> str:
    return "".join(
        f'<path class="grid" d="M{LEFT} {y(tick):.1f}H{width - RIGHT}"/>'
        f'<text class="tick" x="{LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{short(tick)}</text>'
        for tick in ticks
    )


def _dot(x: float, y: float, each: TrialRow, best: int | None) -> str:
    kind = "best" if each.number == best else "default" if each.is_default else "other"
    kind = "given-up" if each.value is None else kind
    size = 5 if kind in ("best", "default") else 3.2
    return f'<circle class="trial {kind}" cx="{x:.1f}" cy="{y:.1f}" r="{size}">{_title(each)}</circle>'


def _title(each: TrialRow) -> str:
    """What a browser shows beside the pointer."""
    value = f"{each.state} at {height_of(each):.4g}" if each.value is None else f"{each.value:.4g}"
    if each.rival is not None:
        value += f", where the median of the others was {each.rival:.4g}"
    tried = ", ".join(f"{name} = {choice_text(value)}" for name, value in each.values.items())
    return f"<title>{escape(f'trial {each.number}: {value}; {tried}')}</title>"


def _svg(inside: str, width: float, height: float, label: str) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(label)}">{inside}</svg>'
    )
