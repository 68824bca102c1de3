"""Networks of snapshots are made once, however often a run is painted, and what is kept of them has a limit."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from dqnlab.config import Steps
from dqnlab.lab.session import train
from dqnlab.learn.networks import QNetwork
from dqnlab.live import kept
from dqnlab.live.kept import KeptNetworks, make_of
from dqnlab.live.networks import Weights, networks_of
from dqnlab.live.paint import paint
from dqnlab.run.keep import save_tensors
from dqnlab.store.agent import Described, describe_run
from dqnlab.store.control import LIVE
from dqnlab.store.folder import Run

from ..tiny import tiny


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that kept two snapshots."""
    config = tiny(update_every=1, budget=Steps(num=1_100), evaluate_every=Steps(num=1_000))
    return train(config, out=tmp_path_factory.mktemp("trained") / "run", trackers=("none",))


@pytest.fixture
def going(trained: Run, tmp_path: Path) -> Path:
    """The run as it was in the middle of training."""
    folder = tmp_path / "run"
    shutil.copytree(trained.folder, folder)
    (folder / "result.json").unlink()
    return folder


class Counting:
    """Makes networks, and counts how often; of each the sum of all weights."""

    def __init__(self) -> None:
        self.made: list[float] = []

    def __call__(self, run: Described, weights: Weights, folder: Path) -> QNetwork:
        self.made.append(total(weights))
        return make_of(run, weights, folder)


def total(weights: Weights) -> float:
    return float(sum(array.sum(dtype=np.float64) for array in weights.values()))


def shows(folder: Path, step: int, snapshot: Weights) -> Weights:
    """Lets the run show a network that nobody has seen: a bit more than one of a snapshot."""
    moved = {name: array + np.float32(step / 1_000) for name, array in snapshot.items()}
    arrays = {f"online/{name}": torch.from_numpy(array) for name, array in moved.items()}
    save_tensors(folder / LIVE, {"step": torch.tensor(step), **arrays})
    return moved


def test_of_each_snapshot_one_network_is_made_however_often_the_run_is_painted(going: Path) -> None:
    first, second = networks_of(going).snapshots.values()
    make = Counting()
    networks = KeptNetworks(make)
    newest = [shows(going, 1_001, first)]
    for step in (1_002, 1_003):
        assert [each["step"] for each in json.loads(paint(going, None, networks))["snapshots"]] == [500, 1_000]
        newest.append(shows(going, step, first))
    painted = json.loads(paint(going, None, networks))
    assert painted["live"]["step"] == 1_003
    assert json.loads(paint(going, 500, networks))["live"]["step"] == 500
    assert sorted(make.made) == pytest.approx(sorted(map(total, [first, second, *newest])))


def test_of_snapshots_that_a_page_has_no_room_for_no_network_is_made(
    going: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = networks_of(going).snapshots[500]
    make = Counting()
    monkeypatch.setattr("dqnlab.explain.report.MOST_SNAPSHOT_WEIGHTS", sum(a.size for a in first.values()))
    newest = shows(going, 1_001, first)
    assert json.loads(paint(going, None, KeptNetworks(make)))["snapshots"] == []  # for one alone shows no change
    assert make.made == pytest.approx([total(newest)])


def test_those_that_were_used_longest_ago_make_room(going: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = describe_run(going)
    one = networks_of(going).snapshots[500]
    many = [shows(going, step, one) for step in range(4)]
    monkeypatch.setattr(kept, "MOST_WEIGHTS", 3 * sum(array.size for array in one.values()))
    make = Counting()
    networks = KeptNetworks(make)
    for number in (0, 1, 2, 0, 3, 0, 2, 1):
        networks.network(run, many[number], going)
    assert make.made == pytest.approx([total(many[number]) for number in (0, 1, 2, 3, 1)])
    monkeypatch.setattr(kept, "MOST_WEIGHTS", 1)  # one that is too large is made all the same
    assert networks.network(run, many[3], going) is not networks.network(run, many[3], going)


def test_equal_weights_of_another_run_are_another_network(going: Path) -> None:
    run, networks = describe_run(going), KeptNetworks()
    one = networks_of(going).snapshots[500]
    assert networks.network(run, one, going) is networks.network(run, dict(one), going)
    assert networks.network(run, one, going) is not networks.network(run, one, going.with_name("other"))
