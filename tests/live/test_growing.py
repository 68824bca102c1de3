"""metrics.jsonl followed while it grows: torn lines, files that are replaced, and files that are none of ours."""

import os
from pathlib import Path

import pytest

from dqnlab.live import growing
from dqnlab.live.growing import Growing

HEADER = b'{"schema": 1, "env": "CartPole-v1"}\n'


def line(step: int, name: str = "train/reward", value: object = 1.0) -> bytes:
    return f'{{"step": {step}, "{name}": {value}}}\n'.encode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(HEADER)
    return path


def add(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def rewards(found: Growing) -> list[tuple[float, float]]:
    column = found.column("train/reward")
    return list(zip(column.step.tolist(), column.value.tolist(), strict=True))


def test_only_what_is_new_is_read_and_a_torn_last_line_waits_for_its_end(file: Path) -> None:
    found = Growing(file.parent)
    assert found.read()
    assert not found.read()
    add(file, line(10) + b'{"step": 20, "train/re')
    assert found.read()
    assert rewards(found) == [(10, 1)]
    assert not found.read()
    add(file, b'ward": 2.5}\n' + line(30, value='"nan"'))
    assert found.read()
    assert str(rewards(found)) == "[(10.0, 1.0), (20.0, 2.5), (30.0, nan)]"
    assert (found.step, found.damaged) == (30, 0)


def test_a_letter_may_be_torn_too(file: Path) -> None:
    found = Growing(file.parent)
    whole = '{"step": 5, "train/info/é": 1}\n'.encode()
    add(file, whole[:19])
    found.read()
    add(file, whole[19:])
    found.read()
    assert found.last == {"train/info/é": 1.0}


def test_a_file_that_a_resumed_run_has_cut_back_is_read_anew(file: Path) -> None:
    found = Growing(file.parent)
    add(file, line(10) + line(20) + line(30))
    found.read()
    new = file.with_name("new")
    new.write_bytes(HEADER + line(10))
    os.replace(new, file)
    assert found.read()
    assert rewards(found) == [(10, 1)]
    assert found.step == 10
    add(file, line(20, value=7))
    found.read()
    assert rewards(found) == [(10, 1), (20, 7)]


def test_a_run_stands_still_between_a_pause_and_what_ends_it(file: Path) -> None:
    found = Growing(file.parent)
    for rows, paused in [
        (line(10, "control/pause"), True),
        (line(10, "control/step") + line(11), True),
        (line(11, "control/pause"), True),
        (line(11, "control/continue"), False),
        (line(20, "control/pause"), True),
        (line(25), False),  # it was killed while it stood still, and resumed
        (line(25, "control/step") + line(26) + line(26, "control/pause"), True),
        (line(30), False),  # the same after a block of its own
    ]:
        add(file, rows)
        found.read()
        assert found.paused is paused
    assert found.obeyed == {"pause": 2, "step": 2, "continue": 1}


def test_a_block_that_was_asked_for_is_done_when_it_has_ended_and_is_one_of_that_step(file: Path) -> None:
    found = Growing(file.parent)
    for rows, step, done in [
        (line(10, "control/pause"), 10, 0),
        (line(10, "control/step"), 10, 0),
        (line(11, "control/pause"), 11, 1),
        (line(11, "control/step") + line(11, "control/step"), 11, 1),
        (line(13, "control/pause"), 13, 3),
        (line(13, "control/step") + line(13, "control/continue"), 13, 3),  # it went on instead
        (line(20, "control/pause"), 20, 3),
    ]:
        add(file, rows)
        found.read()
        assert (found.step, found.obeyed.get("step", 0)) == (step, done)
    assert found.obeyed["pause"] == 2


def test_a_run_is_judged_once_it_was_ended_until_it_trains_again(file: Path) -> None:
    found = Growing(file.parent)
    for rows, judged in [
        (line(10), False),
        (line(20, "control/stop") + line(20, "eval/reward"), True),
        (line(30), False),  # resumed with a larger budget
        (line(30, "confirm/passed", 0), False),
        (line(40, "confirm/passed"), True),
    ]:
        add(file, rows)
        found.read()
        assert found.is_judged is judged


HOSTILE = [
    b"\x00\x01\x02\xff" * 50 + b"\n",
    b"[1, 2]\n",
    b"null\n",
    b"[" * 5_000 + b"\n",
    b'{"step": -1, "train/reward": 1}\n',
    b'{"step": true, "train/reward": 1}\n',
    b'{"step": 1e400, "train/reward": 1}\n',
    b'{"step": "5", "train/reward": 1}\n',
    b'{"train/reward": 1}\n',
]


@pytest.mark.parametrize("bad", HOSTILE)
def test_a_line_that_is_no_record_is_left_out_and_counted(file: Path, bad: bytes) -> None:
    found = Growing(file.parent)
    add(file, line(10) + bad + line(20))
    found.read()
    assert rewards(found) == [(10, 1), (20, 1)]
    assert found.damaged == 1


def test_values_that_are_no_numbers_are_left_out(file: Path) -> None:
    found = Growing(file.parent)
    add(
        file, b'{"step": 1, "a": "<img src=x>", "b": {"c": 1}, "d": [["x"]], "e": true, "f": null, "train/reward": 3}\n'
    )
    found.read()
    assert set(found.last) == {"train/reward"}
    assert found.evaluations == []


def test_what_is_kept_of_a_giant_file_has_a_limit(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "MOST_VALUES", 5)
    monkeypatch.setattr(growing, "PIECE", 64)
    found = Growing(file.parent)
    add(file, b"".join(line(step) for step in range(100)))
    for _ in range(1_000):
        if not found.read():
            break
    assert found.is_full
    assert len(rewards(found)) == 5
    assert not found.more


def test_a_line_without_end_is_given_up(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "LONGEST", 1_000)
    found = Growing(file.parent)
    add(file, b'{"step": 1, "x": "' + b"a" * 5_000)
    found.read()
    assert found.is_full
    assert not found.read()


def test_names_have_a_limit_too(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "MOST_NAMES", 3)
    found = Growing(file.parent)
    add(file, b"".join(line(1, f"x/{n}") for n in range(10)) + line(1, "y" * 200))
    found.read()
    assert len(found.columns()) == 3


@pytest.mark.parametrize("kind", ["pipe", "link out", "folder", "broken link", "nothing"])
def test_what_is_no_file_of_the_run_is_not_read_and_nobody_waits_for_it(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    path = folder / "metrics.jsonl"
    (tmp_path / "outside").write_bytes(HEADER + line(1))
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link out":
        path.symlink_to(tmp_path / "outside")
    elif kind == "folder":
        path.mkdir()
    elif kind == "broken link":
        path.symlink_to(tmp_path / "nowhere")
    found = Growing(folder)
    assert not found.read()
    assert found.columns() == {}
