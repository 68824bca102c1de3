"""What of a run's networks is kept on disk, and when."""

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from ..errors import ResourceError
from ..learn.learner import Learner
from ..learn.memory import Memory
from ..learn.rollouts import no_target
from ..learn.weights import export_weights
from ..store.control import LIVE
from ..store.door import replacing
from ..store.folder import BATCH, BEST, LAST, SNAPSHOTS, TARGET
from ..store.weightsfile import with_meaning
from .events import BlockEnded, Evaluated, Event
from .moment import record_moment

MOST_SNAPSHOTS = 12
NOTHING_KNOWN: Mapping[str, Any] = MappingProxyType({})
# Updates before the first moment is recorded. No round number: moments would all fall on the copies of a target
# network, where it says nothing of its own.
FIRST_BATCH = 137


class Keeper:
    """Saves the best network the moment it is found, and remembers what explains the run later."""

    def __init__(
        self,
        folder: Path,
        learner: Learner,
        memory: Memory,
        gamma: float,
        rng: np.random.Generator,
        meaning: Mapping[str, Any] = NOTHING_KNOWN,
    ):
        """`meaning` is what the networks' numbers mean (`meaning_of`)."""
        self.folder = folder
        self._learner = learner
        self._memory = memory
        self._meaning = meaning
        self._gamma, self._rng = gamma, rng
        self._step = 0  # of the latest block
        self._snapshots: dict[int, Mapping[str, Tensor]] = {}  # by env step
        self._snapshot_every = 500  # env steps; doubles whenever there are too many
        self._next_batch = (
            FIRST_BATCH  # updates; doubles, so that late training is seen and long training costs nothing
        )
        self._batch: dict[str, Tensor] = {}
        self._shown: list[int] = []  # the snapshots that were written for a viewer
        self._shown: list[int] = []  # the snapshots that were written for a viewer

    def take(self, event: Event) -> None:
        """Saves what the event calls for; sound because the loop stands still meanwhile."""
        if isinstance(event, Evaluated) and event.best:
            self._save_best()
        elif isinstance(event, BlockEnded):
            if event.step // self._snapshot_every > self._step // self._snapshot_every:
                self._take_snapshot(event.step)
            if event.updates >= self._next_batch:
                self._record_moment(event)
            self._step = event.step

    def save_end(self) -> None:
        """Writes the last networks, the snapshots and the recorded batch."""
        save_weights(self.folder / LAST, export_weights(self._learner.online), self._meaning)
        if self._learner.sync is not no_target:
            save_tensors(self.folder / TARGET, export_weights(self._learner.target))
        self._save_snapshots()
        save_tensors(self.folder / BATCH, self._batch)

    def show(self, now: BlockEnded) -> None:
        """Writes the networks of now, one of their updates and the snapshots so far, for whoever watches.

        The update is drawn by a generator of its own: what is recorded later is the same as without a viewer.
        """
        learner = self._learner
        moment: Mapping[str, Tensor] = {}
        if now.updates:
            moment = record_moment(learner, self._memory, self._gamma, np.random.default_rng(now.step))
        if not moment:
            moment = {f"online/{name}": w for name, w in export_weights(learner.online).items()}
        save_tensors(self.folder / LIVE, {**moment, **_when(now)})
        if self._shown != list(self._snapshots):
            self._shown = list(self._snapshots)
            self._save_snapshots()

    def _save_snapshots(self) -> None:
        named = {f"{step}/{name}": w for step, weights in self._snapshots.items() for name, w in weights.items()}
        save_tensors(self.folder / SNAPSHOTS, named)

    def _save_best(self) -> None:
        """Writes the best network; the judge has it too, and it is written again when training is over."""
        try:
            save_weights(self.folder / BEST, export_weights(self._learner.online), self._meaning)
        except ResourceError as e:
            warnings.warn(f"{e}. Training continues", stacklevel=2)

    def state_dict(self) -> dict[str, Any]:
        return {
            "step": self._step,
            "snapshots": {str(step): weights for step, weights in self._snapshots.items()},
            "snapshot_every": self._snapshot_every,
            "next_batch": self._next_batch,
            "batch": self._batch,
            "rng": self._rng.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._step = state["step"]
        self._next_batch = state["next_batch"]
        self._batch = state["batch"]
        self._snapshots = {int(step): weights for step, weights in state["snapshots"].items()}
        self._snapshot_every = state["snapshot_every"]
        self._rng.bit_generator.state = state["rng"]

    def _take_snapshot(self, step: int) -> None:
        self._snapshots[step] = export_weights(self._learner.online)
        if len(self._snapshots) > MOST_SNAPSHOTS:
            self._snapshot_every *= 2
            self._snapshots = dict(list(self._snapshots.items())[1::2])

    def _record_moment(self, now: BlockEnded) -> None:
        """Records what explains an update, as the learner would draw it."""
        self._next_batch = 2 * max(now.updates, self._next_batch) + 37
        moment = record_moment(self._learner, self._memory, self._gamma, self._rng)
        self._batch = moment | _when(now) if moment else {}


def _when(now: BlockEnded) -> dict[str, Tensor]:
    return {"step": torch.tensor(now.step), "epsilon": torch.tensor(now.epsilon, dtype=torch.float64)}


def save_weights(path: Path, weights: Mapping[str, Tensor], meaning: Mapping[str, Any] = NOTHING_KNOWN) -> None:
    """Writes a plain state_dict in torch's own format, whole or not at all; it says what it means if that is known."""
    whole = io.BytesIO()  # not closed by `with`: that fails while an error of the disk still holds its content
    torch.save(
        with_meaning(weights, meaning) if meaning else dict(weights), whole
    )  # not into the file: torch has an error of its own for a full disk
    with replacing(path) as part:
        part.write(whole.getbuffer())


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Writes a safetensors file, whole or not at all."""
    with replacing(path) as part:
        part.write(save(dict(tensors)))
