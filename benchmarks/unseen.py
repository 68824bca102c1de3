"""Whether the preset `default` learns on environments that no tuning has seen, and if not, what is said of why.

    python benchmarks/unseen.py [--seeds 2] [--only Ferry]

Three are of our own, from the tests: a mask and an observation of several parts (Jobs), a picture (Dots), one reward in
thousands of steps, and that one large (Ferry). Two are Gymnasium's: Blackjack-v1 and CliffWalkingSlippery-v1. Budgets,
levels and seeds were written down before anything was run, and nothing was changed for what came of it. "Learned" is a
score, over fresh greedy episodes, of at least the level: a tenth below the optimum, or, of Blackjack, whose optimum is
nearly zero, nine tenths of the way there from chance. Of what did not learn its health verdict is told, and what
the doctor warns of. Prints a table; writes
benchmarks/results/unseen.json after each, and goes on from there. Some five minutes on two quiet cores.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from machine import RESULTS, describe_machine, write_results

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import dqnlab
from dots import Dots
from dqnlab import presets
from dqnlab.check.doctor.examination import examine
from dqnlab.config import Config, Env, Film, Steps
from dqnlab.envs.optimum import best_return, dynamics_of
from dqnlab.explain.diagnose import diagnose
from dqnlab.explain.evidence import gather_evidence
from dqnlab.explain.words import verdict
from dqnlab.store.folder import Run
from ferry import Ferry
from jobs import Jobs

FIRST_SEED = 5000


@dataclass(frozen=True)
class Case:
    """An environment, and what counts as having learned it."""

    name: str
    env: str | Callable[..., Any]
    steps: int
    optimum: Callable[[], float]
    """the best mean return there is"""
    level: Callable[[float], float]
    """of the optimum, what has to be reached"""
    episodes: int = 100
    """of the score"""

    def config(self) -> Config:
        """The preset `default`, as it is."""
        base = replace(presets.get("default"), env=Env(id=self.env), budget=Steps(num=self.steps))
        return replace(base, score_episodes=self.episodes, film=Film(episodes=0), explain=False)


# ── The best there is ────────────────────────────────────────────────────────────────────────────

CARDS = {**dict.fromkeys(range(1, 10), 1 / 13), 10: 4 / 13}


def taken(hard: int, ace: bool, card: int) -> tuple[int, bool]:
    """A hand with one more card: its sum with aces as 1, and whether it has one."""
    return hard + card, ace or card == 1


def worth(hard: int, ace: bool) -> int:
    """What a hand counts; 0 if it is bust."""
    best = hard + 10 if ace and hard <= 11 else hard
    return best if best <= 21 else 0


@cache
def dealt(hard: int, ace: bool) -> dict[int, float]:
    """Probabilities of what the dealer comes to, who draws up to 17."""
    if hard > 21 or worth(hard, ace) >= 17:
        return {worth(hard, ace): 1.0}
    found: dict[int, float] = {}
    for card, chance in CARDS.items():
        for count, later in dealt(*taken(hard, ace, card)).items():
            found[count] = found.get(count, 0.0) + chance * later
    return found


@cache
def value(hard: int, ace: bool, shown: int) -> float:
    """What the better of sticking and drawing earns against a dealer who shows a card."""
    if hard > 21:
        return -1.0
    own, stick = worth(hard, ace), 0.0
    for card, chance in CARDS.items():
        for count, later in dealt(*taken(*taken(0, False, shown), card)).items():
            stick += chance * later * ((own > count) - (own < count))
    draw = sum(chance * value(*taken(hard, ace, card), shown) for card, chance in CARDS.items())
    return max(stick, draw)


def blackjack() -> float:
    """The value of the game by Sutton and Barto's rules, with cards drawn from an endless deck.

    An ace and a ten are 21 at once, which only the dealer's own ace and ten can meet.
    """
    whole = 0.0
    for shown, p in CARDS.items():
        other = CARDS[10] if shown == 1 else CARDS[1] if shown == 10 else 0.0
        for first, q in CARDS.items():
            for second, r in CARDS.items():
                natural = {first, second} == {1, 10}
                own = value(*taken(*taken(0, False, first), second), shown)
                whole += p * q * r * (1.0 - other if natural else own)
    return whole


def slippery() -> float:
    """The optimum of the slippery cliff, by backward induction."""
    table = dynamics_of(Env(id="CliffWalkingSlippery-v1"))
    assert table is not None
    return best_return(table)


CASES = [
    # Of three machines the one that the job is for is free two times in three; ten jobs a day.
    Case("Jobs", Jobs, 30_000, lambda: 20 / 3, lambda best: 0.9 * best, 1_000),
    Case("Dots", partial(Dots, (16, 16, 3)), 30_000, lambda: 8.0, lambda best: 0.9 * best),
    Case("Ferry", Ferry, 50_000, lambda: Ferry.PAY, lambda best: 0.9 * best),
    # Chance alone earns -0.39.
    Case("Blackjack-v1", "Blackjack-v1", 50_000, blackjack, lambda best: best - 0.1 * (best + 0.39), 5_000),
    Case("CliffWalkingSlippery-v1", "CliffWalkingSlippery-v1", 100_000, slippery, lambda best: 1.1 * best, 1_000),
]


# ── Runs ─────────────────────────────────────────────────────────────────────────────────────────


def told(run: Run, case: Case) -> list[str]:
    """What is said of a run that did not learn."""
    evidence = gather_evidence(run, case.config().env)
    return [verdict(each) for each in diagnose(evidence.records, evidence.facts)]


def measure(case: Case, seeds: int) -> dict[str, Any]:
    """A row: scores, the optimum, how many have learned, and what is said of the others."""
    config, best = case.config(), case.optimum()
    level = case.level(best)
    with tempfile.TemporaryDirectory() as home:
        given = tuple(range(FIRST_SEED, FIRST_SEED + seeds))
        group = dqnlab.train_many(config, given, runs=Path(home), trackers=(), quiet=True)
        scores = [None if run.score is None else run.score.mean for run in group.runs]
        missed = [run for run, score in zip(group.runs, scores, strict=True) if score is None or score < level]
        said = {str(run.seed): told(run, case) for run in missed}
        said |= {str(failed.seed): [failed.error] for failed in group.failures}
    warned = [f"{each.check}: {each.what}" for each in examine(config).findings if each.level in ("error", "warning")]
    return {
        "env": case.name,
        "steps": case.steps,
        "seeds": list(given),
        "optimum": round(best, 4),
        "level": round(level, 4),
        "scores": [None if score is None else round(score, 4) for score in scores],
        "learned": seeds - len(said),
        "verdicts": said,
        "doctor": warned,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", default="", help="names that contain this")
    parser.add_argument("--again", action="store_true", help="those too of which a result is stored")
    args = parser.parse_args()
    stored = RESULTS / "unseen.json"
    rows = {row["env"]: row for row in json.loads(stored.read_text())["rows"]} if stored.exists() else {}
    print("| environment | steps | optimum | level | scores | learned | said of the others |\n" + "|---" * 7 + "|")
    for case in CASES:
        if args.only not in case.name:
            continue
        if case.name not in rows or args.again:
            rows[case.name] = measure(case, args.seeds)
            known = [rows[each.name] for each in CASES if each.name in rows]
            write_results("unseen", {"machine": describe_machine(), "rows": known})
        row = rows[case.name]
        said = "; ".join(dict.fromkeys([text for each in row["verdicts"].values() for text in each] + row["doctor"]))
        scores = ", ".join("none" if score is None else f"{score:,.3g}" for score in row["scores"])
        shown = [case.name, f"{case.steps:,}", f"{row['optimum']:,.4g}", f"{row['level']:,.4g}", scores]
        shown += [f"{row['learned']} of {len(row['seeds'])}", said if row["verdicts"] else ""]
        print("| " + " | ".join(shown) + " |", flush=True)


if __name__ == "__main__":
    main()
