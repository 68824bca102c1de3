"""The events that the training loop yields.

Events carry numbers, never the agent, and come after the state they speak of has changed:
state first, event last. Whatever must see everything consistent waits for `BlockEnded`.
"""

from dataclasses import dataclass, field

from torch import Tensor

from ..envs.infos import Numbers
from ..learn.learner import Update


@dataclass(frozen=True)
class EpisodeEnded:
    """A training episode, with exploration, came to its end."""

    step: int
    episode: int  # how many have ended, this one included
    ret: float
    length: int
    epsilon: float
    numbers: Numbers = field(default_factory=dict)  # of the info at its end


@dataclass(frozen=True)
class Updated:
    """Every `metrics_every` updates: what the latest one computed, and what the replay holds."""

    step: int
    updates: int
    update: Update  # tensors; nothing is copied to numbers until somebody asks
    bias: Tensor  # [] mean of target - prediction, with its sign
    dead_units: float  # share of hidden units that were zero on the whole batch
    replay_size: int
    terminal_share: float  # share of stored transitions that end in a terminal state
    lr: float  # the learning rate that it had
    updates_behind: float | None = None  # by which collectors elsewhere acted lately, on average; none without any


@dataclass(frozen=True)
class Evaluated:
    """The online network played greedy episodes on the select seeds."""

    step: int
    returns: tuple[float, ...]
    mean: float
    best: bool  # better than every evaluation before
    best_mean: float
    value: float  # mean over episodes of the greedy Q-value at the first state
    discounted_return: float  # mean of what the episodes really earned, clipped as learned, discounted by gamma
    numbers: Numbers = field(default_factory=dict)  # means of what infos hold at the episodes' ends


@dataclass(frozen=True)
class Confirmed:
    """A candidate that looked solved played fresh episodes."""

    step: int
    attempt: int
    returns: tuple[float, ...]
    mean: float
    passed: bool


@dataclass(frozen=True)
class BlockEnded:
    """A block is fully digested: the only moment to save, stop or obey a signal."""

    step: int
    episodes: int
    updates: int
    epsilon: float


@dataclass(frozen=True)
class Commanded:
    """Whoever watches asked for something at the end of a block, and it was done; no weight changes by it."""

    step: int
    updates: int
    command: str  # pause, continue, step, checkpoint or stop


Event = EpisodeEnded | Updated | Evaluated | Confirmed | BlockEnded | Commanded
