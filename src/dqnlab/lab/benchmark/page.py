"""benchmark.html: a benchmark on one page, without any script, in the style of a comparison's page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...comparing.assess import assessment_of
from ...comparing.charts import curves_chart, seeds_chart
from ...comparing.markup import Markup, el, together
from ...comparing.shell import whole_page
from ...trust import clean
from .merged import conclusions, families, family_head, family_rows, what_helps
from .rows import (
    ARMS,
    FAILED,
    GOALS,
    POINTS,
    PUBLISHED,
    SETTINGS,
    Results,
    TaskRow,
    arm_rows,
    arm_settings_rows,
    failed_rows,
    goal_rows,
    in_order,
    made_text,
    point_rows,
    protocol_text,
    published_rows,
)
from .suite import Suite

NUMBERS = {*ARMS[2:], "score", "last network", "training return"}
"""columns that stand right and are not broken"""


def render_benchmark(suite: Suite, results: Results) -> str:
    """The whole page."""
    rows = in_order(suite, results)
    summary = el(
        "div",
        el("h1", f"Benchmark {suite.name}"),
        el("p", suite.about, class_="lead"),
        el("p", made_text(rows), class_="muted"),
        class_="summary",
    )
    said = [el("li", f"{name}: {text}") for name, text in conclusions(rows)]
    sections = [
        ("published", "Beside published numbers", _table(PUBLISHED, published_rows(rows), "Published numbers")),
        ("goals", "Goals", _table(GOALS, goal_rows(rows), "Goals")),
        ("arms", "Every arm", _table(ARMS, arm_rows(rows), "Every arm")),
        ("settings", "What the arms are", _table(SETTINGS, arm_settings_rows(rows), "What the arms are")),
        ("together", "All environments together", _together(rows)),
        ("better", "Which arm is better", el("ul", *said, class_="said") if said else None),
        ("tasks", "Every task", _tasks(rows)),
        ("seeds", "Every seed", _table(POINTS, point_rows(rows), "Every seed")),
        ("failed", "Seeds that failed", _table(FAILED, failed_rows(rows), "Seeds that failed")),
        ("protocol", "How it was judged", el("p", protocol_text(rows))),
    ]
    there = [(name, title, body) for name, title, body in sections if body]
    return whole_page(f"Benchmark {suite.name} – dqnlab", summary, there)


def _together(rows: Sequence[TaskRow]) -> Markup | None:
    """The arms of several tasks on all their environments."""
    parts = list[Markup | None]()
    for found in families(rows):
        table = _table(family_head(found), family_rows(found), found.title)
        parts += [el("h3", found.title), el("p", what_helps(found)), table]
    return together(parts) if parts else None


def _tasks(rows: Sequence[TaskRow]) -> Markup | None:
    """Of each task the score of every seed, and how the seeds learned."""
    parts = list[Markup]()
    for task, result in rows:
        if result is None or not any(arm.cells[0].scores for arm in result.comparison.arms):
            continue
        found = assessment_of(result.comparison)
        parts.append(el("h3", task.name))
        drawings = [("Every seed", seeds_chart(found, result.env)), ("Learning", curves_chart(found, result.env))]
        figures = [el("figure", el("figcaption", says), each, class_="card") for says, each in drawings if each]
        parts.append(el("div", *figures, class_="columns charts"))
    return together(parts) if parts else None


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], label: str) -> Markup | None:
    """A table that scrolls by itself; none without rows."""
    numbers = {i for i, name in enumerate(head) if name.removesuffix(" (95 %)") in NUMBERS}
    classes = ["number" if i in numbers else None for i in range(len(head))]
    body = [el("tr", *(el("td", _cell(each), class_=c) for each, c in zip(row, classes, strict=True))) for row in rows]
    if not body:
        return None
    top = el("thead", el("tr", *(el("th", each, scope="col", class_=c) for each, c in zip(head, classes, strict=True))))
    table = el("table", top, el("tbody", *body))
    return el("div", table, class_="scroll", tabindex=0, role="region", aria_label=label)


def _cell(text: str) -> str:
    """A text, a verdict as a chip."""
    word = text.partition(" (")[0].partition(", at try ")[0]
    tone = {"yes": "better", "no": "worse"}.get(word)
    return clean(text) if tone is None else el("span", text, class_=f"chip {tone}")
