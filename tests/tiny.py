"""The settings of a run that is over in a moment.

It skips film and page, and with 59 updates it ends before the 137th, whose batch is recorded: what is to be explained,
or to leave every file there is, is given `update_every=1`.
"""

from dataclasses import replace
from typing import Any

from dqnlab.config import Config, Film, Hard, Mlp, Steps

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


# The same, but learning in every step and saved often: for runs that are resumed, judged and explained.
SMALL = tiny(
    update_every=1,
    preset="seams",
    evaluate_every=Steps(num=200),
    select_episodes=3,
    stop_when_solved=False,
    checkpoint_every=100,
    sync=Hard(every=20),
)
