"""A tracker out of reach (F21) costs no step and no result."""

import threading
from typing import Any

import pytest

from dqnlab.lab.session import train
from dqnlab.track import open as factory

from .kit import short


@pytest.mark.parametrize("says", ["nothing", "401"])
def test_f21_a_host_that_hangs_or_says_401_costs_no_step(says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Remote:
        """Keeps its caller waiting, or refuses; the real one does its waiting in a process of its own."""

        def log(self, step: int, row: Any) -> None:
            if says == "401":
                raise PermissionError("401 Unauthorized")
            assert threading.current_thread() is threading.main_thread()

        def end(self) -> None:
            assert threading.current_thread() is not threading.main_thread()

        def finish(self, run: Any) -> None:
            assert threading.current_thread() is not threading.main_thread()

        def close(self) -> str | None:
            assert threading.current_thread() is not threading.main_thread()
            return "the upload was given up"

    before = train(short(), trackers=("none",))
    monkeypatch.setattr(factory, "safe_tracker", lambda name, about: factory.SafeTracker(name, Remote))
    run = train(short(), trackers=("swanlab",))
    assert run.score == before.score
    assert run.notes == ([] if says == "401" else ["the upload was given up"])
