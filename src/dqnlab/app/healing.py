"""What came of healing a run, for a terminal or a log file."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from ..explain.words import verdict
from ..lab.heal import BeforeAfter, Healing
from ..store.advice import how_to_resume
from ..store.digits import interval_ends, number
from ..terminal.text import clean
from ..trust import shown
from .summary import BAD, GOOD, Hanging


def healing_text(done: Healing) -> RenderableType:
    """What `dqn heal` prints."""
    if done.is_healthy:
        return Group(Text(), Hanging("health", clean(done.verdicts[0])), Hanging("", "nothing to heal", GOOD))
    if done.treated is None or done.branch is None:
        bad = [Hanging("health", clean(verdict(each))) for each in done.findings if each.severity == "bad"]
        return Group(Text(), *bad, Hanging("", "no setting repairs this, but what the verdict says may", BAD))
    lines = [Hanging("before", clean(verdict(done.treated))), Hanging("branch", shown(done.branch.folder))]
    if done.branch.interrupted:
        return Group(Text(), *lines, Hanging("to resume", how_to_resume(done.branch.folder)))
    lines.append(Hanging("now", clean(verdict(done.after[0]))))
    lines += _compared("episodes", "fresh ones, played by both networks", done.episodes)
    lines += _compared("seeds", "fresh ones, trained with the old settings and with the new ones", done.seeds)
    return Group(Text(), *lines, _conclusion(done))


def _compared(label: str, what: str, compared: BeforeAfter | None) -> list[Hanging]:
    if compared is None:
        return []
    text = f"{what}: {_mean(compared.before)} before, {_mean(compared.after)} after"
    if (found := compared.difference) is not None:
        ends = interval_ends(found.difference, found.low, found.high)
        text += f"; difference {number(found.difference, found.low, found.high)}, 95 % interval {ends}"
    if compared.failed:
        text += f"; {compared.failed} came to no score"
    return [Hanging(label, text)]


def _mean(values: Sequence[float]) -> str:
    return number(sum(values) / len(values)) if values else "nothing"


def _conclusion(done: Healing) -> Hanging:
    """Whether the repair helped, in one sentence."""
    compared = done.episodes if done.seeds is None else done.seeds  # seeds say more
    helped = None if compared is None else compared.helped
    if helped is False:
        return Hanging("", "what was repaired earns less: this repair did not help", BAD)
    if not done.cured:
        return Hanging("", "the verdict is still the same: this repair did not help", BAD)
    if helped:
        return Hanging("", "healed: the verdict is gone, and more is earned", GOOD)
    return Hanging("", "the verdict is gone; that more is earned is not shown", GOOD)
