"""The frame of a drawing: scales, ticks, grid lines and their labels, as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .markup import Markup, el, together


@dataclass(frozen=True)
class Scale:
    """Where numbers between two ends lie on a drawing."""

    low: float
    high: float
    start: float
    end: float
    """in pixels"""

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(self.start + min(max(share, -0.5), 1.5) * (self.end - self.start), 2)


@dataclass(frozen=True)
class Frame:
    """A plot's rectangle within its drawing, and the scales of its axes."""

    width: float
    height: float
    x: Scale
    y: Scale


LEFT, RIGHT = 54, 20
TOP, BOTTOM = 10, 38


def frame(width: float, height: float, x: tuple[float, float], y: tuple[float, float]) -> Frame:
    """The frame of a plot of `width` times `height` pixels with these ranges."""
    return Frame(width, height, Scale(*x, LEFT, width - RIGHT), Scale(*y, height - BOTTOM, TOP))


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from low to high, at most so many."""
    if not high > low:
        return [low]
    rough = (high - low) / max(most - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.999), 10 * power)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def short(value: float) -> str:
    """A number for an axis: 500, 2.5k, 1M, 0.25."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * (10 if letter == "k" else 1) and abs(value) < 1e13:
            return f"{value / size:g}{letter}"
    return f"{value:,.6g}"


def grid(plot: Frame, x_label: str, y_label: str = "", most_x: int = 6) -> Markup:
    """Grid lines with their numbers, and what the axes are."""
    x, y = plot.x, plot.y
    parts = []
    if y_label:
        for value in ticks(y.low, y.high, 5):
            parts.append(el("line", class_="grid", x1=x.start, x2=x.end, y1=y(value), y2=y(value)))
            parts.append(el("text", short(value), class_="tick end", x=x.start - 6, y=y(value) + 4))
    parts.append(x_axis(plot, x_label, most_x))
    if y_label:
        middle = (y.start + y.end) / 2
        turn = f"rotate(-90 11 {middle:g})"
        parts.append(el("text", y_label, class_="tick middle", x=11, y=middle, transform=turn))
    return together(parts)


def x_axis(plot: Frame, label: str, most: int = 6) -> Markup:
    """Grid lines upwards, their numbers, and what they are."""
    x, y = plot.x, plot.y
    parts = []
    for value in ticks(x.low, x.high, most):
        parts.append(el("line", class_="grid", x1=x(value), x2=x(value), y1=y.start, y2=y.end))
        parts.append(el("text", short(value), class_="tick middle", x=x(value), y=y.start + 16))
    parts.append(el("text", label, class_="tick middle", x=(x.start + x.end) / 2, y=y.start + 33))
    return together(parts)


def line(plot: Frame, x: Sequence[float], y: Sequence[float], class_: str) -> Markup:
    """Points joined by a line."""
    points = [f"{plot.x(a):g} {plot.y(b):g}" for a, b in zip(x, y, strict=True)]
    return el("path", d=f"M{'L'.join(points)}", class_=class_)


def band(plot: Frame, x: Sequence[float], low: Sequence[float], high: Sequence[float], class_: str) -> Markup:
    """The area between two lines."""
    there = [f"{plot.x(a):g} {plot.y(b):g}" for a, b in zip(x, high, strict=True)]
    back = [f"{plot.x(a):g} {plot.y(b):g}" for a, b in zip(x[::-1], low[::-1], strict=True)]
    return el("path", d=f"M{'L'.join([*there, *back])}Z", class_=class_)


def drawing(plot: Frame, label: str, parts: Sequence[str | None]) -> Markup:
    """The whole, with what it shows in words for who cannot see it."""
    box = f"0 0 {plot.width:g} {plot.height:g}"
    return el(
        "svg", *parts, xmlns="http://www.w3.org/2000/svg", viewBox=box, class_="chart", role="img", aria_label=label
    )
