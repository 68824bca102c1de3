"""A run's name and tags: what they may be, where they are kept, and how a run is found by them."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dqnlab
from dqnlab.app.cli import main
from dqnlab.config import Config, Steps
from dqnlab.errors import ConfigError, FolderError
from dqnlab.lab.session import train
from dqnlab.store.find import find_group, find_run
from dqnlab.store.folder import CONFIG, META, RESULT, create_folder, write_json
from dqnlab.store.group import Group, write_summary
from dqnlab.store.label import Label, label_in, read_label

from ..tiny import TINY, tiny

RUNS = Path("runs")


def run(folder: str, name: str | None = None, *tags: str) -> Path:
    """A folder of a run, as `dqn runs` and RUN see it."""
    path = RUNS / "CartPole-v1" / folder
    path.mkdir(parents=True)
    (path / CONFIG).write_text("")
    write_json(path / META, Label(name=name, tags=tags).as_dict())
    return path.resolve()


def group(folder: str, name: str | None, seeds: int = 2) -> Path:
    path = RUNS / "CartPole-v1" / folder
    for seed in range(seeds):
        run(f"{folder}/seed-{seed}", name)
    write_summary(Group(path, "CartPole-v1", "p", tuple(range(seeds)), (), 1.0, label=Label(name=name)))
    return path.resolve()


# ── What they may be ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ({"name": ""}, "a name must be 1 to 100 visible characters on one line, without spaces around them, got ''"),
        ({"name": " x"}, "got ' x'"),
        ({"name": "a\nb"}, "a name must be"),
        ({"name": "\x1b[2J"}, "a name must be"),
        ({"name": "x" * 101}, "a name must be"),
        ({"name": "latest"}, "name 'latest' is what the newest run is called anyway: choose another"),
        ({"tags": ("",)}, "a tag must be 1 to 100 visible characters"),
        ({"tags": ("a,b",)}, "tag 'a,b' has a comma: give each tag by itself"),
        ({"tags": tuple(map(str, range(31)))}, "a run has at most 30 tags, got 31"),
    ],
)
def test_what_could_not_be_typed_again_is_refused(label: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Label(**label)  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_a_tag_given_twice_is_one() -> None:
    assert Label(tags=("b", "a", "b")).tags == ("b", "a")


@given(st.text(min_size=1, max_size=100))
def test_a_folder_is_safe_whatever_the_name_holds(name: str) -> None:
    made = create_folder(Config(preset="p"), None, RUNS, name=name)
    assert re.fullmatch(r"\d{8}T\d{6}Z-[A-Za-z0-9._-]{1,101}-s0(-\d+)?", made.name)
    assert made.parent.parent == RUNS.resolve()
    made.rmdir()


@pytest.mark.parametrize(
    ("name", "part"), [("big net", "big-net"), ("../../x", "x"), ("NUL", "NUL_"), ("雙網路", "p"), ("..", "p")]
)
def test_a_name_stands_in_its_folders_as_far_as_it_can_and_else_the_preset_does(name: str, part: str) -> None:
    made = create_folder(Config(preset="p", seed=4), None, RUNS, name=name)
    assert made.name[17:] == f"{part}-s4"


@pytest.mark.parametrize("said", [{}, {"name": 3, "tags": "x"}, {"name": "\x1b[2J", "tags": [3]}, {"name": "latest"}])
def test_what_a_file_says_otherwise_is_no_label(said: dict[str, object]) -> None:
    assert label_in(said) == Label()


# ── Found by them ────────────────────────────────────────────────────────────────────────────────


def test_a_run_is_found_by_its_name_wherever_it_lies() -> None:
    first = run("20260101T000000Z-p-s0", "big net")
    second = run("20260102T000000Z-q-s0", "a/b")
    run("20260103T000000Z-q-s0")
    assert find_run("big net", RUNS) == first
    assert find_run("a/b", RUNS) == second


def test_a_group_is_found_by_its_name_and_each_of_its_seeds_after_it() -> None:
    folder = group("20260101T000000Z-both-s0-1", "both")
    assert find_group("both", RUNS) == folder
    assert find_run("both/seed-1", RUNS) == folder / "seed-1"
    with pytest.raises(FolderError, match="no run 'both/seed-7'"):
        find_run("both/seed-7", RUNS)


def test_two_of_one_name_are_both_told_and_a_folder_of_that_name_comes_first() -> None:
    one, two = run("20260101T000000Z-p-s0", "same"), run("20260102T000000Z-p-s0", "same")
    with pytest.raises(FolderError) as caught:
        find_run("same", RUNS)
    newest = [str(path.relative_to(Path.cwd())) for path in (two, one)]
    assert str(caught.value) == f"several runs are named 'same': {', '.join(newest)}: name one by its folder"
    assert find_group("same", RUNS) is None
    assert run("same") == find_run("same", RUNS)


def test_of_many_of_one_name_the_newest_five_are_told() -> None:
    for day in range(1, 9):
        run(f"2026010{day}T000000Z-p-s0", "same")
    with pytest.raises(FolderError, match=r"20260108T000000Z-p-s0, .*20260104T000000Z-p-s0 and 3 more: name one"):
        find_run("same", RUNS)


def test_a_damaged_meta_is_a_run_without_a_name() -> None:
    folder = run("20260101T000000Z-p-s0", "mine")
    (folder / META).write_text("[")
    assert read_label(folder) == Label()
    with pytest.raises(FolderError, match="no run 'mine'"):
        find_run("mine", RUNS)


# ── Kept ─────────────────────────────────────────────────────────────────────────────────────────


def test_training_keeps_them_resuming_too_and_they_are_no_settings() -> None:
    config = tiny(budget=Steps(num=200))
    made = train(config, trackers=(), name="first try", tags=("a", "b"))
    assert made.folder.name.endswith("Z-first-try-s0")
    about = json.loads((made.folder / META).read_text())
    assert (about["name"], about["tags"]) == ("first try", ["a", "b"])
    resumed = dqnlab.resume("first try", budget=Steps(num=300))
    assert resumed.folder == made.folder
    assert read_label(made.folder) == Label(name="first try", tags=("a", "b"))
    plain = train(tiny(budget=Steps(num=200)), trackers=())
    assert about.keys() == json.loads((plain.folder / META).read_text()).keys()
    other = train(tiny(budget=Steps(num=300)), trackers=(), name="b", out=Path("b"))
    again = train(tiny(budget=Steps(num=300)), trackers=(), out=Path("again"))
    for file in (CONFIG, "last_model.pth"):  # the same bits
        assert (other.folder / file).read_bytes() == (again.folder / file).read_bytes()
    assert (
        json.loads((other.folder / RESULT).read_text())["score"]
        == (json.loads((again.folder / RESULT).read_text())["score"])
    )


def test_the_command_line_gives_them_to_a_run(small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--name", "mine", "--tag", "a", "--tag", "b", "--out", "here"]
    assert main(["train", *small, *words]) == 0
    assert read_label(Path("here")) == Label(name="mine", tags=("a", "b"))
    assert "CartPole-v1  mine · cartpole · seed 0" in capsys.readouterr().out


@pytest.mark.world
def test_many_seeds_share_them() -> None:
    made = dqnlab.train_many(TINY, range(2), trackers=(), name="both", tags=["x"], quiet=True)
    assert made.folder.name.endswith("Z-both-s0-1")
    assert [read_label(path) for path in (made.folder, *(each.folder for each in made.runs))] == [
        Label(name="both", tags=("x",))
    ] * 3
    assert find_run("both/seed-0") == made.folder / "seed-0"
