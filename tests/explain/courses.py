"""Courses of runs written by hand, healthy but for what a test changes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from dqnlab.explain.diagnose import diagnose
from dqnlab.explain.health.findings import Finding, RunFacts
from dqnlab.explain.page import words

FACTS = RunFacts(
    gamma=0.99,
    n=1,
    epsilon_end=0.05,
    max_episode_steps=500,
    threshold=475.0,
    replay_capacity=10_000,
    lr=1e-3,
    prioritized=False,
    huber=False,
    follows_at_once=False,
)
Rows = list[dict[str, Any]]
Change = Mapping[str, Callable[[float], object]]
"""Metric -> its value at a share of training, from 0 to 1."""


def returns(share: float) -> float:
    """The return of an episode: from 20 to 480."""
    return round(20 + 460 * min(2 * share, 1))


def played(share: float) -> float:
    """The same of an episode of training: no two in a row are alike."""
    return returns(share) - round(share * 200) % 7


def earned(share: float) -> float:
    """What an evaluation earned, discounted."""
    return float((1 - 0.99 ** returns(share)) / 0.01)


HEALTHY: Change = {
    "train/reward": played,
    "train/length": played,
    "train/epsilon": lambda share: max(0.05, 1 - 3 * share),
    "learn/loss": lambda _: 1.0,
    "learn/td_error": lambda _: 1.0,
    "learn/td_bias": lambda share: 0.2 if share < 0.5 else 0.05,
    "learn/q_mean": lambda share: 20 + 60 * share,
    "learn/q_max": lambda share: 20 + 79 * share,
    "learn/action_gap": lambda _: 2.0,
    "learn/grad_norm": lambda _: 5.0,
    "learn/dead_units": lambda _: 0.25,
    "replay/size": lambda share: round(3_000 * share),
    "replay/terminal_share": lambda _: 0.01,  # an episode ends every 100 steps
    "eval/reward": returns,
    "eval/value": lambda share: 0.9 * earned(share),
    "eval/discounted_return": earned,
}
EVERY = {"train": 100, "learn": 100, "replay": 100, "eval": 1_000}  # env steps between two records


def course(change: Change | None = None, end: int = 20_000) -> Rows:
    """The rows of a run, healthy but for the changes."""
    rows: Rows = []
    for step in range(100, end + 1, 100):
        row: dict[str, Any] = {"step": step}
        for name, value in (dict(HEALTHY) | dict(change or {})).items():
            if step % EVERY[name.split("/")[0]] == 0:
                row[name] = value(step / end)
        rows.append(row)
    return rows


def kinds(rows: Rows, **facts: Any) -> list[str]:
    return [finding.kind for finding in diagnose(rows, replace(FACTS, **facts))]


def only(rows: Rows, kind: str, **facts: Any) -> Finding:
    found = [finding for finding in diagnose(rows, replace(FACTS, **facts)) if finding.kind == kind]
    assert len(found) == 1, kinds(rows, **facts)
    said = words()[f"health.kind.{kind}.means"]["en"]
    assert set(re.findall(r"\{(\w+)[|}]", said)) <= found[0].numbers.keys(), "a sentence would not be filled"
    return found[0]
