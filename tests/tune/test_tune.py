"""`dqnlab.tune` and `dqn tune`: trials that really learn, the confirmation, the files, and what is refused."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import dqnlab
from dqnlab import presets
from dqnlab.app.cli import main
from dqnlab.app.parse import parse_train, parse_tune
from dqnlab.config import Config, Constant, Hard, Mlp, Polyak, Steps
from dqnlab.config.space import default_space, read_space
from dqnlab.config.toml import from_toml
from dqnlab.errors import ConfigError, DqnlabError
from dqnlab.lab import tune
from dqnlab.lab.tuning import trial, work
from dqnlab.lab.tuning.result import Tuned
from dqnlab.lab.tuning.study import StudyPlan
from dqnlab.learn.fast import compiled
from dqnlab.run.system import assemble, make_update
from dqnlab.store.find import list_runs, read_run
from dqnlab.store.folder import Run

from ..tiny import tiny
from .kit import CONFIG, SPACE, a_run, line_and_reports, score_by


class HerePool:
    """Works in this process, as one of a pool's would."""

    def __init__(
        self, plan: StudyPlan, size: int, hear: Callable[[object], None], looks: Callable[[], None], place: None
    ) -> None:
        self.plan = plan
        self.hear = hear
        self.looks = looks
        self.interrupted = False

    def run(self, interrupt: object) -> None:
        line, heard = line_and_reports()
        work.Work(self.plan, line).run()
        for report in heard():
            self.hear(report)
        self.looks()


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune, "Pool", HerePool)


def confirmed_by(monkeypatch: pytest.MonkeyPatch, formula: Callable[[Config], float]) -> None:
    """Fresh seeds are not trained either; each leaves the files of a run that scored what the formula says."""

    def train(config: Config, home: Path, line: object) -> Run:
        found = dqnlab.train(replace(config, budget=Steps(num=64)), out=home, trackers=())
        run = a_run(config, home, formula(config))
        content = json.loads((home / "result.json").read_text("utf-8"))
        content["score"] = {**content["score"], "mean": formula(config)}
        (home / "result.json").write_text(json.dumps(content), "utf-8")
        assert found.seed == config.seed
        return run

    monkeypatch.setattr(work, "train_confirming_seed", train)


def lr(config: Config) -> float:
    return config.optimizer.lr


# ── A small study ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tuned]:
    """Three trials of two seeds that learn, and three fresh seeds of either arm."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tune, "Pool", HerePool)
        folder = tmp_path_factory.mktemp("study") / "small"
        yield dqnlab.tune(tiny(), trials=3, seeds=2, confirm=3, space=SPACE, study=folder)


def test_each_seed_of_each_trial_is_a_run_with_its_score(small: Tuned) -> None:
    assert [each.state for each in small.trials] == ["finished"] * 3
    for each in small.trials:
        runs = [read_run(small.folder / "trials" / f"{each.number:04}" / f"seed-{seed}") for seed in (0, 1)]
        assert [run.score.mean for run in runs if run.score] == list(each.scores)
        assert each.value == pytest.approx(sum(each.scores) / 2)
        assert sum(run.env_steps for run in runs) == each.env_steps


def test_a_trial_keeps_what_is_small(small: Tuned) -> None:
    names = {path.name for path in (small.folder / "trials" / "0001" / "seed-0").iterdir()}
    assert names == {"config.toml", "meta.json", "metrics.jsonl", "best_model.pth", "result.json"}


def test_the_best_trial_is_confirmed_on_fresh_seeds_beside_the_default(small: Tuned) -> None:
    assert small.best is not None
    if small.best.is_default:
        assert small.confirmation is None
        assert "no trial scored higher than the default" in small.says
        return
    assert small.confirmation is not None
    assert [each.seed for each in small.confirmation.best.seeds] == [10_000, 10_001, 10_002]
    assert [each.seed for each in small.confirmation.default.seeds] == [10_000, 10_001, 10_002]
    assert (small.folder / "confirm" / "comparison.json").is_file()
    assert list(small.folder.glob("confirm/*/seed-*/checkpoints")) == []


def test_the_best_configuration_can_be_trained(small: Tuned) -> None:
    read = from_toml(small.file.read_text("utf-8"), Config(), "best.toml")
    assert read == small.config
    args, _ = parse_train(["--config", str(small.file), "--dry-run"])
    assert args.config == small.config


def test_the_study_says_everything_as_json(small: Tuned) -> None:
    found = json.loads((small.folder / "study.json").read_text("utf-8"))
    assert found["best"] == small.best.number if small.best else None
    assert found["verdict"] == small.says
    assert found["seeds"] == [0, 1]
    assert found["confirm_seeds"] == [10_000, 10_001, 10_002]
    assert [each["scores"] for each in found["trials"]] == [list(each.scores) for each in small.trials]


def test_the_page_needs_nothing_else_and_runs_no_script(small: Tuned) -> None:
    page = (small.folder / "study.html").read_text("utf-8")
    assert "<script" not in page
    links = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert links == ([] if small.confirmation is None else ["confirm/comparison.html"])
    assert all((small.folder / link).is_file() for link in links)
    assert "default-src 'none'; style-src 'sha256-" in page
    assert page.count('class="trial ') == 3 * 4  # in the history, wide and narrow, and against either setting
    assert page.count('class="trial default"') == (0 if small.best and small.best.is_default else 4)
    assert "optimizer.lr" in (small.folder / "study.md").read_text("utf-8")


def test_the_runs_of_trials_are_not_listed_among_ones_own(tmp_path: Path) -> None:
    dqnlab.tune(tiny(), trials=1, seeds=1, confirm=0, space=SPACE, runs=tmp_path)
    assert (tmp_path / "CartPole-v1" / "tune-tiny" / "trials" / "0000" / "seed-0" / "config.toml").is_file()
    assert list_runs(tmp_path) == []


def test_a_trial_that_is_given_up_has_stopped_like_one_that_was_interrupted(tmp_path: Path) -> None:
    line, _ = line_and_reports()
    reported: list[tuple[int, float]] = []

    def report(rung: int, value: float) -> bool:
        reported.append((rung, value))
        return True

    watch = trial.TrialWatch(300, "steps", 0, (), report, line)
    run = trial.train_trial_seed(tiny(), tmp_path / "seed-0", watch)
    assert watch.is_pruned
    assert run.interrupted
    assert run.score is None
    assert run.error is None
    assert read_run(tmp_path / "seed-0").env_steps == 100  # the first evaluation
    assert [rung for rung, _ in reported] == list(range(1, 7))


# ── Confirmation ─────────────────────────────────────────────────────────────────────────────────


def study(tmp_path: Path, **changes: Any) -> Tuned:
    return dqnlab.tune(CONFIG, **{"trials": 6, "space": SPACE, "study": tmp_path / "study", **changes})


def test_a_better_configuration_is_called_better_with_its_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score_by(monkeypatch, lr)
    confirmed_by(monkeypatch, lambda config: 1_000 * lr(config) + config.seed % 10)
    found = study(tmp_path)
    assert found.confirmation is not None
    assert found.confirmation.is_better
    assert f"trial {found.best.number} is better than default on CartPole-v1" in found.says if found.best else False
    assert found.confirmation.assessment.contrasts[0].welch is not None


def test_what_only_chance_had_chosen_is_no_better(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    score_by(monkeypatch, lr)
    confirmed_by(monkeypatch, lambda config: config.seed % 10)
    found = study(tmp_path)
    assert found.confirmation is not None
    assert not found.confirmation.is_better
    assert found.says.startswith("no better configuration was found. No difference between trial")


def test_where_the_default_comes_out_best_that_is_said_and_it_alone_is_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score_by(monkeypatch, lambda config: -abs(lr(config) - 1e-3) - abs(config.gamma - 0.99))
    confirmed_by(monkeypatch, lr)
    found = study(tmp_path, confirm=3)
    assert found.says == "no trial scored higher than the default (0): no better configuration was found"
    assert [path.name for path in (found.folder / "confirm").iterdir()] == ["default"]
    assert found.config == CONFIG


def test_the_same_call_again_trains_nothing_and_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = score_by(monkeypatch, lr)
    confirmed_by(monkeypatch, lr)
    first = study(tmp_path, confirm=2)
    num = len(asked)
    again = study(tmp_path, confirm=2)
    assert len(asked) == num
    assert (again.trials, again.says) == (first.trials, first.says)


def test_what_a_study_came_to_is_written_though_a_process_breaks_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Breaks(HerePool):
        def run(self, interrupt: object) -> None:
            super().run(interrupt)
            raise DqnlabError("the disk is full")

    score_by(monkeypatch, lr)
    monkeypatch.setattr(tune, "Pool", Breaks)
    with pytest.raises(DqnlabError, match="the disk is full"):
        study(tmp_path, confirm=0)
    assert {"best.toml", "study.html", "study.md"} <= {path.name for path in (tmp_path / "study").iterdir()}


def test_of_an_environment_with_few_copies_one_process_takes_all_trials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    class Sized(HerePool):
        def __init__(self, plan: StudyPlan, size: int, *more: Any) -> None:
            sizes.append(size)
            super().__init__(plan, size, *more)

    monkeypatch.setattr(tune, "Pool", Sized)
    monkeypatch.setattr(tune, "usable_cores", lambda: 8)
    score_by(monkeypatch, lr)
    few = replace(CONFIG, env=replace(CONFIG.env, copies=1))
    dqnlab.tune(few, trials=6, space=SPACE, confirm=0, study=tmp_path / "few")
    study(tmp_path, confirm=0)
    study(tmp_path, trials=9, confirm=0)
    assert sizes == [1, 6, 3]
    with pytest.raises(ConfigError, match=r"env\.copies = 1 counts the copies of one process, and --jobs .* is 2"):
        dqnlab.tune(few, jobs=2, study=tmp_path / "other")


# ── One program for trials of one shape ──────────────────────────────────────────────────────────


@pytest.mark.world
def test_trials_of_one_shape_share_one_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is counted are the names of programs, each a hash of its arithmetic: so many would be compiled."""
    made: list[Path] = []

    def not_made(traced: Any, example: Any, path: Path, notify: object) -> Any:
        made.append(path)
        return lambda tensors: list(traced(*tensors))

    monkeypatch.setattr(compiled, "_compile", not_made)

    def program(**changes: Any) -> Path:
        made.clear()
        system = assemble(tiny(compile="on", **changes))
        make_update([system])
        system.close()
        (path,) = made
        return path

    own = program()
    same: list[dict[str, Any]] = [
        {"optimizer": 1e-2, "gamma": 0.9, "epsilon": Constant(value=0.3), "sync": Hard(every=7)},
        {"sync": Polyak(tau=0.1), "update_every": 1, "seed": 3},
    ]
    assert [program(**changes) for changes in same] == [own, own]
    others = [
        program(torso=Mlp(hidden=(16,))),
        program(batch_size=32),
        program(replay_capacity=500),
        program(n=3),  # the longer, the more frames are kept
    ]
    assert len({own, *others}) == 5
    assert program(n=3, gamma=0.9) == others[-1]


# ── The command ──────────────────────────────────────────────────────────────────────────────────


def test_the_command_tunes_and_says_what_came_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    score_by(monkeypatch, lr)
    Path("space.toml").write_text("[optimizer]\nlr = { low = 1e-4, high = 1e-1, log = true }\n", "utf-8")
    words = ["tune", "CartPole-v1", "--trials", "3", "--space", "space.toml", "--confirm", "0", "--steps", "9000"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "tuning CartPole-v1, preset cartpole, over optimizer.lr, 3 trials -> runs/CartPole-v1/tune-cartpole" in out
    assert "trial 0 (the default): 0.064 over 2 seeds" in out
    assert "3: 3 finished" in out
    assert re.search(r"^best +trial \d, [\d.]+  over the 2 seeds that choose, 18,000 env steps$", out, re.MULTILINE)
    assert re.search(r"optimizer\.lr +0\.064 ", out)
    page = Path("runs/CartPole-v1/tune-cartpole/study.html").read_text("utf-8")
    for command in (
        "dqn train --config runs/CartPole-v1/tune-cartpole/best.toml",
        "optuna-dashboard runs/CartPole-v1/tune-cartpole/journal.log",
    ):
        assert command in out
        assert command in page
    best = tomllib.loads(Path("runs/CartPole-v1/tune-cartpole/best.toml").read_text("utf-8"))
    assert best["budget"] == {"kind": "steps", "num": 9_000}
    assert main([*words, "--quiet"]) == 0
    assert "tuning" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("tune CartPole-v1 --space nowhere.toml", "--space nowhere.toml is no file"),
        ("tune CartPole-v1 --trials 0", "--trials must be a whole number from 1 to 100,000, got 0"),
        ("tune CartPole-v1 --trial 3", "unknown flag --trial. Perhaps you meant --trials"),
        ("tune CartPole-v1 --jobs 0", "--jobs must be a whole number of at least 1, got 0"),
        ("tune cartpole", "'cartpole' is a preset, not an environment: use --preset cartpole"),
        ("tune CartPole-v1 --lr 11", "optimizer.lr must be in (0, 10], got 11.0"),
        ("tune CartPol-v1 --trials 1", "unknown env 'CartPol-v1'"),
        ("tune CartPole-v1 --space bad.toml", "error: bad.toml: unknown setting 'gama'; did you mean gamma?"),
        ("tune CartPole-v1 --seed 4294967290", "seed must be a whole number in [0, 2**32), got 429497"),
    ],
)
def test_what_is_asked_wrongly_is_answered_and_nothing_is_written(
    words: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.toml").write_text("gama = [0.9, 0.99]\n", "utf-8")
    assert main(words.split()) in (2, 3)
    assert says in capsys.readouterr().err
    assert not Path("runs").exists()


def test_the_settings_of_the_command_are_those_of_training() -> None:
    args, remark = parse_tune(["Blackjack-v1", "--steps", "5000", "--lr", "0.01", "head:c51"])
    assert args.config == replace(
        presets.get("default"),
        env=replace(presets.get("default").env, id="Blackjack-v1"),
        budget=Steps(num=5_000),
        optimizer=replace(presets.get("default").optimizer, lr=0.01),
        head=args.config.head,
    )
    assert args.config.head.kind == "c51"
    assert "using `default`" in remark
    assert (args.trials, args.seeds, args.confirm, args.jobs, args.study) == (30, 2, 5, None, None)


def test_a_dry_run_prints_what_would_be_searched(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", "Blackjack-v1", "--dry-run"]) == 0
    text = capsys.readouterr().out
    assert read_space(text, "", presets.get("default")) == default_space(presets.get("default"))
    Path("space.toml").write_text('n = "auto"\n', "utf-8")
    assert main(["tune", "Blackjack-v1", "--dry-run", "--space", "space.toml"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("n = [1, 3, 5, 10]  # env steps per transition")
    assert not Path("runs").exists()


def test_the_help_shows_flags_and_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", "--help"]) == 0
    out = capsys.readouterr().out
    assert "--trials INT" in out
    assert "--optimizer.lr" in out
