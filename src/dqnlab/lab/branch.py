"""`dqnlab.branch`: a new run from the exact state of an old one, with other settings from there on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import AnyEnvironment, Config, Env
from ..config.changes import json_ready
from ..config.fields import plain
from ..config.typed import door
from ..envs.collector import Collector
from ..envs.make import EnvSpec
from ..errors import ConfigError, counted, named
from ..learn.replay import Replay
from ..memory import memory_watched
from ..run.events import Event
from ..run.keep import save_weights
from ..run.system import System, assemble, say
from ..run.train import Count, Period
from ..store.checkpoint.checkpoint import GrowingRows, Store
from ..store.find import find_group, find_run
from ..store.folder import BEST, INIT, META, METRICS, Run
from ..store.label import Label
from ..store.lineage import FORK, name_of
from ..store.new import check_new_folder, new_folder
from ..store.own import mark
from ..store.reading import read_json
from ..store.start import write_start
from ..store.weightsfile import meaning_of
from ..terminal.notebook_view import view_for_python
from ..terminal.view import View
from ..track.begun import begun, remembered, tracker_facts
from ..track.open import check_trackers
from ..track.tracker import AnyTracker, Trackers
from .drive import drive
from .further import check_trained
from .interrupt import signals_end, signals_wait
from .midway import Midway, check_goes_on, check_spaces, midway
from .overrides import BranchRequest, Overrides, with_changes
from .reach import Reached, find_step, reached
from .restore import facts
from .resume import configured
from .running import Start, running
from .stopwatch import running_since


@door
def branch(
    run: str | Path | Run,
    *,
    at: int | str | Path,
    out: Path | None = None,
    runs: Path = Path("runs"),
    trackers: Trackers | None = None,
    name: str | None = None,
    tags: Sequence[str] = (),
    trust_env_modules: Collection[str] = (),
    on_event: Callable[[Event], object] | None = None,
    **changes: Any,
) -> Run:
    """Begins a new run from the exact state of an old one, with other settings from there on, and trains it to its end.

    Until then both are the same to the last bit: networks, replay, random generators, environments, evaluations,
    metrics. Without changes it ends as the old one did. The old run is only read.

    Args:
        run: a run, its folder, or its name under `runs`.
        at: the env step; `best` for that of the best evaluation; or a checkpoint, such as `step-000010000`. What lies
            between it and the last checkpoint kept before it is replayed, all of it if none was kept.
        out: as in `train`.
        trackers: those of the old run if none, but for your own; SwanLab shows it as an experiment of its own.
        name: as in `train`.
        tags: as in `train`.
        trust_env_modules: modules that its environment, wrappers and parts may import.
        on_event: as in `train`; told of what comes after the branching.
        changes: settings by the names of `Config`, as `gamma=0.95` or `optimizer=Adam(lr=1e-4)`; a table changes only
            what it names, as `optimizer={"lr": 1e-4}`. Where the old run's environment was made in Python, in another
            process, `env` names it.

    Raises:
        ConfigError: a setting cannot change in the middle of a run, or the run never came to that step.
        FolderError, CheckpointError: there is no such run, or it cannot be read.
    """
    if not isinstance(run, Run) and find_group(run, runs) is not None:
        raise ConfigError(f"{str(run)!r} is a group of seeds: name one of its folders, or use `dqn branch`")
    folder = run.folder if isinstance(run, Run) else find_run(run, runs)
    parent = Overrides(env=_python_env(folder, changes.get("env")), trust_env_modules=trust_env_modules)
    asked = BranchRequest(
        at=str(at) if isinstance(at, Path) else at,
        change=lambda config: with_changes(config, changes),
        out=out,
        runs=runs,
        label=Label(name=name, tags=tuple(tags)),
        trackers=trackers,
        parent=parent,
    )
    return branch_folder(folder, asked, view_for_python(), on_event=on_event)


def _python_env(folder: Path, env: Any) -> AnyEnvironment | None:
    """The environment to make the parent again with, where no file can hold it and the caller has given it."""
    given = env.id if isinstance(env, Env) else env
    return env if callable(given) and read_json(folder / META).get("env", {}).get("callable") else None


def branch_folder(
    folder: Path,
    asked: BranchRequest,
    view: View | None = None,
    started: float | None = None,
    on_event: Callable[[Event], object] | None = None,
) -> Run:
    """`branch`, of the run in a folder; `view`, `started` and `on_event` as in `train`."""
    watch = running_since(started)
    with signals_end(), memory_watched(), forked(folder, asked) as (home, config, trackers):
        start = Start(
            config=config,
            folder=nullcontext(home),  # locked already
            trackers=trackers,
            view=view,
            watch=watch,
        )
        with running([start]) as ([experiment], update):
            experiment.on_event = on_event
            return drive(experiment, update, signals_wait())


@contextmanager
def forked(folder: Path, asked: BranchRequest) -> Iterator[tuple[Path, Config, Sequence[AnyTracker]]]:
    """The locked folder, settings and trackers of a new run that stands where the run of a folder was at a step.

    Nothing is written before all is known, and after an error, or a signal, nothing is left.
    """
    check_trained(folder, "branched")
    trackers = begun(remembered(folder / META, anew=True) if asked.trackers is None else asked.trackers)
    check_trackers(trackers)
    step = find_step(folder, asked.at)
    before = configured(folder, asked.parent)
    wanted = asked.change(before)
    way = midway(before, wanted)  # what is refused is refused before anything is replayed
    if Period(wanted.budget.kind, wanted.budget.num).reached(Count(step, 0)):  # of episodes nobody knows that yet
        check_goes_on(way, wanted.budget, step)
    check_new_folder(wanted, asked.out, asked.runs, label=asked.label)
    with ExitStack() as held:
        with reached(folder, before, step, say) as moment:
            fork = _fork(moment, wanted)
            _tell(moment, fork, step)
            home = held.enter_context(new_folder(fork.config, asked.out, asked.runs, label=asked.label))
            told = {**tracker_facts(trackers), **asked.label.as_dict()}
            _write(moment, fork, home, {**told, **fork.lineage(moment, name_of(folder, asked.runs))})
        yield home, fork.config, trackers


@dataclass(frozen=True)
class _Fork:
    """What a branch begins with."""

    config: Config
    spec: EnvSpec
    way: Midway
    state: Mapping[str, Any]
    logs: Mapping[str, GrowingRows]
    about: Mapping[str, Any]

    def lineage(self, moment: Reached, parent: str) -> dict[str, Any]:
        """Where it comes from, as its meta.json says it."""
        begun_with = moment.system.begun
        changes = {name: json_ready(plain(value)) for name, value in self.way.changes.items()}
        before = read_json(moment.folder / META).get("settings")  # unknown to earlier versions
        return {
            "settings": {**(before if isinstance(before, dict) else {}), **changes},
            **({} if begun_with is None else {"init": begun_with.facts}),
            "parent": {"run": parent, "step": moment.step, "changes": changes},
        }


def _fork(moment: Reached, wanted: Config) -> _Fork:
    """The state of a moment, as the system of other settings takes it. Raises ConfigError if it cannot."""
    old = moment.system
    new = assemble(wanted, moment.folder)
    try:
        way = midway(old.config, new.config, _refolded(old, new.config.gamma))
        if new.plan.budget.reached(old.progress.now):
            check_goes_on(way, new.config.budget, moment.step)
            say(f"nothing is left to train after step {moment.step:,}: the branch is only judged")
        state, logs = old.state_dict(), old.memory.logs
        if way.other_env:
            check_spaces(old.spec, new.spec, new.config.env.label)
            state["collector"]["envs"] = None
            state["judge"] = new.judge.state_dict()
        if way.anew:
            state["memory"], logs = new.memory.state_dict(), new.memory.logs
            if isinstance(new.collector, Collector):
                state["collector"] |= {"fold": new.collector.state_dict()["fold"], "cut_due": True}
        if way.changes:
            state["progress"]["solved"] = False
        try:
            new.load_state_dict(state)
        except (KeyError, TypeError, ValueError, RuntimeError) as e:
            changed = ", ".join(way.changes)
            raise ConfigError(f"{changed} cannot change in the middle of this run: {named(e)}") from e
        inexact = "; ".join(moment.inexact)
        about = {"level": old.collector.level, "exact": not inexact, "inexact": inexact, FORK: True}
        return _Fork(new.config, new.spec, way, state, logs, facts(new) | about)
    finally:
        new.close()


def _refolded(system: System, gamma: float) -> tuple[str, ...]:
    """The settings with which stored transitions were brought into line: of single steps the discount.

    Sums of several rewards cannot be told apart again, nor an end from a step with gamma = 0.
    """
    memory, config = system.memory, system.config
    if not isinstance(memory, Replay) or config.n != 1 or config.gamma == 0:
        return ()
    if gamma != config.gamma:
        discount = memory.tensors.discount
        discount[discount > 0] = gamma
    return ("gamma",)


def _tell(moment: Reached, fork: _Fork, step: int) -> None:
    """Says what is to be known of a branch before it begins."""
    if moment.step < step:
        envs = counted(fork.config.env.num_envs, "env")
        say(f"branching at step {moment.step:,}, where the last block of {envs} ended before step {step:,}")
    if fork.way.anew:
        names = ", ".join(fork.way.anew)
        also = ", and is judged anew" if fork.way.other_env else ""
        say(f"the branch begins with an empty replay and new episodes{also}: what is stored goes with another {names}")


def _write(moment: Reached, fork: _Fork, home: Path, about: Mapping[str, Any]) -> None:
    """Fills the folder of a branch; config.toml and meta.json, with what is said of it, make it a run and come last."""
    if (moment.folder / INIT).is_file():
        shutil.copyfile(moment.folder / INIT, home / INIT)
    if moment.best is not None and not fork.way.other_env:
        save_weights(home / BEST, moment.best, meaning_of(fork.config))
    moment.write_metrics(home / METRICS)
    state = {"system": fork.state, "keeper": moment.keeper.state_dict(), "clock": {"elapsed": moment.seconds}}
    Store(home, notify=say).save(moment.step, state, fork.logs, fork.about)
    write_start(home, fork.config, fork.spec, 1, about)
    if note := mark(home, fork.config):
        say(note)
