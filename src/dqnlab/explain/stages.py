"""The stages of one learning step as data. R rows of a batch, A actions, D env steps after a row's start."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..envs.actions import Joint, action_text
from ..learn.learner import HardSync, PolyakSync
from .kinds import AnyLoss, AnyTerm, Chance, Deviation, Moments, Network, Soft
from .moment import Returns, Singles
from .parts import QuantileParts, Shares


@dataclass(frozen=True)
class StepSettings:
    """The settings of the update and its environment; None for a kind that `kinds` does not know."""

    action_start: int  # the environment's own number for action 0
    joint: Joint | None  # the components of an action, where it has several
    obs_start: int  # and for state 0, where observations are states
    gamma: float
    n: int
    reward_clip: float | None  # rewards are learned as at most this
    reward_scale: float  # errors are divided by it before the loss: what the learner counts in
    batch_size: int
    capacity: int
    noisy: bool  # noise on the weights explores
    temperature: float | None  # of drawing actions by their values, in the environment's units; none if they are not
    chance: Chance | None
    chooser: Network | None
    soft: Soft | None  # where no network chooses one action
    loss: AnyLoss | None
    term: AnyTerm | None  # added to the head's loss
    td_lambda: float | None  # of returns that are computed before learning, and take the place of a target
    lr: float  # of this update
    max_grad_norm: float | None
    formula: Moments | Deviation | None
    sync: HardSync | PolyakSync | None


@dataclass(frozen=True)
class PolicyRows:
    """The soft policy pi of the target network, whose values are `next_target`; tau * ln pi, -inf if forbidden."""

    q: np.ndarray  # [R, A] of obs
    log: np.ndarray  # [R, A] in obs
    next_log: np.ndarray  # [R, A] in next_obs


@dataclass(frozen=True)
class BatchRows:
    """The batch, stage by stage."""

    slot: np.ndarray  # [R]
    weight: np.ndarray  # [R] importance
    obs: np.ndarray  # [R, *obs_shape]
    next_obs: np.ndarray  # [R, *obs_shape]
    action: np.ndarray  # [R]
    reward: np.ndarray  # [R] discounted sum over the span, as stored
    added: np.ndarray  # [R] what the rule adds to it, 0 by most rules
    discount: np.ndarray  # [R]
    span: np.ndarray  # [R] env steps
    end: np.ndarray  # [R] each a `run.held.End`
    q: np.ndarray  # [R, A] online, of obs
    rated: np.ndarray | None  # [R, A] likewise, by which an action would be chosen; none where chance has no part in q
    prediction: np.ndarray  # [R]
    next_online: np.ndarray  # [R, A]
    next_target: np.ndarray  # [R, A]
    next_action: np.ndarray | None  # [R]; none where nobody knows who chooses it
    next_value: np.ndarray  # [R] what is bootstrapped from
    target: np.ndarray  # [R]
    error: np.ndarray  # [R] absolute
    loss: np.ndarray  # [R]
    head_loss: np.ndarray  # [R] without what is added to the head's
    demonstrated: np.ndarray | None  # [R] 1 where it was recorded; none where nothing was
    pull: np.ndarray | None  # [R] the mean loss's derivative by the prediction; none where that is made of logits
    parts: Shares | QuantileParts | None  # what the loss compares, where that is more than two numbers
    policy: PolicyRows | None  # of a rule with a soft policy


@dataclass(frozen=True)
class SequenceRows:
    """The S sequences that the rows are in, U rows of each one after another. W moments."""

    first: np.ndarray  # [S, W] which of them begin an episode
    stored: np.ndarray  # [S, N] what the actor remembered before the first
    remembered: np.ndarray  # [S, W, N] what the online network remembers after each
    start: np.ndarray  # [S, U] the moment that a row starts from
    end: np.ndarray  # [S, U] and the one to bootstrap from
    counts: np.ndarray  # [S, U] 1, or 0 of a row that only stands in where nothing starts
    burn_in: int

    def of(self, row: int) -> tuple[int, int]:
        """The sequence of a row, and its place there."""
        return divmod(row, self.start.shape[1])


@dataclass(frozen=True)
class SingleSteps:
    """The single env steps from each row's start on, for targets of another n."""

    length: np.ndarray  # [R] how many of them are known
    reward: np.ndarray  # [R, D]
    end: np.ndarray  # [R] how the last known one ends, a `run.held.End`
    online: np.ndarray  # [R, D, A] values of what each step led to
    target: np.ndarray  # [R, D, A]


@dataclass(frozen=True)
class Weight:
    """One weight on its way through the optimiser."""

    name: str
    before: float
    gradient: float  # as torch found it
    clipped: float  # as the optimiser took it
    memory_before: list[float]  # what the optimiser remembers of it; of Adam the mean and the mean square
    memory: list[float]
    step: float
    after: float
    target_before: float
    target_after: float


@dataclass(frozen=True)
class Trace:
    """One update, from the choice of an action to the target network."""

    settings: StepSettings
    env_step: int
    updates: int  # before this one
    size: int  # transitions that the replay holds
    epsilon: float | None  # none where nothing is tried out
    rows: BatchRows
    prediction_after: np.ndarray  # [R] of the online network once it has learned
    loss: float  # weighted mean
    loss_after: float  # the same once the update is made, with the targets of before
    norm: float  # of the whole gradient, before clipping
    layers: list[tuple[str, float]]  # norm of the gradient by layer
    optimizer_steps: int  # this one included
    weights: list[Weight]
    after: SingleSteps
    singles: Singles | None  # where `after` holds fewer than n
    sequences: SequenceRows | None  # of networks that remember
    returns: Returns | None  # of rollouts
    networks: dict[str, dict[str, Any]] | None  # online and target before it, as a page has them; none if too large

    def single_rewards(self, row: int) -> np.ndarray:
        """The rewards that are known one by one from the start of a row on."""
        known = self.singles or self.after
        return known.reward[row, : known.length[row]]

    def was_recorded(self, row: int) -> bool:
        """Whether somebody else took the action of a row."""
        shown = self.rows.demonstrated
        return self.epsilon is None or (shown is not None and bool(shown[row]))

    def action(self, action: int) -> str:
        """How people write the environment's own action."""
        return action_text(int(action), self.settings.action_start, self.settings.joint)

    @property
    def sync_in(self) -> int | None:
        """Updates from this one to the next hard copy, 0 if this one makes it; none without hard copies."""
        sync = self.settings.sync
        return -(self.updates + 1) % sync.every if isinstance(sync, HardSync) else None
