"""A run's folder has a safe and unique name, is never overwritten, and is found again."""

import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqnlab.config import Config, Env
from dqnlab.config.toml import from_toml, to_toml
from dqnlab.envs.make import describe
from dqnlab.errors import FolderError, ResourceError
from dqnlab.store import door
from dqnlab.store import folder as folders
from dqnlab.store.door import write_atomically
from dqnlab.store.find import find_run, list_runs
from dqnlab.store.folder import (
    CONFIG,
    META,
    RESULT,
    Run,
    create_folder,
    safe_name,
    write_json,
    write_result,
)
from dqnlab.store.reading import read_json
from dqnlab.store.start import write_start

RUNS = Path("runs")


# ── Names ────────────────────────────────────────────────────────────────────────────────────────


@given(st.text())
def test_any_text_becomes_a_name_that_every_system_takes(text: str) -> None:
    name = safe_name(text)
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,101}", name)
    assert not name.startswith(".")
    assert not name.endswith(".")
    assert name.split(".")[0].lower() not in {"con", "prn", "aux", "nul", "com1", "lpt9"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("CartPole-v1", "CartPole-v1"),
        ("ALE/Pong-v5", "ALE-Pong-v5"),
        ("module:Id-v0", "module-Id-v0"),
        ("..", "unnamed"),
        ("<lambda>", "lambda"),
        ("NUL", "NUL_"),
        ("con.v1", "con.v1_"),
    ],
)
def test_names_stay_readable(text: str, name: str) -> None:
    assert safe_name(text) == name


def test_a_folder_says_environment_time_preset_and_seed() -> None:
    path = create_folder(Config(preset="mine", seed=7, env=Env(id="ALE/Pong-v5")), None, RUNS)
    assert path.parent == (RUNS / "ALE-Pong-v5").resolve()
    assert re.fullmatch(r"\d{8}T\d{6}Z-mine-s7", path.name)
    assert list(path.iterdir()) == []


def test_runs_of_one_second_get_folders_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(folders.datetime):
        @classmethod
        def now(cls, tz: object = None) -> "folders.datetime":
            return folders.datetime(2026, 1, 2, 3, 4, 5, tzinfo=folders.UTC)

    monkeypatch.setattr(folders, "datetime", Stopped)
    names = [create_folder(Config(preset="mine"), None, RUNS).name for _ in range(3)]
    assert names == [f"20260102T030405Z-mine-s0{tail}" for tail in ("", "-2", "-3")]


# ── Never overwritten ────────────────────────────────────────────────────────────────────────────


def test_a_folder_that_holds_something_is_left_alone() -> None:
    Path("mine").mkdir()
    (Path("mine") / "diary.txt").write_text("dear")
    with pytest.raises(FolderError, match="output folder 'mine' exists and is not empty: choose another --out"):
        create_folder(Config(), Path("mine"), RUNS)
    assert [p.name for p in Path("mine").iterdir()] == ["diary.txt"]


def test_a_lock_that_a_killed_process_left_is_nothing() -> None:
    Path("mine").mkdir()
    (Path("mine") / "run.lock").write_text('{"pid": 1, "host": "here"}')
    assert create_folder(Config(), Path("mine"), RUNS) == Path("mine").resolve()


def test_a_new_or_empty_folder_is_taken() -> None:
    Path("empty").mkdir()
    for out in (Path("empty"), Path("deep/er")):
        assert create_folder(Config(), out, RUNS) == out.resolve()
        assert out.is_dir()


def test_a_file_in_the_way_is_an_error_of_the_folder() -> None:
    Path("file").write_text("")
    for out in (Path("file"), Path("file/below")):
        with pytest.raises(FolderError, match="file"):
            create_folder(Config(), out, RUNS)
    with pytest.raises(FolderError, match="cannot make the run folder 'file'"):
        create_folder(Config(), None, Path("file"))


def test_a_file_is_written_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    target = Path("a.json")
    write_atomically(target, "old")

    def fail(*args: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(door.DISK, "replace", fail)
    with pytest.raises(ResourceError, match=r"'a\.json' cannot be written: disk full"):
        write_atomically(target, "new")
    assert target.read_text() == "old"
    assert [path.name for path in Path().glob("*") if path.is_file()] == ["a.json"]


def test_not_a_number_never_reaches_a_json_file() -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(Path("a.json"), {"mean": float("nan")})
    assert not Path("a.json").exists()


# ── Read again ───────────────────────────────────────────────────────────────────────────────────


def start(name: str, env: str = "CartPole-v1") -> Path:
    path = RUNS / env / name
    path.mkdir(parents=True)
    write_start(path, Config(seed=3), describe(Env()), 1)
    return path.resolve()


def finish(path: Path, *, interrupted: bool = False) -> None:
    write_result(
        Run(
            folder=path,
            env="CartPole-v1",
            preset="default",
            seed=3,
            score=None,
            selected_score=None,
            attempts=0,
            solved=None,
            env_steps=10,
            updates=5,
            seconds={"total": 1.5},
            interrupted=interrupted,
        )
    )


def test_the_start_of_a_run_is_complete() -> None:
    path = start("one")
    assert from_toml((path / CONFIG).read_text(), Config(), "") == Config(seed=3)
    meta = read_json(path / META)
    assert meta["schema"] == 1
    assert set(meta["versions"]) == {"python", "dqnlab", "torch", "numpy", "gymnasium"}
    env = meta["env"]
    assert (env["label"], env["callable"], env["obs_shape"], env["obs_dtype"]) == ("CartPole-v1", False, [4], "float32")
    assert (env["num_actions"], env["reward_threshold"], env["max_episode_steps"]) == (2, 475.0, 500)


def test_a_result_can_be_read_by_anyone() -> None:
    path = start("one")
    finish(path)
    result = json.loads((path / RESULT).read_text())
    assert next(iter(result)) == "schema"
    assert (result["env_steps"], result["seconds"], result["score"]) == (10, {"total": 1.5}, None)
    assert "folder" not in result


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read"),
        ("[]", "not a file of a dqnlab run"),
        ("{}", "not a file of a dqnlab run"),
        ('{"schema": "1"}', "not a file of a dqnlab run"),
        ('{"schema": 99}', "schema 99; this dqnlab reads up to 1: update it"),
    ],
)
def test_a_damaged_or_foreign_file_is_refused(text: str, words: str) -> None:
    Path("meta.json").write_text(text)
    with pytest.raises(FolderError, match=words):
        read_json(Path("meta.json"))


def test_a_missing_file_means_it_is_no_run() -> None:
    with pytest.raises(FolderError, match=r"'folder' is not a run: it has no meta\.json"):
        read_json(Path("folder/meta.json"))


def test_a_run_is_found_by_path_by_name_and_as_the_latest() -> None:
    first, second = start("20260101T000000Z-a-s0", "Z"), start("20260102T000000Z-b-s0", "A")
    for name in (first, "Z/20260101T000000Z-a-s0", first.name):
        assert find_run(name, RUNS) == first
    assert find_run("latest", RUNS) == second


def test_of_two_runs_of_one_second_the_latest_is_the_one_that_was_written_later() -> None:
    first, second = start("20260101T000000Z-textbook-s0", "A"), start("20260101T000000Z-acrobot-s0", "A")
    os.utime(first / CONFIG, ns=(1, 1))
    os.utime(second / CONFIG, ns=(2, 2))
    assert find_run("latest", RUNS) == second
    os.utime(first / CONFIG, ns=(3, 3))
    assert find_run("latest", RUNS) == first


def test_an_unknown_or_ambiguous_name_is_refused() -> None:
    with pytest.raises(FolderError, match=r"no run 'x'.*dqn runs"):
        find_run("x", RUNS)
    with pytest.raises(FolderError, match="no run 'latest'"):
        find_run("latest", RUNS)
    start("same", "A")
    start("same", "B")
    with pytest.raises(FolderError, match="several runs are named 'same'"):
        find_run("same", RUNS)


def test_runs_are_listed_by_age_with_how_they_ended() -> None:
    finish(start("20260103T000000Z-c-s0", "A"))
    finish(start("20260101T000000Z-a-s0", "Z"), interrupted=True)
    start("20260102T000000Z-b-s0", "M")
    assert [(row["env"], row["status"]) for row in list_runs(RUNS)] == [
        ("CartPole-v1", "interrupted"),
        ("CartPole-v1", "unfinished"),  # as its configuration says, not its folder
        ("CartPole-v1", "finished"),
    ]
    assert list_runs(Path("nowhere")) == []


def test_a_run_whose_result_was_removed_is_listed_with_what_is_missing() -> None:
    folder = start("20260103T000000Z-c-s0", "A")
    finish(folder)
    (folder / "curves.png").touch()  # which is drawn after the result is written
    (folder / "result.json").unlink()
    assert [row["status"] for row in list_runs(RUNS)] == ["no result.json"]


def test_a_run_without_a_result_is_listed_by_its_environments_own_name() -> None:
    folder = start("20260101T000000Z-x-s0", "zoo-Lane-v0")
    write_atomically(folder / CONFIG, to_toml(Config(env=Env(id="zoo:Lane-v0"))))
    assert [(row["env"], row["status"]) for row in list_runs(RUNS)] == [("zoo:Lane-v0", "unfinished")]
    write_atomically(folder / CONFIG, "[env\n")
    assert list_runs(RUNS)[0]["env"] == "zoo-Lane-v0"


def test_a_run_tells_which_of_its_files_exist() -> None:
    path = start("one")
    run = Run(
        folder=path,
        env="",
        preset="",
        seed=0,
        score=None,
        selected_score=None,
        attempts=0,
        solved=None,
        env_steps=0,
        updates=0,
        seconds={},
    )
    assert run.files == {"configuration": path / CONFIG}
