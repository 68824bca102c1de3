"""A page of results as a whole, in the style of a run's page: what stands around its sections."""

from __future__ import annotations

from collections.abc import Sequence

from ..explain.page import content_policy, shell_style
from .markup import Markup, el
from .style import own_style


def whole_page(title: str, summary: Markup, sections: Sequence[tuple[str, str, Markup]]) -> str:
    """A page that loads nothing.

    Args:
        title: in the browser's tab.
        summary: what stands above the sections.
        sections: of each its id, its heading and what it holds.
    """
    style = "\n".join((shell_style(), own_style()))
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=content_policy(style)),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", title),
        el("style", Markup(style)),
    )
    ways = [el("a", heading, href=f"#{name}") for name, heading, _ in sections]
    brand = el("div", el("strong", "dqnlab", class_="brand"), class_="row")
    top = el("header", brand, el("nav", *ways, aria_label="Sections of this page"))
    bodies = [
        el("section", el("h2", heading, id=f"{name}-title"), body, id=name, aria_labelledby=f"{name}-title")
        for name, heading, body in sections
    ]
    foot = el("footer", "Made by dqnlab. This file loads nothing and sends nothing.", class_="muted")
    page = el("div", top, summary, el("main", *bodies), foot, id="page")
    return f"<!doctype html>\n{el('html', head, el('body', page), lang='en')}\n"
