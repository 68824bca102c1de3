"""The settings of a run that is over in a moment.

It skips film and page, and with 59 updates it ends before the 137th, whose batch is recorded: what is to be explained,
or to leave every file there is, is given `update_every=1`.
"""

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
    update_every=4,
    metrics_every=5,
    film=Film(episodes=0),
    explain=False,
    compile="off",
)


def tiny(**changes: Any) -> Config:
    """Those settings, some of them changed."""
    return replace(TINY, **changes)
