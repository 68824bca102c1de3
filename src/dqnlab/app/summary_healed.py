"""What came of healing a run, for a terminal or a log file."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from ..comparing.assess import ENOUGH as MANY
from ..errors import counted
from ..explain.health.checks_policy import ENOUGH
from ..explain.words import verdict
from ..lab.arms import PLAN
from ..lab.compare import ComparisonResult
from ..lab.heal import BeforeAfter, Healing
from ..store.advice import command, is_callable
from ..store.digits import interval_ends, number
from ..store.folder import REPORT
from ..terminal.text import clean
from ..trust import shown
from .summary import BAD, GOOD, Hanging, labelled, name_before, to_resume


def healing_text(done: Healing) -> RenderableType:
    """What `dqn heal` prints."""
    if done.is_healthy:
        well = done.findings[0].severity == "good"
        says = "nothing to heal" if well else "nothing that a setting repairs, but what the verdict says may help"
        return Group(Text(), Hanging("health", clean(done.verdicts[0])), Hanging("", says, GOOD if well else BAD))
    if done.is_healthy is None:
        says = "whether there is anything to heal is not known yet: train it further, and heal it then"
        lines = [Hanging("health", clean(done.verdicts[0])), Hanging("", says, BAD)]
        return Group(Text(), *lines, labelled("next", _further(done)), labelled("", command("heal", done.run.folder)))
    if done.treated is None or done.branch is None:
        bad = [Hanging("health", clean(verdict(each))) for each in done.findings if each.severity == "bad"]
        return Group(Text(), *bad, Hanging("", "no setting repairs this, but what the verdict says may", BAD))
    home = done.branch.folder
    lines = [Hanging("before", clean(verdict(done.treated))), labelled("branch", f"{name_before(home)}{shown(home)}")]
    if done.branch.interrupted:
        return Group(Text(), *lines, *to_resume(home))
    lines.append(Hanging("now", clean(verdict(done.after[0]))))
    lines += _episodes(done.episodes)
    if done.seeds is not None:
        lines.append(Hanging("seeds", clean(_seeds(done.seeds))))
    return Group(Text(), *lines, _conclusion(done), *_next(done))


def _further(done: Healing) -> str:
    """The command that trains a run until its health can be told."""
    evaluations = max(int(done.findings[0].numbers.get("evaluations", 0)), 1)
    steps = -(-done.run.env_steps * (ENOUGH + 1) // evaluations)
    if is_callable(done.run.folder):
        return f"dqnlab.resume({shown(done.run.folder)!r}, env=…, budget=dqnlab.config.Steps(num={steps})) in Python"
    return command("resume", done.run.folder, "--steps", str(steps))


def _episodes(compared: BeforeAfter | None) -> list[Hanging]:
    if compared is None:
        return []
    text = f"fresh ones, played by both networks: {_mean(compared.before)} before, {_mean(compared.after)} after"
    if (found := compared.difference) is not None:
        ends = interval_ends(found.difference, found.low, found.high)
        text += f"; difference {number(found.difference, found.low, found.high)}, 95 % interval {ends}"
    return [Hanging("episodes", text)]


def _mean(values: Sequence[float]) -> str:
    return number(sum(values) / len(values)) if values else "nothing"


def _seeds(compared: ComparisonResult) -> str:
    """What fresh seeds show, in the words of a comparison; seeds that failed with why."""
    if compared.elsewhere:
        return compared.conclusion
    if compared.assessment is None:
        return "interrupted before all had ended; what has been trained is kept"
    cells = compared.assessment.cells
    failed = [f"{view.arm}, seed {each.seed}: {each.error}" for view in cells for each in view.cell.failed]
    return " ".join([compared.conclusion, *(f"{each.rstrip('.')}." for each in failed)])


def _conclusion(done: Healing) -> Hanging:
    """Whether the repair helped, in one sentence."""
    if not done.cured:
        return Hanging("", "the verdict is still the same: this repair did not help", BAD)
    if done.helped is False:
        return Hanging("", "the verdict is gone, but fresh seeds earn less: this repair did not help", BAD)
    if done.helped and done.seeds is not None and done.seeds.assessment is not None:
        few = all(each.exploratory for each in done.seeds.assessment.contrasts)
        early = f" (exploratory: fewer than {counted(MANY, 'seed')})" if few else ""
        return Hanging("", f"healed: the verdict is gone, and fresh seeds earn more{early}", GOOD)
    apart = None if done.episodes is None else done.episodes.difference
    if done.seeds is None and apart is not None and apart.high is not None and apart.high < 0:
        return Hanging("", "the verdict is gone, but the repaired network earns less: this repair did not help", BAD)
    if done.seeds is None:
        return Hanging("", "the verdict is gone; two networks alone do not show that the new settings are better", GOOD)
    return Hanging("", "the verdict is gone; that the new settings are better is not shown", GOOD)


def _next(done: Healing) -> list[Text]:
    """Pages to open, and what would tell more."""
    assert done.branch is not None
    pages = [done.branch.folder / REPORT, *([] if done.seeds is None else [done.seeds.page])]
    what = [f"open {page.resolve().as_uri()}" for page in pages if page is not None and page.is_file()]
    if not is_callable(done.run.folder) and (done.branch.folder / REPORT).is_file():
        what.append(command("explain", done.branch.folder, "--beside", "parent"))
    if done.seeds is not None and not is_callable(done.run.folder):
        what += _more_seeds(done.seeds)
    return [labelled("next" if i == 0 else "", each) for i, each in enumerate(what)]


def _more_seeds(compared: ComparisonResult) -> list[str]:
    """The command that continues the comparison, or trains more seeds while there are few."""
    found, words = compared.assessment, ["dqn", "compare", "--plan", shown(compared.folder / PLAN)]
    words += ["--runs", shown(compared.folder.parent.parent)]
    if found is None:
        return [clean(shlex.join(words))]
    return [clean(shlex.join([*words, "--seeds", str(MANY)]))] if len(found.cells[0].cell.seeds) < MANY else []
