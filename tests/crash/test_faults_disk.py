"""Faults of the disk (F4 to F6, F22): training goes on where it can, and says what it cannot."""

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from dqnlab.app.cli import main
from dqnlab.config import Constant
from dqnlab.errors import FolderError, ResourceError
from dqnlab.lab.experiment import Experiment
from dqnlab.lab.resume import resume
from dqnlab.lab.session import train
from dqnlab.run.events import BlockEnded
from dqnlab.store import disk, door
from dqnlab.store.metrics import read_records
from dqnlab.track import jsonl

from .kit import checkpoint, short

OUT = Path("mine")
QUIET = Constant(value=0.1)  # exploration of which a run as short as these has nothing to say


def no_space() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Full(disk.Disk):
    """Runs out of room in the middle of a file, `fails` times, once `after` checkpoints were written."""

    done, after, fails = 0, 10**9, 0

    def rename(self, path: Path, to: Path) -> None:
        super().rename(path, to)
        Full.done += 1

    def write(self, file: int, data: memoryview) -> None:
        if Full.done >= Full.after and Full.fails > 0:
            Full.fails -= 1
            super().write(file, data[: len(data) // 2])
            raise no_space()
        super().write(file, data)


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> type[Full]:
    monkeypatch.setattr("dqnlab.store.checkpoint.checkpoint.DISK", Full())  # of checkpoints only
    for name, value in vars(Full).items():
        if isinstance(value, int):
            monkeypatch.setattr(Full, name, value)
    return Full


def test_f4_a_disk_that_is_full_for_a_while_costs_a_line_and_no_result(
    full: type[Full], caplog: pytest.LogCaptureFixture
) -> None:
    before = train(short(epsilon=QUIET), trackers=("none",))
    full.done, full.after, full.fails = 0, 2, 2
    run = train(short(epsilon=QUIET), trackers=("none",), out=OUT)
    assert run.score == before.score
    assert [line.split(":")[0] for line in caplog.messages] == [
        "no checkpoint at step 150",
        "no checkpoint at step 155",
    ]
    assert "No space left on device. Training continues" in caplog.messages[0]
    assert checkpoint(run.folder).step == 400
    assert not list(run.folder.rglob("*.tmp"))


def test_f4_a_disk_that_stays_full_ends_training_with_5_and_keeps_what_there_is(
    full: type[Full], caplog: pytest.LogCaptureFixture
) -> None:
    full.after, full.fails = 2, 10**9
    with pytest.raises(ResourceError, match=r"3 checkpoints in a row could not be written: .*No space left") as caught:
        train(short(epsilon=QUIET), trackers=("none",), out=OUT)
    assert caught.value.exit_code == 5
    assert len(caplog.messages) == 2
    assert checkpoint(OUT).step == 100
    assert json.loads((OUT / "result.json").read_text())["env_steps"] == 160
    assert torch.load(OUT / "last_model.pth", weights_only=True)
    full.fails = 0
    assert resume(OUT).env_steps == 400


def test_f4_a_disk_without_a_byte_left_ends_with_one_message(
    full: type[Full], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(file: int, data: memoryview) -> None:
        raise no_space()

    class Fills:
        """A view of a run whose disk is full from step 120 on."""

        def __call__(self, event: Any) -> None:
            if isinstance(event, BlockEnded) and event.step == 120:
                full.after, full.fails = 0, 10**9
                monkeypatch.setattr(door.DISK, "write", fail)

        def start(self, *args: Any) -> None: ...

        def say(self, line: str) -> None: ...

        def stop(self) -> None: ...

    monkeypatch.setattr("dqnlab.app.commands.train.choose_view", lambda quiet: Fills())
    words = ["--steps", "400", "--learning-starts", "64", "--checkpoint-every", "50", "--tracker", "none"]
    words += ["--batch-size", "64", "--compile", "off", "--env.num-envs", "1"]
    assert main(["train", *words, "--film.episodes", "0", "--no-explain", "--out", str(OUT)]) == 5
    err = capsys.readouterr().err
    assert err.count("error:") == 1
    assert "No space left on device" in err
    assert checkpoint(OUT).step == 100


def test_f5_metrics_that_find_no_room_cost_a_line_and_no_checkpoint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = []

    class Fills(disk.Disk):
        def write(self, file: int, data: memoryview) -> None:
            rows.append(bytes(data))
            if len(rows) >= 10:
                super().write(file, data[:5])
                raise no_space()
            super().write(file, data)

        def flush(self, file: int) -> None:
            assert len(rows) < 10, "nothing is left to flush"

    monkeypatch.setattr(jsonl, "DISK", Fills())
    run = train(short(), trackers=("none",))
    assert run.score is not None
    assert capsys.readouterr().err.count("cannot be written (OSError: [Errno 28]") == 1
    assert len(read_records(run.folder / "metrics.jsonl")) == 8  # and a header
    assert len(rows) == 10
    assert checkpoint(run.folder).step == 400


# ── Folders ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("words", [["--out", "file"], ["--out", "file/run"], ["--runs", "file"]])
def test_f6_a_file_where_a_folder_should_be_is_refused_before_step_0(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("file").write_text("precious")
    assert main(["train", *words, "--tracker", "none", "--quiet"]) == 2
    err = capsys.readouterr().err
    assert err.count("error:") == 1
    assert "'file" in err
    assert Path("file").read_text() == "precious"


@pytest.mark.parametrize("makes", ["mkdir", "open"])
def test_f6_a_folder_that_may_not_be_written_is_refused_before_step_0(
    makes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **more: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, makes, refuse)  # root may do all
    with pytest.raises(FolderError, match=r"mine.*Permission denied") as caught:
        train(short(), trackers=("none",), out=OUT)
    assert caught.value.exit_code == 2
    assert not OUT.exists()


def test_f10_a_checkpoint_of_another_run_is_refused_with_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    train(short(), trackers=("none",), out=OUT)
    settings = OUT / "config.toml"
    settings.write_text(settings.read_text().replace("hidden = [8, 6]", "hidden = [8, 9]").replace("0.99", "0.98"))
    before = {path: path.read_bytes() for path in OUT.rglob("*") if path.is_file()}
    assert main(["resume", str(OUT), "--steps", "500", "--quiet"]) == 4
    err = capsys.readouterr().err
    assert "config.torso.hidden: [8, 6] then, [8, 9] now" in err
    assert "config.gamma: 0.99 then, 0.98 now" in err
    assert {path: path.read_bytes() for path in OUT.rglob("*") if path.is_file()} == before


# ── Metrics ──────────────────────────────────────────────────────────────────────────────────────


def test_f22_rows_behind_the_checkpoint_and_a_torn_one_are_cut_off_on_resume(monkeypatch: pytest.MonkeyPatch) -> None:
    killed, take = Path("killed"), Experiment.take

    def copied(experiment: Experiment, event: Any) -> None:
        take(experiment, event)
        if isinstance(event, BlockEnded) and event.step == 245 and not killed.exists():
            shutil.copytree(OUT, killed)  # what somebody would find who pulled the plug

    def rows(folder: Path) -> list[dict[str, Any]]:
        read = read_records(folder / "metrics.jsonl")
        return [{name: value for name, value in row.items() if not name.startswith("time/")} for row in read]

    monkeypatch.setattr(Experiment, "take", copied)
    whole = train(short(), trackers=("none",), out=OUT)
    assert max(row["step"] for row in rows(killed)) > checkpoint(killed).step == 200
    with (killed / "metrics.jsonl").open("ab") as file:
        file.write(b'{"step": 260, "loss": 0.\xe2')
    run = resume(killed)
    assert rows(killed) == rows(OUT)
    assert run.score == whole.score
    assert run.resumed == "exact"
