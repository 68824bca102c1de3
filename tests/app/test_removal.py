"""`dqn clean` and `dqn rm`: what goes, what stays, who is asked, and that nothing else is ever touched."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import dqnlab
from dqnlab.app.cli import main
from dqnlab.comparing.read import read_cell
from dqnlab.config import Steps
from dqnlab.errors import CheckpointError, ConfigError, FolderError
from dqnlab.store.find import find_any, read_run
from dqnlab.store.folder import CONFIG, META, SUMMARY
from dqnlab.store.group import Group, write_summary
from dqnlab.store.lock import locked
from dqnlab.store.removal import drop_spare, removable, remove, size_of_tree, spare_of

from .everything import train_everything

RUNS = Path("runs")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with every file that dqnlab makes, in the middle of what killed processes leave."""
    folder = train_everything(tmp_path_factory.mktemp("trained") / "run")
    for name in (".best_model.pth.0123456789ab.part", "error.txt", "mark.json"):
        (folder / name).write_text("{}")
    return folder


@pytest.fixture
def run(trained: Path) -> Path:
    return Path(shutil.copytree(trained, RUNS / "CartPole-v1" / "20260101T000000Z-p-s0"))


@pytest.fixture
def group(trained: Path) -> Path:
    """A group of three seeds."""
    folder = RUNS / "CartPole-v1" / "20260102T000000Z-g-s0-2"
    for seed in range(3):
        shutil.copytree(trained, folder / f"seed-{seed}")
        about = json.loads((folder / f"seed-{seed}" / "result.json").read_text())
        settings = folder / f"seed-{seed}" / CONFIG
        settings.write_text(re.sub(r"(?m)^seed = \d+", f"seed = {seed}", settings.read_text()))
        about["seed"] = seed
        about["score"]["mean"] = 100.0 + seed
        (folder / f"seed-{seed}" / "result.json").write_text(json.dumps(about))
    results = tuple(read_run(folder / f"seed-{seed}") for seed in range(3))
    write_summary(Group(folder, "CartPole-v1", "seams", (0, 1, 2), results, 12.5))
    return folder


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Somebody at the terminal, who answers one line after the other."""
    answers: list[str] = []

    class Keyboard:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return answers.pop(0) + "\n" if answers else ""

    monkeypatch.setattr("sys.stdin", Keyboard())
    return answers


def unfinished(folder: Path) -> None:
    about = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps(about | {"interrupted": True}))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# ── clean ────────────────────────────────────────────────────────────────────────────────────────


def test_cleaning_frees_the_checkpoints_and_nothing_else(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    next(run.glob(".*.part")).unlink()  # which whoever locks the folder sweeps
    before, size = names(run), size_of_tree(run)
    spare = size_of_tree(run / "checkpoints")
    assert spare > 50_000
    assert main(["clean", run.name, "--yes"]) == 0
    assert names(run) == before - {"checkpoints"}
    assert size_of_tree(run) == size - spare
    out = capsys.readouterr().out
    assert f"{spare / 1e6:.1f} MB  {run.name}  {run}" in out
    assert f"{spare / 1e6:.1f} MB  in all, the checkpoints of 1 run" in out
    assert f"freed {spare / 1e6:.1f} MB" in out
    assert "lost: dqn resume cannot train them further (--steps), and dqn branch has to replay them" in out
    assert main(["evaluate", str(run), "--episodes", "1"]) == 0
    assert main(["explain", str(run), "--step"]) == 0
    assert main(["clean", run.name]) == 0  # there is nothing to ask about
    assert "nothing to clean: no finished run of 1 has checkpoints" in capsys.readouterr().out


def test_a_cleaned_run_says_what_is_missing_and_what_to_do(run: Path) -> None:
    drop_spare(run)
    with pytest.raises(CheckpointError) as caught:
        dqnlab.resume(run, budget=Steps(num=500))
    assert str(caught.value) == (
        f"{str(run.resolve())!r} has no checkpoint to train further from, as dqn clean drops those of runs that have "
        f"ended: train it anew with dqn train --config {run}/config.toml --steps N, or replay it and go on in a new "
        f"run with dqn branch {run} --at 300 --steps N"
    )
    assert read_run(run).interrupted is False  # it was left as it is
    longer = dqnlab.branch(run, at=300, budget=Steps(num=400))
    assert longer.env_steps == 400


def test_a_cleaned_branch_names_its_parent(run: Path) -> None:
    branch = dqnlab.branch(run, at=100, budget=Steps(num=200))
    drop_spare(branch.folder)
    name = run.name
    with pytest.raises(CheckpointError, match=rf"make the branch anew, dqn branch {name} --at 100 \(in Python"):
        dqnlab.branch(branch.folder, at=150)
    with pytest.raises(ConfigError, match=rf"before .* left its parent at step 100: .* dqn branch {name} --at 50 \("):
        dqnlab.branch(branch.folder, at=50)
    remove(removable(run.absolute()))
    with pytest.raises(
        CheckpointError, match=rf"not continued or branched, as its parent 'CartPole-v1/{name}' is gone"
    ):
        dqnlab.branch(branch.folder, at=150)
    with pytest.raises(ConfigError, match="is gone, so name a step from there on"):
        dqnlab.branch(branch.folder, at=50)


def test_a_dry_run_says_what_would_go_and_touches_nothing(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(run.rglob("*"))
    assert main(["clean", "--all", "--dry-run"]) == 0
    assert run.name in capsys.readouterr().out
    assert sorted(run.rglob("*")) == before
    assert main(["rm", run.name, "--dry-run"]) == 0
    assert sorted(run.rglob("*")) == before


def test_what_an_interrupted_run_needs_stays(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unfinished(run)
    assert main(["clean", "--all", "--yes"]) == 0
    assert (run / "checkpoints").is_dir()
    out = capsys.readouterr().out
    assert f"{run.name}: stays, it has not ended: dqn resume continues from its checkpoint" in out
    with pytest.raises(FolderError, match="stays as it is: it has not ended"):
        drop_spare(run)


def test_nothing_is_taken_from_a_process_at_work(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with locked(run):
        assert main(["clean", "--all", "--yes"]) == 0
        assert f"stays, process {os.getpid()} on" in capsys.readouterr().out
        assert main(["rm", run.name, "--yes"]) == 2
        assert "is in use by process" in capsys.readouterr().err
        assert spare_of(run).num_bytes > 0
    assert main(["clean", "--all", "--yes"]) == 0
    assert not (run / "checkpoints").exists()


def test_of_a_group_all_seeds_are_cleaned(group: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unfinished(group / "seed-1")
    assert main(["clean", group.name, "--yes"]) == 0
    assert [(group / f"seed-{seed}" / "checkpoints").exists() for seed in range(3)] == [False, True, False]
    assert "freed 0." in capsys.readouterr().out


def test_checkpoints_that_are_a_link_are_not_followed(run: Path) -> None:
    shutil.move(run / "checkpoints", "elsewhere")
    (run / "checkpoints").symlink_to(Path("elsewhere").resolve())
    before = sorted(Path("elsewhere").rglob("*"))
    assert main(["clean", "--all", "--yes"]) == 0
    assert main(["rm", run.name, "--yes"]) == 0
    assert sorted(Path("elsewhere").rglob("*")) == before
    assert not run.exists()


# ── Asking ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", ["clean", "rm"])
def test_without_a_terminal_only_yes_removes_anything(
    command: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(run.rglob("*"))
    assert main([command, run.name]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: Remove 0.")
    assert "Nobody is there to answer: add --yes if that is right, or --dry-run to look" in err
    assert sorted(run.rglob("*")) == before


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("YES", 0), ("n", 1), ("", 1), ("yep", 1)])
@pytest.mark.parametrize("command", ["clean", "rm"])
def test_somebody_at_the_terminal_is_asked(
    command: str, answer: str, code: int, run: Path, somebody: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    somebody.append(answer)
    assert main([command, run.name]) == code
    out = capsys.readouterr().out
    assert "? [y/N] " in out
    assert ("nothing was removed" in out) == (code == 1)
    assert (run / "checkpoints").exists() == (code == 1)


def test_the_end_of_input_is_no_yes(run: Path, somebody: list[str]) -> None:
    assert somebody == []
    assert main(["rm", run.name]) == 1
    assert run.exists()


# ── rm ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_run_goes_with_its_folder_and_an_empty_one_above_it(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    size = size_of_tree(run)
    assert main(["rm", run.name, "--yes"]) == 0
    assert list(RUNS.iterdir()) == []
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == f"freed {size / 1e6:.1f} MB"
    assert str(run) in out


def test_what_dqnlab_has_not_made_stays_and_is_told(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "notes.txt").write_text("dear diary")
    (run / "mine").mkdir()
    assert main(["rm", run.name, "--yes"]) == 0
    assert names(run) == {"notes.txt", "mine"}
    assert f"stays, as dqnlab has not made it: {run / 'mine'}, {run / 'notes.txt'}" in capsys.readouterr().out


def test_links_are_removed_and_never_followed(run: Path) -> None:
    Path("precious").mkdir()
    Path("precious/file").write_text("x")
    shutil.rmtree(run / "videos")
    (run / "videos").symlink_to(Path("precious").resolve())
    (run / "checkpoints" / "rows" / "transitions-0-10.safetensors").symlink_to(Path("precious").resolve())
    (run / "best_model.pth").unlink()
    (run / "best_model.pth").symlink_to(Path("precious/file").resolve())
    assert main(["rm", run.name, "--yes"]) == 0
    assert not run.exists()
    assert Path("precious/file").read_text() == "x"


def test_a_run_or_a_group_that_is_a_link_is_refused(run: Path, group: Path, refused: Any) -> None:
    Path("elsewhere").mkdir()
    for folder in (run, group, group / "seed-1"):
        moved = Path(shutil.move(folder, f"elsewhere/{folder.name}"))
        folder.symlink_to(moved.resolve())
        refused(f"rm {folder} --yes", 2, "is a link, which may lead anywhere: name the folder that it leads to")
        assert names(moved) & {CONFIG, SUMMARY}
        folder.unlink()
        shutil.move(moved, folder)


@pytest.mark.parametrize("damage", ["missing", "torn", "another's", "no config"])
def test_a_folder_that_dqnlab_did_not_make_is_refused(damage: str, run: Path, refused: Any) -> None:
    match damage:
        case "missing":
            (run / META).unlink()
        case "torn":
            (run / META).write_text("[")
        case "another's":
            (run / META).write_text('{"schema": 1, "env": "production"}')
        case _:
            (run / CONFIG).unlink()
            with pytest.raises(FolderError, match="is no run: its meta"):
                removable(run)
            return
    refused(f"rm {run} --yes", 2, "is no run")
    assert (run / "best_model.pth").is_file()
    assert main(["clean", "--all", "--yes"]) == 0
    assert (run / "checkpoints").is_dir()


@pytest.mark.parametrize("place", [".", "/", "runs", "runs/CartPole-v1", "~"])
def test_no_other_folder_is_a_run(place: str, run: Path, refused: Any) -> None:
    refused(f"rm {place} --yes", 2, "no run")
    assert run.is_dir()


def test_all_that_is_named_is_looked_at_before_anything_goes(run: Path, group: Path, refused: Any) -> None:
    (group / "seed-2" / META).write_text("[")
    refused(f"rm {run.name} {group.name} --yes", 2, "seed-2' is no run that could be removed safely")
    assert (run / CONFIG).is_file()


def test_one_that_was_cut_off_can_be_removed_again(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []
    really = os.unlink

    def unlink(path: Any, **at: Any) -> None:
        taken.append(str(path))
        if len(taken) == 5:
            raise KeyboardInterrupt
        really(path, **at)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", unlink)
        with pytest.raises(KeyboardInterrupt):
            remove(removable(run))
    assert {CONFIG, META} <= names(run)
    assert main(["rm", run.name, "--yes"]) == 0
    assert not run.exists()


# ── Groups ───────────────────────────────────────────────────────────────────────────────────────


def test_a_group_goes_as_a_whole(group: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rm", group.name, f"{group.name}/seed-1", "--yes"]) == 0
    assert list(RUNS.iterdir()) == []
    assert "3 seeds" in capsys.readouterr().out


def test_a_group_forgets_a_seed_that_goes(group: Path) -> None:
    assert main(["rm", f"{group.name}/seed-2", "--yes"]) == 0
    assert names(group) == {"seed-0", "seed-1", SUMMARY}
    about = json.loads((group / SUMMARY).read_text())
    assert (about["schema"], about["seeds"], about["best"], about["seconds"]) == (1, [0, 1], 1, 12.5)
    assert (about["mean"]["mean"], about["mean"]["seeds"]) == (100.5, 2)
    assert [row["seed"] for row in about["results"]] == [0, 1]
    assert about["removed"] == [2]
    assert find_any("latest", RUNS) == group.absolute()
    for seed in (0, 1):
        assert main(["rm", f"{group.name}/seed-{seed}", "--yes"]) == 0
    assert not group.exists()


def test_that_a_seed_was_taken_out_is_told_wherever_its_group_is(
    group: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rm", f"{group.name}/seed-1", "--yes"]) == 0
    capsys.readouterr()
    assert main(["runs"]) == 0
    assert "2, 1 removed" in capsys.readouterr().out
    assert main(["runs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["removed"] == [1]
    cell = read_cell([group])
    assert [(each.seed, each.error) for each in cell.seeds][1] == (1, "its run was removed (dqn rm)")
    results = tuple(read_run(group / f"seed-{seed}") for seed in (0, 2))
    write_summary(Group(group, "CartPole-v1", "seams", (0, 2), results, 12.5))  # as resuming it does
    assert json.loads((group / SUMMARY).read_text())["removed"] == [1]
    assert main(["rm", f"{group.name}/seed-2", "--yes"]) == 0
    capsys.readouterr()
    assert main(["runs"]) == 0
    assert "1, 2 removed" in capsys.readouterr().out


def test_a_seed_of_a_group_at_work_stays(group: Path, refused: Any) -> None:
    with locked(group), pytest.raises(FolderError, match="is in use by process"):
        remove(removable(group))
    with locked(group / "seed-1"), pytest.raises(FolderError, match="seed-1' is in use by process"):
        remove(removable(group))
    assert names(group) == {"seed-0", "seed-1", "seed-2", SUMMARY}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rm", ["RUN is missing: a run, a group, or a seed of one, as GROUP/seed-3"]),
        ("rm nowhere", ["no run 'nowhere'", "`dqn runs` lists what there is"]),
        ("clean", ["nothing is named to be cleaned: name runs or groups, or say --all"]),
        ("clean nowhere --all", ["--all and 'nowhere' exclude each other: name runs or groups, or say --all"]),
        ("clean nowhere", ["no run 'nowhere'"]),
        ("rm --all", ["unknown flag --all"]),
    ],
)
def test_words_that_cannot_work_are_answered(line: str, words: list[str], refused: Any) -> None:
    refused(line, 2, *words)
