"""Optuna's side of a study: its storage, which several processes share, its sampler and its pruner."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from ...config.config import Config
from ...config.ranges import OneOf
from ...config.space import Space, choice_text, choice_value
from ...errors import FolderError, ResourceError, named
from ...oslock import take
from ...trust import shown
from .study import JOURNAL, LOCKS

if TYPE_CHECKING:
    import optuna

EXTRA = "tune"
NAME = "dqnlab"
"""of the study inside the storage"""
RUNGS = 20
"""how often in the budget of a seed a trial may be pruned"""
WARM_UP = 4  # rungs of each seed before which none is: what starts slowly may end high
FIRST = 3  # trials that are always finished, for the others to be compared with
NEAR = 0.05
"""as good as the median: so far below it, as a share of all that finished trials have gained; scores vary by chance"""
LOOK_EVERY = 0.005  # seconds


def check_installed() -> None:
    """Raises ResourceError without Optuna."""
    try:
        import optuna  # noqa: F401
    except ImportError as e:
        raise ResourceError(f"tuning needs Optuna, which is not installed: pip install 'dqnlab[{EXTRA}]'") from e


def open_study(folder: Path) -> optuna.Study:
    """The study in this folder; a new one if there is none. Raises FolderError, ResourceError."""
    check_installed()
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    path = folder / JOURNAL
    try:
        backend = optuna.storages.journal.JournalFileBackend(str(path), lock_obj=_JournalLock(path))  # type: ignore
        return optuna.create_study(
            storage=optuna.storages.JournalStorage(backend),
            study_name=NAME,
            direction="maximize",
            load_if_exists=True,
            pruner=_MedianPruner(),  # type: ignore
        )
    except OSError as e:
        raise FolderError(f"{shown(path)!r} cannot be opened: {e.strerror or e}") from e
    except Exception as e:  # whatever Optuna finds wrong with the file
        raise FolderError(f"{shown(path)!r} is damaged: {named(e)}") from e


def sampler(seed: int, number: int) -> Any:
    """The sampler of one trial: which process asks for it makes no difference."""
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # of `constant_liar`, before 5.0
        return optuna.samplers.TPESampler(seed=(seed * 100_003 + number) % 2**32, constant_liar=True)


def suggest(trial: optuna.Trial, space: Space, base: Config) -> dict[str, Any]:
    """The values of a trial by dotted setting; those of a trial that is taken up again are its own."""
    values: dict[str, Any] = {}
    for name in space.names:
        if not space.applies(name, base, values):
            continue
        each = space.ranges[name]
        if isinstance(each, OneOf):
            texts = [choice_text(value) for value in each.values]
            values[name] = choice_value(trial.suggest_categorical(name, texts), name)
        elif each.whole:
            values[name] = trial.suggest_int(name, int(each.low), int(each.high), log=each.log)
        else:
            values[name] = trial.suggest_float(name, each.low, each.high, log=each.log)
    return values


def values_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted settings and values of what Optuna has kept of a trial."""
    return {name: choice_value(value, name) for name, value in params.items()}


class _MedianPruner:
    """Gives up a trial whose value is now well below the median that finished ones had at the same rung.

    Optuna's own compares the highest value that a trial ever had, which after a lucky first seed never falls.
    """

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        """Whether to."""
        from optuna.trial import TrialState

        rung = trial.last_step
        finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if rung is None or (rung - 1) % RUNGS + 1 < WARM_UP or len(finished) < FIRST:
            return False
        others = [each.intermediate_values[rung] for each in finished if rung in each.intermediate_values]
        seen = [value for each in finished for value in each.intermediate_values.values()]
        return len(others) > 0 and trial.intermediate_values[rung] < median(others) - NEAR * (max(seen) - min(seen))


class _JournalLock:
    """The lock of the journal, which the system lets go of when its process is killed.

    Whoever takes it first cuts off a line that a killed process had half written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = path.parent / LOCKS / "journal"
        self._file: int | None = None

    def acquire(self) -> bool:
        """Waits for the lock."""
        file = os.open(self._turn, os.O_RDWR | os.O_CREAT, 0o644)
        while take(file) is False:
            time.sleep(LOOK_EVERY)
        self._file = file
        self._mend()
        return True

    def release(self) -> None:
        """Lets go of it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _mend(self) -> None:
        with self._path.open("r+b") as journal:
            end = journal.seek(0, os.SEEK_END)
            if end == 0:
                return
            journal.seek(end - 1)
            if journal.read(1) == b"\n":
                return
            journal.seek(0)
            journal.truncate(journal.read().rfind(b"\n") + 1)
