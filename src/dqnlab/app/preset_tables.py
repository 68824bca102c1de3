"""The tables of presets, for a terminal or a log file."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from ..config import presets
from ..config.changes import is_usual
from ..config.fields import choice, plain, tagged
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


def presets_tree(root: str | None) -> RenderableType:
    """What `dqn presets --tree` draws: each preset below its parent, with what it changes.

    Args:
        root: the preset whose branch is drawn; the whole tree if none.
    """
    trunk = Tree(Text("plain settings, Config()", style=LABEL), guide_style=LABEL)
    branches: dict[str | None, Tree] = {None: trunk}
    for name in presets.names() if root is None else _below(root):
        own = Text.assemble((name, "bold"), "  ", (_changes(name), LABEL))
        parent = presets.parent(name)
        branches[name] = branches.get(parent, trunk).add(own)
    return trunk


def _below(root: str) -> list[str]:
    """A preset and all that grew from it, parents before children."""
    presets.get(root)  # or this says that there is none of that name
    found = [root]
    for name in presets.names():
        if presets.parent(name) in found:
            found.append(name)
    return found


def _changes(name: str) -> str:
    """What a preset sets otherwise than its parent, as one would type it, without what a kind has by itself."""
    rows = [(key, own) for key, _, own in presets.diff(name) if own != presets.ABSENT]
    kinds = {key: choice(key, own) for key, own in rows if key in tagged()}
    words = [
        f"{key}:{own}" if key in kinds else f"{key}={_setting(own)}"
        for key, own in rows
        if not is_usual(key, own, kinds)
    ]
    return " ".join(word.replace(" ", ",") for word in words)


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
