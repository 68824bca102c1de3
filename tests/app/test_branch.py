"""A branch is its parent to the last bit until it leaves it, and another run from there on."""

import json
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch

import dqnlab
from dqnlab.app.cli import main
from dqnlab.config import Adam, Constant, Double, Dueling, Env, Mlp, Polyak, Prioritized, Quantiles
from dqnlab.errors import CheckpointError, ConfigError, FolderError
from dqnlab.lab.branch import branch
from dqnlab.lab.resume import resume
from dqnlab.lab.session import train
from dqnlab.run.events import BlockEnded, Event
from dqnlab.store.checkpoint.checkpoint import Store
from dqnlab.store.checkpoint.verify import read_rows
from dqnlab.store.folder import BEST, LAST, META, Run
from dqnlab.store.lineage import read_parent

from ..equal import same
from ..tiny import SMALL

KINDS = {
    "plain": SMALL,
    "double": replace(SMALL, rule=Double(), n=3, sampler=Prioritized(), sync=Polyak(tau=0.01)),
    "quantiles": replace(SMALL, head=Quantiles(num=5), stream=Dueling(), optimizer=Adam(lr=1e-3, max_grad_norm=10.0)),
}
NONE = ("none",)


def rows(folder: Path) -> list[dict[str, Any]]:
    """What a run recorded, without its clocks."""
    lines = (folder / "metrics.jsonl").read_text("utf-8").splitlines()
    return [{name: v for name, v in json.loads(line).items() if not name.startswith("time/")} for line in lines]


def assert_ends_alike(one: Run, other: Run) -> None:
    for name in (BEST, LAST):
        same(torch.load(one.folder / name), torch.load(other.folder / name))
    assert rows(one.folder) == rows(other.folder)
    assert replace(one, folder=other.folder, seconds={}) == replace(other, seconds={})


def contents(folder: Path) -> dict[str, str]:
    return {str(p): sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(SMALL, out=tmp_path_factory.mktemp("parent") / "run", trackers=NONE)


# ── Without changes ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "num_envs"),
    [
        ("plain", 1),
        ("double", 3),
        *(pytest.param(*each, marks=pytest.mark.world) for each in [("plain", 3), ("double", 1)]),
        *(pytest.param("quantiles", each, marks=pytest.mark.world) for each in (1, 3)),
    ],
)
def test_a_branch_without_changes_ends_in_its_parents_bits(kind: str, num_envs: int, tmp_path: Path) -> None:
    config = replace(KINDS[kind], env=Env(num_envs=num_envs), keep_checkpoints="all")
    run = train(config, out=tmp_path / "parent", trackers=NONE)
    for at in (150, "best"):
        assert_ends_alike(branch(run, at=at, out=tmp_path / f"at-{at}"), run)


@pytest.mark.world
def test_at_any_step_a_branch_without_changes_ends_in_its_parents_bits(parent: Run, tmp_path: Path) -> None:
    for at in random.Random(5).sample(range(300), 20):
        assert_ends_alike(branch(parent, at=at, out=tmp_path / f"{at}"), parent)


@pytest.mark.world
@pytest.mark.usefixtures("programs")
def test_a_compiled_branch_without_changes_ends_in_its_parents_bits(tmp_path: Path) -> None:
    run = train(replace(SMALL, compile="on"), out=tmp_path / "parent", trackers=NONE)
    assert_ends_alike(branch(run, at=170, out=tmp_path / "branch"), run)


@pytest.mark.world
def test_the_branches_of_a_group_end_in_their_parents_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    group = dqnlab.train_many(SMALL, range(3), out=tmp_path / "group", trackers=NONE, quiet=True)
    assert main(["branch", "group", "--at", "150", "--out", "branches", "--quiet"]) == 0
    for run in group.runs:
        folder = tmp_path / "branches" / run.folder.name
        for name in (BEST, LAST):
            same(torch.load(run.folder / name), torch.load(folder / name))
        assert rows(run.folder) == rows(folder)


def test_a_parent_that_is_branched_stays_as_it_was(parent: Run, tmp_path: Path) -> None:
    before = contents(parent.folder)
    branch(parent, at=120, out=tmp_path / "branch", gamma=0.9)
    assert contents(parent.folder) == before


def test_a_branch_of_a_branch_is_one_too(parent: Run, tmp_path: Path) -> None:
    first = branch(parent, at=120, out=tmp_path / "first", optimizer={"lr": 1e-2})
    second = branch(first, at=220, out=tmp_path / "second")
    assert_ends_alike(second, first)
    assert rows(first.folder) != rows(parent.folder)
    with pytest.raises(ConfigError, match=r"at = 100 is before first left its parent at step 120: .*--at 100"):
        branch(first, at=100)


def test_a_branch_that_has_lost_its_beginning_does_not_begin_at_the_seed(parent: Run, tmp_path: Path) -> None:
    cut = branch(parent, at=120, out=tmp_path / "cut", on_event=stops_at(150))
    shutil.rmtree(cut.folder / "checkpoints")
    with pytest.raises(CheckpointError, match=r"left .* at step 120, and the checkpoint that it began with is gone"):
        resume(cut)
    with pytest.raises(CheckpointError, match=r"make the branch anew, dqn branch .* --at 120"):
        branch(cut, at=130, out=tmp_path / "second")


def test_a_branch_at_the_end_is_judged_as_its_parent_was(parent: Run, tmp_path: Path) -> None:
    assert_ends_alike(branch(parent, at=300, out=tmp_path / "branch"), parent)


# ── With changes ─────────────────────────────────────────────────────────────────────────────────


def test_up_to_the_step_rows_are_the_parents_and_then_they_are_not(parent: Run, tmp_path: Path) -> None:
    other = branch(parent, at=150, out=tmp_path / "branch", optimizer=Adam(lr=0.1))
    ours, theirs = rows(parent.folder), rows(other.folder)
    until = [row for row in theirs if row.get("step", 0) <= 150]
    assert until == [row for row in ours if row.get("step", 0) <= 150]
    assert theirs != ours
    assert {row["learn/lr"] for row in theirs if row.get("step", 0) > 150 and "learn/lr" in row} == {0.1}


def test_its_lineage_says_what_it_left_and_what_changed(parent: Run, tmp_path: Path) -> None:
    other = branch(parent, at=150, out=tmp_path / "branch", optimizer={"lr": 0.1}, epsilon=Constant(value=0.2))
    lineage = read_parent(other.folder / META)
    assert lineage is not None
    assert lineage.folder(tmp_path) == parent.folder
    assert lineage.step == 150
    assert lineage.changes["optimizer.lr"] == 0.1
    assert lineage.changes["epsilon"] == "constant"
    assert read_parent(parent.folder / META) is None


@pytest.mark.parametrize(
    "changes",
    [{"n": 3}, {"replay_capacity": 70_000}, {"sampler": "prioritized"}, {"reward_clip": 0.5}],
    ids=lambda each: next(iter(each)),
)
def test_what_is_stored_with_a_setting_is_left_behind(
    changes: dict[str, Any], parent: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sizes: list[float] = []
    branch(
        parent,
        at=200,
        out=tmp_path / "branch",
        **changes,
        on_event=lambda e: sizes.append(getattr(e, "replay_size", 0)),
    )
    assert 64 <= max(sizes) <= 100  # it filled anew
    assert "begins with an empty replay" in caplog.text


def test_single_steps_are_discounted_anew(parent: Run, tmp_path: Path) -> None:
    sizes: list[float] = []
    told = sizes.append
    other = branch(
        parent, at=200, out=tmp_path / "branch", gamma=0.5, on_event=lambda e: told(getattr(e, "replay_size", 0))
    )
    assert max(sizes) > 200
    loaded = Store(other.folder).until(200)
    assert loaded is not None
    rows = Store(other.folder).until(300)
    assert rows is not None
    discounts = [
        value
        for log in (loaded.logs["transitions"], rows.logs["transitions"])
        for chunk in log.chunks
        for value in read_rows(loaded.path.parent / "rows" / chunk.name)["discount"].tolist()
    ]
    assert set(discounts) == {0.0, 0.5}


def test_another_environment_of_the_same_spaces_goes_on_with_the_network(parent: Run, tmp_path: Path) -> None:
    other = branch(parent, at=200, out=tmp_path / "branch", env={"max_episode_steps": 30})
    assert other.score is not None
    assert max(other.score.returns) <= 30
    with pytest.raises(ConfigError, match="has other observations than the run's own"):
        branch(parent, at=200, env="Acrobot-v1")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"torso": Mlp(hidden=(3,))}, r"torso.hidden cannot change .* part of the network.*--init RUN"),
        ({"stream": "dueling"}, "stream cannot change in the middle of a run, from 'plain'"),
        ({"head": Quantiles(num=5)}, "head cannot change"),
        ({"seed": 4}, "seed cannot change .* for another seed, train a run of its own"),
        ({"env": {"num_envs": 2}}, "env.num_envs cannot change"),
        ({"conv": "none"}, "conv cannot change"),
        ({"env": {"frame_stack": 4}}, "env.frame_stack cannot change"),
        ({"preset": "rainbow"}, "preset cannot change in the middle of a run.*Name those that are to differ"),
        ({"gama": 0.9}, "unknown setting 'gama'; did you mean gamma"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_what_cannot_change_in_the_middle_is_refused_by_name(
    changes: dict[str, Any], says: str, parent: Run, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=says):
        branch(parent, at=200, out=tmp_path / "branch", **changes)
    assert not (tmp_path / "branch").exists()


@pytest.mark.parametrize(
    ("at", "says"),
    [
        (301, "at must be an env step of run, which has come to 300, got 301"),
        (-1, "got -1"),
        ("soon", "at must be an env step, best, or a checkpoint"),
        ("step-000000050", "has no checkpoint 'step-000000050'; it has step-000000200, step-000000300"),
        ("elsewhere/step-000000200", "has no checkpoint"),
    ],
)
def test_a_step_that_it_never_came_to_is_refused(at: Any, says: str, parent: Run) -> None:
    with pytest.raises(ConfigError, match=says):
        branch(parent, at=at)


def test_a_checkpoint_stands_for_its_step(parent: Run, tmp_path: Path) -> None:
    other = branch(parent, at=Path("step-000000200"), out=tmp_path / "branch")
    lineage = read_parent(other.folder / META)
    assert lineage is not None
    assert lineage.step == 200


# ── Interruptions and honesty ────────────────────────────────────────────────────────────────────


def stops_at(step: int) -> Callable[[Event], None]:
    def told(event: Event) -> None:
        if isinstance(event, BlockEnded) and event.step >= step:
            raise KeyboardInterrupt

    return told


def test_a_branch_that_was_interrupted_is_resumed_to_the_same_bits(parent: Run, tmp_path: Path) -> None:
    whole = branch(parent, at=120, out=tmp_path / "whole", optimizer={"lr": 1e-2})
    cut = branch(parent, at=120, out=tmp_path / "cut", optimizer={"lr": 1e-2}, on_event=stops_at(230))
    assert cut.interrupted
    assert_ends_alike(replace(resume(cut), resumed=None), whole)


def test_a_signal_while_it_replays_leaves_nothing(parent: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    for place in ("dqnlab.lab.reach.row", "dqnlab.lab.branch.write_start"):
        with monkeypatch.context() as patch:
            patch.setattr(place, stop)
            with pytest.raises(KeyboardInterrupt):
                branch(parent, at=120, out=tmp_path / "branch")
        assert not (tmp_path / "branch").exists()


@pytest.mark.world
def test_killed_while_it_replays_it_has_left_nothing_and_begins_again(parent: Run, tmp_path: Path) -> None:
    code = (
        "import os, signal, dqnlab.lab.reach as reach, dqnlab\n"
        "reach.Reached.compare = lambda self: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"dqnlab.branch({str(parent.folder)!r}, at=120, out={str(tmp_path / 'branch')!r})"
    )
    before = contents(parent.folder)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "branch").exists()
    assert contents(parent.folder) == before
    assert_ends_alike(branch(parent, at=120, out=tmp_path / "branch"), parent)


def test_a_replay_that_differs_from_what_was_recorded_says_so(parent: Run, tmp_path: Path) -> None:
    other = tmp_path / "changed"
    shutil.copytree(parent.folder, other)
    lines = (other / "metrics.jsonl").read_text("utf-8").splitlines(keepends=True)
    number = next(i for i, line in enumerate(lines) if '"step": 1' in line and "train/reward" in line)
    lines[number] = lines[number].replace('"train/reward": ', '"train/reward": 1')
    (other / "metrics.jsonl").write_text("".join(lines), "utf-8")
    done = branch(other, at=150, out=tmp_path / "branch")
    assert "replaying changed differs from what it recorded, from step 1" in done.inexact


@pytest.mark.parametrize(("factor", "exact"), [(1 + 2e-7, True), (1 + 2e-5, False)])
def test_how_a_loss_was_rounded_is_no_difference(factor: float, exact: bool, parent: Run, tmp_path: Path) -> None:
    """It is a mean, which seeds that learn side by side sum in another order; what is learned of it is the same."""
    other = tmp_path / "rounded"
    shutil.copytree(parent.folder, other)
    told = [json.loads(line) for line in (other / "metrics.jsonl").read_text("utf-8").splitlines()]
    for row in told:
        if "learn/loss" in row:
            row["learn/loss"] *= factor
    (other / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in told), "utf-8")
    assert (branch(other, at=150, out=tmp_path / "branch").inexact == "") == exact


# ── The command ──────────────────────────────────────────────────────────────────────────────────


def test_the_command_takes_settings_as_flags_and_after_set(
    parent: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["--at", "1e2", "--set", "lr=1e-4", "--set=rule:double", "--batch", "32", "--steps", "320"]
    assert main(["branch", str(parent.folder), *words, "--out", "b", "--quiet"]) == 0
    lineage = read_parent(Path("b") / META)
    assert lineage is not None
    said = " ".join(capsys.readouterr().out.split())
    assert f"branch of {parent.folder} at step 100: rule=double optimizer.lr=0.0001" in said
    assert lineage.changes == {"optimizer.lr": 1e-4, "rule": "double", "batch_size": 32, "budget.num": 320}


# ── Checkpoints that are kept ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("keep", "steps"), [(1, [300]), (2, [200, 300]), ("all", [100, 200, 300])])
def test_as_many_checkpoints_are_kept_as_were_asked_for(keep: Any, steps: list[int], tmp_path: Path) -> None:
    run = train(replace(SMALL, keep_checkpoints=keep), out=tmp_path / "run", trackers=NONE)
    assert Store(run.folder).steps == steps


def test_a_branch_keeps_the_checkpoint_that_it_began_with(parent: Run, tmp_path: Path) -> None:
    other = branch(parent, at=30, out=tmp_path / "branch", keep_checkpoints=1)
    assert Store(other.folder).steps == [30, 300]


def test_of_no_run_there_is_no_branch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FolderError, match="no run 'nothing'"):
        branch("nothing", at=5)
