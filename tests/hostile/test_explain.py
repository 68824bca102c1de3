"""`dqn explain` on a folder made to do harm: refused in one message, or explained as the text that it is."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import dqnlab
from dqnlab.app.cli import main
from dqnlab.config import Env
from dqnlab.run.keep import save_tensors
from dqnlab.store.folder import BATCH, METRICS, REPORT, RESULT, SNAPSHOTS, TARGET, Run

from ..tiny import tiny
from .test_files import check_harmless

READ_BY_PAGE = (BATCH, SNAPSHOTS, TARGET, METRICS, RESULT)
WEIGHTS = {"fc.0.weight": (8, 4), "fc.0.bias": (8,), "fc.2.weight": (6, 8), "fc.2.bias": (6,)}
WEIGHTS |= {"fc.4.weight": (2, 6), "fc.4.bias": (2,)}


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of 600 steps that nobody has touched."""
    return dqnlab.train(
        tiny(update_every=1, env=Env(max_episode_steps=20)),
        out=tmp_path_factory.mktemp("learned") / "run",
        trackers=("none",),
    )


@pytest.fixture
def folder(learned: Run, tmp_path: Path) -> Path:
    return Path(shutil.copytree(learned.folder, tmp_path / "run"))


def weights(step: str = "100", **changed: Any) -> dict[str, torch.Tensor]:
    shapes = WEIGHTS | {name.replace("_", "."): shape for name, shape in changed.items()}
    return {f"{step}/{name}": torch.zeros(shape) for name, shape in shapes.items()}


def codes(folder: Path) -> list[int]:
    """Of the page and of the step in text."""
    return [main(["explain", str(folder)]), main(["explain", str(folder), "--step"])]


def test_no_hostile_file_is_obeyed(case: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / case.file).write_bytes(case.content())
    page, step = codes(folder)
    if case.file in READ_BY_PAGE and case.name != "escapes in result.json":
        assert page != 0
    if case.file == BATCH:
        assert step != 0
    check_harmless(capsys, (page != 0) + (step != 0))


def test_the_untouched_run_is_explained(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert codes(folder) == [0, 0]
    check_harmless(capsys, 0)


@pytest.mark.parametrize(
    ("file", "tensors"),
    [
        (SNAPSHOTS, weights("evil")),
        (SNAPSHOTS, weights("9" * 30)),
        (SNAPSHOTS, weights(fc_0_weight=(9, 4))),
        (SNAPSHOTS, {k: v for step in range(13) for k, v in weights(str(step)).items()}),
        (SNAPSHOTS, {"100/<script>": torch.zeros(1)}),
        (TARGET, {"fc.0.weight": torch.zeros(8, 4)}),
        (TARGET, {name: torch.zeros(shape, dtype=torch.int64)[..., :0] for name, shape in WEIGHTS.items()}),
        (BATCH, {"updates": torch.tensor(5), "slots": torch.zeros(3)}),
        (BATCH, {"batch/obs": torch.zeros(2, 4), "updates": torch.tensor(-1), "slots": torch.zeros(2)}),
    ],
    ids=lambda value: value if isinstance(value, str) else str(len(value)),
)
def test_tensors_that_fit_nothing_are_one_message(
    file: str, tensors: dict[str, torch.Tensor], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_tensors(folder / file, tensors)
    assert main(["explain", str(folder)]) == 4
    check_harmless(capsys, 1)
    assert not (folder / REPORT).exists()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e38])
def test_weights_that_are_no_numbers_are_drawn_as_far_as_they_go_or_refused(
    bad: float, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_tensors(folder / TARGET, {name: torch.full(shape, float(bad)) for name, shape in WEIGHTS.items()})
    code = main(["explain", str(folder)])
    check_harmless(capsys, int(code != 0))
