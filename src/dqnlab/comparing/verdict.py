"""What a comparison comes to, in sentences: which arm is better, by how much, how sure, at what cost."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import counted
from ..store.digits import interval_ends, number
from ..store.imported import UNKNOWN
from .assess import ENOUGH, FEWEST, Assessment, CellView, Contrast, assessment_of
from .comparison import Comparison
from .statistics import Estimate

_NONE_SHOWN = "no difference is shown"
SAME = 0.05
"""relative difference of costs up to which they are called the same"""


def conclusion(comparison: Comparison | Assessment) -> str:
    """Which arm is better, by how much, how sure, and at what cost: one sentence, or a short one for each arm."""
    found = comparison if isinstance(comparison, Assessment) else assessment_of(comparison)
    if not found.contrasts:
        only = found.comparison.arms[0].name
        return f"{only} stands alone: there is nothing to compare it with."
    if len(found.contrasts) == 1:
        return in_full(found, found.contrasts[0])
    said = "; ".join(of_arm(found, arm.name) for arm in found.comparison.others)
    return f"Against {found.comparison.baseline.name}: {said}. {remark(found)}".rstrip()


def of_arm(found: Assessment, arm: str) -> str:
    """An arm against the baseline on every environment, in a few words; verdicts that are alike stand together."""
    said = _on_each(found, arm)
    return f"for {arm} {said}" if said.startswith(_NONE_SHOWN) else f"{arm} {said}"


def remark(found: Assessment) -> str:
    """How many comparisons the p-values are corrected for, and whether seeds are few, as sentences; nothing if not."""
    said = []
    if found.tests > 1:
        said.append(f"p-values are corrected for {counted(found.tests, 'comparison')} (Holm)")
    if any(each.exploratory and each.verdict != "no verdict" for each in found.contrasts):
        said.append(f"exploratory: fewer than {counted(ENOUGH, 'seed')}")
    return f"({'; '.join(said)}.)" if said else ""


def in_full(found: Assessment, contrast: Contrast) -> str:
    """One arm against the baseline on one environment, as a sentence or two."""
    arm, base = contrast.arm, contrast.baseline
    env = contrast.env
    if contrast.verdict == "no verdict":
        spent = "" if contrast.costs is None else f"; it took {costs(contrast)}"
        size = "" if contrast.welch is None else f" (difference {difference(contrast)})"
        return f"No verdict on {arm} against {base} on {env}{size}: {contrast.why}{spent}."
    size = difference(contrast)
    if contrast.verdict == "no difference shown":
        text = f"No difference between {arm} and {base} is shown on {env}: {size}"
    else:
        text = f"{arm} is {contrast.verdict} than {base} on {env}: {size}"
    text += f", {p_said(contrast, found.tests)}, probability that a seed is better {estimate(contrast.improvement)}"
    text += f", {_seeds(found, contrast)}"
    if contrast.missing:
        text += f", {_missing(contrast)}"
    text += f"; it took {costs(contrast)}"
    text += _early([contrast] if contrast.exploratory else [])
    return f"{text}."


def difference(contrast: Contrast) -> str:
    """How much higher the mean score is, with its interval: +29.8 (95 % interval 4.1 to 55.5)."""
    if contrast.welch is None:
        return "none"
    value, low, high, _ = contrast.welch
    sign = "+" if value > 0 else ""
    if low is None:
        return f"{sign}{number(value)}"
    return f"{sign}{number(value, low, high)} (95 % interval {interval_ends(value, low, high)})"


def difference_short(contrast: Contrast) -> str:
    """The same for a column of a table: +29.8 (4.1 to 55.5)."""
    return difference(contrast).replace("95 % interval ", "")


def p_said(contrast: Contrast, tests: int) -> str:
    """How sure: p = 0.012, and that it is corrected if it is."""
    if contrast.p is None:
        return "no p-value"
    corrected = f", corrected for {counted(tests, 'comparison')}" if tests > 1 else ""
    return f"{p_value(contrast.p)}{corrected}"


def p_value(p: float | None) -> str:
    """p = 0.012, p < 0.0001."""
    if p is None:
        return "-"
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}" if p < 0.1 else f"p = {p:.2f}"


def p_short(p: float | None) -> str:
    """The same for a column of a table: 0.012, < 0.0001."""
    return p_value(p).removeprefix("p ").removeprefix("= ")


def estimate(found: Estimate | None) -> str:
    """A number between 0 and 1 with its interval, if resamples differ at all: 0.81 (0.62 to 0.95)."""
    if found is None:
        return "none"
    return (
        f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})" if found.low < found.high else f"{found.value:.2f}"
    )


def costs(contrast: Contrast) -> str:
    """What a seed took beside one of the baseline: 1.4 times the seconds, the same env steps and updates."""
    if contrast.costs is None:
        return "nothing that could be compared"
    names = {
        "seconds": contrast.costs.seconds,
        "env steps": contrast.costs.env_steps,
        "updates": contrast.costs.updates,
    }
    known = {name: ratio for name, ratio in names.items() if ratio is not None}
    same = [name for name, ratio in known.items() if abs(ratio - 1) <= SAME]
    other = [f"{times(ratio)} the {name}" for name, ratio in known.items() if name not in same]
    if not known:
        return "an unknown amount"
    said = [*other, *([f"the same {_listed(same)}"] if same else [])]
    return _listed([*said, *[f"an unknown number of {name}" for name in names if name not in known]])


def times(ratio: float | None) -> str:
    """A ratio of costs: 1.4 times."""
    return "unknown" if ratio is None else f"{ratio:.3g} times"


def amount(num: float | None, digits: int = 0) -> str:
    """What was spent, for a table: 12,000; unknown, where nobody knows."""
    return "unknown" if num is None else f"{num:,.{digits}f}"


def bootstrap_caution(found: Assessment) -> str:
    """What is to be known of the intervals by bootstrap; nothing if there are seeds enough."""
    num = {arm.name: min(len(cell.scores) for cell in arm.cells) for arm in found.comparison.arms}
    few = [name for name, seeds in num.items() if seeds < FEWEST]
    said = []
    if few:
        whose = "" if len(few) == len(num) else f" of {_listed(few)}"
        said.append(f"with fewer than {counted(FEWEST, 'seed')} nothing here says how others{whose} would do")
    rest = min((seeds for seeds in num.values() if seeds >= FEWEST), default=ENOUGH)
    if rest < ENOUGH:
        narrow = "the intervals by bootstrap (IQM, profiles, probabilities) are too narrow: see the points"
        said.append(f"with {counted(rest, 'seed')} {narrow}")
    return "; ".join(said)


def caveats(found: Assessment) -> list[str]:
    """With what in mind all numbers are to be read, as sentences."""
    said = []
    if caution := bootstrap_caution(found):
        said.append(f"{caution[0].upper()}{caution[1:]}.")
    if found.unequal:
        names = ", ".join(dict.fromkeys(row.name for row in found.unequal))
        said.append(f"These arms had different budgets or judges: {names}. Read every number with that.")
    said += [_branched(view) for view in found.cells if any(seed.fork is not None for seed in view.cell.seeds)]
    return said + [_partly_known(view) for view in found.cells if UNKNOWN in view.cell.settings.values()]


def texts_of(view: CellView) -> tuple[str, str, str]:
    """Mean score, its interval and the interquartile mean, with as many digits as they need side by side."""
    if view.mean is None or view.iqm is None:
        return "none", "", ""
    mean, beside = view.mean, (view.mean.mean, view.mean.low, view.mean.high, *view.iqm)
    ends = "none" if mean.low is None else f"{number(mean.low, *beside)} to {number(mean.high, *beside)}"
    return number(mean.mean, *beside), ends, number(view.iqm.value, *beside)


def _branched(view: CellView) -> str:
    """Where an arm's seeds were branched from other runs, and what that means for its numbers."""
    steps = sorted({seed.fork for seed in view.cell.seeds if seed.fork is not None})
    return (
        f"{view.arm} on {view.cell.env} was branched from another run at env step "
        f"{_listed([f'{step:,}' for step in steps])}: until then both are the same, so next to that run it is no "
        "independent one, and what it cost counts from the first step, the shared ones too."
    )


def _partly_known(view: CellView) -> str:
    """How much of an arm's training nobody knows."""
    num = list(view.cell.settings.values()).count(UNKNOWN)
    return (
        f"{view.arm} on {view.cell.env} was trained by another program: {counted(num, 'setting')} of its training "
        f"{'is' if num == 1 else 'are'} unknown, and left out where arms are said to differ."
    )


def _on_each(found: Assessment, arm: str) -> str:
    """An arm's verdicts, those that are alike together."""
    said: dict[str, list[str]] = {}
    for each in found.contrasts:
        if each.arm == arm:
            size = "" if each.verdict == "no verdict" else f" ({_short(each)})"
            said.setdefault(each.verdict, []).append(f"{each.env}{size}")
    phrases = {
        "better": "is better on {}",
        "worse": "is worse on {}",
        "no verdict": "has no verdict on {}",
        "no difference shown": f"{_NONE_SHOWN} on {{}}",
    }
    return _listed([text.format(_listed(said[verdict])) for verdict, text in phrases.items() if verdict in said])


def _short(contrast: Contrast) -> str:
    """The difference with how sure it is; where none is shown, what could still be."""
    if contrast.verdict == "no difference shown":
        return f"{difference(contrast).replace(' (', ', ').removesuffix(')')}, {p_value(contrast.p)}"
    value = contrast.welch.difference if contrast.welch else 0.0
    return f"{'+' if value > 0 else ''}{number(value)}, {p_value(contrast.p)}"


def _seeds(found: Assessment, contrast: Contrast) -> str:
    by_arm = {view.arm: view.cell for view in found.cells if view.cell.env == contrast.env}
    own, other = (len(by_arm[name].scores) for name in (contrast.arm, contrast.baseline))
    return f"{counted(own, 'seed')} each" if own == other else f"{counted(own, 'seed')} against {other}"


def _missing(contrast: Contrast) -> str:
    seeds = counted(contrast.missing, "seed")
    if contrast.verdict == "no difference shown":
        return f"{seeds} without a score counted against a difference"
    return f"also with {seeds} without a score counted against it"


def _early(contrasts: Sequence[Contrast]) -> str:
    """A warning, if some verdict is of few seeds."""
    return f" – exploratory: fewer than {counted(ENOUGH, 'seed')}" if contrasts else ""


def _listed(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
