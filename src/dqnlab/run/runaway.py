"""Learning that has run away, and what it ran away from."""

import math

from ..config import LEAST_SCALE
from ..errors import NumericsError, counted
from ..learn.learner import Learner, Update
from ..learn.memory import Extremes, Memory

LARGE = 1e4  # beyond this, inputs or rewards are blamed: fresh weights expect some 1
BOLD = 0.1  # a learning rate above this is blamed beside them


def check_update(update: Update, learner: Learner, memory: Memory, step: int) -> None:
    """Raises NumericsError for an update that taught nothing, or harm.

    Each can be infinite alone: Huber's gradient is at most delta where its loss overflows, and a squared error
    whose own square still fits may have a gradient whose norm does not.
    """
    if not math.isfinite(update.grad_norm):
        raise _runaway(f"the gradient's norm is {float(update.grad_norm)}", learner, memory, step)
    if not math.isfinite(update.loss):
        raise _runaway(f"the loss is {float(update.loss)}", learner, memory, step)


def check_weights_finite(learner: Learner, memory: Memory, step: int) -> None:
    """Raises NumericsError if learning has run away: such a network must never be judged."""
    if not learner.is_finite:
        raise _runaway("the online network's weights are not finite", learner, memory, step)


def _runaway(what: str, learner: Learner, memory: Memory, step: int) -> NumericsError:
    """Says where learning has run away, from what, and what to do."""
    lr = learner.optimizer.next_lr
    extremes = memory.extremes()
    causes = [cause for cause in (_observations(extremes), _rewards(extremes, learner)) if cause]
    if not causes or lr > BOLD:
        causes.append(f"optimizer.lr = {lr}: lower it, set optimizer.max_grad_norm, or scale the rewards")
    return NumericsError(f"{what} after update {learner.updates}, env step {step}, with {'; and with '.join(causes)}")


def _observations(extremes: Extremes) -> str | None:
    """What is wrong with the observations stored so far; none where networks can work with them."""
    if extremes.obs <= LARGE:
        return None
    how = "bring them to about -1 to 1 in a wrapper, such as gymnasium.wrappers.RescaleObservation, or "
    how += "NormalizeObservation if the bounds are unknown"
    return f"observations as large as {extremes.obs:.4g}: {how}"


def _rewards(extremes: Extremes, learner: Learner) -> str | None:
    """Likewise of the rewards, as they are divided."""
    scale = learner.online.reward_scale
    largest = extremes.reward
    n = extremes.n
    if largest <= LARGE:
        return None
    summed = "" if n == 1 else f" (summed over n = {counted(n, 'step')})"
    how = "scale them in a wrapper, such as gymnasium.wrappers.TransformReward"
    if (size := largest * scale) <= 1 / LEAST_SCALE:
        how = f"set reward_scale, {scale:g} now, to about {size:.0e}, or {how}"
    return f"rewards as large as {size:.4g}{summed}: {how}"
