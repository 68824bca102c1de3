"""What a study came to, and the files that say so."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ...comparing.assess import Assessment, assessment_of
from ...comparing.comparison import Arm, ArmCell, Comparison
from ...comparing.read import read_cell
from ...comparing.verdict import in_full
from ...comparing.write import comparison_data, write_comparison
from ...config import Config
from ...config.custom import modules_in
from ...config.fields import leaves, plain
from ...config.space import config_of
from ...config.toml import as_dict, to_toml
from ...errors import counted
from ...store.door import write_atomically
from ...store.experiments import STUDY
from ...store.folder import CONFIG, write_json
from ...trust import modules_of, shown
from .history import DEFAULT, TrialRow, best_of, importance_of, read_trials
from .study import CONFIRM, JOURNAL, StudyPlan, identity

BEST = "best.toml"
ENOUGH = 30  # finished trials, of which the best tenth are three


class Confirmation:
    """The best trial beside the default, on seeds that chose nothing."""

    def __init__(self, name: str, best: ArmCell, default: ArmCell) -> None:
        """`name` is what the best trial is called."""
        self.name = name
        self.best = best
        self.default = default
        arms = (Arm(name=DEFAULT, cells=(default,)), Arm(name=name, cells=(best,)))
        self.comparison = Comparison(arms=arms, envs=(default.env,))

    @cached_property
    def assessment(self) -> Assessment:
        """Welch's test of the two, and what it comes to."""
        return assessment_of(self.comparison)

    @property
    def is_better(self) -> bool:
        """Whether the best trial is better than the default, as far as that can be said of so few seeds."""
        return self.assessment.contrasts[0].verdict == "better"

    @property
    def says(self) -> str:
        """Whether it is, by how much and how sure."""
        said = in_full(self.assessment, self.assessment.contrasts[0]).rstrip(".")
        return said if self.is_better else f"no better configuration was found. {said}"


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What a study came to."""

    folder: Path
    env: str
    preset: str
    trials: tuple[TrialRow, ...]
    best: TrialRow | None
    """the trial of the highest mean score; none if none has finished"""
    config: Config | None
    """the configuration of the best trial"""
    importance: Mapping[str, float] = field(default_factory=dict)
    """how much each setting decides, the most important first; empty where nobody can tell"""
    confirmation: Confirmation | None = None
    """none where the default itself came out best, or fresh seeds are still to be trained"""
    interrupted: bool = False
    signal: int | None = None
    """what interrupted it: 2 for Ctrl-C"""

    @property
    def file(self) -> Path:
        """The best configuration, for `dqn train --config`."""
        return self.folder / BEST

    @property
    def to_train(self) -> str:
        """The command that trains the best configuration, as one types it where the study was made."""
        if self.config is None:
            return ""
        env = self.config.env
        modules = dict.fromkeys([*modules_of(env.id, env.wrappers), *modules_in(as_dict(self.config))])
        return f"dqn train --config {shlex.quote(shown(self.file))}" + "".join(
            f" --trust-env-module {shlex.quote(module)}" for module in modules
        )

    @property
    def to_look(self) -> str:
        """The command that shows the storage."""
        return shlex.join(["optuna-dashboard", shown(self.folder / JOURNAL)])

    @property
    def caution(self) -> str:
        """What to bear in mind of `importance`; empty where there are enough trials, or nothing is said."""
        finished = sum(each.value is not None for each in self.trials)
        if not self.importance or finished >= ENOUGH:
            return ""
        return (
            f"importance compares the best tenth of the trials with all, and {counted(finished, 'trial')} finished: "
            f"with fewer than {ENOUGH} it is a guess"
        )

    @property
    def counts(self) -> dict[str, int]:
        """How many trials there are of each state."""
        states = [each.state for each in self.trials]
        return {state: states.count(state) for state in dict.fromkeys(states)}

    @property
    def says(self) -> str:
        """What came out, in one sentence."""
        if self.best is None:
            return "no trial has finished yet"
        if self.confirmation is None and self.best.is_default:
            return (
                f"no trial scored higher than the default ({_mean(self.best.value)}): no better configuration was found"
            )
        if self.confirmation is None:
            return f"the best trial scored {_mean(self.best.value)}, which fresh seeds have still to confirm"
        return self.confirmation.says

    def __repr__(self) -> str:
        value = None if self.best is None else self.best.value
        return f"Tuned({self.env!r}, {len(self.trials)} trials, best={value}, folder={str(self.folder)!r})"


def _mean(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def read_tuned(plan: StudyPlan, study: Any, *, signal: int | None = None, interrupted: bool = False) -> Tuned:
    """The study as it stands."""
    trials = read_trials(study)
    best = best_of(trials)
    config = None if best is None else config_of(plan.config, best.values)
    return Tuned(
        folder=plan.folder,
        env=plan.config.env.label,
        preset=plan.config.preset,
        trials=tuple(trials),
        best=best,
        config=config,
        importance=importance_of(study),
        confirmation=None if best is None or best.is_default else _confirmation(plan, best),
        interrupted=interrupted,
        signal=signal,
    )


def _confirmation(plan: StudyPlan, best: TrialRow) -> Confirmation | None:
    """Both arms on the fresh seeds; none while one of them has not begun."""
    cells = []
    for arm in (best.arm, DEFAULT):
        homes = [plan.confirmed(arm, seed) for seed in plan.confirm]
        begun = [home for home in homes if (home / CONFIG).is_file()]
        if len(begun) < len(homes) or not homes:
            return None
        cells.append(read_cell(begun))
    return Confirmation(f"trial {best.number}", *cells)


# ── Files ────────────────────────────────────────────────────────────────────────────────────────


def write_files(plan: StudyPlan, tuned: Tuned) -> None:
    """Writes best.toml, study.json and the comparison that confirms, each file whole or not at all."""
    if tuned.config is not None:
        write_atomically(tuned.file, to_toml(tuned.config))
    write_json(plan.folder / STUDY, {**identity(plan), **_results(tuned)})
    if tuned.confirmation is not None:
        write_comparison(tuned.confirmation.comparison, plan.folder / CONFIRM, allow_unequal=True)


def _results(tuned: Tuned) -> dict[str, Any]:
    found = tuned.confirmation
    return {
        "verdict": tuned.says,
        "best": None if tuned.best is None else tuned.best.number,
        "counts": tuned.counts,
        "importance": {name: round(value, 6) for name, value in tuned.importance.items()},
        "confirmation": None if found is None else comparison_data(found.assessment),
        "trials": [_row(each) for each in tuned.trials],
    }


def _row(each: TrialRow) -> dict[str, Any]:
    return {
        "number": each.number,
        "state": each.state,
        "value": each.value,
        "values": {name: plain(value) for name, value in each.values.items()},
        "scores": list(each.scores),
        "env_steps": each.env_steps,
        "seconds": each.seconds,
        "reason": each.reason,
        "default": each.is_default,
    }


def changed(tuned: Tuned, config: Config) -> Sequence[tuple[str, Any, Any]]:
    """Setting, value of the default, value of the best trial, for each that was searched."""
    if tuned.best is None:
        return ()
    from_config = flat(config)
    return [(name, from_config.get(name, "–"), plain(value)) for name, value in tuned.best.values.items()]


def flat(config: Config) -> dict[str, Any]:
    """Dotted settings as plain values."""
    return {name: plain(value) for name, value in leaves(config)}
