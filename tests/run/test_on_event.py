"""A caller is told of every event."""

from pathlib import Path

import pytest

from dqnlab.lab.resume import resume
from dqnlab.lab.session import train
from dqnlab.run.events import BlockEnded, Evaluated, Event

from ..tiny import SMALL


def test_a_caller_is_told_of_every_event_once_it_is_recorded(tmp_path: Path) -> None:
    seen: list[Event] = []
    lines: list[int] = []

    def told(event: Event) -> None:
        seen.append(event)
        lines.append((tmp_path / "run" / "metrics.jsonl").read_text("utf-8").count("\n"))

    run = train(SMALL, out=tmp_path / "run", trackers=("none",), on_event=told)
    assert [type(event) for event in seen if isinstance(event, Evaluated)] == [Evaluated] * (run.evaluations or 0)
    assert isinstance(seen[-1], BlockEnded)
    assert lines == sorted(lines)
    assert seen[-1].step == run.env_steps


def test_a_caller_may_end_training_as_ctrl_c_does(tmp_path: Path) -> None:
    def enough(event: Event) -> None:
        if isinstance(event, BlockEnded) and event.step >= 200:
            raise KeyboardInterrupt

    run = train(SMALL, out=tmp_path / "run", trackers=("none",), on_event=enough)
    assert run.interrupted
    seen: list[Event] = []
    resumed = resume(run, on_event=seen.append)
    assert resumed.score is not None
    assert seen


def test_an_error_of_the_callers_own_leaves_what_was_learned(tmp_path: Path) -> None:
    def fails(event: Event) -> None:
        if isinstance(event, BlockEnded) and event.step >= 200:
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        train(SMALL, out=tmp_path / "run", trackers=("none",), on_event=fails)
    assert (tmp_path / "run" / "last_model.pth").is_file()
