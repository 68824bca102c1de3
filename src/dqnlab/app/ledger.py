"""The table of runs, and of the settings in which they differ, for a terminal or a log file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..comparing.settings import ABSENT, setting_text
from ..config.changes import changes_text
from ..errors import counted
from ..store.digits import interval_ends, number
from ..store.entry import DONE, Entry
from ..store.select import is_solved
from ..terminal.text import clean
from .summary import BAD, LABEL, yes_or_no

ABREAST = 4
"""so many runs are compared in columns of their own; more are listed behind the value that they have"""


def runs_table(found: Sequence[Entry]) -> RenderableType:
    """What `dqn runs` prints: a line for each run or group; columns in which nothing would stand are left out."""
    table = Table(box=None, pad_edge=False, header_style=LABEL)
    several = any(len(entry.seeds) > 1 for entry in found)
    tags, settings = (any(each) for each in zip(*((e.label.tags, e.settings) for e in found), strict=True))
    for name in ("environment", "run", "status", "score", "95 % interval", "solved", "steps", "seconds"):
        if name in {"environment", "run"}:
            table.add_column(name, overflow="fold")
        elif name == "status":
            table.add_column(name, no_wrap=True)
        else:
            table.add_column(name, justify="right", no_wrap=True)
    if several:
        table.add_column("seeds", justify="right", no_wrap=True)
    for name, wanted in (("tags", tags), ("settings", settings)):
        if wanted:
            table.add_column(name, overflow="fold", style=LABEL)
    for entry, name in zip(found, shown_names(found), strict=True):
        ends = entry.score or (0.0, None, None)
        table.add_row(
            Text(clean(entry.env)),  # Text: rich reads markup in a plain str
            Text(name),
            Text(entry.status, "" if entry.status == DONE else BAD),
            number(*ends) if entry.score else "-",
            interval_ends(*ends) if entry.score else "",
            _solved(entry),
            "" if entry.env_steps is None else f"{entry.env_steps:,}",
            "" if entry.seconds is None else f"{entry.seconds:.1f}",
            *([_seeds(entry)] if several else []),
            *([Text(clean(", ".join(entry.label.tags)))] if tags else []),
            *([Text(clean(changes_text(entry.settings)))] if settings else []),
        )
    return table


def shown_names(found: Sequence[Entry]) -> list[str]:
    """What each is called: its own name, with its folder's behind it where several have that."""
    taken = Counter(entry.name for entry in found)
    return [clean(e.name if taken[e.name] == 1 or e.name == e.called else f"{e.name} ({e.called})") for e in found]


def _solved(entry: Entry) -> Text | str:
    if entry.solved is None:
        return "-"
    return f"{entry.solved}/{len(entry.seeds)}" if len(entry.seeds) > 1 else yes_or_no(is_solved(entry))


def _seeds(entry: Entry) -> str:
    if len(entry.seeds) > 1 and entry.scored < len(entry.seeds):
        return f"{entry.scored} of {len(entry.seeds)}"
    return str(len(entry.seeds) or "")


Settings = Mapping[str, object]


def settings_apart(found: Sequence[Settings]) -> dict[str, list[str]]:
    """The settings in which these differ, by name, each with its value as text for every one of them."""
    names = dict.fromkeys(name for each in found for name in each if name != "preset")
    values = {name: [setting_text(each.get(name, ABSENT)) for each in found] for name in names}
    return {name: texts for name, texts in values.items() if len(set(texts)) > 1}


def differences_table(found: Sequence[Entry], settings: Sequence[Settings]) -> RenderableType:
    """What differs between runs: few of them in columns, of many the runs behind each value."""
    rows = settings_apart(settings)
    if not rows:
        return Text(f"all settings of {counted(len(found), 'run')} are equal, but for seeds")
    names = shown_names(found)
    abreast = len(found) <= ABREAST
    table = Table(box=None, pad_edge=False, header_style=LABEL)
    for name in ("setting", *(names if abreast else ("value", "runs"))):
        table.add_column(name, overflow="fold")
    for setting, values in rows.items():
        if abreast:
            table.add_row(Text(clean(setting)), *(Text(clean(value)) for value in values))
            continue
        by_value: dict[str, list[str]] = {}
        for value, name in zip(values, names, strict=True):
            by_value.setdefault(value, []).append(name)
        for i, (value, those) in enumerate(by_value.items()):
            table.add_row(Text(clean(setting) if i == 0 else ""), Text(clean(value)), Text(", ".join(those)))
    return Group("", table)
