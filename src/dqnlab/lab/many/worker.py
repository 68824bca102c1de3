"""What a worker does: sees whether its seeds can be trained, trains them, shows the best one."""

from __future__ import annotations

import signal
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ...config import Config
from ...device import resolve_device
from ...envs.make import EnvSpec, close, make_one, open_one
from ...envs.watchdog import watched
from ...run.system import Begun, make_remarks, place_memory, told_of
from ...settle import recordings_of, should_compile
from ...store.folder import Run, seed_name
from ...store.initial import initial_parts
from ...terminal.standing import Standing
from ..after import finish
from ..cautions import cautions
from ..drive import drive
from ..running import Start, running
from ..stopwatch import Stopwatch
from ..unfinished import SHOWN, save, steps, stopped
from .line import Finished, Line, Task
from .reporter import Reporter
from .seed import failed, seed_folder
from .together import train_together


class Checked(NamedTuple):
    """What was found before training."""

    spec: EnvSpec
    remarks: tuple[str, ...]


def check(config: Config) -> Checked:
    """What the environment is and what to say of the run. Raises DqnlabError if no seed could be trained."""
    with watched(config.env.timeout):
        spec, made = open_one(config.env)
        try:
            if config.env.copies != 1:  # each seed plays in several: one that cannot live beside another is known now
                close(make_one(config.env), config.env.label)
        finally:
            close(made, config.env.label)
        initial, recordings = initial_parts(config, spec), recordings_of(config, spec)
        place_memory(config, spec, resolve_device(config.device), recordings)
        told = told_of(config, None if initial is None else Begun(*initial, config), recordings)
        cuts = bool(config.checkpoint_every) and spec.unsaved is not None and not config.is_offline
        cut = cautions(config, cuts=cuts)
        return Checked(spec, tuple(map(str, [*told, *make_remarks(config, spec), *cut])))


def train_share(task: Task, spec: EnvSpec, folder: Path, line: Line, watch: Stopwatch) -> None:
    """Trains the task's seeds; one that fails is reported and does not stop the others.

    Where the update is compiled they learn as one stack, else one after the other; also where copies are counted.

    Args:
        watch: has run since the process began; the first seed's.
    """
    if len(task.seeds) > 1 and should_compile(task.config, spec.obs) and task.config.env.copies is None:
        train_together(task, folder, line, watch)
        return
    for seed in task.seeds:
        if line.asked:
            return
        line.tell(Standing(seed, "training"))
        home = folder / seed_name(seed)
        try:
            line.tell(Finished(_train(task, seed, home, line, watch)))
        except Exception as error:  # an environment may raise anything
            line.tell(failed(seed, home, error))
        watch = Stopwatch()


def _train(task: Task, seed: int, home: Path, line: Line, watch: Stopwatch) -> Run:
    """Trains one seed, from the start or from where its folder's checkpoint was written."""
    config = replace(task.config, seed=seed)
    reporter, folder = Reporter(seed, line), seed_folder(config, home)
    start = Start(
        config=config,
        folder=folder,
        trackers=deepcopy(task.trackers),
        label=task.label,
        view=reporter,
        watch=watch,
    )
    with running([start]) as ([experiment], update):
        return drive(experiment, update, reporter.learning(), show=False)


def film_and_explain(config: Config, run: Run) -> Run:
    """Films and explains a run as configured; what fails is a note of it."""
    # Here SIGINT may cut in, the user's or the parent's: what is still to be made can be made later.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        left = [name for name in steps(config, run, show=True) if name in SHOWN]
        return finish(save(replace(run, unfinished=[*run.unfinished, *left])), replace(config, seed=run.seed))
    except KeyboardInterrupt as error:
        return stopped(run, error)
    finally:
        signal.signal(signal.SIGINT, before)
