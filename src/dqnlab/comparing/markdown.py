"""The comparison as Markdown: what is pasted into a note or an issue."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..store.digits import number
from ..trust import clean
from .assess import Assessment, CellView, Contrast, seeds_said
from .verdict import amount, caveats, conclusion, difference_short, estimate, p_short, texts_of

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~])")


def markdown(found: Assessment) -> str:
    """The conclusion, the settings that differ, a table for each environment, and why seeds failed."""
    names = [arm.name for arm in found.comparison.arms]
    lines = [f"# {' · '.join(map(_plain, names))}", "", _plain(conclusion(found))]
    lines += ["", "## Settings that differ", ""]
    if found.settings:
        rows = [[row.name + ("" if row.env is None else f" ({row.env})"), *row.values] for row in found.settings]
        lines += _table(["setting", *names], rows)
    else:
        lines.append("None: the arms differ in their seeds or versions only.")
    for env in found.comparison.envs:
        lines += ["", f"## {_plain(env)}", "", *_env_table(found, env)]
    if found.overall:
        lines += ["", "## All environments together", "", *_overall(found)]
    failed = [(view, seed) for view in found.cells for seed in view.cell.failed]
    if failed:
        lines += ["", "## Seeds without a score", ""]
        lines += [f"- {_plain(f'{v.arm} on {v.cell.env}, seed {s.seed}: {s.error}')}" for v, s in failed]
    for caution in caveats(found):
        lines += ["", _plain(f"Caution: {caution}")]
    return "\n".join(lines) + "\n"


def _env_table(found: Assessment, env: str) -> list[str]:
    by_arm = {each.arm: each for each in found.contrasts if each.env == env}
    head = ["arm", "mean score", "95 % interval", "IQM", "seeds", "env steps", "seconds", "verdict", "difference", "p"]
    rows = [_row(view, by_arm.get(view.arm)) for view in found.cells if view.cell.env == env]
    return _table([*head, "P(better)"], rows)


def _row(view: CellView, contrast: Contrast | None) -> list[str]:
    row = [view.arm, "none", "", "", seeds_said(view.cell), "", ""]
    if view.mean is not None and view.iqm is not None and view.costs is not None:
        row[1:4] = texts_of(view)
        row[5:7] = [amount(view.costs.env_steps), amount(view.costs.seconds, 1)]
    if contrast is None:
        return [*row, "baseline", "", "", ""]
    value = "" if contrast.welch is None else difference_short(contrast)
    early = " (exploratory)" if contrast.exploratory and contrast.verdict != "no verdict" else ""
    return [*row, f"{contrast.verdict}{early}", value, p_short(contrast.p), estimate(contrast.improvement)]


def _overall(found: Assessment) -> list[str]:
    rows = [[each.arm, estimate(each.iqm), estimate(each.improvement)] for each in found.overall]
    ranges = ", ".join(f"{env} {number(low, high)} to {number(high, low)}" for env, (low, high) in found.ranges.items())
    formula = "normalised score = (score - lowest) / (highest - lowest), of all seeds on that environment"
    return [
        *_table(["arm", "IQM of normalised scores", f"P(better than {found.comparison.baseline.name})"], rows),
        "",
        f"In which {formula}: {_plain(ranges)}.",
    ]


def _table(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cell if cell == '---' else _plain(cell) for cell in line)} |" for line in lines]


def _plain(text: str) -> str:
    """Text that is no markup, whatever it holds."""
    return _MARKUP.sub(r"\\\1", clean(text))
