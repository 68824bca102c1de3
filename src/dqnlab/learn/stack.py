"""Several agents that learn at once: one compiled update for all of them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.func import vmap

from .compiled import CompileError, State, compile_program, pure_update
from .learner import Learner, Update
from .replay import Memory, Replay
from .types import Sample


class Stack:
    """S agents of one configuration, their parameters and replays side by side in tensors [S, ...].

    Each learner and each replay lives on in its own row, as if it were alone. S may be 1. Agents that want no more
    updates idle in their rows; once half of them do, the others move closer together, which means compiling again.

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
        self._learners, self._replays, self._batch_size = learners, replays, batch_size
        self._cache, self._notify, self._may_shrink = cache, notify, True
        self._settle(range(len(learners)))

    def update(self, samples: Mapping[int, Sample]) -> dict[int, Update]:
        """One update of each agent that has a sample, by its number."""
        if self._may_shrink and 2 * len(samples) <= len(self._row):
            self._shrink(list(samples))
        for agent, sample in samples.items():
            self._latest[self._row[agent]] = sample
        slots, weight = (torch.from_numpy(np.stack(column)) for column in zip(*self._latest, strict=True))
        outputs = self._program([*self._lasting, slots.to(self._device), weight.to(self._device)])
        updates = list(map(Update._make, zip(*(output.unbind() for output in outputs), strict=True)))
        for agent in samples:
            self._learners[agent].optimizer.steps += 1
            self._learners[agent].finish_update()
        return {agent: updates[self._row[agent]] for agent in samples}

    def _shrink(self, agents: Sequence[int]) -> None:
        self._may_shrink = False
        try:
            self._settle(agents)
        except CompileError as e:  # it worked for more of them: they stay where they are
            self._notify(f"finished seeds keep their places: {e}")

    def _settle(self, agents: Sequence[int]) -> None:
        """Puts these agents side by side and compiles their update."""
        learners, replays = [self._learners[i] for i in agents], [self._replays[i] for i in agents]
        first, num = learners[0], len(agents)
        update = vmap(pure_update(first.online, first.rule, first.optimizer.settings, replays[0].layout))
        state, memory = _side_by_side([_state(each) for each in learners]), _side_by_side([r.memory for r in replays])
        slots = torch.zeros(num, self._batch_size, dtype=torch.int64, device=first.device)
        weight = torch.ones(num, self._batch_size, device=first.device)
        end_of_state, end = len(state), len(state) + len(memory)

        def flat(*tensors: Tensor) -> Update:
            return update(State(*tensors[:end_of_state]), Memory(*tensors[end_of_state:end]), *tensors[end:])

        lasting = [*state, *memory]
        self._program = compile_program(flat, [*lasting, slots, weight], self._cache, self._notify)
        for row, (learner, replay) in enumerate(zip(learners, replays, strict=True)):
            learner.move_to(*(tensor[row] for tensor in state[:4]))
            replay.move_to(Memory(*(tensor[row] for tensor in memory)))
        self._row = {agent: row for row, agent in enumerate(agents)}
        self._latest = [Sample(np.zeros(self._batch_size, np.int64), np.ones(self._batch_size, np.float32))] * num
        self._lasting, self._device = lasting, first.device


def _state(learner: Learner) -> list[Tensor]:
    adam = learner.optimizer
    steps = torch.tensor(float(adam.steps), dtype=torch.float64, device=learner.device)
    return [*learner.values, adam.mean, adam.square, steps]


def _side_by_side(rows: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """Tensors [S, ...]; those of a single agent are not copied."""
    return [torch.stack(column) if len(rows) > 1 else column[0].unsqueeze(0) for column in zip(*rows, strict=True)]
