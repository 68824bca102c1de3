"""Whoever watches a run asks things of it through its folder; what is computed stays the same, to the bit."""

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dqnlab.config import Steps
from dqnlab.errors import FolderError
from dqnlab.lab import viewer
from dqnlab.lab.session import train
from dqnlab.lab.viewer import LEASE, LOOK_EVERY, Viewer
from dqnlab.run.events import BlockEnded, Commanded, Event
from dqnlab.store.control import CONTROL, LIVE, Control, Order, read_control, write_control
from dqnlab.store.folder import Run

from ..tiny import tiny

ME = "0123456789abcdef"


def ordering(folder: Path, *names: str, viewer: str = ME) -> None:
    """What a viewer writes that has asked for these, one after the other."""
    write_control(folder, Control(viewer, tuple(Order(number, name) for number, name in enumerate(names))))


# ── The same bits ────────────────────────────────────────────────────────────────────────────────

CONFIG = tiny(update_every=1, budget=Steps(num=220), checkpoint_every=150)


def state_of(run: Run) -> dict[str, str]:
    """What a run ended in: hashes of its weights and checkpoints, its rows without clocks, and which files it has."""
    hashes = {
        path.relative_to(run.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(run.folder.rglob("*"))
        if path.suffix in (".pth", ".safetensors") and "rows" not in path.parts
    }
    lines = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    rows = [{k: v for k, v in row.items() if not k.startswith("time/")} for row in lines]
    rows = [row for row in rows if not any(name.startswith("control/") for name in row)]
    return {**hashes, "rows": json.dumps(rows), "files": json.dumps(sorted(p.name for p in run.folder.iterdir()))}


def watched_run(tmp_path: Path, orders: dict[int, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run of which these orders are asked: those of env step n there, or, while it stands still, the next ones."""
    monkeypatch.setattr(viewer, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(viewer, "SHOW_EVERY", 0.0)
    monkeypatch.setattr(viewer, "SHARE", 1e9)
    given: list[str] = []
    due = dict(orders)

    def on_event(event: Event) -> None:
        if isinstance(event, Commanded) and event.command == "checkpoint":
            assert (tmp_path / "watched" / "checkpoints" / f"step-{event.step:09d}").is_dir()
        if isinstance(event, BlockEnded) and event.step in due:
            given.extend(due.pop(event.step))
            ordering(tmp_path / "watched", *given)

    def sleep(seconds: float) -> None:  # while the run waits, the viewer asks for what comes next
        time.sleep(0.15)
        if due:
            given.extend(due.pop(min(due)))
        else:
            given.append("continue")
        ordering(tmp_path / "watched", *given)

    make = Viewer
    monkeypatch.setattr("dqnlab.lab.running.Viewer", lambda folder, pauses: make(folder, sleep=sleep, pauses=pauses))
    return train(CONFIG, out=tmp_path / "watched", trackers=("none",), on_event=on_event)


def test_a_run_that_is_paused_stepped_and_saved_ends_in_the_bits_of_one_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = train(CONFIG, out=tmp_path / "alone", trackers=("none",))
    orders = {
        90: ("pause",),
        91: ("step",),
        92: ("step", "step"),
        95: ("continue",),
        100: ("checkpoint",),
        200: ("pause",),
        201: ("continue",),
    }
    run = watched_run(tmp_path, orders, monkeypatch)
    assert state_of(run) == state_of(alone)
    phases = sum(seconds for name, seconds in run.seconds.items() if name != "total")
    assert phases <= run.seconds["total"] + 0.01  # no second of a pause is counted twice
    assert run.seconds["paused"] >= 0.5
    assert "paused" not in alone.seconds
    rows = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    said = [(row["step"], name) for row in rows for name in row if name.startswith("control/")]
    assert said == [
        (90, "control/pause"), (90, "control/step"), (91, "control/pause"), (91, "control/step"), (91, "control/step"),
        (93, "control/pause"), (93, "control/continue"), (100, "control/checkpoint"), (200, "control/pause"),
        (200, "control/continue"),
    ]  # fmt: skip
    assert [row["learn/updates"] for row in rows if "control/pause" in row] == [27, 28, 30, 137]
    assert not (run.folder / CONTROL).exists()
    assert not (run.folder / LIVE).exists()


def test_a_run_that_is_ended_by_whoever_watches_is_judged_as_at_its_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorter = train(tiny(update_every=1, budget=Steps(num=110)), out=tmp_path / "shorter", trackers=("none",))
    run = watched_run(tmp_path, {110: ("stop",)}, monkeypatch)
    assert (run.env_steps, run.interrupted) == (110, False)
    assert run.score is not None
    assert shorter.score is not None
    assert run.score.returns == shorter.score.returns
    assert any("dqn live" in note for note in run.notes)


# ── When it looks ────────────────────────────────────────────────────────────────────────────────


class Recorded:
    """A run that does nothing but note what is asked of it."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.done: list[str] = []
        self.is_exact = True

    def obey(self, command: Commanded) -> None:
        self.done.append(command.command)

    def show(self) -> None:
        self.done.append("show")

    def say(self, line: str) -> None:
        self.said.append(line)

    def asks(self) -> bool:
        return False


class Time:
    """A clock that goes on when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.while_asleep: Callable[[], None] = lambda: None

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.while_asleep()


@pytest.fixture
def clock() -> Time:
    return Time()


def block(step: int = 5) -> BlockEnded:
    return BlockEnded(step=step, episodes=0, updates=1, epsilon=0.0)


def test_a_run_that_nobody_watches_asks_the_disk_four_times_a_second_and_writes_nothing(
    tmp_path: Path, clock: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, run = Viewer(tmp_path, clock, clock.sleep), Recorded()
    looks: list[Any] = []
    real = os.lstat
    monkeypatch.setattr(os, "lstat", lambda path: looks.append(path) or real(path))
    for _ in range(10_000):  # a second of them
        clock.now += 0.0001
        found.take(block(), run)
    assert len(looks) == round(1 / LOOK_EVERY)
    assert run.done == []


def test_orders_of_whoever_watched_before_the_run_began_are_not_obeyed(tmp_path: Path, clock: Time) -> None:
    ordering(tmp_path, "pause", "stop")
    found, run = Viewer(tmp_path, clock, clock.sleep), Recorded()
    for _ in range(5):
        clock.now += 1
        found.take(block(), run)
    assert run.done == []
    ordering(tmp_path, "pause", "stop", "checkpoint")
    clock.now += 1
    found.take(block(), run)
    assert run.done == ["checkpoint", "show"]


def test_of_several_viewers_each_order_is_obeyed_once(tmp_path: Path, clock: Time) -> None:
    found, run = Viewer(tmp_path, clock, clock.sleep), Recorded()
    for who, names in [
        (0, ["checkpoint"]),
        (1, ["checkpoint"]),
        (0, ["checkpoint", "continue"]),
        (1, ["checkpoint", "continue"]),
        *((more, []) for more in range(2, viewer.MOST_VIEWERS)),
        (0, ["checkpoint", "continue"]),
    ]:
        ordering(tmp_path, *names, viewer=f"{who:016x}")
        clock.now += 1
        found.take(block(), run)
    assert [each for each in run.done if each != "show"] == ["checkpoint", "checkpoint", "continue", "continue"]
    for more in range(10 * viewer.MOST_VIEWERS):  # and of whoever comes it remembers no more than that
        ordering(tmp_path, viewer=f"{more:016x}")
        found._look(clock.now)
    assert len(found._done) == viewer.MOST_VIEWERS


def test_a_pause_ends_when_whoever_asked_for_it_is_gone(tmp_path: Path, clock: Time) -> None:
    found, run = Viewer(tmp_path, clock, clock.sleep), Recorded()
    ordering(tmp_path, "pause")
    began = clock.now
    found.take(block(), run)  # nobody touches the file any more
    assert run.done == ["pause", "show", "continue"]
    assert LEASE <= clock.now - began < LEASE + 1
    assert "gone" in run.said[1]


def test_a_pause_lasts_as_long_as_somebody_is_there(tmp_path: Path, clock: Time) -> None:
    found, run = Viewer(tmp_path, clock, clock.sleep), Recorded()
    ordering(tmp_path, "pause")
    began = clock.now

    def touch() -> None:
        os.utime(tmp_path / CONTROL, (clock.now, clock.now))
        if clock.now > began + 1_000:
            ordering(tmp_path, "pause", "continue")

    clock.while_asleep = touch
    found.take(block(), run)
    assert clock.now > began + 1_000
    assert run.done[-1] == "continue"
    assert found.pauses.seconds == pytest.approx(clock.now - began)


def test_a_checkpoint_waits_for_a_moment_from_which_the_run_continues_exactly(tmp_path: Path, clock: Time) -> None:
    found, run = Viewer(tmp_path, clock, clock.sleep), Recorded()
    run.is_exact = False
    ordering(tmp_path, "checkpoint")
    for step in range(5):
        found.take(block(step), run)
    assert run.done == ["show"]
    run.is_exact = True
    found.take(block(6), run)
    assert run.done == ["show", "checkpoint"]


def test_showing_takes_a_share_of_the_time_that_hardly_counts(tmp_path: Path, clock: Time) -> None:
    found, run = Viewer(tmp_path, clock, clock.sleep), Recorded()
    run.show = lambda: setattr(clock, "now", clock.now + 0.1) or run.done.append("show")
    ordering(tmp_path)
    for _ in range(100 * 100):
        clock.now += 0.01
        if int(clock.now * 100) % 100 == 0:
            os.utime(tmp_path / CONTROL, (clock.now, clock.now))
        found.take(block(), run)
    assert 4 <= run.done.count("show") <= 6  # of 100 seconds half a second


# ── What it believes ─────────────────────────────────────────────────────────────────────────────

GOOD = {"schema": 1, "viewer": ME, "orders": [[0, "pause"]]}
BAD = [
    b"",
    b"\x00" * 100,
    b"[]",
    b"[" * 4_000,
    b"{}",
    b"x" * 5_000,
    *(
        json.dumps({**GOOD, **change}).encode()
        for change in (
            {"schema": 2},
            {"viewer": "../../etc"},
            {"viewer": ME.upper()},
            {"viewer": 7},
            {"more": 1},
            {"orders": "pause"},
            {"orders": [["0", "pause"]]},
            {"orders": [[-1, "pause"]]},
            {"orders": [[True, "pause"]]},
            {"orders": [[2**70, "pause"]]},
            {"orders": [[0, "rm -rf"]]},
            {"orders": [[0, ["pause"]]]},
            {"orders": [[0, "pause", "x"]]},
            {"orders": [[1, "pause"], [1, "stop"]]},
            {"orders": [[2, "pause"], [1, "stop"]]},
            {"orders": [[n, "step"] for n in range(17)]},
        )
    ),
]


@pytest.mark.parametrize("content", BAD)
def test_a_file_of_orders_that_is_not_just_so_is_not_obeyed(tmp_path: Path, clock: Time, content: bytes) -> None:
    found, run = Viewer(tmp_path, clock, clock.sleep), Recorded()
    (tmp_path / CONTROL).write_bytes(content)
    found.take(block(), run)
    assert set(run.done) <= {"show"}
    assert not found.paused
    with pytest.raises(FolderError, match="remove it"):
        read_control(tmp_path)


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_orders_are_not_taken_from_elsewhere_and_nobody_waits_for_them(tmp_path: Path, clock: Time, kind: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    found, run = Viewer(folder, clock, clock.sleep), Recorded()
    ordering(tmp_path, "pause")
    if kind == "pipe":
        os.mkfifo(folder / CONTROL)
    elif kind == "link":
        (folder / CONTROL).symlink_to(tmp_path / CONTROL)
    else:
        (folder / CONTROL).mkdir()
    found.take(block(), run)
    assert not found.paused
    assert "pause" not in run.done


def test_a_link_in_the_place_of_the_file_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (tmp_path / "precious").write_text("mine")
    (folder / CONTROL).symlink_to(tmp_path / "precious")
    ordering(folder, "pause")
    assert (tmp_path / "precious").read_text() == "mine"
    assert read_control(folder) == Control(ME, (Order(0, "pause"),))
