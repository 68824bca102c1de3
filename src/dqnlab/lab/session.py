"""One sitting with one run: begun or taken up again, then driven to its end or to a signal."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..config import Config
from ..config.presets import Planned, plan
from ..config.toml import as_dict
from ..config.typed import door
from ..errors import counted
from ..memory import memory_watched
from ..store.folder import CONFIG, Run, write_start
from .experiment import Experiment
from .interrupt import children_end, signal_of, signals_end, signals_wait
from .stopwatch import Stopwatch

if TYPE_CHECKING:
    from ..run.system import System
    from ..store.checkpoint.checkpoint import Loaded, Store
    from ..terminal.view import View


class Request(Protocol):
    """Whoever may ask a loop to stop."""

    @property
    def asked(self) -> bool: ...

    def asks(self) -> bool:
        """Whether it asks by now."""

    @property
    def waited(self) -> float:
        """Seconds since it was asked."""

    @property
    def signal(self) -> int | None:
        """What asked, if it was a signal."""


def _late() -> dict[str, Any]:
    from ..terminal.view import View

    return {"View": View}


@door(_late)
def train(
    config: Planned,
    *,
    out: Path | None = None,
    runs: Path = Path("runs"),
    trackers: Sequence[str] = ("swanlab",),
    view: View | None = None,
    started: float | None = None,
) -> Run:
    """Trains, keeps the best network, judges and films it; everything lies in the run's folder.

    Args:
        config: what to train; of an environment alone (an id, a class or a function that makes one) the preset that
            suits it.
        out: the folder; a new one under `runs` if none.
        trackers: `swanlab`, `tensorboard` or `none`, beside metrics.jsonl, which is always written.
        view: shown every event while it happens.
        started: when the wait began, by time.perf_counter(); now if none.

    Returns:
        The run; `interrupted` if a signal such as Ctrl-C ended it early.

    Raises:
        ConfigError, EnvironmentFault: before anything is written, if the run cannot start.
        DqnlabError: what stopped training later; what was learnt until then is saved.
    """
    from ..track.open import check_trackers

    config = plan(config)
    watch = Stopwatch() if started is None else Stopwatch(start=started)
    check_trackers(trackers)
    from ..device import arithmetic
    from ..envs.watchdog import watched
    from ..run.system import assemble, make_remarks, make_update, say
    from ..store.checkpoint.checkpoint import Store
    from ..store.new import new_folder

    watch.seconds["import"] = time.perf_counter() - watch.start
    with signals_end(), memory_watched(), watched(config.env.timeout):
        system = assemble(config)
        try:
            with arithmetic(config.threads):
                with children_end():  # before the folder, whose files say whether it was compiled
                    system.update = make_update([system])
                with new_folder(config, out, runs) as folder:
                    store = Store(folder, notify=say)
                    cut = cautions(config, cuts=system.collector.cuts)
                    for remark in [*make_remarks(config, system.spec), *cut]:
                        say(str(remark))
                    return conduct(open_experiment(system, store, trackers, view, watch), signals_wait())
        finally:
            system.close()
            if view is not None:
                view.stop()


def open_experiment(
    system: System,
    store: Store,
    trackers: Sequence[str],
    view: View | None,
    watch: Stopwatch,
    at: Loaded | None = None,
) -> Experiment:
    """An experiment, ready for the system's next event.

    Args:
        store: of an empty folder, or of that of a run to go on with.
        at: the checkpoint that the system stands at; none if it stands at the start.
    """
    from ..envs.seeds import generator
    from ..run.keep import Keeper
    from ..run.moment import Draws
    from ..run.save import Saver
    from ..run.system import say
    from ..track.open import open_trackers
    from ..track.record import Recorder
    from ..track.tracker import About
    from .restore import differences, facts, fitting

    config, folder, step = system.config, store.folder, system.progress.now.steps
    resumed = (folder / CONFIG).is_file()
    if not resumed:
        _begin(system, folder, trackers)
    draws = Draws(config.batch_size, config.gamma)
    keeper = Keeper(folder, system.learner, system.memory, draws, generator(config.seed, "record"))
    changed = [] if at is None else differences(at, system)
    for each in changed:
        say(f"the results will not be exactly those of a run in one go: {each}")
    saver = Saver(
        store=store,
        parts={"system": system, "keeper": keeper, "clock": watch},
        logs=system.memory.logs,
        every=config.checkpoint_every,
        level=lambda: system.collector.level,
        about=facts(system),
        notify=say,
        exact=at is None or (at.about.get("exact") is True and not changed),
        step=step,
    )
    if at is not None:
        with fitting(at):
            keeper.load_state_dict(at.state["keeper"])
            watch.load_state_dict(at.state["clock"])
    after = None if not resumed else step if at is not None else -1
    about = About(folder, config.env.label, as_dict(config), f"{config.preset}, seed {config.seed}", after)
    recorder = Recorder(about, open_trackers(trackers, about))
    if view is not None:
        _introduce(view, system, folder)
    return Experiment(system, folder, keeper, recorder, saver, watch, view, resumed)


def _begin(system: System, folder: Path, trackers: Sequence[str]) -> None:
    """Writes what is known before training, and says what is to be known."""
    from ..run.system import say
    from ..store.own import mark

    config = system.config
    write_start(folder, config, system.spec, system.stack, trackers)
    if note := mark(folder, config):
        say(note)


def cautions(config: Config, *, cuts: bool) -> list[str]:
    """What will cut training, and how often, if anything does.

    Args:
        cuts: whether checkpoints do, for the environment cannot be saved.
    """
    from ..run.system import make_plan

    env, period, lines = config.env, config.evaluate_every, list[str]()
    budget = make_plan(config).budget
    lasts = budget.num if budget.unit == "steps" else math.inf
    if cuts and config.checkpoint_every < lasts:
        lines.append(
            f"env {env.label!r} cannot be saved: at every checkpoint, each "
            f"{counted(config.checkpoint_every, 'step')}, its open episodes are truncated (dqn doctor says why)"
        )
    if env.copies == env.num_envs:
        lines.append(
            f"env.copies = {env.copies} leaves none for judging: training is cut for each evaluation, "
            f"every {period.num:,} {period.kind}, and its open episodes are truncated"
        )
    return lines


def _introduce(view: View, system: System, folder: Path) -> None:
    """Shows what begins, and from where."""
    from ..terminal.tally import About

    learner, progress = system.learner, system.progress
    about = About(
        folder=folder,
        threshold=system.spec.reward_threshold,
        device=learner.device.type,
        parameters=sum(p.numel() for p in learner.online.parameters()),
        replay_bytes=system.memory.num_bytes,
        at=(progress.now.steps, progress.now.episodes, learner.updates),
    )
    view.start(system.config, about)


def conduct(experiment: Experiment, waiting: AbstractContextManager[Request], *, show: bool = True) -> Run:
    """Drives one experiment by its own system's events, to the end or until a request to stop."""
    start = time.perf_counter()
    interrupted = True
    try:
        with waiting as request:
            experiment.system.judge.evaluator.asks = request.asks
            interrupted = _feed(experiment, request)
            experiment.signal = request.signal
    except KeyboardInterrupt as error:  # somebody insisted: not even the block was finished
        experiment.signal = signal_of(error)
    except Exception as error:
        experiment.fail(time.perf_counter() - start, error)
        raise
    return experiment.conclude(time.perf_counter() - start, interrupted=interrupted, show=show)


def _feed(experiment: Experiment, request: Request) -> bool:
    """Hands over every event and saves the end; returns whether a request came, be it after the last event."""
    from ..run.events import BlockEnded

    for event in experiment.system.events():
        experiment.take(event)
        if isinstance(event, BlockEnded) and request.asked and experiment.may_stop(request.waited):
            experiment.save()
            return True
    experiment.save()
    return request.asked
