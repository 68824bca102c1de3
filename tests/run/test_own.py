"""A run that this user made here may import its environment's module again; any other may not."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dqnlab.config import Config, Env, Steps
from dqnlab.errors import ConfigError
from dqnlab.lab.resume import resume
from dqnlab.lab.session import train
from dqnlab.store.advice import how_to_train
from dqnlab.store.agent import load, read_config
from dqnlab.store.own import MARK, flag_needed, is_own, mark

from ..tiny import tiny

MODULE = """
import pathlib, gymnasium
pathlib.Path("{sign}").touch()
gymnasium.registry.pop("Mine-v0", None)
gymnasium.register("Mine-v0", "gymnasium.envs.classic_control:CartPoleEnv", max_episode_steps=5)
"""
ENV = Env(id="minezoo:Mine-v0", max_episode_steps=5)
CONFIG = tiny(update_every=1, env=ENV, budget=Steps(num=200))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a module, named on the path as the command line does."""
    folder = tmp_path / "my project"
    folder.mkdir()
    (folder / "minezoo.py").write_text(MODULE.format(sign=tmp_path / "mine ran"), "utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder)])
    yield folder
    forget()


def forget() -> None:
    """As in the next process."""
    sys.modules.pop("minezoo", None)


def next_process(monkeypatch: pytest.MonkeyPatch) -> None:
    forget()
    monkeypatch.setattr(sys, "path", [each for each in sys.path if "my project" not in each])


@pytest.fixture
def run(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = train(CONFIG, trackers=("none",), out=Path("a run")).folder
    next_process(monkeypatch)
    (project.parent / "mine ran").unlink()
    return folder


def test_a_run_made_here_needs_no_flag_from_any_folder(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(run).check_fits(ENV).num_actions == 2
    assert (tmp_path / "mine ran").exists()
    assert flag_needed(run) == ""


def test_it_goes_on_and_stays_ones_own(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resume(run, budget=Steps(num=300), trackers=("none",)).env_steps == 300
    next_process(monkeypatch)
    assert is_own(run)
    assert read_config(run).budget == Steps(num=300)


def test_a_run_that_was_moved_is_still_ones_own(run: Path, tmp_path: Path) -> None:
    run.rename(tmp_path / "elsewhere")
    assert read_config(tmp_path / "elsewhere").env.id == ENV.id


def copied(run: Path) -> Path:
    return Path(shutil.copytree(run, run.parent / "copy"))


def with_settings(old: str, new: str) -> Callable[[Path], Path]:
    def change(run: Path) -> Path:
        text = (run / "config.toml").read_text("utf-8")
        assert old in text
        (run / "config.toml").write_text(text.replace(old, new), "utf-8")
        return run

    return change


def with_mark(**changes: object) -> Callable[[Path], Path]:
    def change(run: Path) -> Path:
        about = json.loads((run / MARK).read_text())
        (run / MARK).write_text(json.dumps(about | changes))
        return run

    return change


def with_anothers_mark(run: Path) -> Path:
    other = run.parent / "other"
    other.mkdir()
    sys.path.append(str(run.parent))
    __import__("minezoo")
    assert mark(other, CONFIG) is None
    forget()
    shutil.copy(other / MARK, run / MARK)
    return run


def without_mark(run: Path) -> Path:
    (run / MARK).unlink()
    return run


def with_another_key(run: Path) -> Path:
    (key,) = Path.home().glob(".local/state/dqnlab/run-key")
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700
    key.write_bytes(bytes(32))
    return run


def with_an_open_key(run: Path) -> Path:
    (key,) = Path.home().glob(".local/state/dqnlab/run-key")
    key.chmod(0o644)
    return run


def with_a_linked_mark(run: Path) -> Path:
    (run / MARK).rename(run.parent / "mark")
    (run / MARK).symlink_to(run.parent / "mark")
    return run


NOT_OWN: dict[str, Callable[[Path], Path]] = {
    "copied": copied,
    "another id": with_settings("Mine-v0", "Other-v0"),
    "another module": with_settings("minezoo:", "os.path:"),
    "arguments": with_settings("max_episode_steps = 5", "max_episode_steps = 6"),
    "another folder in the mark": with_mark(root="/tmp"),
    "another file in the mark": with_mark(file="/tmp/minezoo.py"),
    "no seals": with_mark(seals=[]),
    "odd seals": with_mark(seals=[None, 5, "é"]),
    "seals that are none": with_mark(seals="x"),
    "another run's mark": with_anothers_mark,
    "no mark": without_mark,
    "another key": with_another_key,
    "a key that others can read": with_an_open_key,
    "a mark that is a link": with_a_linked_mark,
}


@pytest.mark.parametrize("change", NOT_OWN.values(), ids=list(NOT_OWN))
def test_a_run_that_came_from_elsewhere_or_was_altered_imports_nothing(
    change: Callable[[Path], Path], run: Path, tmp_path: Path
) -> None:
    folder = change(run)
    (tmp_path / "mine ran").unlink(missing_ok=True)
    with pytest.raises(ConfigError, match="--trust-env-module"):
        load(folder)
    assert not (tmp_path / "mine ran").exists()
    assert "--trust-env-module" in flag_needed(folder)


def test_a_module_of_the_same_name_in_the_runs_folder_is_never_imported(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run / "minezoo.py").write_text(MODULE.format(sign=tmp_path / "evil ran"), "utf-8")
    monkeypatch.chdir(run)
    monkeypatch.setattr(sys, "path", [str(run), *sys.path])
    load(run).check_fits(ENV)
    assert (tmp_path / "mine ran").exists()
    assert not (tmp_path / "evil ran").exists()


def test_a_module_that_has_gone_is_not_replaced_by_one_of_its_name(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (run.parent / "minezoo.py").rename(other / "minezoo.py")
    monkeypatch.setattr(sys, "path", [*sys.path, str(other)])
    with pytest.raises(ConfigError, match=r"was made with the module 'minezoo' in .*now Python finds .*other"):
        load(run)
    assert load(run, trust_env_modules=["minezoo"]).env_config().id == ENV.id


def test_a_module_inside_the_runs_folder_is_no_reason_to_trust_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "minezoo.py").write_text(MODULE.format(sign=tmp_path / "ran"), "utf-8")
    monkeypatch.setattr(sys, "path", [*sys.path, str(run)])
    assert "has no file of its own" in str(mark(run, CONFIG))
    assert not (run / MARK).exists()


def test_without_a_place_for_the_key_a_run_says_what_it_will_need(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (Path.home() / ".local").write_text("a file")
    train(CONFIG, trackers=("none",), out=Path("run"))
    assert "no private key can be kept" in caplog.text
    assert flag_needed(Path("run")) == " --trust-env-module minezoo"
    assert how_to_train(Path("run"), steps="N") == (
        "dqn train --config run/config.toml --steps N --trust-env-module minezoo"
    )


def test_a_run_without_a_module_bears_no_mark(tmp_path: Path) -> None:
    assert mark(tmp_path, Config()) is None
    assert os.listdir(tmp_path) == ["home"]
