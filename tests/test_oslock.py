"""Processes that would do the same work do it in turn: a second open file of one process is to a lock another's."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from dqnlab import oslock
from dqnlab.oslock import claim, in_turn

LOCK = Path("work.lock")


def refuse() -> None:
    pytest.fail("waited")


def test_the_file_is_there_while_the_work_is_done_and_no_longer() -> None:
    with in_turn(LOCK, refuse, 60):
        assert LOCK.exists()
    with pytest.raises(KeyboardInterrupt), in_turn(LOCK, refuse, 60):
        raise KeyboardInterrupt
    assert not LOCK.exists()


def test_the_second_waits_says_so_once_and_then_holds_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    first, told, slept = ExitStack(), [], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            first.close()

    monkeypatch.setattr(oslock.time, "sleep", sleep)
    first.enter_context(in_turn(LOCK, refuse, 60))
    with in_turn(LOCK, lambda: told.append("waiting"), 60):
        assert slept == [0.2] * 3
        assert told == ["waiting"]
        file = os.open(LOCK, os.O_RDWR)
        assert oslock.take(file) is False
        os.close(file)
    assert not LOCK.exists()


def test_what_a_killed_process_left_keeps_nobody_waiting_and_is_removed() -> None:
    LOCK.touch()
    with in_turn(LOCK, refuse, 60):
        assert LOCK.exists()
    assert not LOCK.exists()


def test_whoever_opened_a_file_that_was_removed_meanwhile_makes_another(monkeypatch: pytest.MonkeyPatch) -> None:
    take: Callable[[int], bool | None] = oslock.take
    taken: list[int] = []

    def late(file: int) -> bool | None:
        if not taken:
            LOCK.unlink()
        taken.append(file)
        return take(file)

    monkeypatch.setattr(oslock, "take", late)
    with in_turn(LOCK, refuse, 60):
        assert len(taken) == 2
        assert LOCK.exists()
    assert not LOCK.exists()


def test_nobody_waits_for_ever() -> None:
    told: list[str] = []
    with in_turn(LOCK, refuse, 60):
        with in_turn(LOCK, lambda: told.append("waiting"), 0.1):
            assert told == ["waiting"]
        assert LOCK.exists()  # which is still the first one's
    assert not LOCK.exists()


def test_without_locks_and_without_a_folder_nobody_waits_and_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    with in_turn(Path("nowhere") / LOCK, refuse, 60):
        pass
    monkeypatch.setattr(oslock, "take", lambda file: None)
    with in_turn(LOCK, refuse, 60), in_turn(LOCK, refuse, 60):
        pass
    assert list(Path.cwd().glob("*.lock")) == []


def test_what_one_has_claimed_nobody_else_can_until_it_is_let_go(tmp_path: Path) -> None:
    first = claim(tmp_path / "work")
    assert first is not None
    assert claim(tmp_path / "work") is None
    other = claim(tmp_path / "other")
    assert other is not None
    first.release()
    first.release()  # changes nothing: not even whose the file is now
    again = claim(tmp_path / "work")
    assert again is not None
    again.release()
    other.release()
