"""Writes the numbers of docs/protocol.md, docs/results.md and docs/variants.md from the results that are stored.

    python benchmarks/protocol.py [--check]

Trains and plays nothing: all of it is computed from benchmarks/results/<suite>/*.json, which `dqn benchmark SUITE --out
benchmarks/results` writes, and from breakout.json, unseen.json and bsuite.json beside them. Where nothing is stored yet
the pages say so. `--check` writes nothing and fails if a page is not what the results say.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import product
from operator import eq, lt
from pathlib import Path
from typing import Any

import numpy as np

from dqnlab.app.suites import read_suite, shipped
from dqnlab.comparing.assess import LEVEL, p_between
from dqnlab.lab.benchmark.merged import Family, families, family_head, family_rows, what_helps
from dqnlab.lab.benchmark.result import TaskResult
from dqnlab.lab.benchmark.rows import in_order
from dqnlab.lab.benchmark.suite import MEASURES, Suite
from dqnlab.lab.benchmark.tables import benchmark_markdown, read_results

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
NONE = "Nothing is stored yet: this block is written by `python benchmarks/protocol.py` once there are results."
NONE_OF = "Nothing is stored yet: run `python benchmarks/{}.py`, then `python benchmarks/protocol.py`."
MOST_ROWS = 12
"""of a table"""
FEWEST = 3
"""seeds of an arm below which nothing is said of it here"""


def stored() -> Iterator[tuple[Suite, TaskResult]]:
    """The tasks of all suites of which results are stored."""
    for name in shipped():
        suite = read_suite(name, Path("runs"))
        for result in read_results(suite, RESULTS / name).values():
            if result is not None:
                yield suite, result


def cells() -> Iterator[tuple[TaskResult, str]]:
    """Every arm with seeds enough; of arms that two suites share one."""
    seen = set[tuple[str, str, int]]()
    for _, result in stored():
        for arm in result.comparison.arms:
            key = (result.env, arm.name, result.steps)
            if key not in seen and len(result.values(arm.name, "last")) >= FEWEST:
                seen.add(key)
                yield result, arm.name


# ── The three errors ─────────────────────────────────────────────────────────────────────────────


def training_returns() -> str:
    """Training return beside the score of the same runs."""
    rows = []
    for result, arm in cells():
        score, training = result.values(arm, "score"), result.values(arm, "training")
        both = sorted(score.keys() & training.keys())
        if len(both) >= FEWEST:
            gaps = np.array([score[seed] - training[seed] for seed in both])
            means = (np.mean([score[seed] for seed in both]), np.mean([training[seed] for seed in both]))
            row = [result.task, arm, *map(_text, means), _text(gaps.mean()), _span(gaps)]
            rows.append((gaps.mean() / _unit(score), row))
    return _table(("task", "arm", "score", "training return", "difference", "of single seeds"), rows)


def turned_round() -> str:
    """Pairs of arms of one task that the two measures put into another order."""
    found, pairs, shown = [], 0, 0
    for _, result in stored():
        names = [arm.name for arm in result.comparison.arms if len(result.values(arm.name, "last")) >= FEWEST]
        means = {
            name: [np.mean(list(result.values(name, measure).values())) for measure in ("score", "training")]
            for name in names
            if result.values(name, "training")
        }
        for one, other in [(a, b) for a in means for b in means if a < b and means[a][0] != means[b][0]]:
            pairs += 1
            score, training = (means[one][i] - means[other][i] for i in range(2))
            if score * training < 0:
                found.append(f"{result.task}: {one} and {other}")
                p = p_between(result.cell(one), result.cell(other))
                shown += p is not None and p < LEVEL
    if not pairs:
        return NONE
    listed = "".join(f"\n- {each}" for each in found)
    said = f"Of {pairs} pairs of arms whose scores differ {len(found)} stand in another order by training return."
    sure = "None of them differs" if not shown else f"{shown} of them differ"
    return f"{said} {sure} in score by more than chance explains (Welch, p < 0.05, each by itself).{listed}"


def best_of_many() -> str:
    """The best evaluation during training beside the score, and the best seed beside the mean."""
    rows = []
    for result, arm in cells():
        seeds = [seed for seed in result.cell(arm).scored if seed.score is not None and seed.curve]
        if len(seeds) < FEWEST:
            continue
        best = np.array([max(value for _, value in seed.curve) for seed in seeds])
        score = np.array([seed.score.mean for seed in seeds if seed.score is not None])
        evaluations = round(float(np.mean([len(seed.curve) for seed in seeds])))
        gap = _text((best - score).mean())
        row = [result.task, arm, str(evaluations), *map(_text, (best.mean(), score.mean())), gap, _text(score.max())]
        rows.append(((best - score).mean() / _unit(result.values(arm, "score")), row))
    head = ("task", "arm", "evaluations", "the best of them", "score", "difference", "score of the best seed")
    return _table(head, rows)


def single_seeds() -> str:
    """What a single seed could have said."""
    rows = []
    for result, arm in cells():
        score = np.array(list(result.values(arm, "score").values()))
        row = [result.task, arm, str(len(score)), _text(score.mean()), _span(score)]
        rows.append((np.ptp(score) / _unit(result.values(arm, "score")), row))
    return _table(("task", "arm", "seeds", "mean score", "what one seed could have said"), rows)


def wrong_pairs() -> str:
    """How often one seed of each arm would have put two arms into the other order."""
    rows = []
    for _, result in stored():
        first, *others = [arm.name for arm in result.comparison.arms]
        base = list(result.values(first, "score").values())
        for arm in others:
            own = list(result.values(arm, "score").values())
            if min(len(own), len(base)) < FEWEST or np.mean(own) == np.mean(base):
                continue
            sign = np.sign(np.mean(own) - np.mean(base))
            against = [sign * (a - b) for a, b in product(own, base)]
            opposite, ties = (float(np.mean([how(each, 0) for each in against])) for how in (lt, eq))
            row = [result.task, f"{arm} against {first}", _text(np.mean(own) - np.mean(base))]
            rows.append((opposite, [*row, f"{opposite:.0%}", f"{ties:.0%}"]))
    return _table(
        ("task", "arms", "difference of means", "single pairs that say the opposite", "ties"), rows, by_score=False
    )


def last_networks() -> str:
    """The selected network beside the last one."""
    rows = []
    for result, arm in cells():
        score, last = result.values(arm, "score"), result.values(arm, "last")
        both = sorted(score.keys() & last.keys())
        falls = np.array([score[seed] - last[seed] for seed in both])
        means = (np.mean([score[seed] for seed in both]), np.mean([last[seed] for seed in both]))
        row = [result.task, arm, *map(_text, means), _text(falls.max())]
        rows.append((falls.max() / _unit(score), row))
    return _table(("task", "arm", "selected network", "last network", "the largest fall of a seed"), rows)


def bsuite() -> str:
    """bsuite's own scores, beside those of its DQN."""
    found = _other("bsuite")
    if found is None:
        return NONE_OF.format("behaviour")
    published, ours = found["published"], found["scores"]
    rows = [[name, _text(published[name]), _text(score)] for name, score in ours.items()]
    mean = sum(published[name] for name in ours) / len(ours)
    rows.append([f"mean of these {len(ours)}", _text(mean), _text(found["mean"])])
    return _lines(("experiment", "DQN, published", f"`{found['preset']}`, epsilon {found['epsilon']}"), rows)


def ladder() -> str:
    """What each part of the family does on the tasks of the suite of that name."""
    parts = [
        f"**{found.title}.** {what_helps(found)}\n\n{_lines(family_head(found), family_rows(found))}"
        for found in _families()
    ]
    return "\n\n".join(parts) or NONE


def in_short() -> str:
    """The same in a line for each family."""
    return "\n".join(f"- {found.title}: {what_helps(found)}" for found in _families()) or NONE


def of_part(*arms: str) -> str:
    """What the ladder says of a part, in a line for each arm and network."""
    told = [(found, arm, found.told(arm)) for found in _families() for arm in arms]
    said = [
        f"- Measured, {MEASURES[found.measure]}, `{arm}` against `{found.against(arm)}`: "
        + f"{'; '.join(f'{env} {text}' for env, text in on_each.items())}."
        for found, arm, on_each in told
        if on_each
    ]
    return "\n".join(said) or NONE


@cache
def _families() -> list[Family]:
    suite = read_suite("ladder", Path("runs"))
    return families(in_order(suite, read_results(suite, RESULTS / suite.name)))


def breakout() -> str:
    """How long a million steps of Breakout take."""
    found = _other("breakout")
    if found is None:
        return NONE_OF.format("breakout")
    head = ("agents", "minutes", "minutes per agent", "updates per env step", "share of the bare products", "scores")
    rows = [
        [
            str(row["agents"]),
            _text(row["minutes"]),
            _text(row["minutes_per_agent"]),
            f"{row['updates_per_step']:g}",
            f"{row['share_of_products']:.0%}",
            ", ".join(_text(score) for score in row["scores"]),
        ]
        for row in found["rows"]
    ]
    steps = f"{found['steps']:,} env steps of `{found['preset']}`, batches of {found['batch']}."
    return f"{_lines(head, rows)}\n\n{steps}"


def unseen() -> str:
    """What `default` makes of environments that no tuning has seen."""
    found = _other("unseen")
    if found is None:
        return NONE_OF.format("unseen")
    head = (
        "environment",
        "env steps",
        "the best there is",
        "what counts as learned",
        "scores",
        "learned",
        "said of the others",
    )
    return _lines(head, [_unseen_row(row) for row in found["rows"]])


def _unseen_row(row: Mapping[str, Any]) -> list[str]:
    told = [text for each in row["verdicts"].values() for text in each]
    said = "; ".join(dict.fromkeys([*told, *row["doctor"]])) if told else ""
    scores = ", ".join("none" if score is None else _text(score) for score in row["scores"])
    numbers = [f"{row['steps']:,}", _text(row["optimum"]), _text(row["level"]), scores]
    return [row["env"], *numbers, f"{row['learned']} of {len(row['seeds'])}", said]


def results_section() -> str:
    """The tables of every suite of which results are stored."""
    suites = {suite.name: suite for suite, _ in stored()}
    if not suites:
        return NONE
    return "\n".join(benchmark_markdown(each, read_results(each, RESULTS / name), 3) for name, each in suites.items())


# ── Pages ────────────────────────────────────────────────────────────────────────────────────────

BLOCKS: dict[str, dict[str, Callable[[], str]]] = {
    "docs/protocol.md": {
        "training returns": training_returns,
        "turned round": turned_round,
        "best of many": best_of_many,
        "single seeds": single_seeds,
        "wrong pairs": wrong_pairs,
        "last networks": last_networks,
    },
    "docs/results.md": {
        "in short": in_short,
        "benchmarks": results_section,
        "breakout": breakout,
        "unseen": unseen,
        "bsuite": bsuite,
    },
    "docs/variants.md": {
        "ladder": ladder,
        "double": partial(of_part, "+ double", "without double"),
        "n-step": partial(of_part, "+ n-step", "without n-step"),
        "PER": partial(of_part, "+ PER", "without PER"),
        "dueling": partial(of_part, "+ dueling", "without dueling"),
        "noisy": partial(of_part, "+ noisy: rainbow", "without noisy"),
        "layer norm": partial(of_part, "layer norm"),
        "iqn": partial(of_part, "iqn"),
        "C51": partial(of_part, "+ C51", "without C51"),
        "munchausen": partial(of_part, "munchausen"),
        "pqn": partial(of_part, "pqn"),
    },
}


def written(page: str) -> str:
    """A page with its blocks written anew."""
    text = (ROOT / page).read_text("utf-8")
    for name, make in BLOCKS[page].items():
        block = rf"(<!-- written: {re.escape(name)} -->\n).*?(<!-- end -->)"
        (old,) = re.finditer(block, text, flags=re.DOTALL)
        text = f"{text[: old.start()]}{old[1]}{make().strip()}\n{old[2]}{text[old.end() :]}"
    return text


def _text(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _span(values: np.ndarray) -> str:
    return f"{_text(values.min())} to {_text(values.max())}"


def _unit(scores: Mapping[int, float]) -> float:
    """In what effects on several environments are compared: the size of the mean score."""
    return max(abs(float(np.mean(list(scores.values())))), 1e-9)


def _table(head: tuple[str, ...], rows: list[tuple[float, list[str]]], *, by_score: bool = True) -> str:
    """A table of rows, each with the size of what it shows; of many rows those in the middle and at both ends.

    None is chosen for being large: sorted by size, they lie at equal distances.

    Args:
        by_score: whether sizes are in units of the mean score.
    """
    if not rows:
        return NONE
    shown, said = [row for _, row in rows], ""
    if len(rows) > MOST_ROWS:
        by_size = sorted(rows, key=lambda each: -each[0])
        at = np.linspace(0, len(rows) - 1, MOST_ROWS).round().astype(int)
        shown = [by_size[i][1] for i in at]
        said = f"\n\n{MOST_ROWS} of {len(rows)} rows at equal distances, from the largest effect to the smallest"
        said += f"{', beside the mean score' if by_score else ''}."
    return _lines(head, shown) + said


def _lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def _other(name: str) -> dict[str, Any] | None:
    """What another program has stored; none if nothing."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is out of date")
    args = parser.parse_args()
    old = [page for page in BLOCKS if written(page) != (ROOT / page).read_text("utf-8")]
    if args.check:
        print("\n".join(f"{page} is not what the results say: python benchmarks/protocol.py" for page in old))
        return 1 if old else 0
    for page in old:
        (ROOT / page).write_text(written(page), "utf-8")
        print(f"wrote {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
