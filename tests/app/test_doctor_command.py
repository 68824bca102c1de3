"""`dqn doctor`: its words, its report, its exit codes."""

import json
import sys
from dataclasses import replace
from types import ModuleType
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from rich.console import Console

from dqnlab.app.checkup import checkup
from dqnlab.app.cli import main
from dqnlab.app.parse import parse_doctor
from dqnlab.check.doctor import forecast
from dqnlab.check.doctor.examination import Examination, examine
from dqnlab.check.doctor.forecast import Forecast
from dqnlab.config import Constant, Env

from .conftest import Refused


class Loud(gym.Env):
    """Prints, and after 3 steps breaks if told so, with a message that would steer the terminal."""

    def __init__(self, reward: float = 1.0, broken: bool = False):
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (2,), np.float32)
        self.action_space = gym.spaces.Discrete(2)
        self.reward, self.broken, self.number = reward, broken, 0
        print("hello from the environment")

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.number = 0
        return self.look(), {}

    def step(self, action: Any) -> Any:
        self.number += 1
        if self.broken and self.number == 3:
            raise RuntimeError("the pole\x1b[31m [bold]fell")
        return self.look(), self.reward, self.number == 7, False, {}

    def look(self) -> Any:
        return self.np_random.random(2, np.float32)


@pytest.fixture(autouse=True)
def loud_env(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module `loud` that has registered Loud-v0; and no measuring."""
    monkeypatch.setitem(sys.modules, "loud", ModuleType("loud"))
    monkeypatch.setattr(gym.envs.registration, "registry", dict(gym.registry))
    monkeypatch.setattr(forecast, "PATIENCE", 0.01)
    gym.register("Loud-v0", Loud, max_episode_steps=50)


def test_a_sound_environment_is_reported_and_leaves_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    out, err = capsys.readouterr()
    assert "CartPole-v1  sound\n" in out
    for words in (
        "In 2,000 random steps",
        "terminated, 0 truncated; step limit 500",
        "obs[3] ",
        "preset    cartpole, 64 envs, at most 400,000 steps",
        "network   4 → 256 → 2, 1,794 parameters",
        "memory    4.0 MB for 50,000 transitions, observations as float32 (4,)",
        "for the whole budget",
    ):
        assert words in out
    assert "warning" not in out
    assert "playing at random" in err


class Named(Loud):
    metadata = {"render_modes": [], "obs_names": ["position", "speed"]}  # noqa: RUF012


def test_numbers_are_called_as_the_metadata_calls_them() -> None:
    facts = examine(Env(id=Named, max_episode_steps=20), steps=50).facts
    assert facts is not None
    assert facts.numbers == ("position", "speed")


def test_what_was_seen_stands_in_one_column_however_long_the_names_are() -> None:
    class LongNames(Loud):
        metadata = {"render_modes": [], "obs_names": ["distance left", "wind"]}  # noqa: RUF012

    console = Console(width=400)
    with console.capture() as told:
        console.print(checkup(examine(Env(id=LongNames, max_episode_steps=20), steps=50)))
    lines = told.get().split("random steps\n")[1].split("\n\n")[0].splitlines()
    assert [line[13:15] for line in lines if line.startswith(("distance left", "wind"))] == ["  ", "  "]
    assert {line[15:].lstrip() == line[15:] != "" for line in lines} == {True}


def test_a_time_that_is_known_is_told_once() -> None:
    known = Forecast("default", (4, 2), (), 10, "float32 (4,)", 5, 5, 40, 80, False, 1, "9 steps")
    for seconds, words in (((95.0, 95.0), "about 1:35 for"), ((95.0, 190.0), "about 1:35 to 3:10 for")):
        report = Examination("Any-v0", (), None, replace(known, seconds=seconds), 0)
        console = Console(width=400)
        with console.capture() as told:
            console.print(checkup(report))
        assert f"time      {words} the whole budget" in told.get()


def test_errors_come_first_with_their_advice_and_leave_three(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "loud:Loud-v0", "--env.kwargs", '{"broken": true}']) == 3
    out, _ = capsys.readouterr()
    lines = out.splitlines()
    assert lines[1] == "loud:Loud-v0  1 error: training would fail"
    assert lines[2].startswith(
        "error     step: step 3 raised RuntimeError: the pole[31m [bold]fell (test_doctor_command.py"
    )
    assert lines[3].startswith("          → ")
    assert "\x1b" not in out


def test_warnings_leave_zero(capsys: pytest.CaptureFixture[str]) -> None:
    large = ["doctor", "loud:Loud-v0", "--env.kwargs", '{"reward": 1000}']
    assert main([*large, "--reward-scale", "1"]) == 0
    out, _ = capsys.readouterr()
    assert "1 warning: you can train on it, but see below" in out
    assert "warning   rewards: rewards range from 1,000 to 1,000" in out
    assert main(large) == 0
    out, _ = capsys.readouterr()
    assert "rewards   divided by 1024 before learning; shown and saved as they are" in out


def test_json_is_one_object_whatever_the_environment_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "loud:Loud-v0", "--random-steps", "140", "--env.kwargs", '{"broken": true}']) == 3
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert "hello from the environment" in err
    assert (report["env"], report["exit_code"], report["forecast"]["seconds"]) == ("loud:Loud-v0", 3, None)
    assert report["findings"][0]["check"] == "step"
    assert main(["doctor", "--json", "loud:Loud-v0", "--random-steps=140"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["facts"]["steps"], report["facts"]["episodes"], report["exit_code"]) == (140, 20, 0)
    assert report["facts"]["step_limit"] == 50
    assert len(report["forecast"]["seconds"]) == 2


def test_spaces_that_are_not_supported_leave_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "Pendulum-v1"]) == 2
    assert "error     spaces: env 'Pendulum-v1' has the action space Box(-2.0, 2.0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("doctor CartPol-v1", "unknown env 'CartPol-v1'"),
        ("doctor CartPole-v1 --random-steps 0", "--random-steps must be a whole number from 1 to 1,000,000, got 0"),
        ("doctor CartPole-v1 Acrobot-v1", "one environment, please"),
        ("doctor --preset nope", "unknown preset 'nope'"),
        ("doctor CartPole-v1 --gama 0.9", "--gama"),
    ],
)
def test_bad_words_leave_two_and_one_message(refused: Refused, line: str, words: str) -> None:
    refused(line, 2, words)


def test_settings_are_those_of_train() -> None:
    args = parse_doctor(
        ["Blackjack-v1", "epsilon:constant", "--epsilon.value", "0.2", "--random-steps=7", "--gamma=0.9"]
    )
    assert (args.config.env.id, args.config.preset, args.random_steps, args.json) == (
        "Blackjack-v1",
        "default",
        7,
        False,
    )
    assert (args.config.epsilon, args.config.gamma) == (Constant(value=0.2), 0.9)
    assert parse_doctor(["--preset", "textbook", "--json"]).config.preset == "textbook"
    assert parse_doctor(["--json", "Acrobot-v1"]).config.env.id == "Acrobot-v1"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "25 times in all: 1 for training, 16 for judging, 8 for the page"),
        (["--no-explain", "--film.episodes", "0", "--env.copies", "1"], "1 time in all: 1 for training"),
        (["--env.copies", "4", "--checkpoint-every", "500"], "{} × (1 for training + 3 for judging), again at each of"),
    ],
)
def test_how_often_an_environment_is_made_is_told_with_what_for(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--random-steps", "20", "--checkpoint-every", "0", "--budget.num", "1000", "--learning-starts", "100"]
    main(["doctor", "loud:Loud-v0", *flags, *words])
    (line,) = [each for each in capsys.readouterr().out.splitlines() if each.startswith("made ")]
    assert says.format(2) in line
    if "×" in says:
        assert line.startswith("made      12 times in all: ")
        assert line.endswith("1 checkpoint, because it cannot be saved, 4 for the page")
