"""How a run and a group of seeds show themselves in a notebook: a small card of html and svg, light and dark; below a
run's card its page, in a frame."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from ..errors import CheckpointError, FolderError, counted
from .digits import interval_of, mean_of, number
from .metrics import read_records
from .score import Score, SeedsMean

WIDTH = 420
HEIGHT = 110
PAD = 6
CARD = "border:1px solid #8886;border-radius:8px;padding:10px 14px;max-width:640px;font:14px/1.5 system-ui,sans-serif"
CELL = "padding:2px 12px 2px 0;text-align:right"
FRAME_HEIGHT = 760  # pixels: a first screen of the page, and less than one of the notebook
LARGEST_FRAME = 6_000_000  # bytes of a page that a notebook shows by itself: the file of the notebook holds all of them


class Row(NamedTuple):
    """A seed of a group: its score, or why it has none."""

    seed: int
    env_steps: int
    score: Score | None
    error: str | None = None


def run_card(
    *, title: str, score: Score | None, solved: bool | None, costs: str, folder: Path, metrics: Path, report: Path
) -> str:
    """A run as html: its score with interval, its learning curve, and its page, or where that lies if it is large."""
    shown = framed(report) if report.is_file() and report.stat().st_size <= LARGEST_FRAME else ""
    link = f' · <a href="{escape(report.resolve().as_uri())}">report</a>' if report.is_file() else ""
    where = f"<code>{_text(folder)}</code>{link}"
    lines = [title, _score_line(score, solved), costs, "" if shown else curve(metrics), where]
    html = f'<div style="{CARD}">' + "".join(f"<div>{line}</div>" for line in lines if line) + "</div>"
    return f"<div>{html}{shown}</div>" if shown else html


def framed(page: Path, height: int = FRAME_HEIGHT) -> str:
    """A page as html that shows it where it stands, closed off from what is around it; needs no server, no network."""
    content = escape(page.read_text(encoding="utf-8"), quote=True)
    return (
        f'<iframe srcdoc="{content}" sandbox="allow-scripts" width="100%" height="{height}" title="report" '
        'style="display:block;margin-top:8px;border:1px solid #8886;border-radius:8px;max-width:1180px"></iframe>'
    )


def group_card(*, title: str, mean: SeedsMean | None, seeds: Sequence[Row], folder: Path) -> str:
    """A group as html: every seed's score on one scale, and the mean with its interval over seeds."""
    scores = [row.score for row in seeds if row.score is not None]
    span = _span([value for score in scores for value in (score.low, score.mean, score.high) if value is not None])
    head = "".join(f'<th style="{CELL}">{name}</th>' for name in ("seed", "score", "95 % interval", "", "env steps"))
    rows = "".join(_row(row, span) for row in seeds)
    table = f'<table style="border-collapse:collapse"><tr>{head}</tr>{rows}</table>'
    where = f"<code>{_text(folder)}</code>"
    return f'<div style="{CARD}"><div>{title}</div><div>{_mean(mean)}</div>{table}<div>{where}</div></div>'


def heading(env: str, preset: str, rest: str) -> str:
    """The first line of a card, as html."""
    return f"<b>{_text(env)}</b> · {_text(preset)} · {rest}"


def curve(metrics: Path) -> str:
    """The mean return of every evaluation over env steps, as svg; nothing if there are none to read."""
    try:
        records = read_records(metrics)
    except (FolderError, CheckpointError):  # the folder was moved or changed since: a card without a curve
        return ""
    return evaluations_line(
        [(float(row["step"]), float(row["eval/reward"])) for row in records if "eval/reward" in row]
    )


def evaluations_line(points: Sequence[tuple[float, float]]) -> str:
    """Mean returns over env steps as svg; nothing if there are less than two."""
    if len(points) < 2:
        return ""
    low, high = _span([y for _, y in points])
    last = points[-1][0] or 1.0
    drawn = " ".join(
        f"{PAD + x / last * (WIDTH - 2 * PAD):.1f},{HEIGHT - PAD - (y - low) / (high - low) * (HEIGHT - 2 * PAD):.1f}"
        for x, y in points
    )
    label = f"evaluations from {number(points[0][1], points[-1][1])} to {number(points[-1][1], points[0][1])}"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" aria-label="{label}">'
        f'<polyline points="{drawn}" fill="none" stroke="#3b82c4" stroke-width="1.6"/></svg>'
        f'<div style="opacity:.7">{label}, over {counted(round(last), "env step")}</div>'
    )


def _mean(mean: SeedsMean | None) -> str:
    if mean is None:
        return "no seed has a score"
    interval = ""
    if mean.low is not None:
        interval = f", 95 % interval over seeds {interval_of(mean)}"
    elif mean.seeds > 1:
        interval = f", {_text(mean.interval.removeprefix('none: '))}"
    return f"mean <b>{mean_of(mean)}</b>{interval}"


def _score_line(score: Score | None, solved: bool | None) -> str:
    if score is None:
        return "no score: training was interrupted"
    verdict = {True: "solved", False: "not solved", None: "no threshold"}[solved]
    return f"score <b>{mean_of(score)}</b>, {_interval(score)} · {verdict}"


def _interval(score: Score) -> str:
    episodes = counted(score.episodes, "fresh episode")
    if score.low is None:
        return f"over {episodes}, no interval: {_text(score.interval.removeprefix('none: '))}"
    return f"95 % interval {interval_of(score)} over {episodes}"


def _row(row: Row, span: tuple[float, float]) -> str:
    if row.score is None:
        why = "no score" if row.error is None else f"failed: {_text(row.error)}"
        return f"<tr><td>{row.seed}</td><td colspan='4'>{why}</td></tr>"
    low, high = span
    mean = row.score.mean
    start = row.score.low
    end = row.score.high
    ends = (mean, mean) if start is None or end is None else (start, end)
    at = [round(100 * (value - low) / (high - low), 1) for value in (*ends, mean)]
    bar = (
        '<svg width="120" height="12" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect x="{at[0]}" y="3" width="{max(at[1] - at[0], 1):.1f}" height="4" fill="#3b82c4" opacity=".4"/>'
        f'<rect x="{max(at[2] - 1, 0)}" y="0" width="2" height="10" fill="#3b82c4"/></svg>'
    )
    interval = interval_of(row.score)
    cells = (str(row.seed), f"<b>{mean_of(row.score)}</b>", interval, bar, f"{row.env_steps:,}")
    return "<tr>" + "".join(f'<td style="{CELL}">{cell}</td>' for cell in cells) + "</tr>"


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _text(value: object) -> str:
    return escape(str(value), quote=True)
