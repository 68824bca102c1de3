"""Wrappers by name: put around every copy of an environment, and imported only where the environment would be."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
import torch

from dqnlab.app.parse import parse_train
from dqnlab.config import Config, Env, Steps
from dqnlab.config.toml import from_toml, to_toml
from dqnlab.envs.make import describe, make_one
from dqnlab.envs.open import is_native
from dqnlab.errors import ConfigError, EnvironmentFault
from dqnlab.lab.overrides import Overrides
from dqnlab.lab.resume import resume_folder
from dqnlab.lab.session import train
from dqnlab.store import remembered
from dqnlab.store.agent import load, read_config
from dqnlab.store.folder import BEST, LAST
from dqnlab.store.own import flag_needed, is_own
from dqnlab.trust import check_wrappers, modules_of

from ..equal import same
from ..resuming import Interrupts
from ..tiny import SMALL, tiny

MODULE = """
import pathlib
import gymnasium as gym

pathlib.Path({sign!r}).touch()

class Half(gym.RewardWrapper):
    def reward(self, reward):
        return float(reward) / 2
    def get_state(self):
        return {{}}
    def set_state(self, state):
        pass

class Odd(gym.Wrapper):
    def __init__(self, env):
        raise ValueError("this is not what I wrap")

def none(env):
    return 3
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a module of wrappers, from which commands are called."""
    folder = tmp_path / "my project"
    folder.mkdir()
    (folder / "minewraps.py").write_text(MODULE.format(sign=str(tmp_path / "it ran")), "utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder)])
    yield folder
    sys.modules.pop("minewraps", None)


def next_process(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sys.modules.pop("minewraps", None)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(project)])
    (project.parent / "it ran").unlink()


class Plus(gym.RewardWrapper[Any, Any]):
    """Adds a tenth to each reward."""

    def reward(self, reward: Any) -> float:
        return float(reward) + 0.1


HALVED = Env(id="CartPole-v1", wrappers=("minewraps:Half",))
SHORT = tiny(budget=Steps(num=200), env=HALVED)


# ── Made ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_innermost_comes_first(project: Path) -> None:
    made = make_one(replace(HALVED, wrappers=("minewraps:Half", Plus)))
    made.reset(seed=0)
    assert made.step(0)[1] == 0.6
    made = make_one(replace(HALVED, wrappers=(Plus, "minewraps:Half")))
    made.reset(seed=0)
    assert made.step(0)[1] == 0.55


def test_a_wrapper_of_gymnasium_or_a_function_will_do() -> None:
    def shorter(env: Any) -> Any:
        return gym.wrappers.TimeLimit(env, 7)

    spec = describe(Env(id="CartPole-v1", wrappers=(shorter, "gymnasium.wrappers:FlattenObservation")))
    assert spec.max_episode_steps == 7
    assert spec.threshold_says.startswith("475, registered with CartPole-v1, does not count: the step limit is 7")


def test_a_wrapper_of_rewards_leaves_the_registered_threshold_without_a_meaning(project: Path) -> None:
    spec = describe(HALVED)
    assert spec.reward_threshold is None
    assert "does not count: Half may change its rewards" in spec.threshold_says
    seen = describe(Env(id="CartPole-v1", wrappers=("gymnasium.wrappers:RecordEpisodeStatistics",)))
    assert seen.reward_threshold == 475


def test_no_vector_version_goes_without_the_wrappers() -> None:
    assert is_native(Env(id="CartPole-v1", num_envs=8), 8)
    assert not is_native(Env(id="CartPole-v1", num_envs=8, wrappers=(Plus,)), 8)


@pytest.mark.parametrize(
    ("wrapper", "kind", "says"),
    [
        ("Half", ConfigError, r"'Half' names no module: write it as module:Half"),
        (":Half", ConfigError, r"':Half' names no module: write it as module:Half,"),
        ("minewraps:Halve", ConfigError, r"minewraps has no wrapper 'Halve'; did you mean Half\?"),
        ("no_such_module:Half", EnvironmentFault, r"wrapper 'no_such_module:Half': there is no module"),
        ("./mine.py:Half", ConfigError, r"unknown wrapper './mine.py:Half': './mine.py' is not a module's name"),
        (
            "minewraps:Odd",
            EnvironmentFault,
            r"could not be made: the wrapper 'minewraps:Odd' raised ValueError: this is",
        ),
        (
            "gymnasium.wrappers:FlattenObservation,gymnasium.wrappers:TimeLimit",
            EnvironmentFault,
            r"the wrapper 'gymnasium.wrappers:TimeLimit' raised TypeError: .*: it is given the environment alone; ",
        ),
        ("minewraps:none", ConfigError, r"the wrapper 'minewraps:none' made int, which is not a gymnasium.Env"),
    ],
)
def test_what_cannot_wrap_is_named(wrapper: str, kind: type[Exception], says: str, project: Path) -> None:
    with pytest.raises(kind, match=says):
        describe(Env(id="CartPole-v1", wrappers=tuple(wrapper.split(","))))


# ── Settings ─────────────────────────────────────────────────────────────────────────────────────


def test_they_are_typed_with_commas_and_kept_in_the_file() -> None:
    config = parse_train(["CartPole-v1", "--env.wrappers", "a.b:C,d:E"])[0].config
    assert config.env.wrappers == ("a.b:C", "d:E")
    text = to_toml(config)
    assert 'wrappers = ["a.b:C", "d:E"]' in text
    assert from_toml(text, Config(), "x", {"a.b", "d"}).env.wrappers == config.env.wrappers


def test_a_file_imports_no_wrapper_that_nobody_has_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[env]\nwrappers = ["a.b:C", "d:E"]\n')
    with pytest.raises(ConfigError, match=r"would import the Python module 'a\.b', which no file may decide.*--trust-"):
        parse_train(["--config", str(file)])
    with pytest.raises(ConfigError, match="would import the Python module 'd'"):
        parse_train(["--config", str(file), "--trust-env-module", "a.b"])
    words = ["--config", str(file), "--trust-env-module", "a.b", "--trust-env-module", "d"]
    assert parse_train(words)[0].config.env.wrappers == ("a.b:C", "d:E")
    typed = parse_train(["--config", str(file), "--env.wrappers", "d:F,a.b:C"])[0].config
    assert typed.env.wrappers == ("d:F", "a.b:C")
    assert parse_train(["Acrobot-v1", "--config", str(file)])[0].config.env.wrappers == ()


@pytest.mark.parametrize("wrappers", [["os:system"], "os:system", ["x", 3, "os:system"], ("os:system",)])
def test_however_a_file_spells_it_a_module_is_asked_for(wrappers: Any) -> None:
    with pytest.raises(ConfigError, match="would import the Python module 'os'"):
        check_wrappers(wrappers, (), "x")


def test_modules_are_those_of_the_environment_and_its_wrappers() -> None:
    assert modules_of("zoo:Lane-v0", ["a:B", "zoo:C", "D", 4]) == ["zoo", "a"]
    assert modules_of("CartPole-v1", 3) == []
    assert modules_of(None, None) == []


# ── Runs ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_run_resumes_exactly_with_its_wrappers_and_needs_no_flag(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(SMALL, env=HALVED)
    whole = train(config, trackers=("none",), out=Path("whole"))
    begun = train(config, trackers=("none",), out=Path("cut"), view=Interrupts())
    next_process(project, monkeypatch)
    assert is_own(begun.folder)
    resumed = resume_folder(begun.folder, Overrides())
    assert resumed.resumed == "exact"
    for name in (BEST, LAST):
        same(torch.load(whole.folder / name), torch.load(resumed.folder / name))
    assert resumed.score == whole.score
    assert (project.parent / "it ran").exists()


def test_a_copied_run_needs_a_flag_for_each_module(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "minezoo.py").write_text(
        "import gymnasium\ngymnasium.register('Mine-v0', 'gymnasium.envs.classic_control:CartPoleEnv', "
        "max_episode_steps=9)\n"
    )
    config = replace(SHORT, env=replace(HALVED, id="minezoo:Mine-v0"))
    run = train(config, trackers=("none",), out=Path("a run")).folder
    next_process(project, monkeypatch)
    assert flag_needed(run) == ""
    assert read_config(run).env.wrappers == HALVED.wrappers
    copy = Path(shutil.copytree(run, run.parent / "copy"))
    assert flag_needed(copy) == " --trust-env-module minezoo --trust-env-module minewraps"
    with pytest.raises(ConfigError, match=r"env\.id = 'minezoo:Mine-v0' would import"):
        load(copy)
    with pytest.raises(ConfigError, match=r"env\.wrappers = \['minewraps:Half'\] would import"):
        load(copy, trust_env_modules=["minezoo"])
    assert load(copy, trust_env_modules=["minezoo", "minewraps"]).config.env.wrappers == HALVED.wrappers
    assert load(copy, env="CartPole-v1").env_config().wrappers == ()
    assert not (project.parent / "it ran").exists()
    sys.modules.pop("minezoo", None)


def test_another_wrapper_in_the_file_breaks_the_seal(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = train(SHORT, trackers=("none",), out=Path("a run")).folder
    next_process(project, monkeypatch)
    path = run / "config.toml"
    path.write_text(path.read_text("utf-8").replace("minewraps:Half", "minewraps:none"), "utf-8")
    assert not is_own(run)
    with pytest.raises(ConfigError, match="would import"):
        load(run)
    assert not (project.parent / "it ran").exists()


def test_wrappers_made_in_python_have_to_be_passed_again_in_another_process(tmp_path: Path) -> None:
    env = Env(id="CartPole-v1", wrappers=(Plus,))
    config = replace(SMALL, env=env)
    whole = train(config, trackers=("none",), out=tmp_path / "whole")
    assert load(whole).env_config().wrappers == (Plus,)
    begun = train(config, trackers=("none",), out=tmp_path / "cut", view=Interrupts())
    remembered.KNOWN.clear()  # as in another process
    assert "was made in Python" in (begun.folder / "config.toml").read_text("utf-8")
    with pytest.raises(ConfigError, match="an environment made in Python"):
        load(whole).env_config()
    with pytest.raises(ConfigError, match="an environment made in Python, which no file can hold"):
        resume_folder(begun.folder, Overrides())
    resumed = resume_folder(begun.folder, Overrides(env=env))
    same(torch.load(whole.folder / LAST), torch.load(resumed.folder / LAST))


@pytest.mark.world
def test_workers_wrap_as_one_process_does(project: Path) -> None:
    runs = [
        train(
            replace(SMALL, env=replace(HALVED, num_envs=2, workers=workers)), trackers=("none",), out=Path(str(workers))
        )
        for workers in (0, 2)
    ]
    same(*(torch.load(run.folder / LAST) for run in runs))
    assert runs[0].score == runs[1].score
