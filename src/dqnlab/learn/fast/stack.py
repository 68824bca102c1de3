"""Several agents that learn at once: one compiled update for all of them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.func import vmap

from ..learner import Learner, Update
from ..replay import Memory, Replay
from ..types import Sample
from .compiled import CompileError, State, compile_program, pure_update

FIELDS = len(Update._fields)


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
            self._slots[self._row[agent]], self._weight[self._row[agent]] = sample
        for host, inside in self._moves:
            inside.copy_(host)
        outputs = self._program(self._inputs)
        updates: dict[int, Update] = {}
        for agent in samples:
            self._learners[agent].optimizer.steps += 1
            self._learners[agent].finish_update()
            start = self._row[agent] * FIELDS
            updates[agent] = Update._make(outputs[start : start + FIELDS])
        return updates

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
        drawn = [torch.zeros(num, self._batch_size, dtype=torch.int64), torch.ones(num, self._batch_size)]
        inside = [tensor.to(first.device) for tensor in drawn]
        end_of_state, end = len(state), len(state) + len(memory)

        def flat(*tensors: Tensor) -> list[Tensor]:
            made = update(State(*tensors[:end_of_state]), Memory(*tensors[end_of_state:end]), *tensors[end:])
            return [output[row] for row in range(num) for output in made]

        inputs = [*state, *memory, *inside]
        self._program = compile_program(flat, inputs, self._cache, self._notify)
        for row, (learner, replay) in enumerate(zip(learners, replays, strict=True)):
            learner.move_to(*(tensor[row] for tensor in state[:4]))
            replay.move_to(Memory(*(tensor[row] for tensor in memory)))
        self._row = {agent: row for row, agent in enumerate(agents)}
        self._inputs = inputs
        self._slots, self._weight = (tensor.numpy() for tensor in drawn)
        self._moves = [pair for pair in zip(drawn, inside, strict=True) if pair[0] is not pair[1]]  # to a GPU


def _state(learner: Learner) -> list[Tensor]:
    adam = learner.optimizer
    steps = torch.tensor(float(adam.steps), dtype=torch.float64, device=learner.device)
    return [*learner.values, adam.mean, adam.square, steps]


def _side_by_side(rows: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """Tensors [S, ...]; those of a single agent are not copied."""
    return [torch.stack(column) if len(rows) > 1 else column[0].unsqueeze(0) for column in zip(*rows, strict=True)]
