"""HTML and SVG as text: whatever is put in is text, unless it was made here."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


VOID = {"meta", "line", "circle", "rect", "path", "br"}


def el(name: str, /, *children: str | None, **attributes: object) -> Markup:
    """An element. `class_` is its class; an underscore in a name stands for a dash; none is left out."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(each if isinstance(each, Markup) else escape(each) for each in children if each is not None)
    return Markup(f"<{name}{said}>{inner}</{name}>" if inner or name not in VOID else f"<{name}{said}/>")


def together(parts: Iterable[str | None]) -> Markup:
    """Elements one after another."""
    return Markup("".join(each if isinstance(each, Markup) else escape(each) for each in parts if each is not None))
