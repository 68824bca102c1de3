"""Environments that people complained of in public, trained and examined as they stand (`tests/zoo/zoo.py`)."""

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dqnlab.check.doctor.examination import examine
from dqnlab.config import Config, Env, Film, Steps
from dqnlab.errors import ConfigError, EnvironmentFault
from dqnlab.lab.session import train

from ..tiny import tiny

sys.path.append(str(Path(__file__).resolve().parents[1] / "zoo"))


def case(name: str, **changes: Any) -> Config:
    """A short run on one of them; what is changed of its environment too."""
    env = Env(id=f"zoo:{name}-v0", **{key: changes.pop(key) for key in ("kwargs", "copies") if key in changes})
    return tiny(env=env, budget=Steps(num=200), **changes)


@pytest.mark.world
def test_what_starts_slowly_and_cannot_be_saved_is_made_anew_at_checkpoints_only() -> None:
    """It was made 167 times."""
    import zoo

    config = case("SlowStart", kwargs={"seconds": 0.0}, update_every=2_000, film=Film(episodes=1, max_seconds=1.0))
    config = replace(config, budget=Steps(num=20_000), evaluate_every=Steps(num=5_000), explain=True)
    zoo.SlowStart.made = 0
    run = train(replace(config, select_episodes=20, score_episodes=20), trackers=("none",))
    assert run.failed_steps == {}
    checkpoints, copies = 2, 1 + 16
    assert 2 * copies <= zoo.SlowStart.made <= copies * (checkpoints + 2)


@pytest.mark.world
def test_what_can_be_there_only_once_trains_when_that_is_said() -> None:
    config = case("OneOnly", copies=1, update_every=1, film=Film(episodes=1, max_seconds=1.0), explain=True)
    run = train(config, trackers=("none",), out=Path("one"))
    assert run.score is not None
    assert (run.failed_steps, run.unfinished) == ({}, [])


def test_what_can_be_there_only_once_is_found_out_before_training() -> None:
    said = r"port 5005 is in use.*say so: --env\.copies 1 \(in Python Env\(copies=1\)\)"
    with pytest.raises(EnvironmentFault, match=said):
        train(case("OneOnly"), trackers=("none",), out=Path("more"))
    assert not Path("more").exists()
    told = [each.what for each in examine(case("OneOnly"), steps=200).findings if each.level == "error"]
    assert [what for what in told if re.search(said, what)], told
    assert all(each.level != "error" for each in examine(case("OneOnly", copies=1), steps=200).findings)


def test_what_is_forbidden_is_never_done() -> None:
    """The environment raises where it is."""
    run = train(case("Masked", learning_starts=150), trackers=("none",))
    assert run.score is not None
    assert all(each.level != "error" for each in examine(case("Masked"), steps=200).findings)


@pytest.mark.world
def test_pictures_are_looked_at_by_convolutions() -> None:
    run = train(case("Pixels", learning_starts=150), trackers=("none",))
    assert run.score is not None
    report = examine(case("Pixels"), steps=200)
    assert all(each.level != "error" for each in report.findings)
    assert report.forecast is not None
    assert report.forecast.pictures == ("84 x 84 pixels with 3 channels, by conv nature: 3,136 features",)


def test_words_are_said_to_be_unsupported_by_training_and_by_the_doctor() -> None:
    words = "Dict.*which is not supported: mission cannot be turned into numbers; to train without it: .*keys"
    with pytest.raises(ConfigError, match=words):
        train(case("Words", learning_starts=150), trackers=("none",))
    told = [each.what for each in examine(case("Words"), steps=200).findings]
    assert [line for line in told if re.search(words, line)], told
