"""⑧ Training: the loop, as a generator of events.

The loop knows nothing of files, screens or servers, nor where experience comes from. Whoever iterates
decides what to do with an event, and stops training by leaving.

Where an update is due, the loop yields a `Sample` among its events, and whoever drives it sends back the
`Update`. So one loop serves an agent that learns alone and many that learn as one (`lockstep`).
"""

import math
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ..errors import NumericsError
from ..learn.heads import at_action
from ..learn.learner import Learner, Update
from ..learn.replay import Replay
from ..learn.types import Block, Sample
from ..learn.weights import dead_units
from .events import BlockEnded, EpisodeEnded, Event, Updated
from .judge import Judge


class Count(NamedTuple):
    """How far training has come."""

    steps: int  # env steps
    episodes: int  # finished ones


class Period(NamedTuple):
    """So many steps, or so many episodes."""

    unit: Literal["steps", "episodes"]
    num: int

    def passed(self, before: Count, after: Count) -> int:
        """How often the period came round between two counts."""
        return crossings(getattr(before, self.unit), getattr(after, self.unit), self.num)

    def reached(self, now: Count) -> bool:
        """Whether it has come round."""
        return getattr(now, self.unit) >= self.num


@dataclass(frozen=True)
class Plan:
    """When things happen."""

    budget: Period
    evaluate_every: Period
    learning_starts: int  # transitions stored, even if not all of them are held any more
    batch_size: int
    update_every: int  # env steps
    metrics_every: int  # updates


@dataclass
class Progress:
    """What the loop itself knows."""

    now: Count = field(default_factory=lambda: Count(0, 0))
    solved: bool = False  # a candidate held on fresh episodes: nothing left to learn

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.now.steps, "episodes": self.now.episodes, "solved": self.solved}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.now, self.solved = Count(state["steps"], state["episodes"]), state["solved"]


Loop = Generator[Event | Sample, Update | None, None]
"""Yields events, and a sample wherever it wants the update of it sent in."""


def run(loop: Loop, update: Callable[[Sample], Update]) -> Iterator[Event]:
    """Drives one loop: answers its samples, passes its events on."""
    said = next(loop, None)
    while said is not None:
        if isinstance(said, Sample):
            said = loop.send(update(said))  # never the end: `BlockEnded` follows
        else:
            yield said
            said = next(loop, None)


def train(source: Iterable[Block], replay: Replay, learner: Learner, judge: Judge, plan: Plan, at: Progress) -> Loop:
    """Acts, stores, learns and judges until the budget is spent or a candidate is confirmed."""
    if plan.budget.reached(at.now) or at.solved:  # a run that was taken up again after its end
        return
    for block in source:  # act
        replay.add(block)  # store
        before, at.now = at.now, _after(at.now, block)
        step, episodes = at.now
        for number, episode in enumerate(block.episodes, before.episodes + 1):
            yield EpisodeEnded(step, number, episode.ret, episode.length, block.epsilon)

        if replay.added >= plan.learning_starts:
            yield from learn(replay, learner, plan, crossings(before.steps, step, plan.update_every), step)

        finished = plan.budget.reached(at.now)
        if finished or plan.evaluate_every.passed(before, at.now):
            check_finite(learner, step)
            yield judge.select(learner.online, step)  # evaluate
            if judge.candidate is not None:
                confirmed = judge.confirm(step)
                at.solved = confirmed.passed
                yield confirmed
        yield BlockEnded(step, episodes, learner.updates, block.epsilon)
        if finished or at.solved:
            return


def learn(replay: Replay, learner: Learner, plan: Plan, due: int, step: int) -> Loop:
    """Asks for the updates that are due."""
    on_cpu = learner.device.type == "cpu"
    for _ in range(due):
        sample = replay.sample(plan.batch_size)  # sample
        update = yield sample  # target, loss, gradient, step, sync
        assert update is not None, "a sample is answered with its update"
        reads = learner.updates % plan.metrics_every == 0
        if on_cpu or reads:  # a GPU would have to be waited for
            check_update(update, learner, step)
        replay.update_priorities(sample.slots, update.error)
        if reads:
            check_finite(learner, step)
            batch = replay.batch(sample)
            dead = dead_units(learner.online, batch.obs.to(learner.device))
            shown = update.in_env_units(learner.online.reward_scale)
            bias = (shown.target - at_action(shown.q, batch.action.to(learner.device))).mean()
            yield Updated(step, learner.updates, shown, bias, dead, len(replay), replay.terminal_share)


def check_update(update: Update, learner: Learner, step: int) -> None:
    """Raises NumericsError for an update that taught nothing, or harm.

    Each can be infinite alone: Huber's gradient is at most delta where its loss overflows, and a squared error
    whose own square still fits may have a gradient whose norm does not.
    """
    if not math.isfinite(update.grad_norm):
        raise runaway(learner, step, f"the gradient's norm is {float(update.grad_norm)}")
    if not math.isfinite(update.loss):
        raise runaway(learner, step, f"the loss is {float(update.loss)}")


def check_finite(learner: Learner, step: int) -> None:
    """Raises NumericsError if learning has run away: such a network must never be judged."""
    if not learner.is_finite:
        raise runaway(learner, step, "the online network's weights are not finite")


def runaway(learner: Learner, step: int, what: str) -> NumericsError:
    """Says where learning has run away, and what to do."""
    return NumericsError(
        f"{what} after update {learner.updates}, env step {step}, with optimizer.lr = {learner.optimizer.settings.lr}: "
        "lower it, set optimizer.max_grad_norm, or scale the rewards"
    )


def crossings(before: int, after: int, period: int) -> int:
    """How many multiples of `period` lie in (before, after]."""
    return after // period - before // period


def _after(now: Count, block: Block) -> Count:
    return Count(now.steps + block.steps, now.episodes + len(block.episodes))
