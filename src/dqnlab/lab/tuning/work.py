"""What one process does for a study: trial after trial until there are enough, then its share of the confirmation.

Whoever has a piece of work holds the lock of a file of its own. A trial that Optuna believes to be running, and whose
lock nobody holds, was left by a process that was killed or interrupted: it is taken up again.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ...config import Config
from ...config.fields import leaves
from ...config.ranges import OneOf
from ...config.space import Space, choice_text, config_of
from ...errors import ConfigError, DqnlabError, NumericsError, counted, named
from ...oslock import Claim
from ...settle import settle_epsilon
from ...store.find import has_ended
from ...trust import redacted
from ..many.line import Line
from .history import DEFAULT, best_of, read_trials
from .storage import open_study, sampler, suggest
from .study import StudyPlan
from .trial import TrialWatch, lean, train_confirming_seed, train_trial_seed

if TYPE_CHECKING:
    import optuna

LOOK_EVERY = 0.2  # seconds between two looks at what others do
BEGUN = "begun"  # what a trial remembers: how many processes have begun it and not left it in good order
MOST_BEGUN = 3  # such processes: then it is the trial that kills them
MOST_FAILURES = 3  # in a row: then something else is wrong than the values of one trial


# ── Reports ──────────────────────────────────────────────────────────────────────────────────────


class TrialBegan(NamedTuple):
    """A trial is being trained."""

    number: int
    again: bool
    """whether it is one that was left"""


class TrialDone(NamedTuple):
    """A trial has come to its end."""

    number: int


class SeedConfirmed(NamedTuple):
    """A fresh seed has come to its end."""

    arm: str
    seed: int
    score: float | None


class StudyBroken(NamedTuple):
    """No trial can be trained here."""

    error: DqnlabError


# ── Work ─────────────────────────────────────────────────────────────────────────────────────────


class _Taken(NamedTuple):
    trial: optuna.Trial
    claim: Claim
    again: bool


class _Left(Exception):
    """The process is asked to stop: what it has in hand stays as it is."""


@dataclass
class Work:
    """The life of one process of a study, after its packages are loaded."""

    plan: StudyPlan
    line: Line
    _study: Any = field(init=False)
    _failures: int = field(default=0, init=False)
    _lost: set[str] = field(default_factory=set, init=False)
    """fresh seeds that failed here"""

    def __post_init__(self) -> None:
        self._study = open_study(self.plan.folder)

    def run(self) -> None:
        """Works until everything of the study is done, by whomever, or until it is asked to stop."""
        try:
            for taken in self._trials():
                with_claim = taken.claim
                try:
                    self._train(taken)
                finally:
                    with_claim.release()
            self._confirm()
        except _Left:
            return

    # ── Trials ──

    def _trials(self) -> Iterator[_Taken]:
        """Each trial that falls to this process; waits for those of others at the end, for they may be left."""
        while True:
            with self.plan.choosing():
                taken, running = self._take()
            if taken is not None:
                yield taken
            elif running:
                self._wait()
            else:
                return

    def _take(self) -> tuple[_Taken | None, int]:
        """A trial that was left, else a new one if more are wanted; and how many are running."""
        import optuna

        states = optuna.trial.TrialState
        trials = self._study.get_trials(deepcopy=False)
        running = [each for each in trials if each.state == states.RUNNING]
        for each in running:
            claim = self.plan.claim(_claim_of(each.number))
            if claim is not None:
                self._study.sampler = sampler(self.plan.config.seed, each.number)
                return _Taken(optuna.Trial(self._study, each._trial_id), claim, True), len(running)
        ended = sum(each.state in (states.COMPLETE, states.PRUNED) for each in trials)
        if ended + len(running) >= self.plan.trials:
            return None, len(running)
        self._study.sampler = sampler(self.plan.config.seed, len(trials))
        trial = self._study.ask()
        claim = self.plan.claim(_claim_of(trial.number))
        assert claim is not None, "a new trial is nobody else's"
        return _Taken(trial, claim, False), len(running)

    def _train(self, taken: _Taken) -> None:
        """Trains a trial's seeds one after the other; says what it came to."""
        trial = taken.trial
        begun = trial.user_attrs.get(BEGUN, 0)
        if begun >= MOST_BEGUN:
            why = f"the process that trained it was killed {counted(begun, 'time')}"
            self._give_up(trial, why)
            return
        trial.set_user_attr(BEGUN, begun + 1)
        self.line.tell(TrialBegan(trial.number, taken.again))
        start = time.perf_counter()
        try:
            config = config_of(self.plan.config, suggest(trial, self.plan.space, self.plan.config))
            value = self._value(trial, config)
            self._failures = 0
            trial.set_user_attr("seconds", round(time.perf_counter() - start, 3))
            self._tell(trial, value)
        except _Left:
            trial.set_user_attr(BEGUN, begun)  # it was not the trial's fault
            raise
        except NumericsError as error:  # these values make it diverge: worse than any score
            trial.set_user_attr("reason", redacted(str(error)))
            self._tell(trial, None)
        except Exception as error:
            self._fail(trial, error)
        self.line.tell(TrialDone(trial.number))

    def _value(self, trial: optuna.Trial, config: Config) -> float | None:
        """The mean score over the seeds; none if the trial was given up before. Raises _Left."""
        scores: list[float] = []
        steps = 0
        known = set(self._study.get_trials(deepcopy=False)[trial.number].intermediate_values)

        def report(rung: int, value: float) -> bool:
            if rung not in known:
                trial.report(value, rung)
                known.add(rung)
            return trial.should_prune()

        for index, seed in enumerate(self.plan.seeds):
            watch = TrialWatch(config.budget.num, config.budget.kind, index, scores, report, self.line)
            run = train_trial_seed(lean(config, seed), self.plan.home(trial.number, seed), watch)
            if run.interrupted and not watch.is_pruned:
                raise _Left
            steps += run.env_steps
            if run.score is not None:
                scores.append(run.score.mean)
            trial.set_user_attr("env_steps", steps)
            trial.set_user_attr("scores", scores)
            if watch.is_pruned and len(scores) < len(self.plan.seeds):
                return None
        return statistics.fmean(scores)

    def _tell(self, trial: optuna.Trial, value: float | None) -> None:
        import optuna

        state = optuna.trial.TrialState.PRUNED if value is None else optuna.trial.TrialState.COMPLETE
        self._study.tell(trial, value, state)

    def _fail(self, trial: optuna.Trial, error: Exception) -> None:
        """Writes down why a trial has no value. Raises it where trial after trial fails."""
        why = str(error) if isinstance(error, DqnlabError) else named(error)
        self._give_up(trial, why)
        self._failures += 1
        if self._failures >= MOST_FAILURES:
            self.line.tell(TrialDone(trial.number))
            many = f"{MOST_FAILURES} trials in a row came to no result, the last one because of this"
            raise (type(error)(f"{many}: {error}") if type(error) is ConfigError else DqnlabError(f"{many}: {why}"))

    def _give_up(self, trial: optuna.Trial, why: str) -> None:
        import optuna

        trial.set_user_attr("reason", redacted(why))
        self._study.tell(trial, state=optuna.trial.TrialState.FAIL)

    # ── Confirmation ──

    def _confirm(self) -> None:
        """Trains each fresh seed that nobody else has, until there is none left."""
        while True:
            waiting = False
            for arm, config, seed in fresh_seeds(self.plan, read_trials(self._study)):
                home = self.plan.confirmed(arm, seed)
                if has_ended(home) or (name := f"{arm}-{seed}") in self._lost:
                    continue
                claim = self.plan.claim(name)
                if claim is None:
                    waiting = True
                    continue
                try:
                    self._train_fresh(arm, replace(config, seed=seed), name)
                finally:
                    claim.release()
            if not waiting:
                return
            self._wait()

    def _train_fresh(self, arm: str, config: Config, name: str) -> None:
        home = self.plan.confirmed(arm, config.seed)
        if has_ended(home):  # since we looked
            return
        score = None
        try:
            run = train_confirming_seed(lean(config, config.seed), home, self.line)
            if run.interrupted:
                raise _Left
            score = None if run.score is None else run.score.mean
        except DqnlabError as error:
            self._lost.add(name)
            self.line.tell(SeedConfirmed(arm, config.seed, None))
            if isinstance(error, ConfigError):
                raise
            return
        self.line.tell(SeedConfirmed(arm, config.seed, score))

    def _wait(self) -> None:
        """A moment. Raises _Left if it is asked to stop."""
        time.sleep(LOOK_EVERY)
        if self.line.asks():
            raise _Left


def _claim_of(number: int) -> str:
    return f"trial-{number:04}"


def fresh_seeds(plan: StudyPlan, trials: Any) -> list[tuple[str, Config, int]]:
    """What is to be trained once the trials have ended: the default and, if it is another, the best trial."""
    best = best_of(trials)
    arms = [(DEFAULT, plan.config)]
    if best is not None and not best.is_default:
        arms.append((best.arm, config_of(plan.config, best.values)))
    return [(arm, config, seed) for seed in plan.confirm for arm, config in arms]


def prepare(plan: StudyPlan) -> None:
    """Makes the study's storage, if there is none: the first trial is the default, where the space has it."""
    study = open_study(plan.folder)
    with plan.choosing():
        if not study.get_trials(deepcopy=False):
            params = default_params(plan.config, plan.space)
            if params is not None:
                study.enqueue_trial(params, user_attrs={DEFAULT: True})


def default_params(config: Config, space: Space) -> dict[str, Any] | None:
    """The configuration itself as values for Optuna; none if the space does not hold it."""
    own = dict(leaves(config)) | _settled(config)
    found: dict[str, Any] = {}
    for name in space.names:
        if not space.applies(name, config, {}):
            continue
        each = space.ranges[name]
        value = own.get(name)
        if isinstance(each, OneOf):
            if choice_text(value) not in map(choice_text, each.values):
                return None
            found[name] = choice_text(value)
        elif isinstance(value, int | float) and each.low <= value <= each.high:
            found[name] = value
        else:
            return None
    return found


def _settled(config: Config) -> dict[str, Any]:
    """What of epsilon is left open, in numbers, if that is all the same settings."""
    epsilon = settle_epsilon(config)
    return dict(leaves(replace(config, epsilon=epsilon))) if epsilon.kind == config.epsilon.kind else {}
