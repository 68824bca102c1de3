"""A benchmark's results for people: benchmark.md and benchmark.html, from the files of its tasks alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from ...errors import counted
from ...store.door import make_wanted, write_atomically
from ...trust import clean, shown
from .merged import conclusions, families, family_head, family_rows, what_helps
from .page import render_benchmark
from .result import read_task
from .rows import (
    ARMS,
    FAILED,
    GOALS,
    POINTS,
    PUBLISHED,
    SETTINGS,
    Results,
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

TABLE, PAGE = "benchmark.md", "benchmark.html"
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~])")


def write_tables(suite: Suite, folder: Path) -> None:
    """Writes the tables and the page of what is stored in a suite's folder of results. Raises FolderError."""
    make_wanted(folder, "folder of results")
    results = read_results(suite, folder)
    write_atomically(folder / TABLE, benchmark_markdown(suite, results))
    write_atomically(folder / PAGE, render_benchmark(suite, results))


def read_results(suite: Suite, folder: Path) -> Results:
    """What is stored of each task; none of what was trained for other steps than the suite says. Raises FolderError."""
    found = ((task, read_task(task, folder)) for task in suite.tasks)
    return {task.name: one if one is not None and one.steps == task.steps else None for task, one in found}


def of_other_steps(suite: Suite, folder: Path) -> list[str]:
    """Of each task whose results are for other steps than the suite says, that they are in no table. FolderError."""
    found = ((task, read_task(task, folder)) for task in suite.tasks)
    return [
        f"left out: {shown(folder / task.file)} is of {counted(one.steps, 'step')}, "
        f"and {task.name!r} has {task.steps:,} now"
        for task, one in found
        if one is not None and one.steps != task.steps
    ]


def benchmark_markdown(suite: Suite, results: Results, level: int = 1) -> str:
    """The tables as Markdown.

    Args:
        level: of the heading: 1 for a file of its own.
    """
    rows = in_order(suite, results)
    marks = "#" * level
    lines = [f"{marks} Benchmark {_plain(suite.name)}", "", _plain(suite.about), "", _plain(made_text(rows))]
    lines += [_plain(protocol_text(rows))]
    for title, head, body in (
        ("Beside published numbers", PUBLISHED, published_rows(rows)),
        ("Goals", GOALS, goal_rows(rows)),
        ("Every arm", ARMS, arm_rows(rows)),
        ("What the arms are", SETTINGS, arm_settings_rows(rows)),
        ("Every seed", POINTS, point_rows(rows)),
        ("Seeds that failed", FAILED, failed_rows(rows)),
    ):
        if body:
            lines += ["", f"{marks}# {title}", "", *_table(head, body)]
    for found in families(rows):
        lines += ["", f"{marks}# {_plain(found.title)}", "", _plain(what_helps(found)), ""]
        lines += _table(list(map(_plain, family_head(found))), family_rows(found))
    if said := conclusions(rows):
        lines += [
            "",
            f"{marks}# Which arm is better",
            "",
            *(f"- {_plain(name)}: {_plain(text)}" for name, text in said),
        ]
    return "\n".join(lines) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    cells = [[_plain(cell) for cell in row] for row in rows]
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in cells)]


def _plain(text: str) -> str:
    """Text that is no markup, whatever it holds."""
    return _MARKUP.sub(r"\\\1", clean(text))
