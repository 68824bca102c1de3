"""Settings that are allowed and hardly meant so are said before training, by training and by the doctor."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dqnlab import presets
from dqnlab.config import Config, Constant, CosineRate, Env, Episodes, Geometric, Gru, Linear, LinearRate, Steps
from dqnlab.envs.make import describe
from dqnlab.errors import ConfigError
from dqnlab.learn.types import ObsSpec
from dqnlab.run.system import make_remarks

SPEC = describe(Env(id="CartPole-v1"))
BYTE, FLOAT = np.dtype(np.uint8), np.dtype(np.float32)
USUAL = Config(budget=Steps(num=20_000))


def said(config: Config, **of_env: Any) -> list[str]:
    return list(map(str, make_remarks(config, SPEC._replace(**of_env))))


def test_usual_settings_are_passed_over() -> None:
    assert said(USUAL) == said(Config()) == said(replace(USUAL, gamma=1)) == []
    assert said(replace(USUAL, epsilon=Constant(value=0.9))) == said(replace(USUAL, epsilon=Geometric())) == []
    assert said(replace(USUAL, budget=Episodes(num=2))) == []
    assert said(replace(USUAL, lr_schedule=CosineRate())) == said(
        replace(USUAL, lr_schedule=CosineRate(updates=90_000))
    )
    assert said(replace(USUAL, lr_schedule=LinearRate(updates=500, end=0.1))) == []


@pytest.mark.parametrize("name", presets.names())
def test_nothing_is_said_of_a_preset_for_its_environment(name: str) -> None:
    assert said(presets.get(name)) == []


FLAT = {"conv": "none"}
ODD = [
    ({"gamma": 1}, {"max_episode_steps": 10_000}, "gamma = 1 and no step limit below 10,000"),
    ({}, {"num_actions": 1}, "there is only one action"),
    ({}, {"unread_mask": "action_masks()"}, "the environment has action_masks(), which is not read"),
    (FLAT, {"obs": ObsSpec((84, 84, 3), BYTE, None)}, "observations of shape (84, 84, 3) are pictures, and go flat"),
    (FLAT, {"obs": ObsSpec((4, 84, 84), BYTE, None, 4)}, "observations of shape (4, 84, 84) are pictures"),
    (FLAT, {"obs": ObsSpec((1, 32, 32), FLOAT, None)}, "leave out --conv none (in Python conv='none'), and conv"),
    ({"env": Env(workers=3, num_envs=2)}, {}, "env.workers = 3, and training steps 2 copies"),
    ({"n": 10, "learning_starts": 19_995}, {}, "there may be no update at all: the first is due at about step 20,005"),
    ({"torso": Gru(), "learning_starts": 19_990}, {}, "the first is due at about step 20,015"),
    ({"update_every": 30_000}, {}, "there may be no update at all"),
    ({"evaluate_every": 20_001}, {}, "nothing is evaluated before the end: evaluate_every = 20,001 steps"),
    ({"lr_schedule": CosineRate(updates=500)}, {}, "the learning rate is 0 from update 500 on (lr_schedule.updates)"),
    ({"epsilon": Linear(steps=100_000)}, {}, "81% of the actions are still random when training ends at step 20,000"),
]


@pytest.mark.parametrize(
    ("settings", "of_env", "words"), ODD, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_is_hardly_meant_is_said(settings: dict[str, Any], of_env: dict[str, Any], words: str) -> None:
    (line,) = said(replace(USUAL, **settings), **of_env)
    assert words in line


@pytest.mark.parametrize("shape", [(4,), (7, 7, 3), (31, 31), (4, 84), (128,), (2, 100)], ids=str)
def test_what_is_no_picture_is_passed_over(shape: tuple[int, ...]) -> None:
    assert said(replace(USUAL, conv="none"), obs=ObsSpec(shape, BYTE, None)) == []


def test_pictures_that_convolutions_look_at_are_passed_over() -> None:
    assert said(USUAL, obs=ObsSpec((84, 84, 3), BYTE, None)) == []


def test_large_pictures_on_the_cpu_beside_a_gpu_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    (line,) = said(USUAL, obs=ObsSpec((84, 84, 3), BYTE, None))
    assert "there is a GPU: give --device cuda" in line
    assert said(USUAL, obs=ObsSpec((10, 10, 3), BYTE, None)) == []
    assert said(replace(USUAL, device="cpu"), obs=ObsSpec((84, 84, 3), BYTE, None)) == []


def test_each_remark_is_a_finding_of_its_own_for_the_doctor() -> None:
    config = replace(USUAL, budget=Steps(num=2_000), epsilon=Linear(steps=20_000), evaluate_every=3_000, gamma=1)
    found = make_remarks(config, SPEC._replace(max_episode_steps=10_000, num_actions=1, unread_mask="action_masks()"))
    assert len({each.check for each in found}) == len(found) == 5


def test_a_budget_that_ends_before_learning_would_start_is_refused_and_one_that_ends_with_it_is_said() -> None:
    with pytest.raises(ConfigError, match="learning would never start: learning_starts = 501"):
        Config(budget=Steps(num=500), learning_starts=501)
    lines = said(Config(budget=Steps(num=500), learning_starts=500, evaluate_every=100, epsilon=0.1))
    assert [line.partition(":")[0] for line in lines] == ["there may be no update at all"]
