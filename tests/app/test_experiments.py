"""Studies and comparisons are known to the commands that look after runs, though they are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from dqnlab.app.cli import main
from dqnlab.config import Steps
from dqnlab.lab.session import train
from dqnlab.store.experiments import find_experiment, study_folders

from ..tiny import tiny

STUDY = Path("runs/CartPole-v1/small")
RUN = STUDY / "confirm" / "default" / "seed-0"


@pytest.fixture
def study() -> Path:
    train(tiny(budget=Steps(num=64), checkpoint_every=32), out=RUN, trackers=())
    (STUDY / "study.json").write_text("{}", "utf-8")
    return STUDY


def test_a_study_and_a_comparison_are_found_by_name_and_by_path(study: Path) -> None:
    other = Path("runs/comparisons/ours")
    other.mkdir(parents=True)
    (other / "comparison.json").write_text("{}", "utf-8")
    runs = Path("runs")
    for name in ("small", "CartPole-v1/small", str(study)):
        found = find_experiment(name, runs)
        assert found is not None
        assert (found.path, found.is_study) == (study, True)
    found = find_experiment("ours", runs)
    assert found is not None
    assert (found.path, found.is_study) == (other, False)
    assert [find_experiment(name, runs) for name in ("other", "", "../x", "x" * 300, "a\0b")] == [None] * 5
    assert find_experiment("small", Path("nowhere")) is None
    assert study_folders(runs) == [study]


def test_whoever_removes_a_study_hears_what_it_is_and_how(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rm", "small", "--yes"]) == 2
    assert (
        "'small' is a study of dqn tune, not a run: to remove it, delete the folder 'runs/CartPole-v1/small', which "
        in (capsys.readouterr().err)
    )
    assert RUN.is_dir()


def test_the_runs_of_a_study_are_listed_where_it_is_named(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "small", "--csv"]) == 0
    assert str(RUN) in capsys.readouterr().out


@pytest.mark.parametrize("words", [["small"], ["--all"]])
def test_the_checkpoints_of_a_study_are_cleaned_too(study: Path, words: list[str]) -> None:
    assert (RUN / "checkpoints").is_dir()
    assert main(["clean", *words, "--yes"]) == 0
    assert not (RUN / "checkpoints").exists()
    assert (RUN / "result.json").is_file()
