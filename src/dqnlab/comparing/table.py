"""The table that a terminal shows of a comparison."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ..terminal.panel import GOOD, LABEL
from ..trust import clean
from .assess import Assessment, CellView, Contrast
from .verdict import amount, caveats, conclusion, difference_short, estimate, p_short, texts_of

BAD = "bold yellow"
WIDEST = 1_000
"""columns of a terminal wider than any table"""
SPARED = ("P(better)", "IQM", "steps", "p", "seconds", "95 % interval", "seeds")
"""columns that a narrow terminal is spared, in this order; the page and the Markdown have them"""
COLUMNS = ("arm", "mean", "95 % interval", "IQM", "seeds", "steps", "seconds", "difference", "p", "P(better)", "")


def comparison_table(found: Assessment) -> RenderableType:
    """The settings that differ, a row for each arm on each environment, why seeds failed, and the conclusion."""
    parts: list[RenderableType] = [Text(), *_settings(found)]
    for env in found.comparison.envs:
        parts += [Text(), Text(clean(env), "bold"), _env_table(found, env)]
    failed = [(view, seed) for view in found.cells for seed in view.cell.failed]
    if failed:
        parts.append(Text())
    for view, seed in failed:
        parts.append(Text(clean(f"{view.arm} on {view.cell.env}, seed {seed.seed}: {seed.error}"), BAD))
    parts += [Text(), Text(clean(conclusion(found)))]
    parts += [Text(clean(caution), LABEL) for caution in caveats(found)]
    return Group(*parts)


def _settings(found: Assessment) -> list[RenderableType]:
    if not found.settings:
        return []
    table = Table(box=None, pad_edge=False, header_style=LABEL)
    table.add_column("differs")
    for arm in found.comparison.arms:
        table.add_column(Text(clean(arm.name)), overflow="fold")
    for row in found.settings:
        name = row.name if row.env is None else f"{row.name} ({row.env})"
        table.add_row(Text(clean(name), LABEL), *(Text(clean(value)) for value in row.values))
    return [table]


def _env_table(found: Assessment, env: str) -> RenderableType:
    by_arm = {each.arm: each for each in found.contrasts if each.env == env}
    return Fitted([_row(view, by_arm.get(view.arm)) for view in found.cells if view.cell.env == env])


class Fitted:
    """A table with as many of the columns as there is room for."""

    def __init__(self, rows: Sequence[Sequence[str | Text]]) -> None:
        self._rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for spared in range(len(SPARED) + 1):
            table = self._table([name for name in COLUMNS if name not in SPARED[:spared]])
            if Measurement.get(console, options.update(width=WIDEST), table).maximum <= options.max_width:
                break
        yield table

    def _table(self, names: Sequence[str]) -> Table:
        table = Table(box=None, pad_edge=False, header_style=LABEL)
        for name in names:
            table.add_column(name, justify="left" if name in ("arm", "") else "right", no_wrap=name != "arm")
        for row in self._rows:
            table.add_row(*(cell for name, cell in zip(COLUMNS, row, strict=True) if name in names))
        return table


def _row(view: CellView, contrast: Contrast | None) -> list[str | Text]:
    seeds = Text(str(len(view.cell.scores)))
    if view.cell.failed:
        seeds.append(f" of {len(view.cell.seeds)}", BAD)
    row: list[str | Text] = [Text(clean(view.arm))]
    if view.mean is None or view.iqm is None or view.costs is None:
        row += [Text("none", BAD), "", "", seeds, "", ""]
    else:
        mean, interval, middle = texts_of(view)
        row += [Text(mean, "bold"), interval, middle, seeds]
        row += [amount(view.costs.env_steps), amount(view.costs.seconds, 1)]
    if contrast is None:
        return [*row, "", "", "", Text("baseline", LABEL)]
    return [*row, *_against(contrast)]


def _against(contrast: Contrast) -> list[str | Text]:
    style = {"better": GOOD, "worse": BAD}.get(contrast.verdict, LABEL)
    word = contrast.verdict + (" (exploratory)" if contrast.exploratory and contrast.verdict != "no verdict" else "")
    value = "" if contrast.welch is None else difference_short(contrast).partition(" (")[0]
    p = "" if contrast.p is None else p_short(contrast.p)
    likely = "" if contrast.improvement is None else estimate(contrast.improvement).split()[0]
    return [value, p, likely, Text(word, style)]
