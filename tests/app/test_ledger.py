"""`dqn runs`: groups, filters, order, settings_apart, JSON and CSV; and how many files a listing reads."""

import csv
import io
import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dqnlab.app.cli import main
from dqnlab.app.ledger import RunsView, settings_apart
from dqnlab.config import Mlp, presets
from dqnlab.config.changes import changes
from dqnlab.config.toml import to_toml
from dqnlab.store import reading
from dqnlab.store.folder import CONFIG, META, SUMMARY, Run, write_json, write_result
from dqnlab.store.group import Failure, Group, write_summary
from dqnlab.store.label import Label
from dqnlab.store.ledger import all_entries, apart
from dqnlab.store.lock import holder, locked
from dqnlab.store.score import Score
from dqnlab.store.select import COLUMNS

RUNS = Path("runs")


def score_of(mean: float) -> Score:
    return Score(mean=mean, low=mean - 1, high=mean + 1, minimum=0.0, maximum=500.0, episodes=1, returns=(mean,), cut=0)


def result(folder: Path, mean: float | None, seed: int, **changes: Any) -> Run:
    given = {"env": "CartPole-v1", "preset": "cartpole", "env_steps": 1_000, "updates": 5, "seconds": {"total": 1.5}}
    given |= {"solved": None if mean is None else mean >= 475, "selected_score": None, "attempts": 0}
    run = Run(folder=folder, seed=seed, score=None if mean is None else score_of(mean), **(given | changes))
    write_result(run)
    return run


def made(called: str, /, mean: float | None = 100.0, seed: int = 0, **said: Any) -> Path:
    """The folder of a run that has ended; without a result if it has no mean."""
    changed = {
        key: said.pop(key) for key in ("env_steps", "seconds", "env", "preset", "solved", "error") if key in said
    }
    config = said.pop("config", presets.get("cartpole"))
    folder = RUNS / "CartPole-v1" / called
    folder.mkdir(parents=True)
    (folder / CONFIG).write_text(to_toml(replace(config, seed=seed)))
    about = {"created": "2026-01-02T03:04:05+00:00", "settings": changes(config), **said}
    write_json(folder / META, about)
    if mean is not None:
        result(folder, mean, seed, **changed)
    return folder


def group(called: str, /, *means: float | None, **said: Any) -> Path:
    """A group of seeds with these scores; none for a seed that failed before it began."""
    folder = RUNS / "CartPole-v1" / called
    found: list[Run | Failure] = []
    for seed, mean in enumerate(means):
        if mean is None:
            found.append(Failure(seed=seed, folder=folder / f"seed-{seed}", error="it fell", exit_code=3))
            continue
        made(f"{called}/seed-{seed}", mean, seed, **said)
        found.append(result(folder / f"seed-{seed}", mean, seed, env_steps=1_000 * (seed + 1)))
    label = Label(name=said.get("name"), tags=tuple(said.get("tags", ())))
    folder.mkdir(parents=True, exist_ok=True)
    write_summary(Group(folder, "CartPole-v1", "cartpole", tuple(range(len(means))), tuple(found), 12.5, label=label))
    return folder


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert main(["runs", "--json", *words]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["runs"]
    return found


def names(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    return [row["name"] for row in listed(capsys, *words)]


# ── Groups ───────────────────────────────────────────────────────────────────────────────────────


def test_a_group_is_one_row_with_the_mean_over_its_seeds() -> None:
    group("20260102T000000Z-a-s0-2", 480.0, 490.0, 400.0)
    (entry,) = all_entries(RUNS)
    assert entry.score is not None
    assert entry.score[0] == pytest.approx(456.6667)
    assert entry.score[1] == pytest.approx(456.6667 - 4.302653 * 49.328829 / 3**0.5, abs=1e-3)
    assert (entry.status, entry.seeds, entry.scored, entry.solved) == ("finished", (0, 1, 2), 3, 2)
    assert (entry.env_steps, entry.seconds, entry.called) == (2_000, 12.5, "20260102T000000Z-a-s0-2")
    assert [each.called for each in apart([entry])] == [f"20260102T000000Z-a-s0-2/seed-{i}" for i in range(3)]


def test_a_seed_that_never_began_counts_among_those_that_failed(capsys: pytest.CaptureFixture[str]) -> None:
    group("20260102T000000Z-a-s0-2", 480.0, None, 400.0)
    (entry,) = all_entries(RUNS)
    assert (entry.status, entry.seeds, entry.scored, entry.solved) == ("failed", (0, 1, 2), 2, 1)
    assert main(["runs"]) == 0
    row = capsys.readouterr().out.splitlines()[1].split()
    assert row[-3:] == ["2", "of", "3"]
    assert "1/3" in row


@pytest.mark.parametrize(
    ("status", "expected"),
    [("interrupted", "interrupted"), ("damaged", "damaged"), ("unfinished", "unfinished"), ("failed", "failed")],
)
def test_a_group_stands_as_its_worst_seed_does(status: str, expected: str) -> None:
    folder = group("20260102T000000Z-a-s0-1", 480.0, 400.0) / "seed-1"
    match status:
        case "interrupted":
            result(folder, None, 1, interrupted=True)
        case "failed":
            result(folder, None, 1, interrupted=True, error="it fell")
        case "damaged":
            (folder / "result.json").write_text("[")
        case _:
            (folder / "result.json").unlink()
    (entry,) = all_entries(RUNS)
    assert entry.status == expected
    assert entry.scored == 1


def test_a_run_that_somebody_works_on_is_running_and_its_lock_stays_free_to_be_taken() -> None:
    folder = made("20260102T000000Z-a-s0", None)
    assert all_entries(RUNS)[0].status == "unfinished"
    with locked(folder):
        assert all_entries(RUNS)[0].status == "running"
        assert holder(folder) == f"process {os.getpid()} on {os.uname().nodename}"
        assert all_entries(RUNS)[0].env_steps is None
        (folder / "metrics.jsonl").write_text('{"schema": 1}\n{"step": 640, "train/reward": 9.0}\n')
        assert all_entries(RUNS)[0].env_steps == 640
    assert holder(folder) is None
    (folder / "run.lock").write_text(json.dumps({"pid": 2**22 + 1, "host": os.uname().nodename}))  # it was killed
    assert all_entries(RUNS)[0].status == "unfinished"
    (folder / "run.lock").write_text(json.dumps({"pid": 1, "host": "elsewhere"}))  # nobody here can tell
    assert all_entries(RUNS)[0].status == "running"
    for torn in ("", "[", "[1]", '{"pid": "x"}'):
        (folder / "run.lock").write_text(torn)
        assert holder(folder) is None


def test_a_damaged_summary_leaves_the_seeds_that_lie_there() -> None:
    folder = group("20260102T000000Z-a-s0-1", 480.0, 400.0)
    (folder / SUMMARY).write_text("[")
    (entry,) = all_entries(RUNS)
    assert (entry.seeds, entry.env, entry.scored) == ((0, 1), "CartPole-v1", 2)


# ── Two arms ─────────────────────────────────────────────────────────────────────────────────────


def test_two_arms_of_one_preset_are_told_apart_by_what_they_set(capsys: pytest.CaptureFixture[str]) -> None:
    made("20260102T000000Z-cartpole-s0")
    made("20260102T000000Z-cartpole-s0-2", config=replace(presets.get("cartpole"), n=3, torso=Mlp(hidden=(64, 64))))
    assert main(["runs"]) == 0
    _, one, two = capsys.readouterr().out.splitlines()
    assert "n=" not in one
    assert two.split()[-2:] == ["torso.hidden=64,64", "n=3"]


def test_names_that_two_runs_share_are_shown_with_their_folders(capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("20260102T000000Z-a-s0", "20260103T000000Z-a-s0"):
        made(folder, name="same", tags=["x", "y"])
    made("20260104T000000Z-b-s0", name="other")
    assert main(["runs"]) == 0
    _, one, two, three = capsys.readouterr().out.splitlines()
    assert "same (20260102T000000Z-a-s0)" in one
    assert "same (20260103T000000Z-a-s0)" in two
    assert "x, y" in one
    assert three.split()[:3] == ["CartPole-v1", "other", "finished"]


def test_named_runs_show_in_which_settings_they_differ(capsys: pytest.CaptureFixture[str]) -> None:
    made("20260102T000000Z-a-s0", name="one")
    group("20260102T000000Z-b-s0-1", 100.0, 200.0, name="three", config=replace(presets.get("cartpole"), n=3))
    assert main(["runs", "one", "three"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["setting", "one", "three"] in lines
    assert ["n", "8", "3"] in lines
    assert not any(line[:1] == ["seed"] for line in lines)
    assert main(["runs", "one", "20260102T000000Z-a-s0"]) == 0  # the same twice is one
    assert "all settings of 1 run are equal, but for seeds" in capsys.readouterr().out


def test_of_many_runs_each_value_is_followed_by_those_that_have_it(capsys: pytest.CaptureFixture[str]) -> None:
    for day in range(1, 6):
        config = replace(presets.get("cartpole"), n=3 if day > 3 else 1)
        made(f"2026010{day}T000000Z-a-s0", name=f"r{day}", config=config)
    assert main(["runs", "--diff"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[-3:] == ["setting value runs", "n 1 r1, r2, r3", "3 r4, r5"]


def test_a_run_whose_settings_cannot_be_read_is_left_out_of_the_comparison(capsys: pytest.CaptureFixture[str]) -> None:
    made("20260102T000000Z-a-s0", name="one")
    (made("20260103T000000Z-a-s0", name="two") / CONFIG).write_text("[")
    assert main(["runs", "--diff"]) == 0
    out, err = capsys.readouterr()
    assert "two is not compared: " in err
    assert "all settings of 1 run are equal" in out
    assert "one" in out
    assert "two" in out


def test_in_a_narrow_terminal_names_stay_whole_and_settings_stand_below_them() -> None:
    made("20260102T000000Z-cartpole-s0", tags=["x"], config=replace(presets.get("cartpole"), n=3))
    made("20260103T000000Z-cartpole-s0")
    console = Console(width=80, highlight=False)
    with console.capture() as text:
        console.print(RunsView(all_entries(RUNS)))
    lines = [line.split() for line in text.get().splitlines()]
    assert lines == [
        ["environment", "run", "status", "score", "solved", "steps"],
        ["CartPole-v1", "20260102T000000Z-cartpole-s0", "finished", "100.0", "no", "1,000"],
        ["x"],
        ["n=3"],
        ["CartPole-v1", "20260103T000000Z-cartpole-s0", "finished", "100.0", "no", "1,000"],
    ]


def test_differing_is_by_name_with_a_dash_where_a_kind_has_no_such_setting() -> None:
    assert settings_apart([{"a": 1, "b": True, "preset": "x"}, {"a": 1, "b": False, "c": [1, 2], "preset": "y"}]) == {
        "b": ["on", "off"],
        "c": ["–", "1, 2"],
    }


# ── Filters and order ────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def several() -> None:
    made("20260101T000000Z-a-s0", 480.0, name="first", tags=["x"], env_steps=300, seconds={"total": 9.0})
    made("20260102T000000Z-b-s0", 100.0, tags=["x", "y"], env="ALE/Pong-v5", env_steps=100, preset="dqn")
    made("20260103T000000Z-c-s0", None)
    group("20260104T000000Z-d-s0-1", 490.0, 300.0, name="both")


@pytest.mark.usefixtures("several")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", "first 20260102T000000Z-b-s0 20260103T000000Z-c-s0 both"),
        ("--env pong", "20260102T000000Z-b-s0"),
        ("--env ale/*", "20260102T000000Z-b-s0"),
        ("--env Pong*", ""),
        ("--preset dqn", "20260102T000000Z-b-s0"),
        ("--tag x", "first 20260102T000000Z-b-s0"),
        ("--tag x --tag y", "20260102T000000Z-b-s0"),
        ("--status unfinished", "20260103T000000Z-c-s0"),
        ("--status unfinished --status running --env cart", "20260103T000000Z-c-s0"),
        ("--name fir", "first"),
        ("--name 2026010?T000000Z-a-*", "first"),
        ("--solved", "first"),
        ("--unsolved", "20260102T000000Z-b-s0 both"),
        ("--solved --seeds", "first both/seed-0"),
        ("--sort score", "first both 20260102T000000Z-b-s0 20260103T000000Z-c-s0"),
        ("--sort score --reverse", "20260102T000000Z-b-s0 both first 20260103T000000Z-c-s0"),
        ("--sort steps", "20260102T000000Z-b-s0 first both 20260103T000000Z-c-s0"),
        ("--sort seconds", "20260102T000000Z-b-s0 first both 20260103T000000Z-c-s0"),
        ("--sort name", "20260102T000000Z-b-s0 20260103T000000Z-c-s0 both first"),
        ("--sort env", "20260102T000000Z-b-s0 first 20260103T000000Z-c-s0 both"),
        ("--reverse", "both 20260103T000000Z-c-s0 20260102T000000Z-b-s0 first"),
        ("both first", "both first"),
        ("runs", "first 20260102T000000Z-b-s0 20260103T000000Z-c-s0 both"),
    ],
)
def test_runs_are_chosen_and_ordered(words: str, found: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert names(capsys, *words.split()) == found.split()


@pytest.mark.usefixtures("several")
def test_that_nothing_is_like_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--tag", "z"]) == 0
    assert capsys.readouterr().out == "none of 4 runs is like that: `dqn runs` lists them all\n"
    assert listed(capsys, "--tag", "z") == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("runs nowhere", ["'nowhere' is neither a run nor a folder that holds runs"]),
        ("runs --json --csv", ["--json and --csv exclude each other: leave one out"]),
        ("runs --solved --unsolved", ["--solved and --unsolved exclude each other"]),
        ("runs --csv --diff", ["--csv has a row for each run and no room for --diff: use --json"]),
        ("runs --tree a", ["--tree draws whole trees, in their own order: leave out 'a'; --env, --preset, --name"]),
        ("runs --tree --json", ["--tree draws whole trees, in their own order: leave out --json"]),
        ("runs --sort points", ["--sort must be one of 'time', 'score', 'steps'", "got 'points'"]),
        ("runs --status done", ["--status must be one of", "got 'done'"]),
        ("train --name latest", ["name 'latest' is what the newest run is called anyway"]),
        ("train --tag a,b", ["tag 'a,b' has a comma: give each tag by itself"]),
        ("train --name ''", ["a name must be 1 to 100 visible characters", "got ''"]),
        ("train --swanlab.project 'a b'", ["swanlab.project must be 1 to 100 letters, digits or -_+., got 'a b'"]),
        ("train --swanlab.projekt a", ["unknown flag --swanlab.projekt", "--swanlab.project"]),
        ("train --tracker none --swanlab.group a", ["--swanlab.group belongs to --tracker swanlab", "is none"]),
        ("train --tracker tensorboard --swanlab.tags a", ["--swanlab.tags belongs to --tracker swanlab"]),
    ],
)
def test_words_that_cannot_work_are_answered(line: str, words: list[str], refused: Any) -> None:
    refused(line, 2, *words)


# ── Rows for programs ────────────────────────────────────────────────────────────────────────────


def test_the_columns_are_these_in_both_formats_and_in_the_docs(capsys: pytest.CaptureFixture[str]) -> None:
    parent = {"run": "runs/x", "step": 500}
    made("20260101T000000Z-a-s7", 480.0, 7, name="first", tags=["x", "y"], parent=parent)
    group("20260104T000000Z-d-s0-1", 490.0, 300.0, config=replace(presets.get("cartpole"), n=3))
    one, both = listed(capsys)
    assert tuple(one) == COLUMNS
    assert one == {
        "name": "first",
        "folder": str(RUNS / "CartPole-v1" / "20260101T000000Z-a-s7"),
        "group": None,
        "env": "CartPole-v1",
        "preset": "cartpole",
        "seeds": [7],
        "status": "finished",
        "score": 480.0,
        "low": 479.0,
        "high": 481.0,
        "scored": 1,
        "solved": 1,
        "env_steps": 1_000,
        "updates": 5,
        "seconds": 1.5,
        "created": "2026-01-02T03:04:05+00:00",
        "tags": ["x", "y"],
        "settings": {},
        "parent": "runs/x at step 500",
        "removed": [],
        "damage": None,
    }
    assert (both["seeds"], both["score"], both["scored"], both["solved"]) == ([0, 1], 395.0, 2, 1)
    assert main(["runs", "--csv", "--seeds"]) == 0
    first, *seeds = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert tuple(first) == COLUMNS
    assert (first["seeds"], first["tags"], first["group"]) == ("7", "x,y", "")
    assert [(row["name"], row["group"], row["seeds"], row["score"], row["settings"]) for row in seeds] == [
        (f"20260104T000000Z-d-s0-1/seed-{i}", "20260104T000000Z-d-s0-1", str(i), score, "n=3")
        for i, score in enumerate(["490.0", "300.0"])
    ]
    for documented in ("runs.md", "runs.zh-Hant.md"):
        text = (Path(__file__).parents[2] / "docs" / documented).read_text("utf-8")
        assert tuple(line.split("`")[1] for line in text.splitlines() if line.startswith("| `")) == COLUMNS


def test_differences_are_in_the_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    one = made("20260102T000000Z-a-s0", name="one")
    two = made("20260103T000000Z-a-s0", name="two", config=replace(presets.get("cartpole"), n=3))
    assert main(["runs", "one", "two", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["compared"] == [str(one.resolve()), str(two.resolve())]
    assert said["differing"] == {"n": ["8", "3"]}


def test_nothing_in_a_file_steers_the_terminal_or_a_spreadsheet(capsys: pytest.CaptureFixture[str]) -> None:
    made("20260102T000000Z-a-s0", tags=["\x1b[2J"], parent={"run": "\x1b[2J", "step": "\x07"}, env="\x1b[31m")
    for words in ([], ["--csv"], ["--json"]):
        assert main(["runs", *words]) == 0
        out = capsys.readouterr().out
        assert all(each == "\n" or each.isprintable() for each in out)


# ── What it costs ────────────────────────────────────────────────────────────────────────────────


def test_a_listing_reads_two_files_of_each_run_and_one_more_of_each_group(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for day in range(10, 30):
        made(f"202601{day}T000000Z-a-s0")
    group("20260131T000000Z-b-s0-3", *[1.0] * 4)
    read = Counter[str]()
    really = reading.open_plain

    def counted(path: Path) -> Any:
        read[path.name] += 1
        return really(path)

    monkeypatch.setattr(reading, "open_plain", counted)
    assert main(["runs"]) == 0
    assert read.pop("run.lock", 0) <= 1  # of the group
    assert read == {"result.json": 24, "meta.json": 24, "summary.json": 1}
    read.clear()
    assert main(["runs", "--diff", "--name", "20260110*"]) == 0
    assert read["config.toml"] == 1  # of what is listed only
    capsys.readouterr()
