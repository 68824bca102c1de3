"""The tables of presets, for a terminal or a log file."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..config import presets
from ..config.fields import plain
from .summary import LABEL


def presets_table() -> RenderableType:
    """What `dqn presets` prints: name, parent, purpose."""
    table = Table(box=None, pad_edge=False, header_style=LABEL)
    for name in ("preset", "grew from", "for"):
        table.add_column(name)
    for name in presets.names():
        own = Text.assemble("  " * _depth(name), (name, "bold"))
        table.add_row(own, presets.parent(name) or "plain settings", presets.describe(name))
    return table


def _depth(name: str) -> int:
    """How many ancestors it has."""
    parent = presets.parent(name)
    return 0 if parent is None else 1 + _depth(parent)


def preset_table(name: str) -> RenderableType:
    """What `dqn presets NAME` prints: each setting that differs from the parent's."""
    rows = presets.diff(name)
    parent = presets.parent(name) or "plain settings"
    table = Table(box=None, pad_edge=False, header_style=LABEL)
    table.add_column("setting")
    table.add_column(parent, justify="right", style=LABEL)
    table.add_column(name, justify="right", style="bold")
    for key, theirs, own in rows:
        table.add_row(key, _setting(theirs), _setting(own))
    return Group(Text.assemble((name, "bold"), f": {presets.describe(name)}"), "", table)


def _setting(value: object) -> str:
    """As one would type it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(plain(value))
