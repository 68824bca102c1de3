"""What a benchmark says of its arms, of which first arm a verdict is, and of how long the rest takes."""

from pathlib import Path

import pytest

from dqnlab.app.arms import arm_of_text
from dqnlab.app.suites import read_suite, shipped
from dqnlab.config import Config, Env
from dqnlab.lab.arms import AskedArm, ComparisonRequest
from dqnlab.lab.benchmark.judging import Judged
from dqnlab.lab.benchmark.merged import conclusions
from dqnlab.lab.benchmark.rows import TaskRow, arm_settings_rows, goal_rows, protocol_text, published_rows
from dqnlab.lab.benchmark.suite import Goal, Published
from dqnlab.lab.benchmark.time_left import TimeLeft, left_text, rough_time
from dqnlab.lab.existing import ExistingSeeds
from dqnlab.lab.planning import CellPlan

from .kit import score
from .stored import result, task


def test_a_verdict_says_which_first_arm_it_is_of_if_there_were_others() -> None:
    rows = [
        TaskRow(
            task(goals=(Goal(at_least=20),), tries=2, published=(Published(value=19, by="a", source="p"),)), result()
        )
    ]
    assert goal_rows(rows)[0][3] == published_rows(rows)[0][4] == "yes (the interval holds less), at try 2"
    assert goal_rows([TaskRow(rows[0].task, None)])[0][3] == ""


def test_what_an_arm_is_stands_there_unless_it_is_called_so() -> None:
    tables = {
        "dqn": {"preset": "dqn"},
        "mine": {
            "preset": "dqn",
            "settings": {
                "n": 3,
                "head": {"kind": "qr", "huber": None},
                "torso": {"hidden": [64, 32]},
                "explain": False,
            },
        },
        "there": {"folders": ["runs/a"]},
    }
    arms = tuple(AskedArm(name=name, table=table) for name, table in tables.items())
    request = ComparisonRequest(arms=arms, envs=("CartPole-v1",), seeds=(0,))
    here = task(request=request)
    assert arm_settings_rows([TaskRow(here, None), TaskRow(task("Acrobot-v1", request=request), None)]) == [
        ["mine", "dqn n=3 head:qr head.huber=none torso.hidden=64,32 explain=off", "all"]
    ]
    assert arm_settings_rows([TaskRow(here, None), TaskRow(task("Acrobot-v1"), None)])[0][2] == here.name


def test_what_an_environment_is_made_with_can_be_typed_again(tmp_path: Path) -> None:
    settings = {"env": {"kwargs": {"map": ["a b", None], "is_slippery": False}}, "normalize_obs": True}
    arm = AskedArm(name="mine", table={"preset": "dqn", "settings": settings})
    request = ComparisonRequest(arms=(arm,), envs=("CartPole-v1",), seeds=(0,))
    ((_, text, _),) = arm_settings_rows([TaskRow(task(request=request), None)])
    again = arm_of_text(text, tmp_path)
    assert (again.preset, again.settings) == ("dqn", settings)


@pytest.mark.parametrize("name", shipped())
def test_what_an_arm_is_said_to_be_is_that_arm_again(name: str, tmp_path: Path) -> None:
    for made in read_suite(name, tmp_path).tasks:
        tables = {arm.name: arm.table for arm in made.request.arms}
        for arm, text, _ in arm_settings_rows([TaskRow(made, None)]):
            again = arm_of_text(text, tmp_path)
            assert (again.preset, again.settings) == (tables[arm]["preset"], tables[arm].get("settings", {}))


def test_a_tasks_settings_stand_above_those_of_its_suite_each_by_itself(tmp_path: Path) -> None:
    text = """arms = ["dqn"]
    steps = 5_000
    settings = { stop_when_solved = false, score_episodes = 20, env = { kwargs = { render_mode = "rgb_array" } } }
    [[tasks]]
    env = "CartPole-v1"
    settings = { score_episodes = 30, env = { num_envs = 2 } }
    [[tasks]]
    env = "Acrobot-v1"
    """
    (tmp_path / "mine.toml").write_text(text)
    own, other = (task.request.arms[0].configs[0] for task in read_suite(str(tmp_path / "mine.toml"), tmp_path).tasks)
    assert (own.stop_when_solved, own.score_episodes, own.env.num_envs) == (False, 30, 2)
    assert own.env.kwargs == {"render_mode": "rgb_array"}
    assert (other.stop_when_solved, other.score_episodes, other.env.num_envs) == (False, 20, 1)


def test_how_it_was_judged_is_told_of_what_was_asked() -> None:
    assert protocol_text([TaskRow(task(), None)]).startswith("Score: the mean of 100 fresh greedy episodes of the ")
    few = ComparisonRequest(
        arms=(AskedArm(name="few", configs=(Config(score_episodes=20),)),), envs=("CartPole-v1",), seeds=(0,)
    )
    both = protocol_text([TaskRow(task(), None), TaskRow(task(request=few), None)])
    assert both.startswith("Score: the mean of 20 or 100 fresh greedy episodes of the ")


def test_what_was_only_selected_otherwise_is_not_held_against_its_own_training() -> None:
    scores = {"dqn": [10.0, 20.0, 30.0], "other": [40.0, 50.0, 60.0], "again": [11.0, 21.0, 31.0]}
    returns = {"dqn": 1.0, "again": 1.0, "other": 2.0}
    judged = {
        (arm, seed): Judged(last=score(5.0), training=(value, seed))
        for arm, value in returns.items()
        for seed in range(3)
    }
    ((_, said), *_) = conclusions([TaskRow(task(), result(scores=scores, judged=judged))])
    assert said.startswith("No difference between other and dqn") or said.startswith("other is better than dqn")
    assert said.endswith("again is the same training as dqn, seed by seed, and only selected otherwise.")


def test_time_left_in_words() -> None:
    assert left_text((0.0, 0)) == "nothing is left to train"
    assert left_text((0.0, 2)) == "how long is not known before the first seed is done"
    assert left_text((3_600.0, 1)) == "about 1:00:00 left, and 1 seed of which that is not known"
    assert [rough_time(s) for s in (1, 2_640, 53_640)] == ["1 minute", "44 minutes", "14.9 hours"]


def of_seed(found: TimeLeft, arm: str) -> float | None:
    config = Config(env=Env(id="Acrobot-v1"))
    there = ExistingSeeds(finished={}, failed={})
    cell = CellPlan(arm=arm, env="Acrobot-v1", config=config, resolved=config, there=there, missing=(0,), seconds=None)
    return found.of_seed(task("Acrobot-v1", seconds=7.0), cell)


def test_an_arm_takes_as_many_times_what_the_others_take_as_elsewhere() -> None:
    found = TimeLeft()
    found.learn_stored(result(waited={"dqn": 10.0, "iqn": 40.0, "pqn": 1.0}))
    assert of_seed(found, "iqn") == of_seed(found, "dqn")  # by what the suite says, for nothing is known there
    found.learn_stored(result("Acrobot-v1", waited={"dqn": 30.0, "pqn": 3.0}, steps=2_000))
    assert of_seed(found, "dqn") == 15.0
    assert of_seed(found, "iqn") == pytest.approx(40.0 * (15.0 + 1.5) / (10.0 + 1.0))
    found.learn_stored(result("LunarLander-v3", waited={"iqn": 4.0}))  # beside no arm that is known
    assert of_seed(found, "iqn") == pytest.approx(60.0)
