"""comparison.html: one page that shows a comparison, without any script.

It shares the style of a run's page, and like it lets nothing in from anywhere: its policy names this very style by its
hash. Whatever comes from runs, names and errors, is text.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from urllib.parse import quote

from ..errors import counted
from ..store.digits import interval_of, mean_of, number
from ..store.folder import REPORT
from .assess import ENOUGH, FEWEST, Assessment, CellView, Contrast, seeds_said
from .charts import (
    WIDE,
    colour,
    curves_chart,
    differences_chart,
    improvement_chart,
    profiles_chart,
    seeds_chart,
)
from .comparison import SeedResult
from .markup import Markup, el, together
from .shell import whole_page
from .statistics import RESAMPLES
from .verdict import (
    amount,
    caveats,
    conclusion,
    difference_short,
    estimate,
    in_full,
    of_arm,
    p_short,
    remark,
    texts_of,
    times,
)

SECTIONS = (
    ("settings", "Settings that differ"),
    ("which", "Which is better"),
    ("curves", "How they learned"),
    ("sure", "How sure"),
    ("costs", "What it cost"),
    ("seeds", "Every seed"),
    ("words", "How to read this page"),
)
WORDS = (
    (
        "mean score",
        "The mean over seeds of each run's score: the mean return of fresh greedy episodes that chose nothing.",
    ),
    (
        "95 % interval",
        "Where the mean lies: Student's t over seeds; of a difference Welch's, which does not ask that both arms vary "
        "alike. In many such comparisons 19 of 20 intervals hold the truth. They know no bounds: with few "
        "seeds an end may lie beyond every score that is possible.",
    ),
    (
        "p",
        "How often seeds of two equal arms would differ at least as much: Welch's test, two-sided. With several "
        "comparisons on a page it is corrected by Holm's method.",
    ),
    (
        "IQM",
        "The interquartile mean: that of the middle half of the seeds, which one lucky or broken seed moves little. Of "
        "fewer than four seeds it is their mean.",
    ),
    (
        "probability of a better score",
        "How often a seed of the arm, drawn at random, scores more than one of the baseline; a tie counts half. 0.5 is "
        "no difference.",
    ),
    ("profile", "For each score, the share of seeds that lie above it. The higher line is better; lines may cross."),
    (
        "by bootstrap",
        f"Intervals of IQM, probabilities and profiles: {RESAMPLES:,} resamples of the seeds, within each arm and "
        "environment. Below ten seeds they are too narrow; docs/comparing.md has the measured coverage.",
    ),
    (
        "no verdict",
        f"With fewer than {counted(FEWEST, 'seed')}, and where no seed differs from another, nothing is said. "
        f"With fewer than {counted(ENOUGH, 'seed')} a verdict is called exploratory.",
    ),
    (
        "a seed without a score",
        "It failed or was interrupted. It stays here, and a difference is claimed only if it would still show with "
        "each such seed counted against it, as the worst episode seen.",
    ),
    (
        "learning curve",
        "The mean of the evaluations during training; a seed that stopped early, having solved its task, keeps its "
        "last one. The band is the 95 % interval over seeds; thin lines are the seeds.",
    ),
)


def render_comparison(found: Assessment, folder: Path) -> str:
    """The whole page, to be written into `folder`, from which its links lead to each run's own."""
    names = [arm.name for arm in found.comparison.arms]
    bodies = {
        "settings": _settings(found),
        "which": _which(found),
        "curves": _curves(found),
        "sure": _sure(found),
        "costs": _costs(found),
        "seeds": _seeds(found, folder),
        "words": _words(),
    }
    sections = [(name, title, bodies[name]) for name, title in SECTIONS]
    return whole_page(f"{' · '.join(names)} – dqnlab", _summary(found), sections)


def _summary(found: Assessment) -> Markup:
    comparison = found.comparison
    arms, envs = comparison.arms, comparison.envs
    seeds = [seed for view in found.cells for seed in view.cell.seeds]
    failed = sum(seed.score is None for seed in seeds)
    title = f"{arms[1].name} or {arms[0].name}?" if len(arms) == 2 else " · ".join(arm.name for arm in arms)
    verdicts = {each.verdict for each in found.contrasts}
    tone = verdicts.pop() if len(verdicts) == 1 else ""
    about = f"{counted(len(arms), 'arm')} · {', '.join(envs)} · {counted(len(seeds), 'seed')}"
    about += f" · {failed:,} without a score" if failed else ""
    parts = [
        el("h1", title),
        el("p", f"{about} · the baseline is {comparison.baseline.name}", class_="muted"),
        el(
            "div",
            *_verdict(found),
            class_=f"card verdict {tone if tone in ('better', 'worse') else ''}".strip(),
        ),
    ]
    parts += [el("p", caution, class_="caution") for caution in caveats(found)]
    return el("div", *parts, class_="summary")


def _verdict(found: Assessment) -> list[Markup]:
    """The conclusion, of several arms in a line for each."""
    if len(found.contrasts) < 2:
        return [el("p", conclusion(found))]
    base = found.comparison.baseline.name
    lines = [el("p", f"Against {base}:", class_="muted")]
    lines += [el("p", f"{of_arm(found, arm.name)}.") for arm in found.comparison.others]
    return [*lines, el("p", remark(found), class_="muted")] if remark(found) else lines


def _settings(found: Assessment) -> Markup:
    if not found.settings:
        return el("p", "None. Whatever differs lies in the seeds, or in versions of the software.", class_="lead")
    head = ["setting", *(_swatch(i, arm.name) for i, arm in enumerate(found.comparison.arms))]
    rows = [
        [el("code", row.name), *row.values] if row.env is None else [el("code", row.name, f" · {row.env}"), *row.values]
        for row in found.settings
    ]
    return together(
        [el("p", "All other settings are the same.", class_="lead"), _table(head, rows, "Settings that differ")]
    )


# ── Which is better ──────────────────────────────────────────────────────────────────────────────


def _which(found: Assessment) -> Markup:
    lead = "Each point is the score of one seed; the diamond is their mean, with its 95 % interval."
    parts = [el("p", lead, class_="lead"), _legend(found)]
    for env in found.comparison.envs:
        if len(found.comparison.envs) > 1:
            parts.append(el("h3", env))
        drawings = [
            _figure("Every seed", seeds_chart(found, env)),
            _figure(f"Difference to {found.comparison.baseline.name}", differences_chart(found, env)),
        ]
        parts.append(el("div", *drawings, class_="columns charts"))
        parts.append(_scores(found, env))
    if len(found.contrasts) > 1:
        said = [el("li", in_full(found, each)) for each in found.contrasts]
        parts.append(el("details", el("summary", "Every comparison in words"), el("ul", *said, class_="said")))
    return together(parts)


def _scores(found: Assessment, env: str) -> Markup:
    by_arm = {each.arm: each for each in found.contrasts if each.env == env}
    head = ["arm", "mean score", "95 % interval", "IQM", "seeds", "difference (95 %)", "p", "verdict"]
    rows = []
    for i, view in enumerate(view for view in found.cells if view.cell.env == env):
        contrast = by_arm.get(view.arm)
        against = ["", "", "baseline"]
        if contrast is not None:
            against = [difference_short(contrast), p_short(contrast.p), _chip(contrast)]
        rows.append([_swatch(i, view.arm), *texts_of(view), seeds_said(view.cell), *against])
    return _table(head, rows, f"Scores on {env}", numbers={1, 2, 3, 4, 5, 6})


def _chip(contrast: Contrast) -> Markup:
    tone = contrast.verdict if contrast.verdict in ("better", "worse") else "none" if contrast.why else ""
    early = contrast.exploratory and contrast.verdict != "no verdict"
    text = contrast.verdict + (", exploratory" if early else "")
    if contrast.missing and not contrast.why:
        text += f", {counted(contrast.missing, 'seed')} missing"
    return el("span", text, class_=f"chip {tone}".strip(), title=contrast.why or None)


# ── Learning, certainty ──────────────────────────────────────────────────────────────────────────


def _curves(found: Assessment) -> Markup:
    lead = "The mean return of each evaluation during training; the band is its 95 % interval over seeds."
    envs = found.comparison.envs
    if any(seed.fork is not None for view in found.cells for seed in view.cell.seeds):
        lead += " A dotted line is where runs were branched from others: until then they are the same."
    parts = [el("p", lead, class_="lead"), _legend(found)]
    if len(envs) == 1:
        parts.append(_both_widths(lambda *width: curves_chart(found, envs[0], *width)))
    else:
        parts.append(el("div", *(_figure(env, curves_chart(found, env)) for env in envs), class_="columns charts"))
    return together(parts)


def _sure(found: Assessment) -> Markup:
    envs = found.comparison.envs
    lead = (
        "Profiles show the whole spread of the seeds, probabilities how often a seed of the arm beats the baseline's."
    )
    drawings = [_figure("Performance profiles", profiles_chart(found))]
    drawings += [
        _figure(f"Probability of a better score{'' if len(envs) == 1 else f', {env}'}", improvement_chart(found, env))
        for env in envs
    ]
    if found.overall:
        drawings.append(_figure("Probability of a better score, all environments", improvement_chart(found, None)))
    parts = [el("p", lead, class_="lead"), _legend(found), el("div", *drawings, class_="columns charts")]
    if found.overall:
        parts.append(_together_table(found))
    return together(parts)


def _together_table(found: Assessment) -> Markup:
    base = found.comparison.baseline.name
    rows = [[_swatch(i, o.arm), estimate(o.iqm), estimate(o.improvement)] for i, o in enumerate(found.overall)]
    head = ["arm", "IQM of normalised scores", f"probability of a better score than {base}"]
    ranges = "; ".join(
        f"{env}: {number(low, high)} to {number(high, low)}" for env, (low, high) in found.ranges.items()
    )
    formula = f"Normalised score = (score − lowest) / (highest − lowest), of all seeds on that environment: {ranges}."
    return together(
        [_table(head, rows, "All environments together", numbers={1, 2}), el("p", formula, class_="muted said")]
    )


# ── Costs, seeds ─────────────────────────────────────────────────────────────────────────────────


def _costs(found: Assessment) -> Markup:
    lead = "Means of the seeds that have a score. Seconds are those of training and judging on the machine that did it."
    head = ["environment", "arm", "env steps", "updates", "seconds", "beside the baseline", "seconds of all seeds"]
    by_cell = {(each.env, each.arm): each for each in found.contrasts}
    rows = []
    for view in found.cells:
        contrast = by_cell.get((view.cell.env, view.arm))
        spent = ["none", "", ""]
        if view.costs is not None:
            spent = [amount(view.costs.env_steps), amount(view.costs.updates), amount(view.costs.seconds, 1)]
        beside = (
            "baseline" if contrast is None else "" if contrast.costs is None else f"{times(contrast.costs.seconds)}"
        )
        took = [seed.seconds for seed in view.cell.seeds]
        total = amount(None if None in took else sum(each or 0.0 for each in took), 1)
        rows.append([view.cell.env, _swatch(_arm(found, view), view.arm), *spent, beside, total])
    return together([el("p", lead, class_="lead"), _table(head, rows, "Costs", numbers={2, 3, 4, 5, 6})])


def _seeds(found: Assessment, folder: Path) -> Markup:
    head = ["environment", "arm", "seed", "score", "95 % interval", "env steps", "updates", "seconds", "run"]
    rows = []
    for view in found.cells:
        for seed in view.cell.seeds:
            score: list[str] = [el("span", "none", class_="bad"), el("span", seed.error or "", class_="bad")]
            if seed.score is not None:
                score = [mean_of(seed.score), interval_of(seed.score)]
            costs = [amount(seed.env_steps), amount(seed.updates), amount(seed.seconds, 1)]
            arm = _swatch(_arm(found, view), view.arm)
            rows.append([view.cell.env, arm, str(seed.seed), *score, *costs, _way(seed, folder)])
    lead = "The interval of a single score is over its episodes: it says nothing of other seeds."
    table = _table(head, rows, "Every seed", numbers={2, 3, 4, 5, 6, 7}, long=len(rows) > 12)
    return together([el("p", lead, class_="lead"), table])


def _way(seed: SeedResult, folder: Path) -> str:
    """A link to a run's own page where there is one, else the name of its folder."""
    page = seed.folder / REPORT
    try:
        way = Path(os.path.relpath(page, folder)).as_posix()
    except ValueError:  # on another drive
        return seed.folder.name
    return el("a", "report", href=quote(way)) if page.is_file() else seed.folder.name


def _arm(found: Assessment, view: CellView) -> int:
    return [arm.name for arm in found.comparison.arms].index(view.arm)


# ── Parts ────────────────────────────────────────────────────────────────────────────────────────


def _words() -> Markup:
    parts = [part for word, says in WORDS for part in (el("dt", word), el("dd", says))]
    return el("dl", *parts, class_="words")


def _legend(found: Assessment) -> Markup:
    items = [el("li", arm.name, class_=colour(i)) for i, arm in enumerate(found.comparison.arms)]
    return el("ul", *items, class_="legend", aria_label="Colours of the arms")


def _swatch(index: int, name: str) -> Markup:
    return el("span", name, class_=f"swatch {colour(index)}")


def _figure(caption: str, chart: Markup | None, class_: str = "card") -> Markup | None:
    return None if chart is None else el("figure", el("figcaption", caption), chart, class_=class_)


def _both_widths(draw: Callable[..., Markup | None]) -> Markup:
    """A drawing of its own for wide and for narrow screens, where it is the only one of its section."""
    wide, narrow = draw(WIDE), draw()
    if wide is None or narrow is None:
        return el("p", "No evaluation was recorded.", class_="muted")
    return together([el("figure", wide, class_="card wide-only"), el("figure", narrow, class_="card narrow-only")])


def _table(
    head: Sequence[str], rows: Iterable[Sequence[str]], label: str, numbers: Iterable[int] = (), *, long: bool = False
) -> Markup:
    """A table that scrolls by itself where the screen is too narrow for it, by keyboard too."""
    right = set(numbers)
    classes = ["number" if i in right else None for i in range(len(head))]
    top = el("thead", el("tr", *(el("th", each, scope="col", class_=c) for each, c in zip(head, classes, strict=True))))
    body = [el("tr", *(el("td", each, class_=c) for each, c in zip(row, classes, strict=True))) for row in rows]
    table = el("table", top, el("tbody", *body))
    return el("div", table, class_=f"scroll{' long' if long else ''}", tabindex=0, role="region", aria_label=label)
