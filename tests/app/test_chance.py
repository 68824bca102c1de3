"""A threshold that random play reaches: `solved` says nothing then, and the run says that."""

from dataclasses import replace
from pathlib import Path

import pytest

from dqnlab.config import Env, Linear, Steps
from dqnlab.lab.chance import beaten_by_chance
from dqnlab.lab.session import train

from ..tiny import TINY

HEADER = '{"schema": 1}\n'


def episodes(folder: Path, *returns: float, epsilon: float = 1.0) -> Path:
    rows = [f'{{"step": {n}, "train/reward": {each}, "train/epsilon": {epsilon}}}\n' for n, each in enumerate(returns)]
    (folder / "metrics.jsonl").write_text(HEADER + "".join(rows))
    return folder


def test_episodes_by_chance_that_reach_the_threshold_are_told(tmp_path: Path) -> None:
    says = beaten_by_chance(episodes(tmp_path, 400, 390, 380, 400, 400), 250.0)
    assert "the 5 episodes played almost at random, before anything was learned, earned 394 on average" in says
    assert "reward_threshold = 250 is no more than that" in says


@pytest.mark.parametrize(
    ("returns", "epsilon", "threshold"),
    [
        ([400.0] * 5, 1.0, 500.0),  # a threshold that chance does not reach
        ([400.0] * 5, 1.0, None),
        ([400.0] * 4, 1.0, 250.0),  # too few to tell
        ([400.0] * 9, 0.5, 250.0),  # by what was learned
    ],
)
def test_nothing_is_said_of_any_other(
    returns: list[float], epsilon: float, threshold: float | None, tmp_path: Path
) -> None:
    assert beaten_by_chance(episodes(tmp_path, *returns, epsilon=epsilon), threshold) == ""


def test_a_run_without_its_metrics_says_nothing(tmp_path: Path) -> None:
    assert beaten_by_chance(tmp_path, 1.0) == ""
    (tmp_path / "metrics.jsonl").write_text("nothing of ours")
    assert beaten_by_chance(tmp_path, 1.0) == ""


def test_a_run_that_counts_as_solved_says_so(tmp_path: Path) -> None:
    env = Env(id="CartPole-v1", reward_threshold=1.0)
    slow = Linear(start=1.0, end=0.9, steps=10_000)
    config = replace(TINY, env=env, epsilon=slow, evaluate_every=Steps(num=300))
    run = train(config, out=tmp_path / "run", trackers=("none",))
    assert run.solved
    assert any("'solved' says nothing here" in note for note in run.notes)
    better = replace(config, env=replace(env, reward_threshold=9_000.0))
    run = train(better, out=tmp_path / "better", trackers=("none",))
    assert not any("'solved'" in note for note in run.notes)
