"""The trials of a study as they stand: read from Optuna's storage, none of whose classes leave this folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from .storage import RUNGS, values_of

DEFAULT = "default"
"""the arm, and the mark of the trial, that is the configuration itself"""
State = Literal["finished", "pruned", "failed", "running"]


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """One trial."""

    number: int
    state: State
    value: float | None
    """the mean score over its seeds; none if it did not come so far"""
    values: Mapping[str, Any]
    """the settings that it tried"""
    reached: float | None = None
    """the last mean that it reported; none if it never came to one"""
    seeds_done: float = 0.0
    """how many of its seeds it had trained by then: 1.25 are one and a quarter of the next"""
    rival: float | None = None
    """the median of the trials that had finished, at the same point, of one that was given up for being below it"""
    scores: tuple[float, ...] = ()
    """of the seeds that came to one"""
    env_steps: int = 0
    seconds: float = 0.0
    reason: str = ""
    """why it failed or diverged"""
    is_default: bool = False
    """whether it is the configuration itself"""

    @property
    def arm(self) -> str:
        """What it is called where it is confirmed."""
        return f"trial-{self.number:04}"


def read_trials(study: Any) -> list[TrialRow]:
    """Every trial that has begun, in the order of their numbers."""
    trials = study.get_trials(deepcopy=False)
    names: dict[str, State] = {"COMPLETE": "finished", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running"}
    return [
        TrialRow(
            number=each.number,
            state=names[each.state.name],
            value=each.value if each.state.name == "COMPLETE" else None,
            values=values_of(each.params),
            reached=each.intermediate_values[each.last_step] if each.last_step is not None else None,
            seeds_done=(each.last_step or 0) / RUNGS,
            rival=_rival(each, trials),
            scores=tuple(each.user_attrs.get("scores", ())),
            env_steps=each.user_attrs.get("env_steps", 0),
            seconds=each.user_attrs.get("seconds", 0.0),
            reason=each.user_attrs.get("reason", ""),
            is_default=bool(each.user_attrs.get(DEFAULT)),
        )
        for each in trials
        if each.state.name in names
    ]


def _rival(pruned: Any, trials: Sequence[Any]) -> float | None:
    """What a trial was compared with when it was given up; none of any other trial, and of one that diverged."""
    if pruned.state.name != "PRUNED" or pruned.last_step is None or pruned.user_attrs.get("reason"):
        return None
    before = [
        each.intermediate_values[pruned.last_step]
        for each in trials
        if each.state.name == "COMPLETE"
        and each.datetime_complete <= pruned.datetime_complete
        and pruned.last_step in each.intermediate_values
    ]
    return median(before) if before else None


def best_of(trials: Sequence[TrialRow]) -> TrialRow | None:
    """The trial of the highest value, of equals the one that took the fewest env steps; none if none has finished."""
    finished = [each for each in trials if each.value is not None]
    return max(finished, key=lambda each: (each.value or 0.0, -each.env_steps, -each.number), default=None)


def importance_of(study: Any) -> dict[str, float]:
    """How much each searched setting decides whether a trial is among the best tenth, by PED-ANOVA; sums to 1.

    Empty where too few trials have finished, or all came to the same value. Watanabe, Bansal & Hutter (2023),
    PED-ANOVA: efficiently quantifying hyperparameter importance in arbitrary subspaces, IJCAI.
    """
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
    from optuna.trial import TrialState

    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len({each.value for each in finished}) < 3:
        return {}
    try:
        return dict(get_param_importances(study, evaluator=PedAnovaImportanceEvaluator()))
    except (ValueError, RuntimeError, ZeroDivisionError):  # it has nothing to go by
        return {}
