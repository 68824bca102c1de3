"""Parts of a training loop that only write down that they were called."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from dqnlab.learn.episode import Episode
from dqnlab.learn.memory import Extremes, MemoryFacts
from dqnlab.learn.types import Block, Sample, Transitions
from dqnlab.run.events import Confirmed, Evaluated
from dqnlab.run.train import Loop, Period, Plan, Progress, crossings, run, train

NEVER = 10**9


def block(steps: int = 1, stored: int | None = None, episodes: list[Episode] | None = None) -> Block:
    num = steps if stored is None else stored
    columns = np.zeros((5, num))
    return Block(np.zeros((1, num, 1)), np.zeros((1, num), bool), Transitions(*columns), episodes or [], steps, 0.25)


class Fakes:
    """Parts that do nothing but write down that they were called."""

    def __init__(self, blocks: list[Block], candidates: dict[int, bool] | None = None):
        self.blocks, self.candidates = blocks, candidates or {}
        self.tape: list[str] = []
        self.added = self.updates = 0
        self.most = NEVER  # held
        self.sampled = np.zeros(2, np.int64)
        self.candidate: bool | None = None
        self.progress = Progress()
        self.online, self.device = SimpleNamespace(reward_scale=1.0), torch.device("cpu")
        self.is_finite, self.norm, self.loss = True, 1.0, 1.0
        self.optimizer = SimpleNamespace(next_lr=0.5, lr=0.5)
        self.largest = Extremes(obs=0.0, reward=0.0, n=1)
        self.closed = False

    def __iter__(self) -> Iterator[Block]:
        try:
            for each in self.blocks:
                self.tape.append("act")
                yield each
        finally:
            self.closed = True

    # the memory, by the rules of a replay
    def add(self, each: Block) -> None:
        self.added += len(each.transitions.action)
        self.tape.append("store")

    def due(self, before: int, after: int) -> int:
        starts, every = self.pace
        return crossings(before, after, every) if self.added >= starts else 0

    def sample(self) -> Sample:
        self.tape.append("sample")
        return Sample(self.sampled, np.ones(2))

    def facts(self) -> MemoryFacts:
        return MemoryFacts(min(self.added, self.most), 0.5)

    def extremes(self) -> Extremes:
        return self.largest

    def batch(self, sample: Sample) -> Any:
        self.tape.append("look")
        return SimpleNamespace(obs=torch.zeros(1), action=torch.tensor([1, 0]))

    def update_priorities(self, slots: Any, error: Any) -> None:
        assert slots is self.sampled
        self.tape.append(f"priorities {error}")

    # whoever makes the updates
    def update(self, sample: Sample) -> Any:
        assert sample.slots is self.sampled
        self.updates += 1
        self.tape.append("update")
        found = SimpleNamespace(error="error", grad_norm=torch.tensor(self.norm), loss=torch.tensor(self.loss))
        found.q, found.target = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([2.5, 3.0])
        found.in_env_units = lambda scale, action: found
        return found

    # the judge
    def select(self, network: Any, step: int) -> Evaluated:
        self.tape.append("evaluate")
        self.candidate = self.candidates.get(step)
        return Evaluated(step, (1.0,), 1.0, True, 1.0, 1.0, 1.0)

    def confirm(self, step: int) -> Confirmed:
        self.tape.append("confirm")
        passed, self.candidate = bool(self.candidate), None
        return Confirmed(step, 1, (1.0,), 1.0, passed)

    def train(self, **changes: Any) -> Iterator[Any]:
        return run(self.loop(**changes), self.update)

    def loop(self, learning_starts: int = 1, update_every: int = 1, **changes: Any) -> Loop:
        self.pace = learning_starts, update_every
        settings = {"budget": Period("steps", NEVER), "evaluate_every": Period("steps", NEVER), "metrics_every": NEVER}
        plan = Plan(**{**settings, **changes})
        return train(self, self, self, self, plan, self.progress)  # type: ignore[arg-type]
