"""What `dqn clean` and `dqn rm` leave because dqnlab has not made it, and what they say before they ask."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import dqnlab
from dqnlab.app.cli import main
from dqnlab.config import Steps
from dqnlab.store.removal import drop_spare

from .everything import RECORDING, train_everything

RUNS = Path("runs")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with every folder that dqnlab makes."""
    return train_everything(tmp_path_factory.mktemp("trained") / "run")


@pytest.fixture
def run(trained: Path) -> Path:
    return Path(shutil.copytree(trained, RUNS / "CartPole-v1" / "20260101T000000Z-p-s0"))


STRANGERS = [
    *("videos/mine.txt", "videos/mine.mp4", "videos/best-1.mp4/mine.txt", "videos/raw/best-1.mp4"),
    *(
        "swanlab/notes.txt",
        "swanlab-2/mine/notes.txt",
        "tensorboard/notes.txt",
        "tensorboard/mine/events.out.tfevents.1",
    ),
    *("checkpoints/notes.txt", "checkpoints/mine/notes.txt", "checkpoints/rows/mine.safetensors"),
    *("checkpoints/step-000000300/notes.txt", "checkpoints/step-mine/manifest.json", "error.txt.bak", "swanlab-mine/x"),
    *("download.part", ".download.part", "videos/download.part"),
]


def plant(run: Path, names: Iterable[str] = STRANGERS) -> set[Path]:
    for name in names:
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_text("dear diary")
    return {run / name for name in names}


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_a_strangers_file_stays_and_is_told_however_deep_it_lies(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if (run / "videos" / "best-1.mp4").exists():
        (run / "videos" / "best-1.mp4").unlink()
    mine = plant(run)
    assert main(["rm", run.name, "--dry-run"]) == 0
    said = capsys.readouterr().out
    strange = next(line for line in said.splitlines() if "dqnlab has not made it" in line).split(": ")[1].split(", ")
    assert all(any(path == Path(top) or Path(top) in path.parents for top in strange) for path in mine), strange
    assert not [top for top in map(Path, strange) if not any(top == path or top in path.parents for path in mine)]
    assert main(["rm", run.name, "--yes"]) == 0
    assert files(run) == mine


def test_cleaning_leaves_a_strangers_file_among_the_checkpoints(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = plant(run, [name for name in STRANGERS if name.startswith("checkpoints/")])
    assert main(["clean", run.name, "--dry-run"]) == 0
    assert f"stays, as dqnlab has not made it: {run / 'checkpoints' / 'mine'}, " in capsys.readouterr().out
    assert main(["clean", run.name, "--yes"]) == 0
    assert files(run / "checkpoints") == mine
    assert main(["clean", run.name]) == 0
    assert "nothing to clean" in capsys.readouterr().out


def test_what_a_tracker_named_itself_goes_and_is_told_before(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(run, [f"swanlab/{RECORDING}/notes.txt"])
    assert main(["rm", run.name, "--dry-run"]) == 0
    there = [run / name / RECORDING for name in ("swanlab", "swanlab-2")]
    said = "goes with whatever lies in it, as SwanLab names its files itself: "
    assert said + ", ".join(map(str, there)) in capsys.readouterr().out
    assert main(["rm", run.name, "--yes"]) == 0
    assert not run.exists()


def test_runs_that_were_branched_from_one_are_told_before_it_goes(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = dqnlab.branch(run, at=100, budget=Steps(num=200), name="slow")
    dqnlab.branch(run, at=100, budget=Steps(num=200), name="again")
    drop_spare(slow.folder)
    assert main(["rm", run.name, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert (
        f"again was branched from {run.name} at step 100: it stays complete, but no run can be branched before" in out
    )
    assert (
        f"slow was branched from {run.name} at step 100: it has no checkpoint of where it began, so it can no longer"
        in out
    )
    assert main(["rm", run.name, "slow", "again", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "branched from" not in out
    assert "MB  in all" in out


def test_checkpoints_that_cannot_be_read_keep_no_other_run_from_being_cleaned(
    run: Path, trained: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Path(shutil.copytree(trained, RUNS / "CartPole-v1" / "20260102T000000Z-p-s0"))
    really = Path.iterdir

    def iterdir(self: Path) -> Iterator[Path]:
        if self == run / "checkpoints":
            raise PermissionError(13, "Permission denied", str(self))
        return really(self)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    assert main(["clean", "--all", "--yes"]) == 0
    said = f"stays, {str(run / 'checkpoints')!r} cannot be read: Permission denied"
    assert said in capsys.readouterr().out
    assert not (other / "checkpoints").exists()
