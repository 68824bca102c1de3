"""A study for people: a table in Markdown, and one page that needs nothing else and runs no script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from ...comparing.comparison import ArmCell
from ...comparing.write import PAGE as COMPARISON
from ...config.fields import plain
from ...errors import counted
from ...store.door import write_atomically
from ...store.interval import seeds_mean
from ...trust import clean
from .drawing import NARROW, against, history, number_text
from .history import DEFAULT, TrialRow
from .result import Tuned, changed
from .study import CONFIRM, StudyPlan

MARKDOWN, PAGE = "study.md", "study.html"


def write_pages(plan: StudyPlan, tuned: Tuned) -> None:
    """Writes study.md and study.html, each whole or not at all."""
    write_atomically(plan.folder / MARKDOWN, study_markdown(plan, tuned))
    write_atomically(plan.folder / PAGE, study_html(plan, tuned))


# ── Tables ───────────────────────────────────────────────────────────────────────────────────────


def settings_rows(plan: StudyPlan, tuned: Tuned) -> list[list[str]]:
    """Setting, what was searched, the default's value, the best trial's, importance; the most important first."""
    both = {name: (before, after) for name, before, after in changed(tuned, plan.config)}
    order = sorted(plan.space.ranges, key=lambda name: -tuned.importance.get(name, 0.0))
    rows = []
    for name in order:
        before, after = both.get(name, ("–", "–"))
        share = f"{tuned.importance[name]:.0%}" if name in tuned.importance else "–"
        rows.append([name, _range(plan, name), _short(before), _short(after), share])
    return rows


def confirmation_rows(tuned: Tuned) -> list[list[str]]:
    """Arm, mean with its interval, the score of each fresh seed."""
    found = tuned.confirmation
    if found is None or tuned.best is None:
        return []
    return [_arm(DEFAULT, found.default), _arm(found.name, found.best)]


def _arm(name: str, cell: ArmCell) -> list[str]:
    scores = ", ".join("failed" if each.score is None else f"{each.score.mean:.4g}" for each in cell.seeds)
    if not cell.scores:
        return [name, "none", scores]
    mean = seeds_mean(cell.scores)
    between = "" if mean.low is None or mean.high is None else f" ({mean.low:.4g} to {mean.high:.4g})"
    return [name, f"{mean.mean:.4g}{between}", scores]


def trial_rows(trials: Sequence[TrialRow], num_seeds: int) -> list[list[str]]:
    """Number, score, what was tried, state, env steps, seconds; the best first.

    For want of a score, what one had reached and how far it had come by then.
    """
    order = sorted(trials, key=lambda each: (each.value is None, -(each.value or 0.0), each.env_steps, each.number))
    return [
        [
            f"{each.number}{' (default)' if each.is_default else ''}",
            _score(each, num_seeds),
            ", ".join(f"{name} = {_short(value)}" for name, value in each.values.items()),
            f"{each.state}{f': {each.reason}' if each.reason else ''}",
            f"{each.env_steps:,}",
            f"{each.seconds:.1f}",
        ]
        for each in order
    ]


def _score(each: TrialRow, num_seeds: int) -> str:
    if each.value is not None:
        return f"{each.value:.4g}"
    if each.reached is None:
        return "–"
    against = "" if each.rival is None else f", against {each.rival:.4g}"
    return f"{each.reached:.4g} ({each.seeds_done:.3g} of {counted(num_seeds, 'seed')}{against})"


SETTINGS = ("setting", "searched", "default", "best", "importance")
CONFIRMATION = ("arm", "mean score (95 % Student t)", "score of each fresh seed")
TRIALS = ("trial", "score", "tried", "state", "env steps", "seconds")


def _range(plan: StudyPlan, name: str) -> str:
    about: Any = plan.space.as_dict()[name]
    if isinstance(about, list):
        return ", ".join(_short(each) for each in about)
    return f"{number_text(about['low'])} to {number_text(about['high'])}{', log' if about['log'] else ''}"


def _short(value: Any) -> str:
    value = plain(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def lead(plan: StudyPlan, tuned: Tuned) -> str:
    """What was done, in a sentence or two."""
    counts = ", ".join(f"{num} {state}" for state, num in tuned.counts.items())
    seeds = counted(len(plan.seeds), "seed")
    judged = f"{counted(len(tuned.trials), 'trial')} ({counts}), each judged by the mean score of {seeds}"
    fresh = counted(len(plan.confirm), "fresh seed")
    return f"{judged}. The best then trains on {fresh} beside the default, for the highest of many scores flatters."


# ── Markdown ─────────────────────────────────────────────────────────────────────────────────────


def study_markdown(plan: StudyPlan, tuned: Tuned) -> str:
    """The verdict and the tables."""
    lines = [f"# {clean(_title(tuned))}", "", f"**{_sentence(tuned)}**", "", lead(plan, tuned), ""]
    lines += _markdown(SETTINGS, settings_rows(plan, tuned))
    if tuned.caution:
        lines += ["", f"{_upper(tuned.caution)}."]
    if rows := confirmation_rows(tuned):
        lines += ["", "## Confirmation", "", *_markdown(CONFIRMATION, rows)]
    lines += ["", "## Trials", "", *_markdown(TRIALS, trial_rows(tuned.trials, len(plan.seeds))), "", GIVEN_UP]
    return "\n".join(lines) + "\n"


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    cells = [[clean(cell).replace("|", "\\|") for cell in row] for row in rows]
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in cells)]


def _title(tuned: Tuned) -> str:
    return f"Tuning {tuned.env}, preset {tuned.preset}"


def _sentence(tuned: Tuned) -> str:
    return f"{_upper(clean(tuned.says))}."


def _upper(said: str) -> str:
    return f"{said[:1].upper()}{said[1:]}"


# ── HTML ─────────────────────────────────────────────────────────────────────────────────────────


def study_html(plan: StudyPlan, tuned: Tuned) -> str:
    """The page: verdict, settings, confirmation, history, each setting against the score, all trials."""
    sheets = (files("dqnlab.explain") / "page" / "style.css", files("dqnlab.lab") / "tuning" / "study.css")
    style = "".join(sheet.read_text("utf-8") for sheet in sheets)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    best = None if tuned.best is None else tuned.best.number
    panels = [(name, against(name, each, tuned.trials, best)) for name, each in plan.space.ranges.items()]
    title = escape(clean(_title(tuned)))
    parts = [
        f'<div class="summary"><h1>{title}</h1><p class="said"><b>{escape(_sentence(tuned))}</b></p>'
        f'<p class="lead">{escape(lead(plan, tuned))}</p>'
        f"{_commands(tuned)}</div>",
        _section("Settings", _table(SETTINGS, settings_rows(plan, tuned)) + _caution(tuned)),
        _section("Confirmation", _table(CONFIRMATION, confirmation_rows(tuned)) + MORE) if tuned.confirmation else "",
        _section(
            "History",
            f'<div class="card wide-only">{history(tuned.trials, best)}</div>'
            f'<div class="card narrow-only">{history(tuned.trials, best, NARROW)}</div>{KEY}',
        ),
        _section(
            "Each setting against the score",
            '<div class="columns">'
            + "".join(f'<div class="card"><h3>{escape(name)}</h3>{svg}</div>' for name, svg in panels if svg)
            + "</div>",
        ),
        _section(
            "Trials",
            f'<div class="trials">{_table(TRIALS, trial_rows(tuned.trials, len(plan.seeds)))}</div>'
            f'<p class="muted">{GIVEN_UP}</p>',
        ),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
        f'<style>{style}</style></head>\n<body><div id="page">{"".join(parts)}</div></body></html>\n'
    )


MORE = (
    f'<p class="muted">Curves, costs and every episode\'s return: <a href="{CONFIRM}/{COMPARISON}">the comparison</a>.'
    "</p>"
)
KEY = (
    '<p class="muted key">Each dot is a trial: <b class="best">the best</b>, <b class="default">the default</b>, the '
    "others; the line is the highest so far. A ring is a trial that was given up, where it was then, over the seeds "
    "that it had trained; the bar is what it was compared with, the median of the finished trials at the same point: "
    "their scores over all seeds, where the dots are, may lie lower.</p>"
)


GIVEN_UP = (
    "A trial that was given up has no score: in brackets how many of its seeds it had trained when it stood there, and "
    "the median of the finished trials at the same point."
)


def _caution(tuned: Tuned) -> str:
    return f'<p class="caution">{escape(_upper(tuned.caution))}.</p>' if tuned.caution else ""


def _commands(tuned: Tuned) -> str:
    """What the terminal says too: how to train the best configuration, and to look closer."""
    rows = [("To train it", tuned.to_train), ("To look closer", tuned.to_look)]
    return "".join(
        f'<p class="muted">{label}: <span class="number command">{escape(clean(words))}</span></p>'
        for label, words in rows
        if words
    )


def _section(title: str, inside: str) -> str:
    return f"<section><h2>{title}</h2>{inside}</section>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(each)}</th>" for each in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(clean(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="card scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
