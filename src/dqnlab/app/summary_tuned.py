"""What a study came to, for a terminal or a log file."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..config import Config
from ..errors import counted
from ..lab.tuning.history import TrialRow
from ..lab.tuning.page import PAGE
from ..lab.tuning.result import Tuned, changed
from ..terminal.text import clean
from ..trust import shown
from .summary import BAD, GOOD, LABEL


def tuned_summary(tuned: Tuned, config: Config, words: Sequence[str]) -> RenderableType:
    """The settings of the best trial beside the default's, the verdict on fresh seeds, and where every file is."""
    lines: list[RenderableType] = [Text(), Text.assemble((clean(tuned.env), "bold"), (f"  {tuned.preset}", LABEL))]
    if tuned.interrupted:
        lines.append(_line("", Text("interrupted: these are the trials so far", BAD)))
        lines.append(_line("to resume", f"dqn tune {shlex.join(words)}"))
    counts = ", ".join(f"{num} {state}" for state, num in tuned.counts.items())
    lines.append(_line("trials", f"{len(tuned.trials)}: {counts}"))
    if tuned.best is not None:
        best = tuned.best
        default = next((each for each in tuned.trials if each.is_default and each.value is not None), best)
        lines.append(_trial("best", best))
        if default is not best:
            lines.append(_trial("default", default))
        lines += [Text(), _settings(tuned, config), Text()]
        if tuned.caution:
            lines.append(_line("", (tuned.caution, LABEL)))
    better = tuned.confirmation is not None and tuned.confirmation.is_better
    lines.append(_line("verdict", Text(clean(tuned.says), GOOD if better else "bold")))
    if tuned.config is not None:
        lines.append(_line("page", shown(tuned.folder / PAGE)))
        lines += [_line("to train", tuned.to_train), _line("to look", tuned.to_look)]
    return Group(*lines)


def _trial(label: str, each: TrialRow) -> Text:
    """A trial's mean score over the seeds that choose, and what it took."""
    cost = f"  over the {counted(len(each.scores), 'seed')} that choose, {counted(each.env_steps, 'env step')}"
    return _line(label, f"trial {each.number}, {each.value:.4g}", (cost, LABEL))


def _settings(tuned: Tuned, config: Config) -> Table:
    table = Table(box=None, pad_edge=False, header_style=LABEL)
    for name in ("setting", "default", "best", "importance"):
        table.add_column(name, justify="left" if name == "setting" else "right", no_wrap=True)
    for name, before, after in changed(tuned, config):
        share = tuned.importance.get(name)
        table.add_row(name, _short(before), _short(after), "–" if share is None else f"{share:.0%}")
    return table


def _line(label: str, *words: str | Text | tuple[str, str]) -> Text:
    return Text.assemble((f"{label:<10}", LABEL), *words)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else clean(str(value))
