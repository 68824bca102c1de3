"""Every command for real, in a temporary folder."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from dqnlab.app.cli import main
from dqnlab.run import film

TINY = [
    *[
        "--steps",
        "900",
        "--learning-starts",
        "128",
        "--batch-size",
        "64",
        "--evaluate-every.num",
        "300",
        "--select-episodes",
        "2",
    ],
    *["--confirm-episodes", "2", "--score-episodes", "3", "--env.max-episode-steps", "60"],
    *["--film.episodes", "0", "--no-explain", "--tracker", "none"],
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, font_cache: Path) -> Iterator[Path]:
    """A folder with one small finished run, made by the command itself."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLCONFIGDIR", str(font_cache))
        assert main(["train", "--quiet", "--runs", str(folder), *TINY]) == 0
        yield folder


def test_train_prints_a_summary_and_its_folder_repeats_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--seed", "5", "--out", "mine", *TINY]) == 0
    out = capsys.readouterr().out
    assert "training on CartPole-v1, preset cartpole, seed 5 -> mine" in out
    for word in (
        "score",
        "95 % interval",
        "not over training seeds",
        "solved",
        "selected",
        "seconds",
        "best_model.pth",
    ):
        assert word in out
    assert "\x1b" not in out
    result = json.loads(Path("mine/result.json").read_text())
    assert result["env_steps"] >= 900
    assert f"{result['env_steps']:,} env steps" in out

    assert main(["train", "--config", "mine/config.toml", "--dry-run"]) == 0
    assert capsys.readouterr().out == Path("mine/config.toml").read_text()


def test_evaluate_prints_the_returns(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "latest", "--episodes", "4", "--runs", str(runs)]) == 0
    out = capsys.readouterr().out
    for word in ("score", "95 % interval", "4 fresh greedy episodes", "lowest", "highest", "none of them truncated"):
        assert word in out


def test_evaluate_as_json_repeats_for_a_seed(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def ask(seed: str, which: str = "best") -> dict[str, Any]:
        words = ["--episodes", "4", "--seed", seed, "--which", which, "--json", "--runs", str(runs)]
        assert main(["evaluate", *words, "latest"]) == 0
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    first = ask("1")
    assert len(first["returns"]) == first["episodes"] == 4
    assert first["partial"] is False
    assert first["low"] <= first["mean"] <= first["high"]  # of so few episodes it may reach beyond what was seen
    assert first["minimum"] <= first["mean"] <= first["maximum"]
    assert ask("1") == first
    assert ask("2")["returns"] != first["returns"]
    assert ask("1", "last")["which"] == "last"


class Unequal(gym.Env[Any, Any]):
    """Episodes of 5, 10, 15 … steps; somebody presses Ctrl-C in the middle of the fifth, when four have ended."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (4,), np.float32)
    action_space = gym.spaces.Discrete(2)
    begun = 0

    def reset(self, **_: Any) -> Any:
        Unequal.begun += 1
        self.number, self.left = Unequal.begun, 5 * Unequal.begun
        return np.zeros(4, np.float32), {}

    def step(self, action: Any) -> Any:
        self.left -= 1
        if self.number == 5 and self.left == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return np.zeros(4, np.float32), 1.0, self.left == 0, False, {}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("json_flag", [[], ["--json"]])
def test_an_interrupted_evaluation_shows_what_was_played(
    runs: Path, json_flag: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Unequal, "begun", -1)  # one reset finds out whether it shows masks
    monkeypatch.setitem(gym.registry, "Unequal-v0", gym.envs.registration.EnvSpec("Unequal-v0", Unequal))
    words = ["latest", "--runs", str(runs), "--env", "Unequal-v0", "--episodes", "40"]
    assert main(["evaluate", *words, *json_flag]) == 130
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    if json_flag:
        said = json.loads(out)
        assert said["partial"] is True
        assert said["returns"] == [5, 10, 15, 20]
    else:
        assert "interrupted: partial, 4 of 40 episodes" in out
        assert "4 fresh greedy episodes" in out


def test_evaluate_takes_a_weights_file_too(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = next(runs.rglob("last_model.pth"))
    assert main(["evaluate", str(file), "--episodes", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"] == str(file)


def test_record_leaves_a_film(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--episodes", "1", "--max-seconds", "0.2", "--out", "films", "--runs", str(runs)]
    assert main(["record", "latest", *words]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path.parent == Path("films")
    assert path.read_bytes()[4:8] == b"ftyp"  # how every mp4 file begins


def test_watch_prints_each_return(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film, "watch", lambda agent, *, episodes, seed: iter([9.0, 1234.5][:episodes]))
    assert main(["watch", "latest", "--episodes", "2", "--runs", str(runs)]) == 0
    assert capsys.readouterr().out == "episode 1: return 9.0\nepisode 2: return 1,234.5\n"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a display")
@pytest.mark.usefixtures("no_display")
def test_watch_without_a_display_names_record(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "latest", "--runs", str(runs)]) == 5
    assert "dqn record" in capsys.readouterr().err


def test_runs_lists_finished_and_unfinished_runs(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    started = runs / "[red]Odd[bold]" / "just-started"  # rich would read this as markup
    started.mkdir(parents=True)
    (started / "config.toml").write_text("")
    assert main(["runs", str(runs)]) == 0
    out = capsys.readouterr().out
    finished = next(line for line in out.splitlines() if "CartPole-v1" in line)
    score = json.loads(next(runs.rglob("result.json")).read_text())["score"]["mean"]
    assert finished.split()[2:4] == ["finished", f"{score:.1f}"]
    assert any("[red]Odd[bold]" in line and "unfinished" in line for line in out.splitlines())


def test_no_runs_yet_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs"]) == 0
    assert "no runs under runs: `dqn train` makes one" in capsys.readouterr().out


def test_presets_draws_the_family_tree(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets", "--tree"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "│       ├── per  sampler:prioritized sampler.beta_end=1.0" in lines
    assert "│       ├── munchausen  rule:munchausen" in lines  # what comes with a kind is not said
    assert main(["presets", "dqn", "--tree"]) == 0
    branch = capsys.readouterr().out.splitlines()
    assert branch[1] == "└── dqn  rule:greedy n=1"
    assert not any("textbook" in line for line in branch)
    assert main(["presets", "dqq", "--tree"]) == 2


def test_presets_lists_them_and_shows_one_as_a_diff(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets"]) == 0
    assert {"default", "cartpole", "textbook"} <= set(capsys.readouterr().out.split())
    assert main(["presets", "textbook"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["epsilon", "linear", "geometric"] in rows
    assert ["epsilon.steps", "10000", "–"] in rows
