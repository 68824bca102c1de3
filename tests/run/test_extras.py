"""Environments of the packages that dqnlab's extras bring: each is trained on, resumed and filmed."""

from dataclasses import replace
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest

from dqnlab.config import Config, Env, Film, Steps
from dqnlab.lab.overrides import Overrides
from dqnlab.lab.session import train

from ..resuming import check_resumes
from ..tiny import tiny

PONG = {"id": "ale_py:ALE/Pong-v5", "kwargs": {"frameskip": 4}, "max_episode_steps": 60}
EXTRAS: dict[str, dict[str, Any]] = {
    "atari": PONG,
    "minatar": {"id": "minatar.gym:MinAtar/Breakout-v1"},
    "envpool": {"id": "envpool:CartPole-v1", "num_envs": 2},
    "minigrid": {"id": "minigrid:MiniGrid-Empty-5x5-v0", "keys": ("image", "direction"), "max_episode_steps": 40},
}


@pytest.fixture(params=EXTRAS)
def config(request: pytest.FixtureRequest) -> Config:
    if request.param == "envpool":
        pytest.importorskip("envpool", reason='there is no envpool: pip install "dqnlab[envpool]"')
    env = Env(**EXTRAS[request.param])
    film = Film(episodes=1, max_seconds=1.0)
    return tiny(env=env, film=film, explain=True, update_every=8, budget=Steps(num=200), evaluate_every=Steps(num=200))


def test_an_environment_of_each_extra_is_trained_on_judged_filmed_and_explained(config: Config, tmp_path: Path) -> None:
    run = train(config, out=tmp_path / "run", trackers=("none",))
    assert run.score is not None
    assert (run.failed_steps, run.unfinished) == ({}, [])
    assert list((run.folder / "videos").glob("*.mp4"))


def test_a_run_that_is_interrupted_resumes_to_the_same_bits(config: Config, tmp_path: Path) -> None:
    config = replace(config, checkpoint_every=100, film=Film(episodes=0), explain=False)
    whole, _ = check_resumes(config, tmp_path, Overrides())
    assert whole.score is not None


def test_no_extra_brings_a_second_pygame() -> None:
    names = {each.metadata["Name"].lower() for each in distributions()}
    assert "pygame-ce" in names
    assert "pygame" not in names
