import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqnlab.errors import CheckpointError, FolderError
from dqnlab.store.metrics import END, last_step, read_header, read_records
from dqnlab.track.jsonl import MetricsFile

FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from dqnlab.track.jsonl import MetricsFile

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that writing fails with an error, as on a full disk
resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
file = MetricsFile(Path(sys.argv[1]))
for step in range(50):
    file.log(step, {"a": 1.0})
file.close()
print("went on")
"""


def no_constant(name: str) -> None:
    raise AssertionError(f"{name} is not strict JSON")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


def test_records_come_back_as_they_were(path: Path) -> None:
    file = MetricsFile(path, {"env": "CartPole-v1"})
    file.log(10, {"b": 1.5, "a": -2.0})
    file.log(20, {"eval/returns": [1.0, 2.0]})
    file.close()
    assert read_header(path) == {"schema": 1, "env": "CartPole-v1"}
    assert read_records(path) == [{"step": 10, "b": 1.5, "a": -2.0}, {"step": 20, "eval/returns": [1.0, 2.0]}]
    assert path.read_text().splitlines()[1] == '{"step": 10, "b": 1.5, "a": -2.0}'


def test_record_is_on_file_before_the_next_one_comes(path: Path) -> None:
    file = MetricsFile(path)
    file.log(10, {"a": 1.0})
    assert read_records(path) == [{"step": 10, "a": 1.0}]
    file.close()


def test_nan_and_infinity_are_strict_json_and_come_back(path: Path) -> None:
    file = MetricsFile(path)
    file.log(1, {"a": math.nan, "b": math.inf, "c": [-math.inf, 1.0]})
    file.close()
    for line in path.read_text().splitlines():
        json.loads(line, parse_constant=no_constant)
    (record,) = read_records(path)
    assert math.isnan(record["a"])
    assert (record["b"], record["c"]) == (math.inf, [-math.inf, 1.0])


@given(cut=st.integers(0, 200))
def test_file_torn_at_any_byte_keeps_every_whole_record(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("torn") / "metrics.jsonl"
    file = MetricsFile(path, {"env": "Käfig-v0"})
    for step in range(8):
        file.log(step, {"a": 0.5})
    file.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    lines = whole[:cut].count(b"\n")
    if lines == 0:
        with pytest.raises(CheckpointError, match="does not begin with"):
            read_records(path)
    else:
        assert [record["step"] for record in read_records(path)] == list(range(lines - 1))


def test_damaged_line_in_the_middle_is_named(path: Path) -> None:
    path.write_text('{"schema": 1}\n{"step": 1}\n{"st\n{"step": 3}\n')
    with pytest.raises(CheckpointError, match="line 3 is damaged"):
        read_records(path)


@pytest.mark.parametrize("first", ["", "{}\n", '{"step": 1, "a": 2}\n', "5\n", "PK\x03\x04\n"])
def test_file_without_a_header_is_refused(path: Path, first: str) -> None:
    path.write_text(first)
    with pytest.raises(CheckpointError, match="not a metrics file of dqnlab"):
        read_records(path)


def test_newer_file_is_refused_with_both_numbers(path: Path) -> None:
    path.write_text('{"schema": 2}\n')
    with pytest.raises(CheckpointError, match="has schema 2, this dqnlab knows 1"):
        read_records(path)


def test_absent_file_is_named(path: Path) -> None:
    with pytest.raises(FolderError, match="is not a run: it has no metrics"):
        read_records(path)


def test_existing_file_is_never_overwritten(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(FolderError, match="already exists"):
        MetricsFile(path)
    assert path.read_text() == "precious"


@pytest.mark.world
@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are a matter of POSIX")
def test_full_disk_is_one_line_of_warning_and_keeps_what_was_written(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "went on\n"
    assert done.stderr.count("\n") == 1
    assert "cannot be written (OSError" in done.stderr
    assert [record["step"] for record in read_records(path)] == list(range(8))


def test_folder_that_does_not_exist_is_a_warning_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = MetricsFile(tmp_path / "absent" / "metrics.jsonl")
    file.log(1, {"a": 1.0})
    file.close()
    assert capsys.readouterr().err.count("cannot be written") == 1


@pytest.mark.parametrize(
    ("lines", "step"),
    [
        ('{"schema": 1}\n{"step": 10, "a": 1.0}\n{"step": 20, "a": 1.0}\n', 20),
        ('{"schema": 1}\n{"step": 10, "a": 1.0}\n{"step": 2', 10),  # torn off
        ('{"schema": 1}\n', None),
        ("", None),
        ('{"step": 1}\n' + '{"step": 7, "a": 1.0}\n' * (END // 10) + "no record\n", 7),
    ],
)
def test_the_last_step_is_read_at_the_end_of_the_file(tmp_path: Path, lines: str, step: int | None) -> None:
    (tmp_path / "metrics.jsonl").write_text(lines)
    assert last_step(tmp_path / "metrics.jsonl") == step


def test_where_there_is_no_file_there_is_no_last_step(tmp_path: Path) -> None:
    assert last_step(tmp_path / "metrics.jsonl") is None
