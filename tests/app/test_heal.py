"""A run that fell ill is branched with its repair; a healthy one is left alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from dqnlab.app.cli import main
from dqnlab.config import Constant, Env, Steps
from dqnlab.errors import ConfigError
from dqnlab.explain.health.findings import Finding
from dqnlab.lab import heal as healing
from dqnlab.lab.heal import BeforeAfter, heal
from dqnlab.lab.session import train
from dqnlab.store.folder import META, Run
from dqnlab.store.lineage import read_parent

from ..tiny import SMALL

NONE = ("none",)
RANDOM = replace(SMALL, epsilon=Constant(value=1.0), budget=Steps(num=800), explain=False)


@pytest.fixture(scope="module")
def random_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(RANDOM, out=tmp_path_factory.mktemp("random") / "run", trackers=NONE)


def test_a_run_is_branched_with_the_repair_of_its_verdict_and_both_are_compared(
    random_run: Run, tmp_path: Path
) -> None:
    done = heal(random_run, seeds=0, out=tmp_path / "branch")
    assert done.treated is not None
    assert done.treated.kind == "always-random"
    assert done.branch is not None
    lineage = read_parent(done.branch.folder / META)
    assert lineage is not None
    assert (lineage.step, lineage.changes["epsilon"], lineage.changes["epsilon.steps"]) == (0, "linear", 240)
    assert done.cured is True
    assert done.episodes is not None
    assert (len(done.episodes.before), len(done.episodes.after)) == (100, 100)
    assert done.seeds is None


@pytest.mark.world
def test_fresh_seeds_are_trained_with_the_old_settings_and_with_the_new_ones(random_run: Run, tmp_path: Path) -> None:
    done = heal(random_run, seeds=2, out=tmp_path / "branch")
    assert done.seeds is not None
    assert (len(done.seeds.before), len(done.seeds.after), done.seeds.failed) == (2, 2, 0)
    assert (tmp_path / "branch" / "fresh-seeds" / "after" / "seed-1" / "result.json").is_file()


def test_a_healthy_run_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    train(replace(SMALL, budget=Steps(num=150)), out=tmp_path / "run", trackers=NONE)
    assert main(["heal", "run", "--quiet"]) == 0
    assert "nothing to heal" in capsys.readouterr().out
    assert not (tmp_path / "runs").exists()


def test_a_verdict_that_no_setting_repairs_says_so(
    random_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    blind = Finding(kind="blind-to-the-end", severity="bad", step=5, numbers={"episodes": 30.0})
    effect = Finding(kind="over-estimating", severity="bad", step=9)  # which a setting could treat
    monkeypatch.setattr(healing, "_findings", lambda *_: ([blind, effect], []))
    assert main(["heal", str(random_run.folder)]) == 0
    out = capsys.readouterr().out
    assert "Blind to the end" in out
    assert "no setting repairs this" in out
    assert not (tmp_path / "runs").exists()


def test_the_command_reports_both_and_says_whether_it_helped(
    random_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--seeds", "0", "--out", str(tmp_path / "branch"), "--quiet"]
    assert main(["heal", str(random_run.folder), *words]) == 0
    out = capsys.readouterr().out
    for each in (
        "Exploring forever",
        "fresh ones, played by both networks",
        "95 % interval",
        "this repair did not help",
    ):
        assert each in out


def test_a_group_is_not_healed_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "group").mkdir()
    (tmp_path / "group" / "summary.json").write_text('{"schema": 1}')
    with pytest.raises(ConfigError, match="is a group of seeds: name one of its folders"):
        heal("group")


def test_an_environment_that_only_python_knows_is_healed_with_it(tmp_path: Path) -> None:
    import gymnasium as gym

    run = train(replace(RANDOM, env=Env(id=lambda: gym.make("CartPole-v1"))), out=tmp_path / "run", trackers=NONE)
    done = heal(run, seeds=0, out=tmp_path / "branch")
    assert done.cured is True


@pytest.mark.parametrize(
    ("before", "after", "helped"),
    [
        ((1.0, 2.0, 3.0), (11.0, 12.0, 13.0), True),
        ((11.0, 12.0, 13.0), (1.0, 2.0, 3.0), False),
        ((1.0, 2.0, 3.0), (2.0, 3.0, 1.0), None),
        ((9.0, 9.0), (9.0, 9.0), None),
        ((9.0, 9.0), (500.0, 500.0), True),
        ((), (1.0, 2.0), None),
    ],
)
def test_what_helped_is_better_for_sure(
    before: tuple[float, ...], after: tuple[float, ...], helped: bool | None
) -> None:
    assert BeforeAfter(before=before, after=after).helped is helped
