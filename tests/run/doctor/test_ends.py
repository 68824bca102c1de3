"""How episodes end is told as it was seen."""

from typing import Any

import pytest

from dqnlab.check.doctor import examination as doctor
from dqnlab.config import Config, Env

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
