"""Several agents that learn at once: one compiled update for all of them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from ..learner import Learner, Update
from ..memory import Memory
from ..types import Draws, Sample
from .compiled import CompileError, Inputs, compile_program, pure_update

FIELDS = len(Update._fields)


class Stack:
    """S agents of one configuration, their parameters and memories side by side in tensors [S, ...].

    Each learner and each memory lives on in its own row, as if it were alone. S may be 1. Agents that want no more
    updates idle in their rows; once half of them do, the others move closer together, which means compiling again.

    Raises:
        CompileError: there is no compiler here, or it failed.
    """

    def __init__(
        self,
        learners: Sequence[Learner],
        memories: Sequence[Memory],
        cache: Path,
        notify: Callable[[str], None],
    ):
        self._learners = learners
        self._memories = memories
        self._batch_size = memories[0].batch_size
        self._cache = cache
        self._notify = notify
        self._may_shrink = True
        self._settle(range(len(learners)))

    def update(self, samples: Mapping[int, Sample]) -> dict[int, Update]:
        """One update of each agent that has a sample, by its number."""
        if self._may_shrink and 2 * len(samples) <= len(self._row):
            self._shrink(list(samples))
        for agent, sample in samples.items():
            row, learner = self._row[agent], self._learners[agent]
            self._slots[row], self._weight[row] = sample
            self._lr[row] = learner.optimizer.next_lr
            if self._draws:
                for given, drawn in zip(self._draws, learner.draw(self._batch_size), strict=True):
                    given[row] = drawn
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
        learners, memories = [self._learners[i] for i in agents], [self._memories[i] for i in agents]
        first = learners[0]
        num = len(agents)
        size = self._batch_size
        host = [
            torch.zeros(num, dtype=torch.float64),  # learning rates
            torch.zeros(num, size, dtype=torch.int64),  # slots
            torch.ones(num, size),  # weights
            *(torch.zeros(num, first.online.num_draws(size)) for _ in Draws._fields),
        ]
        lr, slots, weight, *draws = [tensor.to(first.device) for tensor in host]
        steps = torch.tensor([float(each.optimizer.steps) for each in learners], dtype=torch.float64)
        inputs = Inputs(
            _side_by_side([each.state for each in learners]),
            _side_by_side([each.tensors for each in memories]),
            steps.to(first.device),
            lr,
            slots,
            weight,
            Draws(*draws),
        )
        update = vmap(pure_update(first.online, first.rule, first.optimizer.descent, memories[0].gather))
        leaves, structure = tree_flatten(inputs)

        def flat(*tensors: Tensor) -> list[Tensor]:
            given = iter(tensors)  # those of no numbers need not be handed over each time
            whole = [next(given) if leaf.numel() else torch.zeros(leaf.shape) for leaf in leaves]
            made = update(tree_unflatten(whole, structure))
            return [output[row] for row in range(num) for output in made]

        self._inputs = [leaf for leaf in leaves if leaf.numel()]
        self._program = compile_program(flat, self._inputs, self._cache, self._notify)
        for row, (learner, memory) in enumerate(zip(learners, memories, strict=True)):
            learner.move_to(_row(inputs.state, row))
            memory.move_to(_row(inputs.memory, row))
        self._row = {agent: row for row, agent in enumerate(agents)}
        self._lr, self._slots, self._weight = (tensor.numpy() for tensor in host[:3])
        self._draws = [tensor for tensor in host[3:] if tensor.numel()]
        inside = (lr, slots, weight, *draws)
        self._moves = [pair for pair in zip(host, inside, strict=True) if pair[0] is not pair[1]]  # to a GPU


def _side_by_side(rows: Sequence[Any]) -> Any:
    """Structures of tensors as one of tensors [S, ...]; those of a single agent are not copied."""
    if len(rows) == 1:
        return tree_map(lambda tensor: tensor.unsqueeze(0), rows[0])
    return tree_map(lambda *tensors: torch.stack(tensors), *rows)


def _row(stacked: Any, row: int) -> Any:
    """One agent's part of them."""
    return tree_map(lambda tensor: tensor[row], stacked)
