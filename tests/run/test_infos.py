"""Numbers that an environment's infos hold when episodes end: in the metrics, beside the score, exact when resumed."""

import json
import math
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import dqnlab
from dqnlab.config import Env
from dqnlab.envs.infos import Names, means, numbers_in
from dqnlab.envs.seeds import env_seeds
from dqnlab.errors import FolderError
from dqnlab.lab.overrides import Overrides
from dqnlab.lab.resume import resume_folder
from dqnlab.lab.session import train
from dqnlab.store.agent import load
from dqnlab.store.find import read_run
from dqnlab.store.metrics import read_records
from dqnlab.store.score import Score

from ..resuming import Interrupts
from ..tiny import SMALL


class Rated(gym.Env[Any, Any]):
    """Six steps, of which each tells of some number; at the end whether four guesses were right, and how many."""

    def __init__(self, many: int = 0):
        self.observation_space, self.action_space = spaces.Box(0, 1, (1,), np.float32), spaces.Discrete(2)
        self.many = many

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.at = self.right = 0
        return self._look(), {"start": 3.0}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.right += int(action == self.wanted)
        self.at += 1
        said: dict[str, Any] = {"way": 7.0}
        if self.at == 6:
            said = {"is_success": self.right >= 4, "right": np.int64(self.right), "episode": {"r": 1.0}}
            said |= {f"part {i:02}": 0.5 for i in range(self.many)}
        return self._look(), float(self.right), self.at == 6, False, said

    def get_state(self) -> dict[str, Any]:
        return {"at": self.at, "right": self.right, "wanted": self.wanted}

    def set_state(self, state: dict[str, Any]) -> None:
        self.at, self.right, self.wanted = state["at"], state["right"], state["wanted"]

    def _look(self) -> np.ndarray:
        self.wanted = int(self.np_random.integers(2))
        return np.array([self.wanted], np.float32)


# ── What counts ──────────────────────────────────────────────────────────────────────────────────


def test_finite_numbers_and_truth_values_count_and_nothing_else() -> None:
    counted = {
        "is_success": True,
        "parts.speed": 0.5,
        "n": 3,
        "a": np.float32(0.25),
        "b": np.bool_(False),
        "c": np.int8(4),
    }
    others = {"word": "x", "list": [1], "array": np.ones(2), "zero": np.zeros(()), "none": None, "inf": math.inf}
    others |= {
        "nan": np.nan,
        "huge": 10**400,
        "complex": 1j,
        3: 1.0,
        "_hidden": 1.0,
        "a\x1b[2J": 1.0,
        "x" * 61: 1.0,
        "": 1,
    }
    others |= {"episode": 5, "TimeLimit.truncated": True, "action_mask": 1, "final_info": 1, "final_observation": 2.0}
    found = numbers_in(counted | others)
    assert found == {"is_success": 1.0, "parts.speed": 0.5, "n": 3.0, "a": 0.25, "b": 0.0, "c": 4.0}
    assert {type(value) for value in found.values()} == {float}
    assert numbers_in([1]) == numbers_in(None) == {}


def test_a_mean_is_over_the_episodes_that_ended_with_the_number() -> None:
    assert means([{"a": 1.0, "b": 2.0}, {"a": 0.0}, {}, {"a": 0.5}]) == {"a": 0.5, "b": 2.0}
    assert means([]) == {}


def test_the_first_twenty_names_are_kept() -> None:
    names = Names(["old"])
    assert names.kept({"new": 1.0, "old": 2.0}) == {"new": 1.0, "old": 2.0}
    many = {f"n{i}": 0.0 for i in range(30)}
    assert list(names.kept(many)) == [f"n{i}" for i in range(18)]
    assert names.kept({"n29": 1.0, "old": 3.0}) == {"old": 3.0}
    assert Names(names.known).kept(many | {"n29": 1.0}).keys() == names.kept(many).keys()
    assert len(means([many])) == 20


# ── Runs ─────────────────────────────────────────────────────────────────────────────────────────


def rows(folder: Path) -> list[dict[str, Any]]:
    """What a run recorded, without the clock."""
    return [
        {name: value for name, value in row.items() if not name.startswith("time/")}
        for row in read_records(folder / "metrics.jsonl")
    ]


def test_they_are_recorded_of_training_and_of_judging_and_stand_beside_the_score(tmp_path: Path) -> None:
    run = train(replace(SMALL, env=Env(id=Rated)), out=tmp_path / "run", trackers=("none",))
    ended = [row for row in rows(run.folder) if "train/reward" in row]
    judged = [row for row in rows(run.folder) if "eval/reward" in row]
    assert ended
    assert judged
    for row in ended:
        assert row["train/info/is_success"] == float(row["train/info/right"] >= 4)
        assert {name for name in row if "info" in name} == {"train/info/is_success", "train/info/right"}
    for row in judged:
        assert 0 <= row["eval/info/is_success"] <= 1
        assert (row["eval/info/right"] == 6) == (row["eval/min"] == 21)
    assert run.score is not None
    assert set(run.score.info) == {"is_success", "right"}
    kept = json.loads((run.folder / "result.json").read_text())["score"]["info"]
    assert kept == run.score.info == read_run(run.folder).score.info
    again = dqnlab.evaluate(load(run.folder, env=Rated), env=Rated, episodes=20)
    assert 0 <= again.info["is_success"] <= 1


def test_judged_episodes_are_counted_one_by_one(tmp_path: Path) -> None:
    """Of more episodes than are played side by side, each once: returns follow from what each ended with."""
    run = train(replace(SMALL, env=Env(id=Rated), score_episodes=37), out=tmp_path / "run", trackers=("none",))
    score = run.score
    assert score is not None
    agent = load(run.folder, env=Rated)
    right = []
    for seed in env_seeds(0, "confirm-2", 37):
        env = Rated()
        obs, _ = env.reset(seed=seed)
        for _ in range(6):
            obs, *_, said = env.step(agent.act(obs))
        right.append(int(said["right"]))
    assert score.info["right"] == pytest.approx(np.mean(right))


@pytest.mark.parametrize("many", [0, 30])
def test_a_resumed_run_records_the_same(many: int, tmp_path: Path) -> None:
    env = Env(id=partial(Rated, many))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of more than twenty
        whole = train(replace(SMALL, env=env), out=tmp_path / "whole", trackers=("none",))
        begun = train(replace(SMALL, env=env), out=tmp_path / "cut", trackers=("none",), view=Interrupts())
        resumed = resume_folder(begun.folder, Overrides(env=env))
    assert resumed.resumed == "exact"
    assert rows(resumed.folder) == rows(whole.folder)
    assert resumed.score == whole.score


def test_more_than_twenty_names_are_said_once(tmp_path: Path) -> None:
    env = Env(id=partial(Rated, 30), num_envs=2)
    with pytest.warns(UserWarning, match="infos hold more than 20 numbers at the end of episodes: 'part 18'") as said:
        run = train(replace(SMALL, env=env), out=tmp_path / "run", trackers=("none",))
    assert len([each for each in said if "more than 20" in str(each.message)]) == 1
    assert all(sum("/info/" in name for name in row) in (0, 20) for row in rows(run.folder))


@pytest.mark.world
def test_workers_record_the_same(tmp_path: Path) -> None:
    runs = [
        train(
            replace(SMALL, env=Env(id=Rated, num_envs=3, workers=workers)),
            out=tmp_path / str(workers),
            trackers=("none",),
        )
        for workers in (0, 2)
    ]
    assert rows(runs[0].folder) == rows(runs[1].folder)
    assert any("train/info/right" in row for row in rows(runs[0].folder))
    assert runs[0].score == runs[1].score


@pytest.mark.parametrize("odd", [3, {"x": "[red]"}, {"x": math.inf}, [1]], ids=str)
def test_odd_numbers_beside_a_score_are_damage(odd: Any, tmp_path: Path) -> None:
    run = train(replace(SMALL, env=Env(id=Rated)), out=tmp_path / "run", trackers=("none",))
    path = run.folder / "result.json"
    about = json.loads(path.read_text())
    about["score"]["info"] = odd
    path.write_text(json.dumps(about))
    with pytest.raises(FolderError):
        read_run(run.folder)
    del about["score"]["info"]  # as of before they were kept
    path.write_text(json.dumps(about))
    assert isinstance(read_run(run.folder).score, Score)
