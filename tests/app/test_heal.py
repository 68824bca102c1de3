"""A run that fell ill is branched with its repair; a healthy one is left alone."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from dqnlab.app.cli import main
from dqnlab.app.show import show_run
from dqnlab.comparing.comparison import Arm, ArmCell, Comparison, SeedResult
from dqnlab.config import Constant, Env, Munchausen, Steps
from dqnlab.errors import ConfigError
from dqnlab.explain.health.findings import Finding
from dqnlab.explain.health.repairs import repair_of
from dqnlab.explain.repairable import REPAIRABLE
from dqnlab.lab import heal as healing
from dqnlab.lab.compare import ComparisonResult
from dqnlab.lab.heal import Healing, heal
from dqnlab.lab.session import train
from dqnlab.store.find import find_any, list_runs
from dqnlab.store.folder import META, Run
from dqnlab.store.lineage import read_parent
from dqnlab.store.removal import removable

from ..compare.kit import score
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
    done = heal(random_run, seeds=2, out=tmp_path / "branch", runs=tmp_path / "runs")
    assert done.seeds is not None
    assert done.seeds.page is not None
    found = done.seeds.assessment
    assert found is not None
    assert [(view.arm, len(view.cell.scores)) for view in found.cells] == [("unrepaired", 2), ("repaired", 2)]
    assert done.helped is None  # of two seeds there is no verdict
    assert "a verdict needs 3" in done.seeds.conclusion
    groups = {row["folder"].parent for row in list_runs(tmp_path / "runs")}
    assert len(groups) == 2  # as others are, so that they are listed, cleaned and removed as others are
    assert removable(done.branch.folder).strange == () if done.branch is not None else None
    assert all(removable(group).strange == () for group in groups)


def test_a_healthy_run_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    train(replace(SMALL, budget=Steps(num=150)), out=tmp_path / "run", trackers=NONE)
    healthy = Finding(kind="healthy", severity="good", numbers={"evaluations": 9.0})
    monkeypatch.setattr(healing, "_findings", lambda *_: ([healthy], []))
    assert main(["heal", "run", "--quiet"]) == 0
    assert "nothing to heal" in capsys.readouterr().out
    assert not (tmp_path / "runs").exists()


def test_of_a_run_too_short_to_tell_it_says_so_and_how_to_train_it_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    train(replace(SMALL, budget=Steps(num=150)), out=tmp_path / "run", trackers=NONE)
    assert main(["heal", "run", "--quiet"]) == 0
    out = capsys.readouterr().out
    assert "nothing to heal" not in out
    assert "is not known yet" in out
    printed = next(line.removeprefix("next").strip() for line in out.splitlines() if line.startswith("next"))
    assert main(shlex.split(printed)[1:]) == 0
    assert (tmp_path / "run" / "result.json").is_file()
    assert main(["heal", "run", "--seeds", "0", "--quiet"]) == 0
    assert "is not known yet" not in capsys.readouterr().out


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


def compared(before: tuple[float, ...], after: tuple[float, ...]) -> ComparisonResult:
    """A comparison of fresh seeds with these scores."""

    def arm(name: str, scores: tuple[float, ...]) -> Arm:
        seeds = [SeedResult(seed=n, folder=Path(name), score=score(each)) for n, each in enumerate(scores)]
        return Arm(name=name, cells=(ArmCell(env="Env-v0", seeds=tuple(seeds), settings={}),))

    found = Comparison(arms=(arm("unrepaired", before), arm("repaired", after)), envs=("Env-v0",))
    return ComparisonResult(folder=Path("c"), comparison=found, page=None)


@pytest.mark.parametrize(
    ("before", "after", "helped"),
    [
        ((1.0, 2.0, 3.0), (11.0, 12.0, 13.0), True),
        ((11.0, 12.0, 13.0), (1.0, 2.0, 3.0), False),
        ((1.0, 2.0, 3.0), (2.0, 3.0, 1.0), None),
        ((9.0, 9.0, 9.0), (9.0, 9.0, 9.0), None),
        ((1.0, 2.0), (500.0, 501.0), None),  # too few, as in any comparison
        ((), (1.0, 2.0, 3.0), None),
    ],
)
def test_what_helped_is_better_by_the_rules_of_a_comparison(
    before: tuple[float, ...], after: tuple[float, ...], helped: bool | None, random_run: Run
) -> None:
    done = Healing(run=random_run, findings=(), seeds=compared(before, after))
    assert done.helped is helped


def test_a_repaired_run_is_called_by_what_was_ill_and_its_page_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    train(replace(RANDOM, explain=True), name="sick", trackers=NONE)
    for name in ("sick-healed", "sick-healed-2"):
        assert main(["heal", "sick", "--seeds", "0", "--quiet"]) == 0
        out = capsys.readouterr().out
        assert f"{name} · " in out
        home = find_any(name)
        assert home is not None
        assert f"open {(home / 'report.html').as_uri()}" in out


def test_the_summary_of_a_run_that_fell_ill_says_how_to_heal_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    show_run(train(replace(RANDOM, explain=True), out=Path("sick"), trackers=NONE))
    assert "dqn heal sick" in capsys.readouterr().out
    show_run(train(SMALL, out=Path("well"), trackers=NONE))
    assert "dqn heal" not in capsys.readouterr().out


def test_what_is_called_repairable_has_a_repair() -> None:
    config = replace(SMALL, rule=Munchausen())
    for kind in set(REPAIRABLE) - {"biased"}:  # of which the cause has one
        finding = Finding(kind=kind, severity="bad", numbers={"limit": 100.0})
        assert repair_of(finding, config) is not None, kind
