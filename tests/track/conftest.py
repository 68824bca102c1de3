"""What the tests of tracking share: one event of each kind, with numbers that can be checked by hand."""

from pathlib import Path

import pytest
import torch

from dqnlab.learn.learner import Update
from dqnlab.run.events import BlockEnded, Commanded, Confirmed, EpisodeEnded, Evaluated, Event, Updated
from dqnlab.store.control import ORDERS
from dqnlab.track.tracker import TrackedRun

EVENTS: dict[str, Event] = {
    "episode": EpisodeEnded(step=30, episode=2, ret=21.0, length=21, epsilon=0.9),
    "update": Updated(
        step=100,
        updates=7,
        update=Update(
            loss=torch.tensor(1.5),
            error=torch.tensor([0.5, 1.5]),
            q=torch.tensor([[1.0, 4.0, 2.0], [6.0, 5.0, 3.0]]),
            target=torch.tensor([2.0, 5.0]),
            grad_norm=torch.tensor(0.25),
        ),
        bias=torch.tensor(-0.25),
        dead_units=0.125,
        replay_size=90,
        terminal_share=0.03125,
        lr=0.0005,
        updates_behind=12.5,
    ),
    "evaluation": Evaluated(
        step=200, returns=(9.0, 12.0), mean=10.5, best=False, best_mean=11.0, value=8.0, discounted_return=7.5
    ),
    "confirmation": Confirmed(step=200, attempt=2, returns=(480.0, 490.0), mean=485.0, passed=True),
    **{name: Commanded(step=70, updates=7, command=name) for name in ORDERS},
    "block": BlockEnded(step=64, episodes=1, updates=7, epsilon=0.9),
}


@pytest.fixture
def about(tmp_path: Path) -> TrackedRun:
    folder = tmp_path / "run"
    folder.mkdir()
    return TrackedRun(folder, "CartPole-v1", {"seed": 3, "optimizer": {"max_grad_norm": None}}, "a test")
