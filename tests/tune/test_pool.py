"""The processes of a study: what is made of how they end."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from dqnlab.errors import DqnlabError, ResourceError
from dqnlab.lab.interrupt import Interrupt, signals_wait
from dqnlab.lab.tuning import pool
from dqnlab.lab.tuning.pool import Pool, ProcessBegan, ProcessDone
from dqnlab.lab.tuning.study import StudyPlan
from dqnlab.lab.tuning.work import StudyBroken, TrialDone

from .kit import plan_of


class Process:
    """One whose pipe is closed; on a machine that is busy it takes longer to end than anybody waits."""

    pid = 2**22 + 1  # that of no process

    def __init__(self, code: int | None) -> None:
        self.sentinel, self._other_end = os.pipe()
        self.exitcode = code
        self.waited = list[float | None]()

    def join(self, timeout: float | None = None) -> None:
        self.waited.append(timeout)

    def is_alive(self) -> bool:
        return self.exitcode is None

    def kill(self) -> None:
        self.exitcode = -9


@pytest.fixture
def life(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Process]]:
    """Starts no process: each says these words, closes its pipe, and has this exit code, none while it is ending."""

    def lives(words: Sequence[Any], code: int | None) -> list[Process]:
        started = list[Process]()

        def start(target: object, args: tuple[Connection, StudyPlan], name: str) -> Process:
            for word in words:
                args[0].send(word)
            started.append(Process(code))
            return started[-1]

        monkeypatch.setattr(pool, "start", start)
        return started

    return lives


def heard(folder: Path) -> list[object]:
    reports = list[object]()
    with signals_wait() as interrupt:
        assert isinstance(interrupt, Interrupt)
        Pool(plan_of(folder), 1, reports.append, lambda: None).run(interrupt)
    return reports


@pytest.mark.parametrize("code", [None, 0, 1, -11])
def test_a_process_that_has_said_it_is_done_may_end_as_it_likes(
    tmp_path: Path, life: Callable[..., list[Process]], code: int | None
) -> None:
    started = life([ProcessBegan(), TrialDone(0), ProcessDone()], code)
    assert heard(tmp_path / "study") == [TrialDone(0)]
    assert len(started) == 1
    assert not started[0].is_alive()


def test_a_process_that_was_not_done_has_time_to_say_why(tmp_path: Path, life: Callable[..., list[Process]]) -> None:
    started = life([ProcessBegan()], 1)
    with pytest.raises(DqnlabError) as error:
        heard(tmp_path / "study")
    assert str(error.value) == (
        "a process of the study ended with exit code 1, what it printed says why: the same command, or call, continues "
        "the study"
    )
    assert started[0].waited == [60.0]


def test_only_of_a_process_that_never_began_a_script_may_be_the_reason(
    tmp_path: Path, life: Callable[..., list[Process]]
) -> None:
    life([], 1)
    with pytest.raises(
        DqnlabError, match=r"could not begin: it ended with exit code 1.* in a script, tune belongs und"
    ):
        heard(tmp_path / "study")


def test_a_killed_process_is_replaced_a_few_times(tmp_path: Path, life: Callable[..., list[Process]]) -> None:
    started = life([ProcessBegan()], -9)
    with pytest.raises(
        DqnlabError, match=r"ended by signal 9, after 3 others that were killed: the same command, or c"
    ):
        heard(tmp_path / "study")
    assert len(started) == 4


def test_what_a_process_gives_up_for_is_raised(tmp_path: Path, life: Callable[..., list[Process]]) -> None:
    life([ProcessBegan(), StudyBroken(ResourceError("the disk is full"))], None)
    with pytest.raises(ResourceError, match="the disk is full"):
        heard(tmp_path / "study")
