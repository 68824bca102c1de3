"""What `dqn branch` refuses, before anything is replayed or written."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from dqnlab.app.cli import main
from dqnlab.config import Episodes, Steps
from dqnlab.errors import ConfigError, FolderError
from dqnlab.lab.branch import branch
from dqnlab.lab.session import train
from dqnlab.store.folder import Run

from ..tiny import SMALL


def contents(folder: Path) -> dict[str, str]:
    return {str(p): sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(SMALL, out=tmp_path_factory.mktemp("parent") / "run", trackers=("none",))


@pytest.mark.parametrize(
    ("at", "changes"),
    [
        (300, {"optimizer": {"lr": 0.1}}),
        (300, {"env": {"max_episode_steps": 30}}),
        (200, {"budget": Steps(num=100)}),
        (200, {"budget": Steps(num=200)}),
        (250, {"budget": Episodes(num=2)}),
    ],
)
def test_a_branch_that_would_train_nothing_is_refused(
    at: int, changes: dict[str, Any], parent: Run, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=rf"begins at step {at}, where its budget of .* is spent.*later end"):
        branch(parent, at=at, out=tmp_path / "branch", **changes)
    assert not (tmp_path / "branch").exists()


def test_at_the_end_a_branch_may_be_judged_in_another_way(parent: Run, tmp_path: Path) -> None:
    done = branch(parent, at=300, out=tmp_path / "branch", score_episodes=5)
    assert done.score is not None
    assert done.score.episodes == 5


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--set", "lr"], "--set must be a setting such as lr=1e-4 or rule:double, got 'lr'"),
        (["--set"], "Missing value: --set"),
        (["--gama", "1"], "unknown flag --gama"),
        (["--epsilon.factor", "0.5"], "epsilon.factor"),
        (["--set", "gama=0.9"], "unknown setting 'gama'; did you mean gamma?"),
        (["--set", "=3"], "--set must be a setting such as lr=1e-4 or rule:double, got '=3'"),
        (["--set", "zzzzzz=3"], "unknown setting 'zzzzzz'; `dqn train --help` lists them all"),
        (["--set", "rules:double"], "unknown choice 'rules:double'; did you mean rule?"),
        (["--set", "out=here"], "'out' is no setting of a run: give it by itself, as --out"),
        (["--set", "run-name=a"], "'run-name' is no setting of a run: give it by itself, as --name"),
        (["--set", "config.table={}"], "unknown setting 'config.table'"),
        (["--config.table", "{}"], "unknown flag --config.table"),
        (["--preset", "rainbow"], "preset cannot change in the middle of a run"),
        (["--set", "preset=seams"], "preset cannot change in the middle of a run"),
    ],
)
def test_the_command_refuses_what_it_does_not_understand(
    words: list[str], says: str, parent: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["branch", str(parent.folder), "--at", "100", *words]) == ConfigError.exit_code
    assert says in capsys.readouterr().err


def test_the_help_lists_only_what_can_be_typed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["branch", "--help"]) == 0
    out = capsys.readouterr().out
    assert "--set" in out
    assert "--config" not in out


@pytest.mark.parametrize("out", ["file", "full", "file/inner", "run/inner"])
def test_a_folder_that_cannot_be_its_own_is_refused_before_anything_is_replayed(
    out: str, parent: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    home = parent.folder.parent if out.startswith("run") else tmp_path
    before = contents(parent.folder)
    assert main(["branch", str(parent.folder), "--at", "150", "--out", str(home / out)]) == FolderError.exit_code
    err = capsys.readouterr().err
    assert "choose another --out" in err
    assert "replaying" not in err
    assert contents(parent.folder) == before
