"""The examples: they import without effects, compute what the library computes, and run."""

import copy
import importlib.util
import runpy
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

import dqnlab
from dqnlab import presets
from dqnlab.learn.types import Batch
from dqnlab.learn.weights import import_weights
from dqnlab.run.system import assemble
from dqnlab.store.metrics import read_records

from .tiny import TINY

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def one_file() -> ModuleType:
    return load("dqn_in_one_file")


def linear(weights: list[list[float]]) -> torch.nn.Linear:
    """A network so simple that everything about it can be worked out by hand: [1] -> two values, no bias."""
    layer = torch.nn.Linear(1, 2, bias=False)
    layer.weight.data = torch.tensor(weights)
    return layer


def test_example_fits_on_150_lines() -> None:
    assert len((EXAMPLES / "dqn_in_one_file.py").read_text("utf-8").splitlines()) <= 150


def test_importing_an_example_prints_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load("dqn_in_one_file")
    load("custom_env")
    load("own_tracker")
    assert capsys.readouterr().out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_update_pulls_the_taken_action_towards_reward_plus_discounted_best(one_file: ModuleType) -> None:
    # At obs 1: online says 22.5 of action 1, target's best at the next obs is 23. 1 + 0.99 * 23 = 23.77.
    online, target = linear([[20.1], [22.5]]), linear([[23.0], [22.8]])
    optimizer = torch.optim.SGD(online.parameters(), lr=0.1)
    one = torch.ones(1, 1)
    batch = one_file.Batch(one, torch.tensor([1]), torch.ones(1), one, torch.zeros(1))
    loss = one_file.update(online, target, optimizer, batch, 0.99)
    assert loss == pytest.approx(1.27**2, abs=1e-4)
    # The gradient of (23.77 - 22.5)^2 is -2 * 1.27; the other action and the target stay.
    np.testing.assert_allclose(online.weight.detach(), [[20.1], [22.5 + 0.1 * 2 * 1.27]], atol=1e-4)
    np.testing.assert_allclose(target.weight.detach(), [[23.0], [22.8]])


def test_nothing_follows_a_terminal_state(one_file: ModuleType) -> None:
    online, target = linear([[20.1], [22.5]]), linear([[23.0], [22.8]])
    one = torch.ones(1, 1)
    batch = one_file.Batch(one, torch.tensor([1]), torch.ones(1), one, torch.ones(1))
    loss = one_file.update(online, target, torch.optim.SGD(online.parameters(), lr=0.1), batch, 0.99)
    assert loss == pytest.approx((1 - 22.5) ** 2, abs=1e-3)


def test_transitions_are_stacked_column_by_column(one_file: ModuleType) -> None:
    obs = np.arange(8, dtype=np.float32).reshape(2, 4)
    transitions = [
        one_file.Transition(obs[0], 1, 1.0, obs[1], False),
        one_file.Transition(obs[1], 0, -2.0, obs[0], True),
    ]
    batch = one_file.stack(transitions)
    np.testing.assert_array_equal(batch.obs, obs)
    np.testing.assert_array_equal(batch.next_obs, obs[::-1])
    assert batch.action.tolist() == [1, 0]
    assert batch.reward.tolist() == [1.0, -2.0]
    assert batch.terminated.tolist() == [0.0, 1.0]


def test_greedy_takes_the_higher_value(one_file: ModuleType) -> None:
    assert one_file.greedy(linear([[1.0], [2.0]]), np.ones(1, np.float32)) == 1
    assert one_file.greedy(linear([[1.0], [2.0]]), -np.ones(1, np.float32)) == 0


def test_library_and_example_make_the_same_updates(one_file: ModuleType) -> None:
    """Three updates in a row, so that Adam's running means are compared too."""
    system = assemble(presets.get("textbook"))
    learner = system.learner
    online = one_file.QNetwork(4, 2)
    target = copy.deepcopy(online)
    for parameter in target.parameters():  # the two networks must not be equal, or mixing them up would not show
        parameter.data += 0.1
    import_weights(learner.online, online.state_dict())
    import_weights(learner.target, target.state_dict())
    optimizer = torch.optim.Adam(online.parameters(), lr=1e-3)

    draws = torch.Generator().manual_seed(0)
    for _ in range(3):
        obs, next_obs = torch.randn(64, 4, generator=draws), torch.randn(64, 4, generator=draws)
        action = torch.randint(2, (64,), generator=draws)
        reward = torch.randn(64, generator=draws)
        terminated = (torch.rand(64, generator=draws) < 0.2).float()
        theirs = one_file.update(
            online, target, optimizer, one_file.Batch(obs, action, reward, next_obs, terminated), 0.99
        )
        ours = learner.update(Batch(obs, action, reward, 0.99 * (1 - terminated), next_obs, torch.ones(64)))
        assert ours.loss.item() == pytest.approx(theirs, abs=1e-6)
    for mine, classic in zip(learner.online.parameters(), online.parameters(), strict=True):
        torch.testing.assert_close(mine, classic, atol=1e-6, rtol=0)
    system.close()


def test_example_and_preset_have_the_same_settings(one_file: ModuleType) -> None:
    textbook = presets.get("textbook")
    assert textbook.gamma == one_file.GAMMA
    assert one_file.BATCH_SIZE == textbook.batch_size == textbook.learning_starts
    assert textbook.replay_capacity == one_file.REPLAY_CAPACITY
    assert textbook.env.max_episode_steps == one_file.MAX_EPISODE_STEPS
    assert replace(textbook.sync, every=one_file.SYNC_EVERY) == textbook.sync
    assert replace(textbook.epsilon, end=one_file.EPSILON_END, factor=one_file.EPSILON_FACTOR) == textbook.epsilon
    assert replace(textbook.evaluate_every, num=one_file.EVALUATE_EVERY) == textbook.evaluate_every
    assert textbook.select_episodes == one_file.EVALUATION_EPISODES


def test_example_learns_and_saves_a_classic_best_model(
    one_file: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one_file.train(episodes=10, steps=10**9, seed=0, evaluation=True)
    assert "env steps/s" in capsys.readouterr().out
    weights = torch.load(tmp_path / "best_model.pth", weights_only=True)
    layers = ("fc.0", "fc.2", "fc.4")
    assert list(weights) == [f"{layer}.{part}" for layer in layers for part in ("weight", "bias")]
    one_file.QNetwork(4, 2).load_state_dict(weights)


def test_example_stops_after_the_steps_asked_for(one_file: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    one_file.train(episodes=10**9, steps=100, seed=0, evaluation=False)
    assert capsys.readouterr().out.startswith("100 env steps, 37 updates")  # one per step from the 64th on


@pytest.mark.world
def test_own_environment_trains_to_its_threshold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["custom_env.py"])
    left = runpy.run_path(str(EXAMPLES / "custom_env.py"), run_name="__main__")
    run = left["run"]
    assert run.solved
    assert run.folder.is_relative_to(tmp_path / "runs")


def test_own_tracker_holds_every_metric_and_the_score(tmp_path: Path) -> None:
    path = str(tmp_path / "all.sqlite")
    run = dqnlab.train(TINY, trackers=[load("own_tracker").Sqlite(path)], runs=tmp_path / "runs")
    rows = sqlite3.connect(path).execute("select run, step, value from metrics where name = 'score'").fetchall()
    assert run.score is not None
    assert rows == [(str(run.folder), 300, run.score.mean)]
    assert run.notes == [f"metrics of all runs: {path}"]
    recorded = [record["step"] for record in read_records(run.folder / "metrics.jsonl") if "eval/reward" in record]
    steps = sqlite3.connect(path).execute("select step from metrics where name = 'eval/reward'").fetchall()
    assert [step for (step,) in steps] == recorded == [100, 200, 300]
