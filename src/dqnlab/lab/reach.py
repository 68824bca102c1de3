"""From a run's folder to the exact state that the run had at an env step. What lies in the folder is only read.

The newest checkpoint until then is restored, and what is missing is replayed: the same steps, updates and evaluations
once more, compared row by row with what the run recorded. From the seed, if no checkpoint is early enough.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from ..config import Config
from ..device import arithmetic
from ..envs.watchdog import watched
from ..errors import ConfigError, DqnlabError, FolderError, counted
from ..learn.weights import export_weights
from ..memory import memory_watched
from ..run.events import BlockEnded, Evaluated, Event
from ..run.keep import Keeper
from ..run.save import LOSSES
from ..run.system import System, make_update
from ..store.checkpoint.checkpoint import Loaded, Store
from ..store.find import called
from ..store.folder import CHECKPOINTS, META, METRICS, RESULT
from ..store.lineage import before_it_left, check_kept, read_parent
from ..store.metrics import read_records
from ..store.reading import read_json
from ..track.jsonl import copy_until, record_of, records_between
from ..track.rows import returns, row
from .interrupt import children_end, signals_end
from .restore import differences, restored
from .running import inexact_of, make_keeper

QUIET = 5.0  # seconds between two lines about a long replay
_CLOCK = "time/"  # what the columns are called in which two equal runs may differ
_CONTROL = "control/"  # what a viewer asked for, which nobody asks for while it is replayed
_MEAN, _ROUNDING = "learn/loss", 1e-6
"""a mean over the batch, which nothing is decided by: its last bits depend on how many seeds learn side by side"""

Notify = Callable[[str], None]
"""Takes a line for the user."""


@dataclass
class Reached:
    """A run as it was at the end of a block, before it went on."""

    system: System
    keeper: Keeper
    folder: Path
    """of the run"""
    seconds: float
    """that the run had taken until the checkpoint, and replaying since"""
    best: Mapping[str, Tensor] | None
    """the best network so far; none before the first evaluation"""
    inexact: list[str] = field(default_factory=list)
    """why this may not be exactly what the run was then; empty if it is"""
    _restored: int = -1
    """env step of the checkpoint; -1 at the start"""
    _replayed: list[dict[str, object]] = field(default_factory=list)

    @property
    def step(self) -> int:
        """Env steps so far."""
        return self.system.progress.now.steps

    def take(self, event: Event) -> None:
        """An event of the replay."""
        if isinstance(event, Evaluated):
            if event.best:
                self.best = export_weights(self.system.learner.online)
        else:
            self.keeper.take(event)
        if (found := row(event)) is not None:
            self._replayed.append(record_of(found[0], {**found[1], **returns(event)}))

    def compare(self) -> None:
        """Notes where the replay parted from what the run recorded, if it did."""
        try:
            told = records_between(self.folder / METRICS, self._restored, self.step)
        except FolderError:
            told = []
        recorded = [
            {name: value for name, value in each.items() if not name.startswith(_CLOCK)}
            for each in told
            if not any(name.startswith(_CONTROL) for name in each)
        ]
        pairs = zip(recorded, self._replayed, strict=False)
        apart = next((one for one, other in pairs if not _is_same(one, other)), None)
        if apart is None and len(recorded) == len(self._replayed):
            return
        place = "in how much it recorded" if apart is None else f"from step {apart['step']:,} on"
        self.inexact.append(f"replaying {called(self.folder)} differs from what it recorded, {place}")

    def write_metrics(self, to: Path) -> None:
        """Writes the records so far, as the run's own file has them where it has them."""
        path = self.folder / METRICS
        if path.is_file() and self.inexact:
            copy_until(path, to, self._restored, self._replayed)
        elif path.is_file():
            copy_until(path, to, self.step)


def _is_same(recorded: Mapping[str, object], replayed: Mapping[str, object]) -> bool:
    """Whether two rows are equal to the bit; a mean, but for rounding."""
    one, other = recorded.get(_MEAN), replayed.get(_MEAN)
    if isinstance(one, float) and isinstance(other, float):
        rounded = math.isclose(one, other, rel_tol=_ROUNDING)
        return rounded and {**recorded, _MEAN: None} == {**replayed, _MEAN: None}
    return recorded == replayed


# ── Where to ─────────────────────────────────────────────────────────────────────────────────────


def find_step(folder: Path, at: int | str) -> int:
    """The env step that is meant: a number, `best` for that of the best evaluation, or a checkpoint's.

    Raises:
        ConfigError: it means none, or one that the run has not come to, or that was its parent's.
        FolderError, CheckpointError: what the run recorded cannot be read.
    """
    text = str(at)
    if text == "best":
        step = _best_step(folder)
    elif Path(text).name.startswith("step-"):
        step = _checkpoint_step(folder, Path(text))
    else:
        step = _number(text)
    last, parent = _last_step(folder), read_parent(folder / META)
    if not 0 <= step <= last:
        raise ConfigError(f"at must be an env step of {called(folder)}, which has come to {last:,}, got {step:,}")
    if parent is not None and step < parent.step:
        raise ConfigError(
            f"at = {step:,} is before {called(folder)} left its parent at step {parent.step:,}: "
            f"{before_it_left(folder, parent, step)}"
        )
    return step


def _number(text: str) -> int:
    try:
        number = float(text.replace(",", "").replace("_", ""))
        if number.is_integer():
            return int(number)
    except (ValueError, OverflowError):
        pass
    raise ConfigError(f"at must be an env step, best, or a checkpoint such as step-000010000, got {text[:60]!r}")


def _best_step(folder: Path) -> int:
    found = [(each["eval/reward"], -each["step"]) for each in read_records(folder / METRICS) if "eval/reward" in each]
    if not found:
        raise ConfigError(f"at = 'best' needs an evaluation, and {called(folder)} has none: name an env step")
    return -max(found)[1]


def _checkpoint_step(folder: Path, path: Path) -> int:
    kept = Store(folder).steps
    digits = path.name.split("-")[1]
    elsewhere = len(path.parts) > 1 and path.resolve().parent != (folder / CHECKPOINTS).resolve()
    if elsewhere or not digits.isdecimal() or int(digits) not in kept:
        shown = ", ".join(f"step-{step:09d}" for step in kept[-5:]) or "none"
        raise ConfigError(
            f"{called(folder)} has no checkpoint {str(path)[:80]!r}; it has {shown}: name one of them, or any env step"
        )
    return int(digits)


def _last_step(folder: Path) -> int:
    """How far a run has come, as far as its files tell."""
    steps = [0, *Store(folder).steps]
    with suppress(FolderError, KeyError, TypeError, ValueError):  # it has not ended
        steps.append(int(read_json(folder / RESULT)["env_steps"]))
    with suppress(DqnlabError):
        steps += [each["step"] for each in read_records(folder / METRICS)[-1:]]
    return max(steps)


# ── The way there ────────────────────────────────────────────────────────────────────────────────


@contextmanager
def reached(folder: Path, config: Config, at: int, notify: Notify) -> Iterator[Reached]:
    """The run of a folder as it was at an env step, or at the nearest end of a block before it.

    Args:
        config: its own, as `configured` reads it.
        notify: told what takes time, and what is to be known.

    Raises:
        CheckpointError: its checkpoint belongs to another environment or network, or what it began with is gone.
    """
    with ExitStack() as held:
        held.enter_context(signals_end())
        held.enter_context(memory_watched())
        held.enter_context(watched(config.env.timeout))
        loaded = Store(folder).until(at)
        check_kept(folder, read_parent(folder / META), None if loaded is None else loaded.step)
        system = restored(config, folder, loaded)
        held.callback(system.close)
        held.enter_context(arithmetic(config.threads))
        moment = _moment(system, folder, loaded)
        if not _is_there(moment, at):
            _replay(moment, at, notify)
        if system.collector.level in LOSSES and moment.step:
            moment.inexact.append(f"{LOSSES[system.collector.level]} at step {moment.step:,}")
        yield moment


def _moment(system: System, folder: Path, loaded: Loaded | None) -> Reached:
    keeper = make_keeper(system, folder)  # which writes nothing there: it is never told of evaluations, nor of the end
    leaders = system.judge.leaders
    best = max(leaders, key=lambda each: (each.selected, -each.step), default=None)
    moment = Reached(system, keeper, folder, 0.0, None if best is None else best.weights)
    if loaded is not None:
        keeper.load_state_dict(loaded.state["keeper"])
        moment.seconds = loaded.state["clock"]["elapsed"]
        moment.inexact = [*inexact_of(loaded), *differences(loaded, system)]
        moment._restored = loaded.step
    return moment


def _is_there(moment: Reached, at: int) -> bool:
    """Whether another block would lead past the step. A judging that was left comes first."""
    system = moment.system
    return system.progress.due is None and moment.step + system.collector.ahead > at


def _replay(moment: Reached, at: int, notify: Notify) -> None:
    system, began = moment.system, time.monotonic()
    _announce(moment, at, notify)
    compiled = system.config.compile
    with children_end():
        update = make_update([system], notify)
    if system.config.compile != compiled:
        moment.inexact.append("it was compiled, and cannot be here")
    start, said = moment.step, began
    for event in system.events(update, notify):
        moment.take(event)
        if not isinstance(event, BlockEnded):
            continue
        if _is_there(moment, at):
            break
        if (now := time.monotonic()) - said > QUIET:
            said = now
            notify(f"replayed {event.step - start:,} of {counted(at - start, 'step')}")
    if said > began:
        notify(f"replayed {counted(moment.step - start, 'step')}")
    moment.compare()
    moment.seconds += time.monotonic() - began


def _announce(moment: Reached, at: int, notify: Notify) -> None:
    """Says what is replayed, and how long that takes at the run's own speed."""
    left, start = at - moment.step, "its first step" if moment._restored < 0 else f"the checkpoint of {moment.step:,}"
    pace = _pace(moment.folder)
    seconds = 0 if pace is None else round(pace * left)
    waiting = f", which takes about {seconds:,} s" if seconds > 1 else ""
    notify(f"replaying {counted(left, 'step')} of {called(moment.folder)} from {start} on{waiting}")


def _pace(folder: Path) -> float | None:
    """Seconds that an env step took, evaluations included; none if that is not known."""
    try:
        row: dict[str, Any] = read_json(folder / RESULT)
        seconds = sum(row["seconds"].get(name, 0.0) for name in ("train", "evaluate"))
        return seconds / row["env_steps"] if row["resumed"] is None and row["env_steps"] else None
    except (DqnlabError, KeyError, TypeError, AttributeError):
        return None
