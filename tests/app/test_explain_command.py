"""`dqn explain`, and the page at the end of `dqn train`."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import dqnlab
from dqnlab.app.cli import main
from dqnlab.config import Constant, Env, Steps
from dqnlab.store import remembered
from dqnlab.store.folder import REPORT, RESULT, Run

from ..tiny import tiny

TINY = tiny(update_every=1, metrics_every=20, explain=True)


def trained(folder: Path, **changes: Any) -> Run:
    return dqnlab.train(replace(TINY, **changes), out=folder, trackers=("none",))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained(tmp_path_factory.mktemp("explained") / "run")


def test_training_ends_with_a_page(run: Run) -> None:
    assert run.notes == []
    assert (run.folder / REPORT).read_text("utf-8").startswith("<!doctype html>")
    assert run.seconds["page"] > 0


def test_what_is_bad_about_a_run_is_said_at_its_end(tmp_path: Path) -> None:
    (note,) = trained(
        tmp_path / "run",
        epsilon=Constant(value=1.0),
        batch_size=64,
        budget=Steps(num=900),
        evaluate_every=Steps(num=200),
    ).notes
    assert note.startswith("Exploring forever, from env step ")
    assert "a share of 1 of the actions" in note
    assert note.endswith("Let epsilon fall, for example to 0.05.")


def test_it_can_be_left_out(tmp_path: Path) -> None:
    assert not (trained(tmp_path / "run", explain=False).folder / REPORT).exists()


def test_the_command_writes_the_page_and_says_where(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (run.folder / REPORT).unlink()
    assert main(["explain", str(run.folder)]) == 0
    path, *verdicts = capsys.readouterr().out.splitlines()
    assert path == str(run.folder / REPORT)
    assert verdicts
    assert all(": " in each for each in verdicts)
    assert (run.folder / REPORT).stat().st_size > 50_000


def test_the_page_can_be_written_elsewhere(run: Run, tmp_path: Path) -> None:
    assert main(["explain", str(run.folder), "--out", str(tmp_path / "a.html")]) == 0
    assert (tmp_path / "a.html").exists()


def test_the_page_opens_in_the_browser_if_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert main(["explain", str(run.folder), "--open"]) == 0
    assert opened == [(run.folder / REPORT).as_uri()]


def test_one_learning_step_is_printed(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(run.folder), "--step"]) == 0
    text = capsys.readouterr().out
    assert "target" in text
    assert max(map(len, text.splitlines())) <= 100


def test_a_row_that_the_batch_has_not_is_refused(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(run.folder), "--row", "0"]) == 2
    assert "error: --row 0 is about one learning step: give --step as well" in capsys.readouterr().err
    assert main(["explain", str(run.folder), "--step", "--row", "9999"]) == 2
    assert "9999" in capsys.readouterr().err


def test_a_run_that_does_not_exist_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "nothing"]) != 0
    assert capsys.readouterr().err.startswith("error: no run 'nothing'")


def test_a_run_that_has_not_ended_is_told_how_to_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = trained(tmp_path / "a run", explain=False).folder
    (folder / RESULT).unlink()
    assert main(["explain", str(folder)]) != 0
    said = "has no result.json: it has not ended yet, or the file was removed; wait for it, or resume it"
    assert f"{said}, which writes one: dqn resume 'a run'\n" in capsys.readouterr().err
    (folder / RESULT).touch()
    assert main(["explain", str(folder)]) != 0
    assert "; to write it anew, resume the run: dqn resume 'a run'\n" in capsys.readouterr().err
    (folder / RESULT).unlink()
    settings = (folder / "config.toml").read_text().replace('"CartPole-v1"', '"theirs:CartPole-v1"')
    (folder / "config.toml").write_text(settings)  # as in a folder that came from elsewhere
    assert main(["explain", str(folder)]) != 0
    assert "dqn resume 'a run' --trust-env-module theirs\n" in capsys.readouterr().err


class Hanging(gym.Env[np.ndarray, int]):
    """Answers until it is explained."""

    observation_space = spaces.Box(-1, 1, (2,), np.float32)
    action_space = spaces.Discrete(2)
    hangs = False

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(2, np.float32), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        while Hanging.hangs:
            time.sleep(0.01)
        self.steps += 1
        return np.zeros(2, np.float32), 1.0, self.steps >= 10, False, {}


def test_an_environment_that_hangs_while_it_is_explained_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained(tmp_path / "run", env=Env(id=Hanging, timeout=0.4))
    monkeypatch.setattr(Hanging, "hangs", True)
    with pytest.raises(dqnlab.errors.EnvironmentFault, match=r"not answer for 0\.4 s"):
        dqnlab.report(run, env=Env(id=Hanging, timeout=0.4))


def test_a_link_in_place_of_the_page_is_not_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = trained(tmp_path / "run", explain=False).folder
    (tmp_path / "mine").write_text("precious")
    (folder / REPORT).symlink_to(tmp_path / "mine")
    assert main(["explain", str(folder)]) != 0
    assert "is a link" in capsys.readouterr().err
    assert (tmp_path / "mine").read_text() == "precious"


def test_in_a_notebook_a_run_explains_itself(run: Run) -> None:
    report = dqnlab.report(run)
    assert report.path == run.folder / REPORT
    assert "<iframe" in report._repr_html_()


class Bare(gym.Env[np.ndarray, int]):
    """Twelve numbers, no images."""

    observation_space = spaces.Box(-1, 1, (12,), np.float32)
    action_space = spaces.Discrete(3)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return self._seen(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        return self._seen(), 1.0, self.steps >= 20, False, {}

    def _seen(self) -> np.ndarray:
        return self.np_random.uniform(-1, 1, 12).astype(np.float32)


def test_an_environment_made_in_python_must_be_given_again(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", env=Env(id=Bare))
    assert (run.folder / REPORT).exists()
    remembered.KNOWN.clear()  # as in another process
    with pytest.raises(dqnlab.errors.ConfigError, match="pass env="):
        dqnlab.report(run)
    assert dqnlab.report(run, env=Bare).path.exists()


def test_a_failure_to_explain_costs_a_note_and_never_the_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("dqnlab.explain.report.render", broken)
    run = trained(tmp_path / "run")
    assert run.notes == ["no page: ZeroDivisionError: oh"]
    assert run.score is not None


@pytest.mark.world
def test_a_group_explains_its_best_seed(tmp_path: Path) -> None:
    group = dqnlab.train_many(TINY, seeds=[3, 4], out=tmp_path / "group", trackers=("none",))
    best = group.best
    assert best is not None
    pages = {path.parent.name for path in tmp_path.rglob(REPORT)}
    assert pages == {best.folder.name}
