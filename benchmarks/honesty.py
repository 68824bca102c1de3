"""How honest a comparison is: claims between equal arms, and how often each interval holds the truth.

    python benchmarks/honesty.py              synthetic scores: under two minutes on one core
    python benchmarks/honesty.py --runs 20    and 20 comparisons of real runs: one preset against itself

Every claim between equal arms is a false one; 5 % of them are what is promised. Real runs come from one pool of 40
seeds of the same settings on CartPole-v1, of which each comparison draws two arms at random. Prints the tables of
docs/comparing.md and writes results/honesty.json.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import dqnlab
from dqnlab import presets
from dqnlab.comparing.assess import LEVEL, assessment_of, p_between
from dqnlab.comparing.comparison import Arm, ArmCell, Comparison, SeedResult
from dqnlab.comparing.read import read_cell
from dqnlab.comparing.statistics import (
    holm,
    improvement_estimate,
    iqm,
    iqm_estimate,
    profile_band,
    welch,
)
from dqnlab.config import Film, Steps
from dqnlab.store.interval import over_seeds
from dqnlab.store.score import Score

RESULTS = Path(__file__).parent / "results" / "honesty.json"
SEEDS = (3, 5, 10, 20)
REPETITIONS, RESAMPLED = 2_000, 400
"""of closed forms; of those that resample"""
MANY = 4
"""arms held against the baseline where several are"""
POOL = 40


class Law(NamedTuple):
    """Where the scores of an arm's seeds come from."""

    draw: Callable[[np.random.Generator, int], np.ndarray]


def collapsing(rng: np.random.Generator, num: int) -> np.ndarray:
    """Capped at 500, which half of the sound seeds reach; one of five collapses."""
    sound = np.minimum(rng.normal(500, 20, num), 500)
    return np.where(rng.random(num) < 0.2, rng.uniform(10, 300, num), sound)


LAWS = {
    "normal": Law(lambda rng, n: rng.normal(size=n)),
    "skewed (gamma, shape 2)": Law(lambda rng, n: rng.gamma(2, size=n)),
    "capped at 500": Law(lambda rng, n: np.minimum(rng.normal(500, 40, n), 500)),
    "capped, one of five collapses": Law(collapsing),
}


def cell(scores: Sequence[float], failed: int = 0) -> ArmCell:
    """A cell of these scores, and of seeds that have none."""
    seeds = []
    for i, value in enumerate([*scores, *[None] * failed]):
        score = None
        if value is not None:
            mean = float(value)
            score = Score(
                mean=mean, low=None, high=None, minimum=mean, maximum=mean, episodes=1, returns=(mean,), cut=0
            )
        seeds.append(SeedResult(seed=i, folder=Path(), score=score, error=None if score else "it fell"))
    return ArmCell(env="none", seeds=tuple(seeds), settings={})


# ── Claims between equal arms ────────────────────────────────────────────────────────────────────


def claims(law: Law, num: int) -> dict[str, float]:
    """Shares, in percent, of comparisons of equal arms that claim a difference."""
    rng = np.random.default_rng(num)
    alone = corrected = plain = dropped = counted = nothing = 0
    crash = num // 5
    for _ in range(REPETITIONS):
        base, *arms = (law.draw(rng, num) for _ in range(1 + MANY))
        p_values = [found.p for found in (welch(arm, base) for arm in arms)]
        nothing += p_values[0] is None
        alone += p_values[0] is not None and p_values[0] < LEVEL
        known = [p for p in p_values if p is not None]
        plain += any(p < LEVEL for p in known)
        corrected += any(p < LEVEL for p in holm(known))
        if crash:  # the worst seeds of one arm fail before they have a score
            kept = np.sort(arms[0])[crash:]
            dropped += bool(((p := welch(kept, base).p) is not None) and p < LEVEL)
            counted += bool(
                ((p := p_between(cell(kept.tolist(), crash), cell(base.tolist()))) is not None) and p < LEVEL
            )
    shares = {"two arms": alone, "no spread": nothing, f"{1 + MANY} arms, Holm": corrected, "uncorrected": plain}
    if crash:
        shares |= {"worst fifth crashed, counted against": counted, "silently dropped": dropped}
    return {name: 100 * times / REPETITIONS for name, times in shares.items()}


def claims_by_bootstrap(law: Law, num: int) -> float:
    """The same in percent if a claim were that the interval of the probability of improvement excludes one half."""
    rng, false = np.random.default_rng(num), 0
    for _ in range(RESAMPLED):
        found = improvement_estimate([law.draw(rng, num)], [law.draw(rng, num)], [("a", "b")])
        false += found.low > 0.5 or found.high < 0.5
    return 100 * false / RESAMPLED


# ── Coverage ─────────────────────────────────────────────────────────────────────────────────────


def coverage(law: Law, num: int) -> dict[str, float]:
    """How often, in percent, each interval holds the truth; of means those that have one."""
    rng = np.random.default_rng(1000 + num)
    many = law.draw(np.random.default_rng(7), 1_000_000)
    truths = {"mean": many.mean(), "IQM": float(iqm(many))}
    levels = np.quantile(many, [0.25, 0.5, 0.75])
    shares = np.array([(many > level).mean() for level in levels])
    held: dict[str, list[bool]] = {name: [] for name in ("mean, t", "difference, Welch")}
    for _ in range(REPETITIONS):
        own, other = law.draw(rng, num), law.draw(rng, num)
        low, high, _ = over_seeds(own)
        if low is not None and high is not None:
            held["mean, t"].append(low <= truths["mean"] <= high)
        found = welch(own, other)
        if found.low is not None and found.high is not None:
            held["difference, Welch"].append(found.low <= 0 <= found.high)
    held |= {name: [] for name in ("IQM", "probability of improvement", "profile")}
    for _ in range(RESAMPLED):
        own, other = law.draw(rng, num), law.draw(rng, num)
        middle = iqm_estimate([own], ["a"])
        held["IQM"].append(middle.low <= truths["IQM"] <= middle.high)
        better = improvement_estimate([own], [other], [("a", "b")])
        held["probability of improvement"].append(better.low <= 0.5 <= better.high)
        _, below, above = profile_band([own], levels, ["a"])
        held["profile"] += ((below <= shares) & (shares <= above)).tolist()
    return {name: 100 * float(np.mean(each)) for name, each in held.items()}


# ── Real runs ────────────────────────────────────────────────────────────────────────────────────


def pool(folder: Path) -> ArmCell:
    """Many seeds of one configuration, briefly trained."""
    config = replace(
        presets.get("dqn"),  # on CartPole-v1, which is its default
        budget=Steps(num=3_000),
        evaluate_every=Steps(num=1_500),
        learning_starts=500,
        select_episodes=5,
        confirm_episodes=5,
        score_episodes=50,
        stop_when_solved=False,
        film=Film(episodes=0),
        explain=False,
        compile="off",
    )
    group = dqnlab.train_many(config, range(POOL), out=folder, trackers=[], quiet=True)
    return read_cell([group.folder])


def claims_of_runs(seeds: ArmCell, num: int, comparisons: int) -> dict[str, float]:
    """How many comparisons of two arms, drawn at random from the same pool of real runs, claim anything."""
    rng, false = np.random.default_rng(num), 0
    for _ in range(comparisons):
        drawn = rng.permutation(len(seeds.seeds))[: 2 * num]
        halves = [tuple(seeds.seeds[i] for i in part) for part in (drawn[:num], drawn[num:])]
        arms = tuple(
            Arm(name=name, cells=(replace(seeds, seeds=half),)) for name, half in zip("ab", halves, strict=True)
        )
        found = assessment_of(Comparison(arms=arms, envs=(seeds.env,))).contrasts[0]
        false += found.verdict in ("better", "worse")
    return {"claims": false, "comparisons": comparisons}


# ── Tables ───────────────────────────────────────────────────────────────────────────────────────


def table(head: Sequence[str], rows: dict[str, list[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items())])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=0, help="comparisons of real runs at each number of seeds")
    asked = parser.parse_args()
    found: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    found |= {"repetitions": REPETITIONS, "resampled": RESAMPLED, "claims": {}, "coverage": {}}
    for name, law in LAWS.items():
        found["claims"][name] = {
            str(num): claims(law, num) | {"bootstrap": claims_by_bootstrap(law, num)} for num in SEEDS
        }
        found["coverage"][name] = {str(num): coverage(law, num) for num in SEEDS}
    head = [f"{num} seeds" for num in SEEDS]
    for what in found["claims"]["normal"][str(SEEDS[-1])]:
        rows = {
            n: [f"{each[what]:.1f}" if what in each else "" for each in by.values()]
            for n, by in found["claims"].items()
        }
        print(f"claims, {what}\n{table(['scores', *head], rows)}\n")
    for what in found["coverage"]["normal"][str(SEEDS[0])]:
        rows = {n: [f"{each[what]:.1f}" for each in by.values()] for n, by in found["coverage"].items()}
        print(f"coverage, {what}\n{table(['scores', *head], rows)}\n")
    if asked.runs:
        with tempfile.TemporaryDirectory() as folder:
            seeds = pool(Path(folder) / "pool")
        found["runs"] = {str(num): claims_of_runs(seeds, num, asked.runs) for num in SEEDS}
        found["runs"]["scores"] = sorted(seeds.scores)
        print("real runs:", json.dumps(found["runs"]))
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
