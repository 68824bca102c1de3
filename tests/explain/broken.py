"""Runs broken on purpose, each to show one ailment, and healthy ones: what the verdicts are tested on.

What a run of each wrote into metrics.jsonl lies beside it in `recorded/`, by `benchmarks/verdicts.py --record`.
"""

import gzip
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym

from dqnlab.config import Adam, Config, Constant, Env, Episodes, Greedy, Hard, Linear, Mlp, Scalar, Steps
from dqnlab.config.presets import get
from dqnlab.envs.make import describe
from dqnlab.errors import NumericsError
from dqnlab.explain.diagnose import diagnose
from dqnlab.explain.health.findings import Finding, facts_of
from dqnlab.run.system import events
from dqnlab.track.rows import returns, row

RECORDED = Path(__file__).parent / "recorded"
RECORDED_SEED = 21  # none of those by which the thresholds were chosen
Row = dict[str, Any]

LIMIT = 60  # steps of the short CartPole: within reach of a policy that has learned a little


class CutIsEnd(gym.Wrapper[Any, Any, Any, Any]):
    """Reports the step limit as a terminal state, which is wrong: the world goes on there."""

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self.env.step(action)
        return obs, reward, terminated or truncated, False, info


class EndIsCut(gym.Wrapper[Any, Any, Any, Any]):
    """Reports terminal states as truncation, which is wrong: nothing comes after a fall."""

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self.env.step(action)
        return obs, reward, False, terminated or truncated, info


def cut_is_end() -> gym.Env[Any, Any]:
    """CartPole with a short step limit that is reported as the end."""
    return CutIsEnd(gym.make("CartPole-v1", max_episode_steps=LIMIT))


def end_is_cut() -> gym.Env[Any, Any]:
    """CartPole whose falls are reported as truncation."""
    return EndIsCut(gym.make("CartPole-v1"))


@dataclass(frozen=True, kw_only=True)
class Case:
    """A run of which it is known how it should be judged."""

    name: str
    config: Config
    expected: frozenset[str] = frozenset()
    """kinds of bad findings, of which one must be made; none for a healthy run, of which no bad one may be made"""

    @property
    def file(self) -> Path:
        """Where the rows of its run with RECORDED_SEED lie."""
        return RECORDED / (self.name.replace(",", "").replace("=", "").replace(" ", "-") + ".jsonl.gz")

    def run(self, seed: int) -> list[Row]:
        """What metrics.jsonl would hold of a run with this seed; until its numbers run away, if they do."""
        rows: list[Row] = []
        try:
            for event in events(replace(self.config, seed=seed)):
                found = row(event)
                if found is not None:
                    rows.append({"step": found[0], **found[1], **returns(event)})
        except NumericsError:
            assert rows, "nothing was recorded before the numbers ran away"
        return rows

    def findings(self, rows: list[Row], seed: int) -> list[Finding]:
        """What is said of these rows."""
        config = replace(self.config, seed=seed)
        return diagnose(rows, facts_of(config, describe(config.env)))

    def is_hit(self, found: list[Finding]) -> bool:
        """Whether a broken run got one of its verdicts, or a healthy one no bad one."""
        bad = {finding.kind for finding in found if finding.severity == "bad"}
        return bool(bad & self.expected) if self.expected else not bad


def write_rows(path: Path, rows: list[Row]) -> None:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def read_rows(path: Path) -> list[Row]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


SMALL = replace(
    get("default"),
    compile="off",
    env=Env(num_envs=4),
    torso=Mlp(hidden=(64, 64)),
    optimizer=Adam(lr=1e-3),
    epsilon=Linear(steps=3_000),
    learning_starts=300,
    budget=Steps(num=8_000),
    evaluate_every=Steps(num=500),
    select_episodes=10,
    stop_when_solved=False,
    metrics_every=50,
    checkpoint_every=0,
)
PLAIN = replace(SMALL, n=1, rule=Greedy(), head=Scalar(), sync=Hard(every=100))
LAKE = Env(id="FrozenLake-v1", kwargs={"is_slippery": False}, num_envs=4)
ACROBOT = replace(
    SMALL,
    env=Env(id="Acrobot-v1", num_envs=16),
    torso=Mlp(hidden=(256,)),
    optimizer=Adam(lr=5e-4),
    sync=Hard(every=200),
    epsilon=Linear(steps=10_000),
    update_every=8,
    budget=Steps(num=40_000),
    evaluate_every=Steps(num=4_000),
)


def _broken(name: str, config: Config, *expected: str) -> Case:
    return Case(name=name, config=replace(config, budget=Steps(num=6_000)), expected=frozenset(expected))


BROKEN = (
    _broken(
        "no target network, large steps",
        replace(PLAIN, sync=Hard(every=1), optimizer=Adam(lr=1e-2)),
        "diverging",
        "over-estimating",
    ),
    _broken("no target network", replace(PLAIN, sync=Hard(every=1)), "diverging", "over-estimating"),
    _broken("gamma 1", replace(PLAIN, gamma=1.0), "unbounded"),
    _broken("gamma 1, quick sync", replace(PLAIN, gamma=1.0, sync=Hard(every=20)), "unbounded"),
    _broken("replay of 200", replace(PLAIN, replay_capacity=200, learning_starts=200), "short-memory", "forgetting"),
    _broken(
        "replay of 200, n = 3", replace(SMALL, replay_capacity=200, learning_starts=200), "short-memory", "forgetting"
    ),
    _broken("learning rate 1", replace(PLAIN, optimizer=Adam(lr=1.0)), "dead-network", "diverging"),
    _broken("learning rate 1, n = 3", replace(SMALL, optimizer=Adam(lr=1.0)), "dead-network", "diverging"),
    _broken("epsilon stays 1", replace(PLAIN, epsilon=Constant(value=1.0)), "always-random"),
    _broken("epsilon stays 0", replace(SMALL, env=LAKE, epsilon=Constant(value=0.0)), "not-exploring"),
    _broken("truncation as termination", replace(SMALL, env=Env(id=cut_is_end, num_envs=4)), "limit-as-end"),
    _broken("termination as truncation", replace(SMALL, env=Env(id=end_is_cut, num_envs=4)), "blind-to-the-end"),
)

HEALTHY = (
    Case(name="preset cartpole", config=replace(get("cartpole"), compile="off")),
    Case(
        name="preset textbook, 150 episodes", config=replace(get("textbook"), compile="off", budget=Episodes(num=150))
    ),
    Case(
        name="preset default, CartPole",
        config=replace(
            get("default"),
            compile="off",
            epsilon=Linear(steps=4_000),
            budget=Steps(num=10_000),
            evaluate_every=Steps(num=1_000),
            stop_when_solved=False,
        ),
    ),
    Case(
        name="preset default, FrozenLake",
        config=replace(
            get("default"),
            compile="off",
            env=LAKE,
            epsilon=Linear(steps=4_000),
            budget=Steps(num=8_000),
            evaluate_every=Steps(num=1_000),
            stop_when_solved=False,
        ),
    ),
    Case(name="small, CartPole", config=SMALL),
    Case(name="plain, CartPole", config=PLAIN),
    Case(
        name="small, slippery FrozenLake",
        config=replace(SMALL, env=Env(id="FrozenLake-v1", num_envs=4), budget=Steps(num=12_000)),
    ),
    Case(name="Acrobot", config=ACROBOT),
)
