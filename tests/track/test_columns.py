"""The metrics of a run as columns that pandas and polars take: one length, one type each, None for what is not said."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

import dqnlab
from dqnlab.errors import FolderError
from dqnlab.store.folder import CONFIG, METRICS
from dqnlab.track.jsonl import MetricsFile

from ..app.test_summary import run

COLUMNS = {
    "step": [10, 20, 20, 30],
    "train/reward": [9.0, None, 11.5, None],
    "eval/returns": [None, [8.0, 9.0], None, []],
    "learn/loss": [None, None, None, 0.5],
}


@pytest.fixture
def folder() -> Path:
    """A run's folder under `runs`, as far as metrics go."""
    home = Path("runs/CartPole-v1/mine")
    home.mkdir(parents=True)
    (home / CONFIG).touch()
    file = MetricsFile(home / METRICS)
    file.log(10, {"train/reward": 9})
    file.log(20, {"eval/returns": [8, 9.0]})
    file.log(20, {"train/reward": 11.5})
    file.log(30, {"learn/loss": 0.5, "eval/returns": []})
    file.close()
    return home


def test_columns_have_one_length_and_one_type_each(folder: Path) -> None:
    columns = dqnlab.read_metrics(folder)
    assert columns == COLUMNS
    assert list(columns) == list(COLUMNS)  # in the order of the records
    assert {type(value) for value in columns["train/reward"]} == {float, type(None)}
    assert [type(value) for value in columns["eval/returns"][1]] == [float, float]
    assert {type(value) for value in columns["step"]} == {int}


def test_a_run_is_named_in_any_way(folder: Path) -> None:
    for name in (str(folder), "mine", "latest", folder / METRICS, str(folder / METRICS), replace(run(), folder=folder)):
        assert dqnlab.read_metrics(name) == COLUMNS
    with pytest.raises(FolderError, match="no run 'yours'"):
        dqnlab.read_metrics("yours")


def test_what_is_not_finite_and_what_is_not_there_stay_apart(folder: Path) -> None:
    file = MetricsFile(folder / METRICS, after=20)
    file.log(40, {"train/reward": math.nan})
    file.log(50, {"train/reward": -math.inf})
    file.close()
    column = dqnlab.read_metrics(folder)["train/reward"]
    assert math.isnan(column[-2])
    assert column[-1] == -math.inf
    assert column[1] is None


def test_a_run_that_has_recorded_nothing_yet_has_no_rows(folder: Path) -> None:
    (folder / METRICS).unlink()
    MetricsFile(folder / METRICS).close()
    assert dqnlab.read_metrics(folder) == {"step": []}
    (folder / METRICS).unlink()
    with pytest.raises(FolderError, match=r"metrics\.jsonl"):
        dqnlab.read_metrics(folder)
