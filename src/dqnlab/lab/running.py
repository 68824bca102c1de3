"""The ritual of a run, written once: `train`, `resume`, a worker and a stack of seeds all enter it.

Signals end it, memory and the environment are watched → its folder is locked → it is assembled, and restored from its
checkpoint if it has one → its update is compiled → what keeps, saves, records and shows it is opened. Inside it is
trained, judged, filmed and explained (`drive`, `Experiment`). Whatever happens, all is closed in the opposite order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..cluster import LOCAL, joined
from ..config import Config
from ..config.changes import changes
from ..config.toml import as_dict
from ..device import arithmetic
from ..envs.seeds import generator
from ..envs.watchdog import watched
from ..memory import memory_watched
from ..run.keep import Keeper, save_weights
from ..run.rays import check_crowd
from ..run.save import Saver
from ..run.system import System, Updater, make_update, say
from ..store.checkpoint.checkpoint import Loaded, Store
from ..store.control import drop_shown
from ..store.folder import BEST, CONFIG, INIT, LAST, META, METRICS, SUMMARY
from ..store.label import UNLABELLED, Label, read_label
from ..store.lineage import FORK, check_kept, read_parent
from ..store.own import mark
from ..store.start import write_start
from ..store.weightsfile import meaning_of
from ..terminal import tally
from ..terminal.view import View
from ..track.begun import begun, tracker_facts
from ..track.jsonl import lacks_rows
from ..track.open import open_own, open_trackers
from ..track.record import Recorder
from ..track.tracker import AnyTracker, TrackedRun
from .experiment import Experiment
from .interrupt import children_end, signals_end
from .restore import differences, facts, fitting, restore
from .stopwatch import Stopwatch
from .viewer import Pauses, Viewer


@dataclass(frozen=True, kw_only=True)
class Start:
    """A run to be trained: a new one, or one that has a folder and perhaps a checkpoint."""

    config: Config
    folder: AbstractContextManager[Path]
    """its folder, locked while this is entered"""
    trackers: Sequence[AnyTracker]
    view: View | None
    watch: Stopwatch
    label: Label = UNLABELLED
    """what a new run is called; one that has a folder keeps what it was"""
    ray: str | None = None
    """which Ray its collectors are in, if it has any: `local`, `auto` or HOST:PORT; `local` if none is said"""
    prepare: Callable[[System], None] = lambda system: None
    """called before anything is compiled or written"""


@dataclass(frozen=True)
class _Restored:
    """A system at the point from which its run continues, and what its folder holds."""

    system: System
    store: Store
    at: Loaded | None
    """the checkpoint; none if the system is at the start"""


@contextmanager
def running(starts: Sequence[Start]) -> Iterator[tuple[list[Experiment], Updater]]:
    """Runs of one configuration but for the seed, each ready for its next event; and what answers their samples.

    Raises:
        ConfigError, EnvironmentFault, ResourceError: before anything is written, if a run cannot start.
        CheckpointError: a run's checkpoints cannot be read, or belong to another run.
        FolderError: a folder cannot be made or is in use.
    """
    config = starts[0].config
    with ExitStack() as held:
        held.enter_context(signals_end())
        held.enter_context(memory_watched())
        held.enter_context(watched(config.env.timeout))
        config.collectors.check_used(starts[0].ray)
        if config.collectors.num:
            held.enter_context(joined(starts[0].ray or LOCAL))
            check_crowd(config.collectors.num)
        restored = [_enter(start, held) for start in starts]
        held.enter_context(arithmetic(config.threads))
        with children_end():  # before the files of a run, which say whether it was compiled
            update = make_update([each.system for each in restored])
        with ExitStack() as opened:
            pauses = Pauses()
            experiments = [_open(*each, pauses, opened) for each in zip(starts, restored, strict=True)]
            opened.pop_all()  # from here on each closes its own as it ends
        yield experiments, update


def _enter(start: Start, held: ExitStack) -> _Restored:
    """Locks a run's folder and assembles the run, until what holds them is left."""
    if start.view is not None:
        held.callback(start.view.stop)
    folder = held.enter_context(start.folder)
    held.callback(drop_shown, folder)  # once more: whoever watched has perhaps written while it was judged
    parent = read_parent(folder / META) if (folder / META).is_file() else None
    keep = start.config.keep_checkpoints
    store = Store(folder, None if keep == "all" else keep, say, pinned=None if parent is None else parent.step)
    system, at = restore(start.config, store)
    held.callback(system.close)
    check_kept(folder, parent, None if at is None else at.step)
    start.prepare(system)
    return _Restored(system, store, at)


def _open(start: Start, restored: _Restored, pauses: Pauses, opened: ExitStack) -> Experiment:
    """Opens what takes the events of a run."""
    system = restored.system
    folder = restored.store.folder
    at = restored.at
    has_begun = (folder / CONFIG).is_file()
    trackers = start.trackers
    if not has_begun:
        trackers = begun(trackers)
        more = {**tracker_facts(trackers), **start.label.as_dict(), "settings": changes(start.config)}
        _begin(system, folder, more)
    if has_begun and at is None:
        say(_again(folder))
    inexact = [] if at is None else [*inexact_of(at), *differences(at, system)]
    for each in inexact:
        say(f"the results will not be exactly those of an uninterrupted run: {each}")
    keeper = make_keeper(system, folder)
    saver = _saver(start, restored, keeper, "; ".join(inexact))
    if at is not None:
        with fitting(at):
            keeper.load_state_dict(at.state["keeper"])
            start.watch.load_state_dict(at.state["clock"])
    step = system.progress.now.steps
    lost = ""
    if at is not None and lacks_rows(folder / METRICS, step, system.progress.now.episodes, system.judge.evaluations):
        lost = f"{METRICS} lacks rows of before step {step:,}: the curves and the verdicts on its health are incomplete"
        say(lost)
    recorder = _recorder(system, folder, trackers, None if not has_begun else step if at is not None else -1)
    opened.callback(recorder.close)
    if start.view is not None:
        _introduce(start.view, system, folder)
    resumed = has_begun and not (at is not None and at.about.get(FORK))
    viewer = Viewer(folder, pauses=pauses)
    return Experiment(system, folder, keeper, recorder, saver, start.watch, start.view, resumed, viewer, lost=lost)


def _again(folder: Path) -> str:
    """That a run is resumed without a checkpoint, and what of it is replaced."""
    replaced = [name for name in (LAST, BEST, METRICS) if (folder / name).exists()]
    what = f"; what was learned before is replaced: {', '.join(replaced)}" if replaced else ""
    return f"{folder.name} has no checkpoint: it begins again at step 0{what}"


def inexact_of(at: Loaded) -> list[str]:
    """Why a run was not exactly an uninterrupted one when its checkpoint was written; nothing if it was."""
    return [] if at.about.get("exact") is True else [str(at.about.get("inexact") or "an earlier part of it was not")]


def _begin(system: System, folder: Path, more: Mapping[str, Any]) -> None:
    """Writes what is known before training, with more for meta.json, and says what is to be known."""
    initial = system.begun
    if initial is not None:
        save_weights(folder / INIT, initial.initial.weights, initial.initial.meaning)
    init = {} if initial is None else {"init": dict(initial.facts)}
    write_start(folder, system.config, system.spec, system.stack, {**more, **init})
    if note := mark(folder, system.config):
        say(note)


def make_keeper(system: System, folder: Path) -> Keeper:
    """What keeps the networks of a run in its folder."""
    config = system.config
    return Keeper(
        folder, system.learner, system.memory, config.gamma, generator(config.seed, "record"), meaning_of(config)
    )


def _saver(start: Start, restored: _Restored, keeper: Keeper, inexact: str) -> Saver:
    system = restored.system
    return Saver(
        store=restored.store,
        parts={"system": system, "keeper": keeper, "clock": start.watch},
        logs=system.memory.logs,
        every=system.config.checkpoint_every,
        level=lambda: system.collector.level,
        about=facts(system),
        notify=say,
        inexact=inexact,
        step=system.progress.now.steps,
    )


def _recorder(system: System, folder: Path, trackers: Sequence[AnyTracker], after: int | None) -> Recorder:
    """Records of metrics, with the trackers that they go to.

    Args:
        after: the step after which records are new; none of a new run, -1 if all are.
    """
    config = system.config
    label, group = read_label(folder), folder.parent if (folder.parent / SUMMARY).is_file() else None
    called = label.name or (folder if group is None else group).name
    about = TrackedRun(
        folder,
        config.env.label,
        as_dict(config),
        f"{config.preset}, seed {config.seed}",
        after,
        name=called if group is None else f"{called}/{folder.name}",
        group=None if group is None else called,
        tags=label.tags,
    )
    return Recorder(about, open_trackers(trackers, about), own=open_own(trackers, about))


def _introduce(view: View, system: System, folder: Path) -> None:
    """Shows what begins, and from where."""
    learner, progress = system.learner, system.progress
    about = tally.RunInfo(
        folder=folder,
        threshold=system.spec.reward_threshold,
        device=learner.device.type,
        parameters=sum(p.numel() for p in learner.online.parameters()),
        replay_bytes=system.memory.num_bytes,
        at=(progress.now.steps, progress.now.episodes, learner.updates),
    )
    view.start(system.config, about)
