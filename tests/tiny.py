"""The settings of a run that is over in a moment and skips nothing but film and page."""

from dataclasses import replace
from typing import Any

from dqnlab.config import Config, Film, Mlp, Steps

TINY = Config(
    preset="tiny",
    torso=Mlp(hidden=(8, 6)),
    learning_starts=64,
    batch_size=16,
    budget=Steps(num=300),
    evaluate_every=Steps(num=100),
    select_episodes=2,
    confirm_episodes=2,
    score_episodes=3,
    metrics_every=20,
    film=Film(episodes=0),
    explain=False,
    compile="off",
)


def tiny(**changes: Any) -> Config:
    """Those settings, some of them changed."""
    return replace(TINY, **changes)
