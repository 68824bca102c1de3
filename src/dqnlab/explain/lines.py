"""How numbers and sentences stand in a plain text."""

import math
import textwrap
from collections.abc import Sequence

WIDTH = 96


def six(x: float) -> str:
    """Six significant digits."""
    return f"{float(x):.6g}"


def value(q: float) -> str:
    """The value of an action."""
    return "forbidden" if q == -math.inf else six(q)


def paragraph(text: str) -> list[str]:
    """A text in lines, indented as a stage's are."""
    return textwrap.wrap(text, WIDTH, initial_indent="   ", subsequent_indent="   ")


def folded(line: str) -> list[str]:
    """A long line in several."""
    return textwrap.wrap(line, WIDTH, subsequent_indent="            ")


def table(lines: Sequence[Sequence[str]], widths: Sequence[int]) -> list[str]:
    """Columns, words to the left and numbers to the right."""
    return ["   " + " ".join(f"{cell:>{w}}" for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines]
