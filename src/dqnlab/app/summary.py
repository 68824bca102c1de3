"""What a finished run comes to, and the tables of runs and presets, for a terminal or a log file."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .. import presets
from ..fields import plain
from ..run.folder import Run
from .text import clean, number, shown

if TYPE_CHECKING:
    from ..run.group import Group as SeedsGroup
    from ..run.score import Score

LABEL, GOOD, BAD = "dim", "bold green", "bold yellow"


def summary(run: Run) -> RenderableType:
    """Score with its interval, verdict, the biased number beside it, costs, and where every file is.

    Lines are never broken, so that a path can be copied: print it with `soft_wrap`.
    """
    title = f"  {clean(run.preset)} · seed {run.seed}"
    lines = [Text(), Text.assemble((clean(run.env), "bold"), (title, LABEL))]
    if run.interrupted:
        lines.append(_line("", Text("interrupted: this is what there is so far", BAD)))
        lines.append(_line("to go on", f"dqn resume {shlex.quote(shown(run.folder))}"))
    if run.resumed == "not exact":
        lines.append(_line("resumed", Text("not exact: a run in one go would have come to other numbers", BAD)))
    lines += _score("score", run.score, "")
    if run.score_registered is not None:
        lines += _score("", run.score_registered, ", registered step limit")
    lines.append(_line("solved", _verdict(run.solved)))
    lines.append(_line("selected", _selected(run)))
    lines.append(_line("learnt", f"{run.env_steps:,} env steps · {run.updates:,} updates"))
    phases = " · ".join(
        f"{name} {spent:.1f}" for name, spent in run.seconds.items() if name not in ("total", "earlier")
    )
    lines += [_line("seconds", f"{run.seconds.get('total', 0):.1f}"), _line("", (phases, LABEL))]
    lines += [_line("note", clean(note)) for note in run.notes]
    return Group(*lines, *_files(run))


def _line(label: str, *words: str | Text | tuple[str, str]) -> Text:
    return Text.assemble((f"{label:<10}", LABEL), *words)


def _score(label: str, score: Score | None, remark: str) -> list[Text]:
    if score is None:
        return [_line(label, ("none: judging was not reached", LABEL))]
    interval = "" if score.low is None else f"  95 % interval {number(score.low)} to {number(score.high)}"
    what = f"{score.episodes} fresh greedy episodes{remark}"
    return [
        _line(label, (number(score.mean), "bold"), interval, (f"  {what}", LABEL)),
        _line("", (score.interval, LABEL)),
    ]


def _verdict(solved: bool | None) -> Text:
    if solved is None:
        return Text("unknown: no threshold, or no score", LABEL)
    return Text("yes", GOOD) if solved else Text("no", BAD)


def _selected(run: Run) -> Text:
    attempts = f"{run.attempts} attempt{'' if run.attempts == 1 else 's'} to confirm"
    return Text.assemble(number(run.selected_score), (f"  biased, the best of many looks; {attempts}", LABEL))


def _files(run: Run) -> list[Text]:
    """The folder, each file in it, and what to do with them."""
    folder = shown(run.folder)
    lines = [_line("folder", folder)]
    for label, path in run.files.items():
        name = path.relative_to(run.folder) if path.is_relative_to(run.folder) else path
        lines.append(_line("", f"{clean(label):<15} ", clean(str(name))))
    return [*lines, _line("next", f"dqn watch {shlex.quote(folder)}")]


def group_summary(group: SeedsGroup) -> RenderableType:
    """Every seed with its score and its costs, and the mean of the scores with its interval over seeds."""
    title = f"  {clean(group.preset)} · {_seeds(len(group.seeds))}"
    lines = [Text(), Text.assemble((clean(group.env), "bold"), (title, LABEL))]
    if group.interrupted:
        lines.append(_line("", Text("interrupted: this is what there is so far", BAD)))
    notes = [_line("note", f"seed {run.seed}: {clean(note)}") for run in group.runs for note in run.notes]
    failed = [_line("failed", Text(f"seed {each.seed}: {clean(each.error)}", BAD)) for each in group.failures]
    where = [_line("seconds", f"{group.seconds:.1f}"), *failed, *notes, _line("folder", shown(group.folder))]
    if group.best is not None:
        where += [_line("", (f"{'best seed':<15} ", LABEL), f"{group.best.folder.name}")]
        where += [_line("next", f"dqn watch {shlex.quote(shown(group.folder))}")]
    return Group(*lines, _seeds_table(group), *_mean(group), *where)


def _seeds(count: int) -> str:
    return f"{count} seed{'' if count == 1 else 's'}"


def _seeds_table(group: SeedsGroup) -> Table:
    table = Table(box=None, pad_edge=False, header_style=LABEL)
    for name in ("seed", "score", "95 % interval", "solved", "steps", "seconds", "folder"):
        table.add_column(name, justify="left" if name == "folder" else "right", no_wrap=True)
    for result in group.results:
        costs = f"{result.env_steps:,}", f"{_total(result.seconds):.1f}", Text(clean(result.folder.name))
        if not isinstance(result, Run) or result.score is None:
            table.add_row(str(result.seed), Text("none", BAD), "", "-", *costs)
            continue
        interval = _ends(result.score.low, result.score.high)
        solved = Text("-") if result.solved is None else _verdict(result.solved)
        table.add_row(str(result.seed), Text(number(result.score.mean), "bold"), interval, solved, *costs)
    return table


def _ends(low: float | None, high: float | None) -> str:
    return "none" if low is None or high is None else f"{number(low)} to {number(high)}"


def _total(seconds: float | Mapping[str, float]) -> float:
    return seconds.get("total", 0.0) if isinstance(seconds, Mapping) else seconds


def _mean(group: SeedsGroup) -> list[Text]:
    mean, known = group.mean, [run.solved for run in group.runs if run.solved is not None]
    if mean is None:
        return [_line("mean", ("none: no seed has a score", LABEL))]
    missing = len(group.seeds) - mean.seeds
    of = f"  {mean.seeds} of {len(group.seeds)} seeds" if missing else f"  {_seeds(mean.seeds)}"
    low_high = "" if mean.low is None else f"  95 % interval {number(mean.low)} to {number(mean.high)}"
    lines = [_line("mean", (number(mean.mean), "bold"), low_high, (of, LABEL))]
    lines.append(_line("", (mean.interval, LABEL)))
    if known:
        lines.append(_line("solved", f"{sum(known)} of {len(known)}"))
    return lines


def evaluation(score: Score, name: str) -> RenderableType:
    """What `dqn evaluate` prints."""
    cut = f"{score.cut} of them cut by the step limit" if score.cut else "none cut by the step limit"
    return Group(
        Text(clean(name), "bold"),
        *_score("score", score, ""),
        _line("lowest", number(score.minimum)),
        _line("highest", number(score.maximum)),
        _line("episodes", f"{score.episodes}, {cut}"),
    )


def runs_table(runs: Sequence[Mapping[str, Any]]) -> RenderableType:
    """What `dqn runs` prints: one line a run."""
    table = Table(box=None, pad_edge=False, header_style=LABEL)
    for name in ("environment", "run", "score", "95 % interval", "solved", "steps", "seconds"):
        if name in {"environment", "run"}:
            table.add_column(name, overflow="fold")
        else:
            table.add_column(name, justify="right", no_wrap=True)
    for entry in runs:
        score, seconds = entry.get("score"), entry.get("seconds")
        folder = Path(entry["folder"])
        table.add_row(
            Text(clean(str(entry.get("env", folder.parent.name)))),  # Text: rich reads markup in a plain str
            Text(clean(str(entry["name"]))),
            number(score["mean"]) if score else Text(clean(str(entry.get("status", "unfinished"))), BAD),
            _ends(score["low"], score["high"]) if score else "",
            "-" if entry.get("solved") is None else _verdict(bool(entry["solved"])),
            f"{entry['env_steps']:,}" if "env_steps" in entry else "",
            f"{seconds['total']:.1f}" if seconds and "total" in seconds else "",
        )
    return table


def presets_table() -> RenderableType:
    """What `dqn presets` prints: name, parent, purpose."""
    table = Table(box=None, pad_edge=False, header_style=LABEL)
    for name in ("preset", "grew from", "for"):
        table.add_column(name)
    for name in presets.names():
        table.add_row(Text(name, "bold"), presets.parent(name) or "plain settings", presets.describe(name))
    return table


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
