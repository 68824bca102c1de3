"""Several agents that learn at once: one compiled update for all of them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.func import vmap

from .compiled import State, compile_program, pure_update
from .learner import Learner, Update
from .replay import Memory, Replay
from .types import Sample


class Stack:
    """S agents of one configuration, their parameters and replays side by side in tensors [S, ...].

    Each learner and each replay lives on in its own row, as if it were alone. S may be 1.

    Raises:
        CompileError: there is no compiler here, or it failed.
    """

    def __init__(
        self,
        learners: Sequence[Learner],
        replays: Sequence[Replay],
        batch_size: int,
        cache: Path,
        notify: Callable[[str], None],
    ):
        self._learners = list(learners)
        first, layout = learners[0], replays[0].layout
        update = vmap(pure_update(first.online, first.rule, first.optimizer.settings, layout))
        state, memory = _side_by_side([_state(each) for each in learners]), _side_by_side([r.memory for r in replays])
        slots, weight = torch.zeros(len(learners), batch_size, dtype=torch.int64), torch.ones(len(learners), batch_size)
        slots, weight = slots.to(first.device), weight.to(first.device)
        split = len(State._fields), len(State._fields) + len(Memory._fields)

        def flat(*tensors: Tensor) -> Update:
            return update(State(*tensors[: split[0]]), Memory(*tensors[split[0] : split[1]]), *tensors[split[1] :])

        self._lasting = [*state, *memory]
        self._program = compile_program(flat, [*self._lasting, slots, weight], cache, notify)
        for i, (learner, replay) in enumerate(zip(learners, replays, strict=True)):
            learner.move_to(*(tensor[i] for tensor in state[:4]))
            replay.move_to(Memory(*(tensor[i] for tensor in memory)))
        self._latest = [Sample(np.zeros(batch_size, np.int64), np.ones(batch_size, np.float32))] * len(learners)

    def update(self, samples: Mapping[int, Sample]) -> dict[int, Update]:
        """One update of each agent that has a sample; the others idle, and what becomes of them means nothing."""
        for i, sample in samples.items():
            self._latest[i] = sample
        slots, weight = (torch.from_numpy(np.stack(column)) for column in zip(*self._latest, strict=True))
        outputs = self._program([*self._lasting, slots, weight])
        updates = dict(enumerate(map(Update._make, zip(*(output.unbind() for output in outputs), strict=True))))
        for i in samples:
            self._learners[i].optimizer.steps += 1
            self._learners[i].finish_update()
        return {i: updates[i] for i in samples}


def _state(learner: Learner) -> list[Tensor]:
    adam = learner.optimizer
    return [*learner.values, adam.mean, adam.square, torch.tensor(float(adam.steps), dtype=torch.float64)]


def _side_by_side(rows: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """Tensors [S, ...]; those of a single agent are not copied."""
    return [torch.stack(column) if len(rows) > 1 else column[0].unsqueeze(0) for column in zip(*rows, strict=True)]
