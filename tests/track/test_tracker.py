import importlib.util
import sys
from collections.abc import Mapping

import pytest

from dqnlab.errors import ConfigError
from dqnlab.track.open import SafeTracker, check_trackers, open_trackers
from dqnlab.track.tracker import TrackedRun


class Broken:
    """A tracker that fails wherever it is told to."""

    def __init__(self, where: str) -> None:
        self.where, self.calls = where, 0

    def log(self, step: int, row: Mapping[str, float]) -> None:
        self.calls += 1
        if self.where in {"log", "both"}:
            raise RuntimeError("no\n  connection")

    def close(self) -> str | None:
        if self.where in {"close", "both"}:
            raise ValueError("cannot close")
        return "all is well"


def test_unknown_tracker_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ConfigError, match=r"unknown tracker 'swanlap': did you mean swanlab\?"):
        check_trackers(["swanlap"])


def test_name_like_nothing_gets_the_whole_list() -> None:
    with pytest.raises(ConfigError, match="choose from swanlab, tensorboard, none"):
        check_trackers(["xyz"])


def test_none_beside_another_tracker_is_refused() -> None:
    with pytest.raises(ConfigError, match="none excludes all others, got swanlab, none"):
        check_trackers(["swanlab", "none"])


def test_missing_package_is_named_with_its_install_command_and_nothing_is_written(
    about: TrackedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "tensorboard" else found(name, *rest)
    )
    with pytest.raises(ConfigError) as caught:
        open_trackers(["swanlab", "tensorboard"], about)
    assert 'pip install "dqnlab[tensorboard]"' in str(caught.value)
    assert list(about.run_folder.iterdir()) == []


def test_checking_imports_no_tracker(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("swanlab", "tensorboard"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    check_trackers(["swanlab", "tensorboard"])
    assert not {"swanlab", "tensorboard"} & set(sys.modules)


def test_none_opens_nothing(about: TrackedRun) -> None:
    assert open_trackers(["none"], about) == []


def test_tracker_named_twice_is_opened_once(about: TrackedRun) -> None:
    trackers = open_trackers(["tensorboard", "tensorboard"], about)
    for tracker in trackers:
        tracker.close()
    assert len(trackers) == 1


def test_failing_tracker_is_reported_once_and_switched_off(capsys: pytest.CaptureFixture[str]) -> None:
    broken = Broken("both")
    tracker = SafeTracker("shaky", lambda: broken)
    for step in range(3):
        tracker.log(step, {"a": 1.0})
    assert tracker.close() is None
    assert broken.calls == 1
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        "tracker shaky is off: RuntimeError: no connection. Training continues; metrics.jsonl has everything."
    ]
    assert captured.out == ""


def test_tracker_that_cannot_be_made_is_reported_once(capsys: pytest.CaptureFixture[str]) -> None:
    def make() -> Broken:
        raise ImportError("half installed")

    tracker = SafeTracker("shaky", make)
    tracker.log(1, {"a": 1.0})
    assert tracker.close() is None
    assert capsys.readouterr().err.count("half installed") == 1


def test_tracker_that_fails_to_close_is_reported_and_returns_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    tracker = SafeTracker("shaky", lambda: Broken("close"))
    tracker.log(1, {"a": 1.0})
    assert tracker.close() is None
    assert capsys.readouterr().err.count("ValueError: cannot close") == 1


def test_working_tracker_hands_its_line_through() -> None:
    assert SafeTracker("good", lambda: Broken("nowhere")).close() == "all is well"


def test_closed_terminal_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    tracker = SafeTracker("shaky", lambda: Broken("log"))
    tracker.log(1, {"a": 1.0})
    assert tracker.close() is None
