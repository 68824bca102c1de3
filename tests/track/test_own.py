"""A tracker of one's own: an object with four methods, told of everything, and never in training's way."""

import json
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import dqnlab
from dqnlab import Run
from dqnlab.config import Steps
from dqnlab.errors import ConfigError
from dqnlab.track.tracker import Swanlab, TrackedRun

from ..tiny import TINY, tiny


class Tape:
    """A tracker that notes what is called, and in which thread."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.calls: list[str] = []
        self.threads: set[int] = set()
        self.about: TrackedRun | None = None
        self.result: Run | None = None
        self.steps: list[int] = []

    def _note(self, name: str) -> None:
        self.calls.append(name)
        self.threads.add(threading.get_ident())
        if name == self.fails:
            raise RuntimeError("lost")

    def start(self, run: TrackedRun) -> None:
        self.about = run
        self._note("start")

    def log(self, step: int, row: Mapping[str, float]) -> None:
        self.steps.append(step)
        self._note("log")

    def finish(self, run: Run) -> None:
        self.result = run
        self._note("finish")

    def close(self) -> str | None:
        self._note("close")
        return "on tape"


def test_it_is_told_what_begins_each_step_once_and_what_came_of_it() -> None:
    tape = Tape()
    run = dqnlab.train(TINY, trackers=[tape], out=Path("mine"), name="first", tags=["a", "b"])
    assert tape.about is not None
    assert (tape.about.name, tape.about.group, tape.about.tags) == ("first", None, ("a", "b"))
    assert tape.about.config["seed"] == 0
    assert tape.calls == ["start", *["log"] * len(tape.steps), "finish", "close"]
    assert tape.steps == sorted(set(tape.steps))
    assert tape.steps[-1] == 300
    assert tape.result is not None
    assert tape.result.score == run.score
    assert tape.threads == {threading.get_ident()}
    assert "on tape" in run.notes


def test_one_that_an_unnamed_run_reports_to_hears_the_folders_name() -> None:
    tape = Tape()
    run = dqnlab.train(TINY, trackers=[tape])
    assert tape.about is not None
    assert tape.about.name == run.folder.name


@pytest.mark.parametrize("where", ["start", "log", "finish", "close"])
def test_whatever_it_raises_is_one_line_and_training_continues(where: str, capsys: pytest.CaptureFixture[str]) -> None:
    tape = Tape(where)
    run = dqnlab.train(TINY, trackers=[tape], out=Path("mine"))
    assert run.score is not None
    assert "on tape" not in run.notes
    lines = [line for line in capsys.readouterr().err.splitlines() if "tracker" in line]
    said = "tracker Tape is off: RuntimeError: lost. Training continues; metrics.jsonl has everything."
    assert lines == [said]


def test_one_that_ends_the_program_ends_itself(capsys: pytest.CaptureFixture[str]) -> None:
    class Ends(Tape):
        def _note(self, name: str) -> None:
            sys.exit(3)

    assert dqnlab.train(TINY, trackers=[Ends()], out=Path("mine")).score is not None
    assert "tracker Ends is off: SystemExit: 3. Training continues" in capsys.readouterr().err


def test_one_that_closes_with_no_text_is_off(capsys: pytest.CaptureFixture[str]) -> None:
    class Counts(Tape):
        def close(self) -> Any:
            return 3

    assert 3 not in dqnlab.train(TINY, trackers=[Counts()], out=Path("mine")).notes
    assert "tracker Counts is off: TypeError: close must return a text or none, got 3" in capsys.readouterr().err


class Half:
    def start(self, run: TrackedRun) -> None: ...
    def log(self, step: int, row: Mapping[str, float]) -> None: ...


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([Half()], "trackers must be names of trackers, Swanlab(…), or objects with the methods start, log, finish"),
        ([Tape], "tracker Tape is a class: pass an object of it, Tape(…)"),
        ([3], "trackers must be names of trackers"),
        ([Swanlab(project="a"), Swanlab(project="b")], "trackers has several Swanlab(…)"),
    ],
)
def test_what_is_no_tracker_is_refused_before_anything_is_written(given: list[Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        dqnlab.train(TINY, trackers=given, out=Path("mine"))
    assert said in str(caught.value)
    assert not Path("mine").exists()


def test_a_resumed_run_says_which_of_its_trackers_no_file_holds_and_takes_it_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = dqnlab.train(tiny(budget=Steps(num=200)), trackers=[Tape()], out=Path("mine"))
    assert json.loads((run.folder / "meta.json").read_text())["own_trackers"] == ["Tape"]
    dqnlab.resume(run, budget=Steps(num=300))
    assert "this run also reported to a tracker of your own, Tape: to report to it, resume in Python" in caplog.text
    tape = Tape()
    dqnlab.resume(run, budget=Steps(num=400), trackers=[tape])
    assert tape.about is not None
    assert tape.about.after == 300
    assert min(tape.steps) > 300


class Unsendable(Tape):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


def test_several_seeds_need_one_that_can_be_sent_to_their_processes() -> None:
    with pytest.raises(ConfigError, match="tracker Unsendable cannot be passed to the processes of the seeds"):
        dqnlab.train_many(TINY, range(2), trackers=[Unsendable()], out=Path("mine"), quiet=True)
    with pytest.raises(ConfigError, match=r"swanlab\.id 'abc' is one experiment, and each seed is one of its own"):
        dqnlab.train_many(TINY, range(2), trackers=[Swanlab(id="abc")], out=Path("mine"), quiet=True)
    assert not Path("mine").exists()


class Notebook(Tape):
    """Writes what it is told into a file of the run's name, for seeds report from other processes."""

    def start(self, run: TrackedRun) -> None:
        super().start(run)
        self.file = run.run_folder.parent.parent / f"{run.name.replace('/', '_')}.txt"

    def finish(self, run: Run) -> None:
        self.file.write_text(f"{self.calls.count('start')} {self.steps[-1]} {self.about and self.about.group}")


@pytest.mark.world
def test_each_of_several_seeds_has_a_copy_of_its_own(tmp_path: Path) -> None:
    dqnlab.train_many(TINY, range(2), trackers=[Notebook()], out=tmp_path / "g", quiet=True, name="both")
    assert [(tmp_path / f"both_seed-{seed}.txt").read_text() for seed in (0, 1)] == ["1 300 both"] * 2
