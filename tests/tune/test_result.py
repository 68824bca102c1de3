"""What a study says of its trials and of what came out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dqnlab.config import Env
from dqnlab.lab.tuning.history import TrialRow
from dqnlab.lab.tuning.page import trial_rows
from dqnlab.lab.tuning.result import Tuned

from .kit import CONFIG


def test_a_trial_that_was_given_up_is_shown_with_what_it_had_reached_and_against_what() -> None:
    given_up = TrialRow(
        number=4, state="pruned", value=None, values={"gamma": 0.9}, reached=8.34, seeds_done=1.0, rival=9.1
    )
    row = trial_rows([given_up], 2)[0]
    assert row[:4] == ["4", "8.34 (1 of 2 seeds, against 9.1)", "gamma = 0.9", "pruned"]


def test_importance_that_few_trials_tell_is_called_a_guess(tmp_path: Path) -> None:
    rows = [TrialRow(number=i, state="finished", value=float(i), values={"gamma": 0.9}) for i in range(30)]
    few = Tuned(
        folder=tmp_path, env="E", preset="tiny", trials=tuple(rows[:5]), best=None, config=None, importance={"gamma": 1}
    )
    assert few.caution == (
        "importance compares the best tenth of the trials with all, and 5 trials finished: with fewer than 30 it is a "
        "guess"
    )
    assert replace(few, trials=tuple(rows)).caution == ""
    assert replace(few, importance={}).caution == ""


def test_the_command_to_train_trusts_the_modules_of_the_environment_and_of_every_part(tmp_path: Path) -> None:
    config = replace(CONFIG, env=Env(id="mine:Env-v0", wrappers=("theirs.wraps:Half",)))
    found = Tuned(folder=tmp_path, env="mine:Env-v0", preset="tiny", trials=(), best=None, config=config)
    assert found.to_train.endswith("best.toml --trust-env-module mine --trust-env-module theirs.wraps")
    assert replace(found, config=None).to_train == ""
