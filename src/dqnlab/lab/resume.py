"""Resuming a run that was interrupted, or training a finished one for longer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..config import AnyEnvironment, Config, Env, Episodes, Steps
from ..config.toml import to_toml
from ..config.typed import door
from ..errors import CheckpointError, ConfigError, counted, either
from ..memory import memory_watched
from ..run.events import Event
from ..run.system import System, make_remarks, say
from ..run.train import Count, Period
from ..store.advice import command, how_to_resume, how_to_train, is_callable
from ..store.agent import as_it_was, read_config
from ..store.checkpoint.verify import found as checkpoints_in
from ..store.door import write_atomically
from ..store.find import find_group, find_run, has_ended, read_run
from ..store.folder import CHECKPOINTS, CONFIG, META, RESULT, Run, write_result
from ..store.lock import locked
from ..store.own import is_own, mark
from ..store.reading import read_env
from ..store.remembered import recall, remember
from ..terminal.notebook_view import view_for_python
from ..terminal.view import View, progress_of
from ..track.begun import forgotten, remembered
from ..track.tracker import AnyTracker, Trackers
from .after import finish
from .drive import drive
from .further import check_trained
from .interrupt import signals_end, signals_wait
from .overrides import Overrides
from .running import Start, running
from .stopwatch import running_since
from .unfinished import lacking


@door
def resume(
    run: str | Path | Run,
    *,
    budget: Steps | Episodes | None = None,
    env: AnyEnvironment | None = None,
    trackers: Trackers | None = None,
    trust_env_modules: Collection[str] = (),
    ray: str | None = None,
    on_event: Callable[[Event], object] | None = None,
) -> Run:
    """Resumes a run from its latest checkpoint, or from the start if there is none, as if it had never stopped.

    A run that has its score but lacks its film, curves or page only gets these.

    On the same machine, with the same versions and threads, on the CPU, the results are those of a run that was
    never interrupted, to the last bit; where that cannot be promised the run says so (`Run.resumed`).

    Args:
        run: a run, its folder, or its name under `runs`; for a group of seeds see `resume_many`.
        budget: a later end than the run was made for; it then continues even if it was solved.
        env: its environment, where a file cannot know it.
        trackers: those that it began with if none, but for your own, which no file can hold.
        trust_env_modules: modules that its environment, wrappers and parts may import.
        ray: as in `train`.
        on_event: as in `train`.

    Raises:
        FolderError: there is no such run, or another process works on it.
        ConfigError: the run has already ended, or the budget is spent.
        CheckpointError: no checkpoint can be read, or it belongs to another environment or network.
    """
    overrides = Overrides(budget=budget, env=env, trackers=trackers, trust_env_modules=trust_env_modules)
    if isinstance(run, Run):
        return resume_folder(run.folder, overrides, view_for_python(), on_event=on_event, ray=ray)
    if (group := find_group(run)) is not None:
        raise ConfigError(
            f"{str(group)!r} is a group of seeds: dqnlab.resume_many({str(run)!r}) continues all of them; to continue "
            "one, name its folder"
        )
    return resume_folder(find_run(run), overrides, view_for_python(), on_event=on_event, ray=ray)


def resume_folder(
    folder: Path,
    overrides: Overrides,
    view: View | None = None,
    started: float | None = None,
    on_event: Callable[[Event], object] | None = None,
    ray: str | None = None,
) -> Run:
    """`resume`, in the run's folder; `view`, `started` and `on_event` as in `train`."""
    watch = running_since(started)
    with signals_end(), memory_watched(), locked(folder, force=overrides.force_unlock):
        if overrides.budget is None and has_ended(folder) and lacking(run := read_run(folder)):
            return finish(run, configured(folder, overrides), progress_of(view))
        check_trained(folder, "resumed")
        start = Start(
            config=_config(folder, overrides),
            folder=nullcontext(folder),  # locked already: nobody may end it between the look and this
            trackers=trackers_of(folder, overrides),
            view=view,
            watch=watch,
            ray=ray,
            prepare=(lambda system: None) if overrides.budget is None else partial(_extend, folder=folder),
        )
        with running([start]) as ([experiment], update):
            experiment.on_event = on_event
            return drive(experiment, update, signals_wait())


def trackers_of(folder: Path, overrides: Overrides) -> Sequence[AnyTracker]:
    """Whom a run reports to when it is resumed: those asked for, or those that it began with; says whom it cannot."""
    if overrides.trackers is not None:
        return overrides.trackers
    for own in forgotten(folder / META):
        say(f"this run also reported to a tracker of your own, {own}: to report to it, resume in Python with trackers=")
    return remembered(folder / META)


def _config(folder: Path, overrides: Overrides) -> Config:
    """The configuration to continue with. Raises ConfigError if the run has ended."""
    config = configured(folder, overrides)
    if overrides.budget is not None:
        _check_extendable(folder)
        _check_later(folder, config.budget, overrides.budget)
        return replace(config, budget=overrides.budget, stop_when_solved=False)
    if has_ended(folder):
        until = either("--steps or --episodes", "budget=dqnlab.config.Steps(num=…)")
        raise ConfigError(f"{str(folder)!r} has ended: to train further, say until when with {until}")
    return config


def _check_later(folder: Path, before: Steps | Episodes, budget: Steps | Episodes) -> None:
    """Raises ConfigError if a run has come to an end in env steps already, as far as its folder says."""
    at = max((step for step, *_ in checkpoints_in(folder / CHECKPOINTS)), default=0)
    if has_ended(folder):
        at = max(at, read_run(folder).env_steps)
    if Period(budget.kind, budget.num).reached(Count(at, 0)):  # of episodes nobody knows that yet
        own = "" if has_ended(folder) else f", or name none to train it to its own, {before.num:,} {before.kind}"
        raise ConfigError(f"{_past(f'step {at:,}', budget)}{own}")


def _past(at: str, budget: Steps | Episodes) -> str:
    """That a run is past an end that it is to be trained to."""
    flag = either(f"--{budget.kind} N", f"budget=dqnlab.config.{type(budget).__name__}(num=…)")
    asked = counted(budget.num, budget.kind.removesuffix("s"))
    return f"the run is at {at} already, so it cannot be trained until {asked} in all: choose a later end, {flag}"


def _check_extendable(folder: Path) -> None:
    """Raises CheckpointError if a run has ended and nothing is left to train it further from."""
    if not has_ended(folder) or any((folder / CHECKPOINTS).glob("step-*")):
        return
    run = read_run(folder)
    how = how_to_train(folder, steps="N")
    anew = how if is_callable(folder) else f"with {how}"
    raise CheckpointError(
        f"{str(folder)!r} has no checkpoint to train further from, as dqn clean drops those of runs that have ended: "
        f"train it anew {anew}, or replay it and go on in a new run with "
        f"{command('branch', folder, '--at', str(run.env_steps), '--steps', 'N')}"
    )


def configured(folder: Path, overrides: Overrides, asked: Path | None = None) -> Config:
    """The configuration of a run, with the environment that the overrides name.

    Args:
        asked: the group that is to be resumed, if it is not the run alone.

    Raises:
        ConfigError: its environment was made in Python and is not given.
    """
    config = read_config(folder, overrides.trust_env_modules, overrides.env)
    config = as_it_was(config, read_env(folder / META))
    if isinstance(overrides.env, Env):
        config = replace(config, env=overrides.env)
    elif overrides.env is not None:
        config = replace(config, env=replace(config.env, id=overrides.env))
    elif read_env(folder / META)["callable"]:
        known = recall(folder, config.env)
        if known is None:
            raise ConfigError(
                f"this run learns on {config.env.label!r}, an environment made in Python, which no file can hold: use "
                f"{how_to_resume(asked or folder)}"
            )
        config = replace(config, env=known)
    remember(folder, config.env)
    return config


def _extend(system: System, folder: Path) -> None:
    """Lets a run that has ended continue. Raises ConfigError if it would end at once."""
    progress = system.progress
    if system.plan.budget.reached(progress.now):
        steps, episodes = progress.now
        raise ConfigError(_past(f"step {steps:,} and episode {episodes:,}", system.config.budget))
    for each in make_remarks(system.config, system.spec):
        if each.check == "rate":  # the schedule stays as the first end of the run made it
            say(str(each))
    progress.solved = False
    if (folder / RESULT).exists():  # from now on the result is that of a run that has not ended
        write_result(replace(read_run(folder), interrupted=True))
    own = is_own(folder)
    write_atomically(folder / CONFIG, to_toml(system.config))
    if own:
        mark(folder, system.config)
