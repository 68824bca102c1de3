"""How episodes end is told as it was seen."""

from dataclasses import replace
from typing import Any

import pytest

from dqnlab.check.doctor import examination as doctor
from dqnlab.config import Config, Env, Steps

from .patients import Sound


class CutsItself(Sound):
    def step(self, action: Any) -> Any:
        self.played += 1
        obs, reward, _, _, info = super().step(action)
        return obs, reward, False, self.played == 30, info

    def reset(self, **words: Any) -> Any:
        self.played = 0
        return super().reset(**words)


def test_an_environment_that_truncates_by_itself_is_not_said_to_have_no_limit() -> None:
    report = doctor.examine(Config(env=Env(id=CutsItself)))
    told = "; ".join(finding.what for finding in report.findings if finding.check == "ends")
    assert "no step limit" not in told
    assert "it truncates episodes by itself, and none was longer than 30 steps" in told
    assert report.forecast is not None
    low, high = report.forecast.seconds
    assert high < 20 * low  # not as if episodes took 10,000 steps


@pytest.mark.parametrize(("num_envs", "level"), [(3, "note"), (4, "warning")])
def test_copies_whose_episodes_checkpoints_would_never_let_end_are_a_warning(num_envs: int, level: str) -> None:
    mute = type("Mute", (CutsItself,), {"get_state": None})
    report = doctor.examine(Config(env=Env(id=mute, num_envs=num_envs), checkpoint_every=100))
    (found,) = (each for each in report.findings if each.check == "resume")
    assert found.level == level
    told = "its 4 copies share those steps, so no episode lasts longer than 25"
    assert found.what.endswith(told) == (level == "warning")
    assert ("--checkpoint-every 0 (in Python checkpoint_every=0)" in found.advice) == (level == "warning")


def test_where_no_checkpoint_comes_in_training_none_is_said_to_cut_it() -> None:
    mute = type("Mute", (CutsItself,), {"get_state": None})
    config = Config(env=Env(id=mute, num_envs=4), learning_starts=64, budget=Steps(num=1_000))
    for every in (0, 1_000):
        report = doctor.examine(replace(config, checkpoint_every=every))
        (found,) = (each for each in report.findings if each.check == "resume")
        assert found.level == "note"
        assert "truncate unfinished episodes where a run is stopped" in found.what


@pytest.mark.parametrize(("num_envs", "is_told"), [(10, False), (11, True)])
def test_a_budget_in_which_no_episode_ends_is_a_warning(num_envs: int, is_told: bool) -> None:
    config = Config(env=Env(id=CutsItself, num_envs=num_envs), learning_starts=64, budget=Steps(num=300))
    report = doctor.examine(config)
    assert report.facts.lengths["mean"] == 30
    assert [each.what for each in report.findings if each.check == "budget"] == [
        "an episode takes about 30 steps, and training comes to 27 for each of 11 copies: none may end"
    ] * is_told
