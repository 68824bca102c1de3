"""`dqnlab.tune`: the best configuration for an environment, searched with Optuna and confirmed on fresh seeds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from ..config import MOST_SEEDS, MOST_TRIALS, Config, Whole
from ..config.presets import Planned, plan
from ..config.space import Space, default_space, read_space, space_of
from ..config.typed import door
from ..errors import ConfigError, DqnlabError, counted, either
from ..processes import check_sendable, usable_cores
from ..run.system import say
from ..store.find import with_init_file
from ..store.reading import read_text
from ..terminal.python import trials_for_python
from ..terminal.trials import TrialsView
from .interrupt import signals_wait
from .many.worker import check
from .remote.place import OnRay, on_ray
from .sharing import LOCKS, at_work
from .tuning.history import TrialRow, best_of, read_trials
from .tuning.page import write_pages
from .tuning.pool import Pool
from .tuning.result import Tuned, read_tuned, write_files
from .tuning.storage import check_installed, open_study
from .tuning.study import APART, StudyPlan, begin, study_folder
from .tuning.work import SeedConfirmed, TrialBegan, TrialDone, fresh_seeds, prepare

MOST_JOBS = 1_024


@door
def tune(
    config: Planned,
    *,
    trials: Annotated[int, Whole(1, MOST_TRIALS)] = 30,
    space: str | Path | Mapping[str, Any] | None = None,
    seeds: Annotated[int, Whole(1, MOST_SEEDS)] = 2,
    confirm: Annotated[int, Whole(0, MOST_SEEDS)] = 5,
    study: str | Path | None = None,
    runs: Path = Path("runs"),
    jobs: Annotated[int | None, Whole(1, MOST_JOBS)] = None,
    ray: str | None = None,
    quiet: bool = False,
) -> Tuned:
    """Searches for the configuration with the highest score, and confirms it on fresh seeds beside this one.

    The same call continues a study that was interrupted or killed; several at once, in as many processes or machines
    that share the folder, divide its work. A script that calls this keeps its top level under
    `if __name__ == "__main__":`, for every process imports it.

    Args:
        config: what is searched around, and the default that the best trial is held against; an environment alone as
            in `train`.
        trials: how many are to finish or be pruned, those of earlier calls among them.
        space: a TOML file of ranges, or such a table; what suits the configuration if none.
        seeds: how many each trial is judged by; they count up from the configuration's.
        confirm: how many fresh seeds confirm the best trial; none if 0.
        study: its name under the environment's folder in `runs`, or its folder; `tune-<preset>` if none.
        jobs: processes; as many as there are cores if none.
        ray: as in `train_many`: trials train on the processors of a Ray cluster.
        quiet: show no progress; outside a terminal none is shown anyway.

    Raises:
        ConfigError, EnvironmentFault, ResourceError: before anything is written, if no trial could be trained.
    """
    return Tuner(
        with_init_file(plan(config), runs),
        trials=trials,
        space=space,
        seeds=seeds,
        confirm=confirm,
        study=study,
        runs=runs,
        jobs=jobs,
        ray=ray,
        view=None if quiet else trials_for_python(),
    ).tune()


@dataclass
class Tuner:
    """One process's part in a study: it looks after the processes that train, shows what they do, and reports."""

    config: Config
    trials: int = 30
    space: str | Path | Mapping[str, Any] | None = None
    trusted: Collection[str] = ()
    """modules that kinds which the space names may import"""
    seeds: int = 2
    confirm: int = 5
    study: str | Path | None = None
    runs: Path = Path("runs")
    jobs: int | None = None
    ray: str | None = None
    view: TrialsView | None = None
    remark: str = ""
    """what to say of the settings, once the environment could be made"""
    _running: set[int] = field(default_factory=set, init=False)

    def tune(self) -> Tuned:
        """Makes the trials, confirms the best and writes everything down; see `tune`."""
        check_installed()
        found = begin(self._plan())
        try:
            with at_work(found.folder / LOCKS):
                prepare(found)
                return self._work(found)
        finally:
            if self.view is not None:
                self.view.stop()

    def _plan(self) -> StudyPlan:
        """What is asked for. Raises ConfigError, EnvironmentFault for what no trial could be trained with."""
        config = self.config
        first = config.seed
        plan = StudyPlan(
            folder=study_folder(config, self.study, self.runs),
            config=config,
            space=self._space(),
            trials=self.trials,
            seeds=tuple(range(first, first + self.seeds)),
            confirm=tuple(range(first + APART, first + APART + self.confirm)),
        )
        if config.env.copies is not None and (self.jobs or 1) > 1:
            raise ConfigError(
                f"env.copies = {config.env.copies} counts the copies of one process, and "
                f"{either('--jobs', 'jobs=')} is {self.jobs}: leave it out"
            )
        config.collectors.check_alone("tune")
        for seed in (plan.seeds[-1], *plan.confirm[-1:]):
            replace(config, seed=seed)
        check_sendable(config, config.env.label)
        check(config)
        if self.remark:
            say(self.remark)
        return plan

    def _space(self) -> Space:
        if self.space is None:
            return default_space(self.config)
        if isinstance(self.space, Mapping):
            return space_of(self.space, "space", self.config, self.trusted)
        path = Path(self.space)
        if not path.is_file():
            raise ConfigError(
                f"{str(path)!r} is no file of a search space: name one with {either('--space', 'space=')}"
            )
        return read_space(read_text(path), str(path), self.config, self.trusted)

    def _work(self, plan: StudyPlan) -> Tuned:
        study = open_study(plan.folder)
        trials = read_trials(study)
        title = f"{plan.config.env.label}, preset {plan.config.preset}, over {', '.join(plan.space.names)}"
        if self.view is not None:
            self.view.start(title, plan.folder, _ended(trials), plan.trials)
        with on_ray(self.ray, plan.folder, plan.config.threads, locks=True) as place:
            size = self._size(plan, trials, place)
            pool = Pool(plan, size, lambda report: self._hear(plan, study, report), self._look, place)
            with signals_wait() as interrupt:
                try:
                    pool.run(interrupt)
                except DqnlabError:
                    if best_of(read_trials(study)) is not None:  # what it came to before is not lost
                        _write(plan, read_tuned(plan, study))
                    raise
        tuned = read_tuned(
            plan,
            study,
            interrupted=pool.interrupted,
            signal=interrupt.signal if pool.interrupted else None,
        )
        _write(plan, tuned)
        return tuned

    def _size(self, plan: StudyPlan, trials: list[TrialRow], place: OnRay | None) -> int:
        """How many processes there is work for."""
        left = max(plan.trials - _ended(trials), 0)
        fresh = len(fresh_seeds(plan, trials)) if plan.confirm else 0
        cores = max(usable_cores() // plan.config.threads, 1) if place is None else place.room
        jobs = 1 if plan.config.env.copies is not None else self.jobs or cores
        return max(min(jobs, max(left, fresh)), 1)

    def _look(self) -> None:
        if self.view is not None:
            self.view.show(len(self._running))

    def _hear(self, plan: StudyPlan, study: Any, report: object) -> None:
        """Shows what a process reports."""
        if isinstance(report, TrialBegan):
            self._running.add(report.number)
        elif isinstance(report, TrialDone):
            self._running.discard(report.number)
            if self.view is not None:
                trials = read_trials(study)
                self.view.ended(line_of(trials, report.number), _ended(trials))
        elif isinstance(report, SeedConfirmed) and self.view is not None:
            score = "came to no score" if report.score is None else f"scored {report.score:.4g}"
            self.view.ended(f"{report.arm}, fresh seed {report.seed}: {score}", plan.trials)


def _write(plan: StudyPlan, tuned: Tuned) -> None:
    write_files(plan, tuned)
    write_pages(plan, tuned)


def _ended(trials: list[TrialRow]) -> int:
    return sum(each.state in ("finished", "pruned") for each in trials)


def line_of(trials: list[TrialRow], number: int) -> str:
    """A trial that has ended, in one line."""
    row = next(each for each in trials if each.number == number)
    best = best_of(trials)
    tried = ", ".join(f"{name}={_short(value)}" for name, value in row.values.items())
    cost = counted(row.env_steps, "env step")
    if row.state == "finished":
        star = ", the best so far" if best is not None and best.number == number else ""
        words = f"{row.value:.4g} over {counted(len(row.scores), 'seed')}, {cost}{star}"
    elif row.state == "pruned":
        words = f"diverged: {row.reason}" if row.reason else f"given up after {cost}"
    else:
        words = f"{row.state}: {row.reason}"
    return f"trial {number}{' (the default)' if row.is_default else ''}: {words}; {tried}"


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
