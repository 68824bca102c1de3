"""Parts of one's own: the examples learn, stack, resume, are judged and explained; what cannot work is said by name."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import dqnlab
from dqnlab.app.parse import parse_train
from dqnlab.config import Config, Scalar, Steps
from dqnlab.config.custom import find
from dqnlab.config.toml import from_toml, to_toml
from dqnlab.custom import own_chance
from dqnlab.envs.make import describe
from dqnlab.errors import ConfigError
from dqnlab.explain.trace_text import step_text
from dqnlab.lab.overrides import Overrides
from dqnlab.lab.session import train
from dqnlab.settle import should_compile
from dqnlab.store.agent import load
from dqnlab.store.own import flag_needed

from ..resuming import check_resumes
from ..tiny import SMALL
from .conftest import Filled
from .test_network_seams import check_stack, judged

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MINE = {
    "head": "custom_head:LogCosh",
    "torso": "custom_network:Shortcuts",
    "rule": "custom_rule:Careful",
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that holds the examples, in which the commands are given."""
    folder = tmp_path / "project"
    shutil.copytree(EXAMPLES, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield folder
    forget()


def forget() -> None:
    """As in the next process."""
    for name in ("custom_head", "custom_network", "custom_rule"):
        sys.modules.pop(name, None)


def resolve(*words: str) -> Config:
    return parse_train(words)[0].config


@pytest.fixture(params=MINE)
def config(request: pytest.FixtureRequest, project: Path) -> Config:
    place = request.param
    return replace(SMALL, **{place: find(place, MINE[place])()}, reward_scale=4.0)


# ── Learning ─────────────────────────────────────────────────────────────────────────────────────


def test_three_side_by_side_learn_as_each_alone(
    config: Config, filled: Filled, tmp_path: Path, not_compiled: None
) -> None:
    together, alone = ([filled(replace(config, seed=i)) for i in range(3)] for _ in range(2))
    check_stack(together, alone, tmp_path, 4)


def test_a_run_resumes_exactly_is_judged_and_explained(config: Config, tmp_path: Path) -> None:
    whole, resumed = check_resumes(config, tmp_path, Overrides())
    assert resumed.resumed == "exact"
    judged(whole)
    assert dqnlab.report(whole).path.is_file()
    text = " ".join(step_text(whole.folder).split())
    assert ("loss = error^2" in text) == (config.head == Scalar())
    assert ("chooses the next action" in text) == (config.rule.kind == "greedy")


def test_the_same_seed_makes_the_same_network_of_torchs_own_modules(filled: Filled) -> None:
    shortcuts = find("torso", MINE["torso"])
    before = torch.get_rng_state()
    systems = [filled(replace(SMALL, torso=shortcuts(), seed=seed)) for seed in (0, 0, 1)]
    weights = [system.learner.state.online for system in systems]
    torch.testing.assert_close(weights[0], weights[1], rtol=0, atol=0)
    assert not torch.equal(weights[0], weights[2])
    torch.testing.assert_close(torch.get_rng_state(), before)


def test_seeding_parts_of_ones_own_leaves_the_generators_of_devices_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seeded: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    with own_chance(3):
        drawn = torch.rand(2)
    torch.testing.assert_close(drawn, torch.rand(2, generator=torch.Generator().manual_seed(3)), rtol=0, atol=0)
    assert seeded == []


def test_log_cosh_is_a_square_near_zero_and_a_line_far_from_it(project: Path) -> None:
    head = find("head", MINE["head"])(width=2.0).make(1.0)
    errors = torch.tensor([0.02, -0.02, 200.0])
    loss = head.loss(-errors[:, None], torch.zeros(3, 1), torch.zeros(3), torch.ones(3))
    np.testing.assert_allclose(loss.value, [0.02**2 / 2, 0.02**2 / 2, 2 * 200 - 4 * np.log(2)], rtol=1e-3)


def test_they_are_compiled_only_if_asked(config: Config) -> None:
    long, spec = replace(config, budget=Steps(num=10**7)), describe(config.env)
    assert should_compile(replace(SMALL, budget=Steps(num=10**7), compile="auto"), spec.obs)
    assert not should_compile(replace(long, compile="auto"), spec.obs)
    assert should_compile(replace(long, compile="on"), spec.obs)


# ── From the command line and files ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "words",
    [
        ["head:custom_head:LogCosh", "--head.width", "2"],
        ["--head.width=2", "--head", "custom_head:LogCosh"],  # whatever the order
    ],
)
def test_the_command_line_chooses_and_sets_them(words: list[str]) -> None:
    head: Any = resolve("CartPole-v1", *words).head
    assert (head.kind, head.width) == ("custom_head:LogCosh", 2.0)


def test_several_at_once() -> None:
    config: Any = resolve("torso:custom_network:Shortcuts", "rule:custom_rule:Careful", "--torso.blocks", "3")
    assert (config.torso.blocks, config.torso.units, config.rule.kind) == (3, 64, "custom_rule:Careful")


def test_help_lists_their_settings(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        resolve("head:custom_head:LogCosh", "--help")
    said = " ".join(capsys.readouterr().out.split())
    assert "head:custom_head:LogCosh: One number per action, with the log-cosh loss." in said
    assert "--head.width FLOAT errors well below it count by their square" in said
    assert "rule:greedy|double|munchausen|module:Class" in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("head:custom_head:LogCosh --head.widht 2", "unknown flag --head.widht. Perhaps you meant --head.width?"),
        ("head:custom_head:LogCosh --head.width x", "--head.width must be a number, got 'x'"),
        ("head:custom_head:LogCosh --head.width 0", "head.width must be in (0, 1e+06], got 0.0"),
        ("head:custom_head:LogCosh --head.width", "Missing value: --head.width must be a number, got ''"),
        (
            "torso:custom_head:LogCosh",
            "torso = 'custom_head:LogCosh' is a head: use it as head = 'custom_head:LogCosh'",
        ),
        (
            "head:custom_head:Nope",
            "custom_head has no part of that name, which begins with class Nope(Custom, place='head')",
        ),
        ("head:custom_head:ScalarHead", "custom_head has no part of that name"),
        ("head:nowhere:Mine", "head 'nowhere:Mine': there is no module 'nowhere', neither installed nor here"),
        ("head:my-module:Mine", "'my-module' is not a module's name"),
        (
            "epsilon:custom_head:LogCosh",
            "parts of your own can be torso, stream, head, memory, rule, sampler, sync, exploration",
        ),
        ("head:broken:Mine", "importing 'broken' failed: ZeroDivisionError"),
    ],
)
def test_what_cannot_work_is_said_by_name(line: str, said: str, project: Path) -> None:
    (project / "broken.py").write_text("1 / 0", "utf-8")
    with pytest.raises(ConfigError) as caught:
        resolve("CartPole-v1", *line.split())
    assert said in str(caught.value)


def test_a_file_names_them_if_its_module_is_trusted(project: Path) -> None:
    text = to_toml(resolve("head:custom_head:LogCosh", "--head.width", "3"))
    (project / "mine.toml").write_text(text, "utf-8")
    forget()
    with pytest.raises(ConfigError, match="would import the Python module 'custom_head', which no file may decide"):
        resolve("--config", "mine.toml")
    assert "custom_head" not in sys.modules
    config: Any = resolve("--config", "mine.toml", "--trust-env-module", "custom_head", "--head.width", "4")
    assert (config.head.kind, config.head.width) == ("custom_head:LogCosh", 4.0)
    again: Any = from_toml(text, Config(), "mine.toml", {"custom_head"})
    assert again.head.width == 3.0


def test_a_run_made_here_needs_no_flag_and_a_copy_does(project: Path, tmp_path: Path) -> None:
    run = train(replace(SMALL, head=find("head", MINE["head"])()), out=project / "run", trackers=("none",))
    forget()
    assert load(run.folder).config.head.kind == "custom_head:LogCosh"
    shutil.copytree(run.folder, project / "copied")
    assert flag_needed(project / "copied") == " --trust-env-module custom_head"
    with pytest.raises(ConfigError, match="no file may decide"):
        load(project / "copied")
    assert load(project / "copied", trust_env_modules=["custom_head"]).config.head.kind == "custom_head:LogCosh"


def test_the_seal_of_a_run_covers_its_parts(project: Path) -> None:
    run = train(replace(SMALL, head=find("head", MINE["head"])()), out=project / "run", trackers=("none",))
    path = run.folder / "config.toml"
    path.write_text(path.read_text("utf-8").replace("custom_head:LogCosh", "custom_head:Other"), "utf-8")
    with pytest.raises(ConfigError, match="no file may decide"):
        load(run.folder)
