"""Parts of a training loop that only write down that they were called."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from dqnlab.learn.types import Block, Episode, Sample, Transitions
from dqnlab.run.events import Confirmed, Evaluated
from dqnlab.run.train import Loop, Period, Plan, Progress, run, train

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
        self.terminal_share = 0.5
        self.is_finite, self.norm, self.loss = True, 1.0, 1.0
        self.optimizer = SimpleNamespace(settings=SimpleNamespace(lr=0.5))
        self.memory = SimpleNamespace(frames=torch.zeros(1), reward=torch.zeros(1))
        self.layout = SimpleNamespace(n=1, obs=SimpleNamespace(scale=1.0))
        self.closed = False

    def __iter__(self) -> Iterator[Block]:
        try:
            for each in self.blocks:
                self.tape.append("act")
                yield each
        finally:
            self.closed = True

    # the replay
    def add(self, each: Block) -> None:
        self.added += len(each.transitions.action)
        self.tape.append("store")

    def __len__(self) -> int:
        return min(self.added, self.most)

    def sample(self, size: int) -> Sample:
        self.tape.append(f"sample {size}")
        return Sample(self.sampled, np.ones(size))

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
        found.in_env_units = lambda scale: found
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

    def loop(self, **changes: Any) -> Loop:
        settings = {"budget": Period("steps", NEVER), "evaluate_every": Period("steps", NEVER), "learning_starts": 1}
        plan = Plan(**{**settings, "batch_size": 2, "update_every": 1, "metrics_every": NEVER, **changes})
        return train(self, self, self, self, plan, self.progress)  # type: ignore[arg-type]
