"""⑧ Training: the loop, as a generator of events.

The loop knows nothing of files, screens or servers, nor where experience comes from, nor which kind of memory it
feeds. Whoever iterates decides what to do with an event, and stops training by leaving.

Where an update is due, the loop yields a `Sample` among its events, and whoever drives it sends back the
`Update`. So one loop serves an agent that learns alone and many that learn as one (`lockstep`).
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ..learn.heads import at_action
from ..learn.learner import Learner, Update
from ..learn.memory import Memory
from ..learn.types import Block, Sample
from ..learn.weights import dead_units
from .evaluate import Left
from .events import BlockEnded, EpisodeEnded, Event, Updated
from .judge import Judge
from .runaway import check_update, check_weights_finite


class Count(NamedTuple):
    """How far training has come."""

    steps: int  # env steps
    episodes: int  # finished ones


class Period(NamedTuple):
    """A number of steps, or of episodes."""

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
    metrics_every: int  # updates


@dataclass
class Progress:
    """What the loop itself knows."""

    now: Count = field(default_factory=lambda: Count(0, 0))
    solved: bool = False  # a candidate held on fresh episodes: nothing left to learn
    due: float | None = None  # the judging of this moment, which was left: the epsilon of its block

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.now.steps, "episodes": self.now.episodes, "solved": self.solved, "due": self.due}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.now, self.solved = Count(state["steps"], state["episodes"]), state["solved"]
        self.due = state.get("due")  # unknown to earlier versions


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


def train(source: Iterable[Block], memory: Memory, learner: Learner, judge: Judge, plan: Plan, at: Progress) -> Loop:
    """Acts, stores, learns and judges until the budget is spent, a candidate is confirmed or a judging is left."""
    if at.due is not None:
        yield from assess(learner, memory, judge, at, at.due)
        if at.due is not None:
            return
    if plan.budget.reached(at.now) or at.solved:  # a run that was taken up again after its end
        return
    for block in source:  # act
        memory.add(block)  # store
        before, at.now = at.now, _after(at.now, block)
        step, episodes = at.now
        for number, episode in enumerate(block.episodes, before.episodes + 1):
            yield EpisodeEnded(step, number, episode.ret, episode.length, block.epsilon, episode.numbers)

        yield from learn(memory, learner, plan, memory.due(before.steps, step), step)

        finished = plan.budget.reached(at.now)
        if finished or plan.evaluate_every.passed(before, at.now):
            yield from assess(learner, memory, judge, at, block.epsilon)
        else:
            yield BlockEnded(step, episodes, learner.updates, block.epsilon)
        if finished or at.solved or at.due is not None:
            return


def assess(learner: Learner, memory: Memory, judge: Judge, at: Progress, epsilon: float) -> Loop:
    """Judges at the end of a block. What is left of it stays due: a run that goes on begins with it."""
    step, episodes = at.now
    at.due = epsilon
    check_weights_finite(learner, memory, step)
    try:
        if judge.candidate is None:  # else only its confirmation was left
            yield judge.select(learner.online, step)  # evaluate
        if judge.candidate is not None:
            confirmed = judge.confirm(step)
            at.solved = confirmed.passed
            yield confirmed
        at.due = None
    except Left:
        pass
    yield BlockEnded(step, episodes, learner.updates, epsilon)


def learn(memory: Memory, learner: Learner, plan: Plan, due: int, step: int) -> Loop:
    """Asks for the updates that are due."""
    on_cpu = learner.device.type == "cpu"
    for _ in range(due):
        sample = memory.sample()  # sample
        update = yield sample  # update: `Learner.update` of its batch, alone or compiled with others
        assert update is not None, "a sample is answered with its update"
        reads = learner.updates % plan.metrics_every == 0
        if on_cpu or reads:  # a GPU would have to be waited for
            check_update(update, learner, memory, step)
        memory.update_priorities(sample.slots, update.error)
        if reads:
            check_weights_finite(learner, memory, step)
            batch, facts = memory.batch(sample), memory.facts()
            dead = dead_units(learner.online, batch.obs.to(learner.device))
            action = batch.action.to(learner.device)
            shown = update.in_env_units(learner.online.reward_scale, action)
            bias = (shown.target - at_action(shown.q, action)).mean()
            lr = learner.optimizer.lr
            yield Updated(step, learner.updates, shown, bias, dead, facts.size, facts.terminal_share, lr)


def crossings(before: int, after: int, period: int) -> int:
    """How many multiples of `period` lie in (before, after]."""
    return after // period - before // period


def _after(now: Count, block: Block) -> Count:
    return Count(now.steps + block.steps, now.episodes + len(block.episodes))
