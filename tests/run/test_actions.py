"""Actions of several components: every combination is one of ours, and each reaches the environment as it wants it."""

import itertools
import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

import dqnlab
from dqnlab.check.doctor.examination import examine
from dqnlab.config import Config, Env
from dqnlab.envs.actions import Joint, joint_of
from dqnlab.envs.make import describe, make_one
from dqnlab.errors import ConfigError, EnvironmentFault, FolderError
from dqnlab.explain.trace_text import step_text
from dqnlab.explain.world import actions
from dqnlab.lab.overrides import Overrides
from dqnlab.lab.session import train
from dqnlab.store.agent import load
from dqnlab.store.folder import LAST

from ..equal import same
from ..locks import Lock, Masked
from ..resuming import check_resumes
from ..tiny import SMALL

PAIR = Joint((2, 3), (1, 0), (2,))


def lock(masked: Masked = "no") -> Env:
    return Env(id=partial(Lock, masked))


class Taking(gym.Env[Any, Any]):
    """Takes actions of any space, and says whether they are of it."""

    observation_space = spaces.Box(-1, 1, (2,), np.float32)

    def __init__(self, action_space: Any):
        self.action_space = action_space

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action), action
        return np.zeros(2, np.float32), 0.0, False, False, {}


# ── Numbers ──────────────────────────────────────────────────────────────────────────────────────


def test_the_last_component_counts_fastest() -> None:
    assert PAIR.components(np.arange(6)).tolist() == [[1, 0], [1, 1], [1, 2], [2, 0], [2, 1], [2, 2]]
    assert PAIR.components(np.array(4)).tolist() == [2, 1]
    assert PAIR.components(np.array([[0], [5]])).tolist() == [[[1, 0]], [[2, 2]]]


@pytest.mark.parametrize(
    "space",
    [
        spaces.MultiDiscrete([2, 3, 2]),
        spaces.MultiDiscrete([[2, 3], [1, 2]], dtype=np.int16, start=[[-1, 0], [7, 2]]),
        spaces.MultiDiscrete([1] * 70 + [2]),
        spaces.MultiBinary(3),
        spaces.MultiBinary((2, 2)),
    ],
    ids=str,
)
def test_every_combination_is_one_action_as_the_space_samples_it(space: Any) -> None:
    """Against every combination written out."""
    spec = describe(Env(id=partial(Taking, space)))
    joint = joint_of(space)
    assert joint is not None
    each = [range(start, start + size) for size, start in zip(joint.sizes, joint.starts, strict=True)]
    wanted = [np.array(one).reshape(space.shape).tolist() for one in itertools.product(*each)]
    assert spec.num_actions == len(wanted)
    made = [spec.action(i) for i in range(len(wanted))]
    assert [one.tolist() for one in made] == spec.actions(np.arange(len(wanted))).tolist() == wanted
    assert all(space.contains(one) and one.dtype == space.dtype for one in made)
    assert spec.action_text(0) == str(wanted[0])


def test_a_mask_of_each_component_forbids_every_combination_with_what_it_forbids() -> None:
    each = (np.array([1, 0], np.int8), np.array([0, 1, 1], np.int8))
    assert PAIR.over_actions(each).tolist() == [0, 1, 1, 0, 0, 0]
    batch = tuple(np.stack([part, np.ones_like(part)]) for part in each)
    assert PAIR.over_actions(batch).tolist() == [[0, 1, 1, 0, 0, 0], [1] * 6]
    for other in ([1] * 6, (1,) * 6, np.ones(6), (np.ones(3), np.ones(2)), None):
        assert PAIR.over_actions(other) is other


@pytest.mark.parametrize(
    ("space", "says"),
    [
        (spaces.MultiDiscrete([17, 241]), r"has 4,097 joint actions \(17 x 241\), and at most 4,096 can be told apart"),
        (spaces.MultiBinary(13), r"has 8,192 joint actions \(2 x 2 x 2 x .* x …\)"),
        (spaces.MultiBinary(2_000), r"has some 10\^602 joint actions"),
        (
            spaces.Tuple((spaces.Discrete(2), spaces.Discrete(2))),
            "DQN needs Discrete, MultiDiscrete or MultiBinary",
        ),
    ],
    ids=lambda each: str(each)[:20],
)
def test_too_many_combinations_are_refused_with_their_number(space: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        describe(Env(id=partial(Taking, space)))


def test_4096_combinations_are_taken() -> None:
    assert describe(Env(id=partial(Taking, spaces.MultiDiscrete([64, 64])))).num_actions == 4_096


def test_components_that_change_are_an_error() -> None:
    class Changing(Lock):
        def reset(self, **kwargs: Any) -> Any:
            answer = super().reset(**kwargs)
            self.action_space = spaces.MultiDiscrete([3, 2], dtype=np.int32)
            return answer

    with pytest.raises(EnvironmentFault, match=r"the action space is MultiDiscrete\(\[3 2\]\) now, not the one of 6"):
        train(replace(SMALL, env=Env(id=Changing)), trackers=("none",))


# ── A run ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("masked", ["no", "joint", "each"])
def test_a_run_resumes_exactly_is_judged_and_explained(masked: Masked, tmp_path: Path) -> None:
    config = replace(SMALL, env=lock(masked), explain=True)
    whole, _ = check_resumes(config, tmp_path, Overrides(env=lock(masked)))
    assert whole.failed_steps == {}
    text = step_text(whole.folder)
    assert "   Q(s, [2, 1]) = " in text
    assert ("forbidden" in text) == (masked != "no")


@pytest.mark.world
def test_workers_step_the_same_run(tmp_path: Path) -> None:
    here = train(replace(SMALL, env=replace(lock("each"), num_envs=2)), out=tmp_path / "0", trackers=("none",))
    env = replace(lock("each"), num_envs=2, workers=2)
    there = train(replace(SMALL, env=env), out=tmp_path / "2", trackers=("none",))
    same(torch.load(here.folder / LAST), torch.load(there.folder / LAST))
    assert here.score == there.score


def test_a_loaded_agent_acts_without_its_environment(tmp_path: Path) -> None:
    run = train(replace(SMALL, env=lock("joint")), out=tmp_path / "run", trackers=("none",))
    agent = load(run.folder)
    one = agent.act([0, 2], [0, 1, 1, 0, 1, 1])
    assert one.dtype == np.int32
    assert one.shape == (2,)
    assert one[1] != 0
    mask = (np.array([0, 1]), np.array([0, 0, 1]))
    assert agent.act([0, 2], mask).tolist() == [2, 2]
    many = agent.act([[0, 2], [1, 1]], (np.array([[0, 1]] * 2), np.array([[0, 0, 1], [1, 0, 0]])))
    assert many.tolist() == [[2, 2], [2, 0]]


@pytest.mark.parametrize(
    "change",
    [
        {"action_dtype": "object"},
        {"action_dtype": ["int64"]},
        {"joint": 3},
        {"joint": {"sizes": [2, 3], "starts": [0, 0], "shape": [3]}},
        {"joint": {"sizes": [2, 4], "starts": [0, 0], "shape": [2]}},
        {"joint": {"sizes": [2, 3], "starts": [0, "x"], "shape": [2]}},
        {"joint": {"sizes": [2, 3], "starts": [0, 0]}},
        {"num_actions": 5},
    ],
    ids=str,
)
def test_components_that_do_not_make_up_the_actions_are_damage(change: dict[str, Any], runs: Path) -> None:
    path = runs / "meta.json"
    text = path.read_text()
    about = json.loads(text)
    about["env"] |= change
    path.write_text(json.dumps(about))
    try:
        with pytest.raises(FolderError, match="damaged"):
            load(runs)
    finally:
        path.write_text(text)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run."""
    folder = tmp_path_factory.mktemp("actions") / "run"
    return train(replace(SMALL, env=lock()), out=folder, trackers=("none",)).folder


def test_an_agent_of_other_components_does_not_fit(runs: Path) -> None:
    class Turned(Lock):
        def __init__(self) -> None:
            super().__init__()
            self.action_space = spaces.MultiDiscrete([3, 2], dtype=np.int32)

    with pytest.raises(ConfigError, match=r"and 6 actions \(3 x 2\); this agent takes .* and 6 actions \(2 x 3\)"):
        dqnlab.evaluate(load(runs), env=Turned, episodes=1)


def test_a_run_of_before_components_were_known_still_loads(runs: Path) -> None:
    path = runs / "meta.json"
    text = path.read_text()
    about = json.loads(text)
    del about["env"]["joint"], about["env"]["action_dtype"]
    path.write_text(json.dumps(about))
    try:
        assert type(load(runs).act([0, 2])) is np.int64
    finally:
        path.write_text(text)


# ── What people read ─────────────────────────────────────────────────────────────────────────────


def test_the_page_names_combinations_as_the_environment_would_write_them() -> None:
    env = lock()
    spec = describe(env)
    assert actions(make_one(env), spec, None) == ("[1, 0]", "[1, 1]", "[1, 2]", "[2, 0]", "[2, 1]", "[2, 2]")


def test_the_doctor_counts_the_combinations() -> None:
    report = examine(Config(env=lock()), steps=100, seconds=5.0)
    assert report.exit_code == 0
    assert ("actions", "6 joint actions, from [1, 0] to [2, 2]") in [(x.check, x.what) for x in report.findings]
