"""Several agents that learn at once: one compiled update for all of them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.func import vmap
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map, tree_unflatten

from ..learner import Learner, Update
from ..memory import Memory
from ..policy import Policy
from ..types import Draws, Sample
from .compiled import CompileError, Fresh, Inputs, compile_program, pure_update, pure_values


class Player(Protocol):
    """Who plays by a network that learns."""

    obs: np.ndarray  # [E, *obs_shape] what it acts on next
    policy: Policy  # which is told their values


class Stack:
    """S agents of one configuration, their parameters and memories side by side in tensors [S, ...].

    An update also values what the agent's player acts on next, which costs next to nothing there.

    Each learner and each memory lives on in its own row, as if it were alone. S may be 1. Agents that want no more
    updates idle in their rows; once half of them do, the others move closer together, which means compiling again.

    Raises:
        CompileError: there is no compiler here, or it failed.
    """

    def __init__(
        self,
        learners: Sequence[Learner],
        memories: Sequence[Memory],
        players: Sequence[Player],
        cache: Path,
        notify: Callable[[str], None],
    ):
        """`players` may be none: then each acts without being told."""
        self._learners = learners
        self._memories = memories
        self._players = players
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
            self._fresh.factors[row] = learner.optimizer.next_factors
            self._fresh.slots[row], self._fresh.weight[row] = sample
            if self._players:
                self._fresh.shown[row] = self._players[agent].obs
            if learner.online.is_random:
                for given, drawn in zip(self._fresh.draws, learner.draw(self._num_rows), strict=True):
                    given[row] = drawn
        for host, inside in self._moves:
            inside.copy_(host)
        outputs = self._program(self._inputs)
        updates: dict[int, Update] = {}
        for agent in samples:
            self._learners[agent].optimizer.steps += 1
            self._learners[agent].finish_update()
            own = outputs[self._row[agent] :: len(self._row)]
            updates[agent] = Update._make(own[:-1])
            if self._players:
                self._players[agent].policy.known = own[-1].numpy(force=True)
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
        host = self._host(len(agents), first, memories[0])
        fresh = tree_map(lambda tensor: tensor.to(first.device), host)
        state, memory = _side_by_side([each.state for each in learners]), _side_by_side([m.tensors for m in memories])
        inputs = Inputs(state, memory, fresh)
        update = pure_update(first.online, first.rule, first.optimizer.descent, memories[0].gather, first.regularizer)
        values = pure_values(first.online)
        all_at_once = vmap(lambda one: (*update(one), values(one) if self._players else one.fresh.shown))
        leaves, structure = tree_flatten(inputs)

        def flat(*tensors: Tensor) -> list[Tensor]:
            handed = iter(tensors)  # those of no numbers need not be handed over each time
            whole = [next(handed) if leaf.numel() else torch.zeros(leaf.shape) for leaf in leaves]
            made = all_at_once(tree_unflatten(whole, structure))
            return [row for output in made for row in output]

        self._inputs = [leaf for leaf in leaves if leaf.numel()]
        self._program = compile_program(flat, self._inputs, self._cache, self._notify)
        for row, (learner, one) in enumerate(zip(learners, memories, strict=True)):
            learner.move_to(_row(state, row))
            one.move_to(_row(memory, row))
        self._row = {agent: row for row, agent in enumerate(agents)}
        self._fresh = tree_map(lambda tensor: tensor.numpy(), host)
        pairs = zip(tree_leaves(host), tree_leaves(fresh), strict=True)
        self._moves = [pair for pair in pairs if pair[0] is not pair[1]]  # to a GPU

    def _host(self, num: int, learner: Learner, memory: Memory) -> Fresh:
        """Room for what `num` agents like this one are given, where numpy writes it."""
        size = memory.batch_size
        slots, weight = torch.zeros(size, dtype=torch.int64), torch.ones(size)
        on = memory.tensors[0].device
        self._num_rows = len(memory.gather(memory.tensors, slots.to(on), weight.to(on)).action)
        shown = np.stack([self._players[0].obs] * num) if self._players else np.zeros((num, 0), np.float32)
        return Fresh(
            factors=torch.zeros(num, len(learner.optimizer.next_factors)),
            slots=torch.zeros(num, size, dtype=torch.int64),
            weight=torch.ones(num, size),
            shown=torch.from_numpy(shown),
            draws=Draws(*(torch.zeros(num, learner.online.num_draws(self._num_rows)) for _ in Draws._fields)),
        )


def _side_by_side(rows: Sequence[Any]) -> Any:
    """Structures of tensors as one of tensors [S, ...]; those of a single agent are not copied."""
    if len(rows) == 1:
        return tree_map(lambda tensor: tensor.unsqueeze(0), rows[0])
    return tree_map(lambda *tensors: torch.stack(tensors), *rows)


def _row(stacked: Any, row: int) -> Any:
    """One agent's part of them."""
    return tree_map(lambda tensor: tensor[row], stacked)
