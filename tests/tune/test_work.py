"""The trials of a study: who makes them, what they are judged by, when they are given up, and who takes them up."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import optuna
import pytest

from dqnlab.config import Config
from dqnlab.errors import ConfigError, DqnlabError, EnvironmentFault, NumericsError, ResourceError
from dqnlab.lab.many.line import Stop
from dqnlab.lab.tuning import work
from dqnlab.lab.tuning.history import TrialRow, best_of, importance_of
from dqnlab.lab.tuning.storage import RUNGS, WARM_UP, open_study
from dqnlab.lab.tuning.study import JOURNAL, LOCKS, study_folder

from .kit import CONFIG, SPACE, do, line_and_reports, plan_of, reports_of, score_by, trials_of


def lr(config: Config) -> float:
    return config.optimizer.lr


def test_each_trial_is_the_mean_score_of_its_seeds_and_the_first_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = score_by(monkeypatch, lambda config: 100 + config.seed)
    plan = plan_of(tmp_path / "study", trials=3)
    reports = do(plan)
    trials = trials_of(plan)
    assert [each.value for each in trials] == [100.5] * 3
    assert [each.scores for each in trials] == [(100.0, 101.0)] * 3
    assert [each.env_steps for each in trials] == [2_000] * 3
    assert [config.seed for config, _ in asked] == [0, 1] * 3
    assert [home.relative_to(plan.folder).as_posix() for _, home in asked[:2]] == [
        "trials/0000/seed-0",
        "trials/0000/seed-1",
    ]
    assert trials[0].is_default
    assert trials[0].values == {"gamma": 0.99, "optimizer.lr": 1e-3}
    assert lr(asked[0][0]) == CONFIG.optimizer.lr
    assert [each.number for each in reports_of(reports, work.TrialDone)] == [0, 1, 2]
    assert asked[0][0].film.episodes == 0
    assert not asked[0][0].explain


def test_a_default_outside_of_the_space_is_no_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    score_by(monkeypatch, lr)
    plan = plan_of(tmp_path / "study", trials=1, space={"gamma": [0.5, 0.6]})
    do(plan)
    assert [each.is_default for each in trials_of(plan)] == [False]


def test_more_trials_can_be_asked_for_later_and_none_is_made_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score_by(monkeypatch, lr)
    do(plan_of(tmp_path / "study", trials=2))
    before = trials_of(plan := plan_of(tmp_path / "study", trials=5))
    do(plan)
    after = trials_of(plan)
    assert (len(before), len(after)) == (2, 5)
    assert after[:2] == before
    assert do(plan) == []


def test_what_is_tried_does_not_depend_on_how_often_the_study_was_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score_by(monkeypatch, lr)
    do(whole := plan_of(tmp_path / "whole", trials=14))
    for trials in (3, 9, 14):
        do(parts := plan_of(tmp_path / "parts", trials=trials))
    assert [each.values for each in trials_of(whole)] == [each.values for each in trials_of(parts)]
    assert len({each.values["optimizer.lr"] for each in trials_of(whole)}) == 14


def test_a_hopeless_trial_is_given_up_in_its_first_seed_and_later_in_the_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = iter([100, 100, 100, 100, 100, 100, 5, 100, 5])  # of seeds, in the order in which they are trained
    asked = score_by(monkeypatch, lambda config: next(values))
    plan = plan_of(tmp_path / "study", trials=5)
    do(plan)
    trials = trials_of(plan)
    assert [each.state for each in trials] == ["finished"] * 3 + ["pruned", "pruned"]
    for each in trials[3:]:
        assert each.rival is not None
        assert each.reached is not None
        assert each.reached < each.rival
    assert [each.rival for each in trials[:3]] == [None] * 3
    assert trials[3].seeds_done < 1 < trials[4].seeds_done
    assert [each.scores for each in trials[3:]] == [(), (100.0,)]
    assert len(asked) == 9
    first, second = trials[3].env_steps, trials[4].env_steps
    assert first == 1_000 * WARM_UP // RUNGS
    assert second == 1_000 + first
    assert best_of(trials) == trials[0]


def test_a_trial_that_is_nearly_as_good_as_the_median_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = iter([500, 500, 500, 490, 440])  # of seeds that are solved at once
    score_by(monkeypatch, lambda config: next(values))
    do(plan := plan_of(tmp_path / "study", trials=5, seeds=1))
    assert [each.state for each in trials_of(plan)] == ["finished"] * 4 + ["pruned"]


def test_a_seed_that_ends_early_counts_at_every_rung_that_it_spared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score_by(monkeypatch, lambda config: 10.0, blocks=1)
    do(plan := plan_of(tmp_path / "study", trials=1))
    (trial,) = open_study(plan.folder).get_trials()
    assert trial.intermediate_values == dict.fromkeys(range(1, 2 * RUNGS + 1), 10.0)


def test_of_equal_trials_the_one_that_needed_fewer_steps_is_the_best() -> None:
    def row(number: int, value: float | None, steps: int) -> TrialRow:
        return TrialRow(number=number, state="finished", value=value, values={}, env_steps=steps)

    rows = [row(0, 500, 90), row(1, 500, 80), row(2, 500, 80), row(3, 499, 1), row(4, None, 0)]
    assert best_of(rows) == rows[1]
    assert best_of([row(0, None, 1)]) is None


# ── What goes wrong ──────────────────────────────────────────────────────────────────────────────


def failing(monkeypatch: pytest.MonkeyPatch, errors: dict[int, Exception]) -> None:
    """Training raises at these of its calls."""
    calls = iter(range(1_000))

    def formula(config: Config) -> float:
        call = next(calls)
        if call in errors:
            raise errors[call]
        return 1.0

    score_by(monkeypatch, formula)


def test_a_trial_that_diverges_is_given_up_and_one_that_fails_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, {2: NumericsError("weights are NaN"), 3: EnvironmentFault("it broke")})
    do(plan := plan_of(tmp_path / "study", trials=3))
    trials = trials_of(plan)
    assert [each.state for each in trials] == ["finished", "pruned", "failed", "finished"]
    assert [each.reason for each in trials] == ["", "weights are NaN", "it broke", ""]


def test_three_failures_in_a_row_end_the_study_with_what_went_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, {call: EnvironmentFault("it broke") for call in range(2, 9)})
    with pytest.raises(
        DqnlabError, match="3 trials in a row came to no result, the last one because of this: it broke"
    ):
        do(plan_of(tmp_path / "study", trials=9))


def test_values_that_do_not_go_together_fail_their_trial_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score_by(monkeypatch, lr)
    plan = plan_of(tmp_path / "study", trials=9, space={"batch_size": [2_000, 3_000]})
    with pytest.raises(ConfigError, match=r"3 trials in a row .* is below batch_size"):
        do(plan)
    assert {each.state for each in trials_of(plan)} == {"failed"}


# ── Several processes ────────────────────────────────────────────────────────────────────────────


class Killed(BaseException):
    """A process ends here, without a word."""


def test_what_a_trial_had_reported_before_it_was_left_is_not_reported_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = iter([False, True, False, False])

    def formula(config: Config) -> float:
        if next(ends):
            raise Killed
        return 10.0

    score_by(monkeypatch, formula)
    plan = plan_of(tmp_path / "study", trials=1)
    with pytest.raises(Killed):
        do(plan)
    do(plan)  # a second report of a rung would be a warning of Optuna's, which is an error here
    (trial,) = open_study(plan.folder).get_trials()
    assert trial.value == 10.0
    assert len(trial.intermediate_values) == 2 * RUNGS


def test_a_trial_that_was_left_is_taken_up_with_its_values_and_its_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(tmp_path / "study", trials=3)
    line, _ = line_and_reports()
    killed = work.Work(plan, line)
    taken, _ = killed._take()
    assert taken is not None
    tried = {name: taken.trial.suggest_categorical(name, SPACE[name]) for name in ["gamma"]}  # not yet the other
    assert [each.state for each in trials_of(plan)] == ["running"]
    taken.claim.release()  # as the system does when a process ends

    asked = score_by(monkeypatch, lr)
    reports = do(plan)
    assert [each.again for each in reports_of(reports, work.TrialBegan)] == [True, False, False]
    assert [each.state for each in trials_of(plan)] == ["finished"] * 3
    assert trials_of(plan)[0].values["gamma"] == tried["gamma"]
    assert asked[0][1].parent.name == "0000"


def test_a_trial_that_kills_whatever_trains_it_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def formula(config: Config) -> float:
        if config.optimizer.lr == CONFIG.optimizer.lr:
            raise Killed
        return 1.0

    score_by(monkeypatch, formula)
    plan = plan_of(tmp_path / "study", trials=2)
    for _ in range(3):
        with pytest.raises(Killed):
            do(plan)
        assert [each.state for each in trials_of(plan)] == ["running"]
    do(plan)
    trials = trials_of(plan)
    assert [each.state for each in trials] == ["failed", "finished", "finished"]
    assert trials[0].reason == "the process that trained it was killed 3 times"


def test_a_trial_that_another_process_has_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(tmp_path / "study", trials=2)
    line, _ = line_and_reports()
    other, _ = work.Work(plan, line)._take()
    assert other is not None
    score_by(monkeypatch, lr)
    waits = []

    def wait(self: Any) -> None:
        waits.append([each.state for each in trials_of(plan)])
        other.claim.release()

    monkeypatch.setattr(work.Work, "_wait", wait)
    do(plan)
    assert waits == [["running", "finished"]]
    assert [each.state for each in trials_of(plan)] == ["finished"] * 2


def test_a_process_that_is_asked_to_stop_leaves_its_trial_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(tmp_path / "study", trials=2)
    line, heard = line_and_reports()

    def formula(config: Config) -> float:
        line.other_end.send(Stop())  # type: ignore[attr-defined]
        return 1.0

    score_by(monkeypatch, formula)
    for _ in range(4):  # more often than a trial may be killed
        line, heard = line_and_reports()
        work.Work(plan, line).run()
        assert [each.state for each in trials_of(plan)] == ["running"]
    assert reports_of(heard(), work.TrialDone) == []
    score_by(monkeypatch, lr)
    do(plan)
    assert [each.state for each in trials_of(plan)] == ["finished"] * 2


# ── Storage ──────────────────────────────────────────────────────────────────────────────────────


def test_the_storage_is_optunas_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    score_by(monkeypatch, lambda config: lr(config) + config.gamma)
    do(plan := plan_of(tmp_path / "study", trials=4))
    backend = optuna.storages.journal.JournalFileBackend(str(plan.folder / JOURNAL))
    (name,) = optuna.get_all_study_names(optuna.storages.JournalStorage(backend))
    study = optuna.load_study(study_name=name, storage=optuna.storages.JournalStorage(backend))
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    best = best_of(trials_of(plan))
    assert best is not None
    assert study.best_value == best.value
    assert study.best_params == best.values


def test_a_line_that_a_killed_process_had_half_written_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score_by(monkeypatch, lr)
    do(plan := plan_of(tmp_path / "study", trials=2))
    whole = (plan.folder / JOURNAL).read_bytes()
    with (plan.folder / JOURNAL).open("ab") as journal:
        journal.write(b'{"op_code":4,"worker')
    do(plan := plan_of(tmp_path / "study", trials=3))
    assert len(trials_of(plan)) == 3
    assert (plan.folder / JOURNAL).read_bytes().startswith(whole + b'{"op_code":')


def test_a_damaged_storage_is_named(tmp_path: Path) -> None:
    (tmp_path / LOCKS).mkdir()
    (tmp_path / JOURNAL).write_text("no journal\nno journal\n", "utf-8")
    with pytest.raises(ConfigError, match=r"journal\.log' is damaged: JSONDecodeError"):
        open_study(tmp_path)


def test_without_optuna_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ResourceError, match=r"tuning needs Optuna, .*: pip install 'dqnlab\[tune\]'"):
        open_study(tmp_path)


def test_which_setting_matters_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    score_by(monkeypatch, lr)
    do(plan := plan_of(tmp_path / "study", trials=20, seeds=1))
    found = importance_of(open_study(plan.folder))
    assert list(found) == ["optimizer.lr", "gamma"]
    assert found["optimizer.lr"] > 0.7
    assert sum(found.values()) == pytest.approx(1)
    do(plan := plan_of(tmp_path / "two", trials=2))
    assert importance_of(open_study(plan.folder)) == {}


# ── Where a study lies ───────────────────────────────────────────────────────────────────────────


def test_a_study_has_a_name_of_its_own_or_a_path(tmp_path: Path) -> None:
    assert study_folder(CONFIG, None, Path("runs")) == Path("runs/CartPole-v1/tune-tiny")
    assert study_folder(CONFIG, "wide", Path("runs")) == Path("runs/CartPole-v1/wide")
    assert study_folder(CONFIG, "some/where", Path("runs")) == Path("some/where")
    assert study_folder(CONFIG, tmp_path, Path("runs")) == tmp_path
    with pytest.raises(ConfigError, match="the study must be a name or a folder"):
        study_folder(CONFIG, "", Path("runs"))


def test_a_study_is_continued_only_by_what_it_was_begun_with(tmp_path: Path) -> None:
    plan_of(tmp_path / "study")
    with pytest.raises(ConfigError, match=r"was begun with optimizer\.lr = 0\.001: repeat its command to continue it"):
        plan_of(tmp_path / "study", config=CONFIG.__class__(**{**vars(CONFIG), "optimizer": 1e-2}))
    with pytest.raises(ConfigError, match="was begun with another search space"):
        plan_of(tmp_path / "study", space={"gamma": [0.9, 0.99]})
    with pytest.raises(ConfigError, match=r"was begun with seeds \[0, 1\]"):
        plan_of(tmp_path / "study", seeds=3)
    plan_of(tmp_path / "study", trials=100, confirm=9)


def test_a_folder_of_something_else_is_no_place_for_a_study(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", "utf-8")
    with pytest.raises(ConfigError, match="is no study, and not empty"):
        plan_of(tmp_path)
    with pytest.raises(ConfigError, match="is a file, and a study is a folder"):
        plan_of(tmp_path / "file")
