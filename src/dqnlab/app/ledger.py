"""The table of runs, and of the settings in which they differ, for a terminal or a log file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, OverflowMethod, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from ..comparing.settings import Settings, settings_apart
from ..config.changes import changes_text
from ..errors import counted
from ..store.digits import interval_ends, number
from ..store.entry import DONE, Entry
from ..store.select import is_solved
from ..terminal.text import clean
from .summary import BAD, LABEL, yes_or_no

ABREAST = 4
"""so many runs are compared in columns of their own; more are listed behind the value that they have"""


WIDE = 110
"""columns of a terminal from which on tags and settings have columns of their own, beside interval and seconds"""


@dataclass(frozen=True)
class RunsView:
    """What `dqn runs` prints: a line for each run or group; columns in which nothing would stand are left out.

    In a narrow terminal tags and settings stand below the run's name, and the interval and the seconds are left out.
    """

    found: Sequence[Entry]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield _table(self.found, wide=options.max_width >= WIDE)
        for entry, name in zip(self.found, shown_names(self.found), strict=True):
            for damaged, which in ((entry, name), *((seed, clean(seed.name)) for seed in entry.runs)):
                if damaged.damage:
                    yield Text(f"{which} is damaged: {damaged.damage}", BAD)


def _table(found: Sequence[Entry], *, wide: bool) -> Table:
    names = shown_names(found)
    columns: dict[str, list[Text | str]] = {
        "environment": [Text(clean(entry.env)) for entry in found],  # Text: rich reads markup in a plain str
        "run": [Text(name) if wide else _with_below(name, entry) for name, entry in zip(names, found, strict=True)],
        "status": [Text(entry.status, "" if entry.status == DONE else BAD) for entry in found],
        "score": [number(*entry.score) if entry.score else "-" for entry in found],
        "95 % interval": [interval_ends(*entry.score) if entry.score else "" for entry in found],
        "solved": [_solved(entry) for entry in found],
        "steps": ["" if entry.env_steps is None else f"{entry.env_steps:,}" for entry in found],
        "seconds": ["" if entry.seconds is None else f"{entry.seconds:.1f}" for entry in found],
        "seeds": [_seeds(entry) for entry in found],
        "tags": [_tags(entry) for entry in found],
        "settings": [_changed(entry) for entry in found],
    }
    left_out = set() if any(len(entry.seeds) > 1 or entry.removed for entry in found) else {"seeds"}
    left_out |= {name for name in ("tags", "settings") if not any(columns[name])}
    left_out |= set() if wide else {"95 % interval", "seconds", "tags", "settings"}
    shown = {name: cells for name, cells in columns.items() if name not in left_out}
    table = Table(box=None, pad_edge=False, header_style=LABEL)
    for name in shown:
        is_text = name in {"environment", "run", "status", "tags", "settings"}
        style = LABEL if name in {"tags", "settings"} else ""
        folds = is_text and name != "status"
        overflow: OverflowMethod = "fold" if folds else "ellipsis"
        table.add_column(
            name, justify="left" if is_text else "right", overflow=overflow, no_wrap=not folds, style=style
        )
    for cells in zip(*shown.values(), strict=True):
        table.add_row(*cells)
    return table


def _with_below(name: str, entry: Entry) -> Text:
    """A run's name, and below it its tags and settings, if it has any."""
    more = [each.plain for each in (_tags(entry), _changed(entry)) if each]
    return Text.assemble(name, ("".join(f"\n  {each}" for each in more), LABEL))


def _tags(entry: Entry) -> Text:
    return Text(clean(", ".join(entry.label.tags)))


def _changed(entry: Entry) -> Text:
    return Text(clean(changes_text(entry.settings)))


def shown_names(found: Sequence[Entry]) -> list[str]:
    """What each is called: its own name, with its folder's behind it where several have that."""
    taken = Counter(entry.name for entry in found)
    return [clean(e.name if taken[e.name] == 1 or e.name == e.called else f"{e.name} ({e.called})") for e in found]


def _solved(entry: Entry) -> Text | str:
    if entry.solved is None:
        return "-"
    return f"{entry.solved}/{len(entry.seeds)}" if len(entry.seeds) > 1 else yes_or_no(is_solved(entry))


def _seeds(entry: Entry) -> str:
    gone = f", {len(entry.removed)} removed" if entry.removed else ""
    if len(entry.seeds) > 1 and entry.scored < len(entry.seeds):
        return f"{entry.scored} of {len(entry.seeds)}{gone}"
    return f"{len(entry.seeds) or ''}{gone}"


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
