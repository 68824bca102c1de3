"""`dqnlab.train`: one run, from its first step to its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ..config import Config
from ..config.presets import Planned, plan
from ..config.typed import door
from ..run.events import Event
from ..run.system import System, make_remarks, say
from ..settle import explain_settled
from ..store.find import with_init_file
from ..store.folder import Run
from ..store.label import Label
from ..store.new import new_folder
from ..terminal.notebook_view import view_for_python
from ..terminal.view import View
from ..track.open import check_trackers
from ..track.tracker import Trackers
from .cautions import cautions
from .drive import drive
from .interrupt import signals_wait
from .running import Start, running
from .stopwatch import running_since


@door
def train(
    config: Planned,
    *,
    init: str | Path | Run | None = None,
    out: Path | None = None,
    runs: Path = Path("runs"),
    trackers: Trackers = ("swanlab",),
    name: str | None = None,
    tags: Sequence[str] = (),
    ray: str | None = None,
    view: View | None = None,
    started: float | None = None,
    on_event: Callable[[Event], object] | None = None,
    remark: str = "",
) -> Run:
    """Trains, keeps the best network, judges and films it; everything lies in the run's folder.

    Args:
        config: what to train; of an environment alone (an id, a class or a function that makes one) the preset that
            suits it.
        init: what the networks begin with: a run, its folder or name, or a file of weights; what the configuration
            says if none.
        out: the folder; a new one under `runs` if none.
        runs: where new folders are made, `<runs>/<env>/<time>-<preset>-s<seed>`, and where `init` is looked for.
        trackers: `swanlab`, `tensorboard` or `none`, beside metrics.jsonl, which is always written; SwanLab with
            settings is `dqnlab.track.tracker.Swanlab(…)`, and one of your own any object with the four methods of
            `OwnTracker` there.
        name: what the run is called, wherever one is named.
        tags: words to find it by.
        ray: which Ray its collectors are in, if it has any: `local`, the default, starts one on this machine, `auto`
            joins that of RAY_ADDRESS or of this machine, and HOST:PORT the one whose head is there.
        view: shown every event while it happens; a card that redraws itself if none, in a notebook only.
        started: when the wait began, by time.perf_counter(); now if none.
        on_event: called with every event (`dqnlab.run.events`) once it has been recorded; training waits for it. To end
            training early, it may raise KeyboardInterrupt, which has the effect of Ctrl-C.
        remark: what to say of the settings before all else, once the environment could be made.

    Returns:
        The run; `interrupted` if a signal such as Ctrl-C ended it early.

    Raises:
        ConfigError, EnvironmentFault: before anything is written, if the run cannot start.
        DqnlabError: what stopped training later; what was learned until then is saved.
    """
    config = with_init_file(plan(config), runs, init)
    watch, label = running_since(started), Label(name=name, tags=tuple(tags))
    check_trackers(trackers)

    folder = new_folder(config, out, runs, label=label)
    start = Start(
        config=config,
        folder=folder,
        trackers=trackers,
        view=view_for_python() if view is None else view,
        watch=watch,
        label=label,
        ray=ray,
        prepare=lambda system: _tell(config, system, remark),
    )
    with running([start]) as ([experiment], update):
        experiment.on_event = on_event
        return drive(experiment, update, signals_wait())


def _tell(config: Config, system: System, remark: str) -> None:
    """Says what was found for the settings, and what there is to say of them."""
    if remark:
        say(remark)
    if found := explain_settled(config, system.config):
        say(f"found: {found}")
    cut = cautions(config, cuts=system.collector.cuts)
    for each in [*system.told, *make_remarks(config, system.spec), *cut]:
        say(str(each))
