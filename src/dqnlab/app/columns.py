"""Help texts no wider than the terminal: paragraphs, and two columns. Loads nothing: `dqn --help` must be quick."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable

_COLUMN = 28  # where the second column begins
_WIDEST = 100
_STACKED = 56  # columns of a terminal that is too narrow for two of text: there the second stands below the first …
_INDENT = 4  # … with this indent


def wrapped(text: str, indent: int = 0) -> list[str]:
    """A paragraph as lines; a list of words, one|two, is broken where it has to be."""
    width = max(_width() - indent, 20)
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return [part for line in lines for part in ([line] if len(line) <= width else _broken(line, width))]


def two_columns(rows: Iterable[tuple[str, str]], column: int = _COLUMN) -> list[str]:
    """What is typed and, from this column on, what it means; whatever is too long for the first column gets its own "
    "lines."""
    lines = []
    stacked = _width() < _STACKED
    for left, right in rows:
        indent = _INDENT if stacked else column
        typed, means = wrapped(left, _INDENT), wrapped(right, indent)
        if not stacked and len(typed) == 1 and len(left) <= column - 4 and means:
            lines.append(f"  {left:<{column - 2}}{means.pop(0)}")
        else:
            lines += [f"  {'  ' * (number > 0)}{each}" for number, each in enumerate(typed)]
        lines += [" " * indent + line for line in means]
    return lines


def _width() -> int:
    return min(shutil.get_terminal_size().columns, _WIDEST)


def _broken(text: str, width: int) -> list[str]:
    """Words with bars between them on several lines, each of which but the last ends with a bar."""
    lines = textwrap.wrap(text.replace("|", "| "), width, break_long_words=False, break_on_hyphens=False)
    return [line.replace("| ", "|") for line in lines]
