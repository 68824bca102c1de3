"""Experience from collectors elsewhere, as one source (Ape-X: Horgan et al. 2018).

Each collector has environments and a copy of the network of its own. It is asked for a *batch*: so many steps of all
its environments, acted by the weights that come with the request. What a collector may have collected ahead is
bounded, so that memory is, and so is how old the weights are that chose what is learned from; the loop counts env
steps as they arrive, and so keeps the ratio of updates to steps whatever the pace.

A collector that dies is replaced. Of what it had not handed over nothing is known here, and what it handed over was
whole: a transition is made where its steps are. So the episodes that it was in are lost, and no half of one is kept.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..errors import DqnlabError, counted
from ..learn.types import Block
from .once import Topic
from .said import Said, say_again
from .vector import Envs

MOST_DEATHS = 3  # of one collector in a row: whatever kills it would kill the next one too
PROOF = 100  # batches after which a collector counts as sound


class CollectorLost(Exception):
    """A collector will not answer: its process has ended, or its machine is gone. Says why."""


class Waited(KeyboardInterrupt):
    """Whoever waits for a collector has been asked to leave."""


class BatchRequest(NamedTuple):
    """What a collector is asked for: a batch, from a moment of the run on."""

    weights: Any  # of the network, as `Hands.put` gave them; none if the collector has them
    steps: int  # env steps of all collectors until now
    episodes: int


class BatchAnswer(NamedTuple):
    """What a request came to."""

    blocks: list[Block]
    error: DqnlabError | None
    said: list[Said]


class Hands(Protocol):
    """Reaches collectors, by their numbers from 0 on, wherever they are."""

    asks: Callable[[], bool]
    """whether whoever waits for an answer is to leave, which raises Waited"""

    def begin(self, number: int, life: int) -> None:
        """Starts a collector, or another in its place: its `life` counts those before it."""

    def put(self, weights: np.ndarray) -> Any:
        """Weights [P] float32 as requests carry them, to as many collectors as there are."""

    def ask(self, number: int, request: BatchRequest) -> Any:
        """Asks a collector, which answers requests in turn; returns at once, with what the answer is taken by."""

    def first(self, asked: Sequence[Any]) -> int:
        """Which of these has been answered, or never will be; waits for one."""
        ...

    def take(self, asked: Any) -> BatchAnswer:
        """Waits for an answer. Raises CollectorLost if there will be none, and DqnlabError if there will be no more."""
        ...

    def close(self) -> None:
        """Ends all collectors; a second time does nothing."""


@dataclass(frozen=True, kw_only=True)
class Pacing:
    """How much collectors do ahead."""

    num: int
    """collectors"""
    in_flight: int
    """batches of each that are asked for and not learned from yet"""
    weights_every: int
    """updates before weights are sent again"""
    in_turn: bool
    """whether batches are taken in the order of the requests, so that the same seed gives the same run"""


class WeightSource(NamedTuple):
    """The weights that are learned."""

    updates: Callable[[], int]  # how often they have changed
    vector: Callable[[], np.ndarray]  # a copy, [P] float32


@dataclass(eq=False)
class _Asked:
    """A request on its way."""

    number: int
    version: int
    """updates that its weights have seen"""
    ticket: Any


class Remote:
    """An endless source of the blocks that several collectors send. The environments here are only kept."""

    cuts = cut_due = False
    level = "D"  # a state says nothing of the environments, which begin anew whenever a run is resumed

    def __init__(self, envs: Envs, hands: Hands, pacing: Pacing, newest: WeightSource):
        self.envs = envs
        self.steps = self.episodes = 0
        self.at_cut: Callable[[], object] = lambda: None
        self.replaced = 0
        """collectors that died"""
        self.is_between = False
        """whether what it raised was raised between two blocks: all until then has been learned from"""
        self._hands = hands
        self._pacing = pacing
        self._newest = newest
        self._lives = [0] * pacing.num
        self._behind: list[int] = []
        self._said = set[Topic]()
        self._warned = False  # that collectors die
        self._blocks: Iterator[Block] | None = None

    def __iter__(self) -> Iterator[Block]:
        while True:
            yield self.step()

    def step(self) -> Block:
        """The next block. The first call starts the collectors."""
        if self._blocks is None:
            self._blocks = self._collect()
        try:
            return next(self._blocks)
        except (DqnlabError, Waited):
            self.is_between = True
            raise

    def listen(self, asks: Callable[[], bool]) -> None:
        """From here on nobody waits long for a collector once `asks` says so."""
        self._hands.asks = asks

    @property
    def ahead(self) -> int:
        """How many env steps the next block may have."""
        return self.envs.num_envs

    def updates_behind(self) -> float | None:
        """How many updates the weights had not seen, on average, that acted in the blocks since the last call."""
        behind, self._behind = self._behind, []
        return sum(behind) / len(behind) if behind else None

    @property
    def notes(self) -> list[str]:
        """What somebody who reads the result should know."""
        lines = []
        if not self._pacing.in_turn and self._pacing.num > 1:
            lines.append("batches of the collectors were learned from as they came: the same seed gives another run")
        if self.replaced:
            lines.append(f"collectors that died and were replaced, their open episodes lost: {self.replaced}")
        return lines

    def lend(self, num: int) -> Any:
        """Never: the environments of the judge are its own (`Collectors.check_fits`)."""
        raise AssertionError

    def close(self) -> None:
        """Ends the collectors, and closes the environments."""
        try:
            self._hands.close()
        finally:
            self.envs.close()

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "episodes": self.episodes, "lives": list(self._lives), "replaced": self.replaced}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues with new collectors, in new episodes. Call it before the first block.

        Raises ValueError if there were more or fewer.
        """
        if len(state["lives"]) != self._pacing.num:
            raise ValueError(f"it had {counted(len(state['lives']), 'collector')}, not {self._pacing.num}")
        self.steps, self.episodes = state["steps"], state["episodes"]
        self._lives = [life + 1 for life in state["lives"]]
        self.replaced = state["replaced"]

    def _collect(self) -> Iterator[Block]:
        flight = _Flight(self._hands, self._newest, self._pacing.weights_every, self._lives)
        for number, life in enumerate(self._lives):
            self._hands.begin(number, life)
        for _ in range(self._pacing.in_flight):
            for number in range(self._pacing.num):
                flight.ask(number, self.steps, self.episodes)
        while True:
            asked, answer = self._next(flight)
            for block in answer.blocks:
                self.steps += block.steps
                self.episodes += len(block.episodes)
                self._behind.append(self._newest.updates() - asked.version)
                yield block._replace(source=asked.number)
            flight.ask(asked.number, self.steps, self.episodes)

    def _next(self, flight: _Flight) -> tuple[_Asked, BatchAnswer]:
        """The next answer. Raises what a collector raised, or DqnlabError if one dies again and again."""
        while True:
            asked = flight.next(in_turn=self._pacing.in_turn)
            try:
                answer = self._hands.take(asked.ticket)
            except CollectorLost as lost:
                self._replace(flight, asked, lost)
                continue
            flight.took(asked)
            say_again(answer.said, self._said)
            if answer.error is not None:
                raise answer.error
            return asked, answer

    def _replace(self, flight: _Flight, lost: _Asked, why: CollectorLost) -> None:
        """Puts another collector in the place of a lost one, which is asked all that the lost one was."""
        number = lost.number
        self.replaced += 1
        deaths = flight.died(number)
        if deaths > MOST_DEATHS:
            raise DqnlabError(
                f"collector {number + 1} of {self._pacing.num} died {counted(deaths, 'time')} in a row: {why}; "
                "collectors.num = 0 collects in this process"
            )
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"collector {number + 1} of {self._pacing.num} died and was replaced; what it had not handed over of "
                f"its open episodes is lost: {why}",
                stacklevel=2,
            )
        self._lives[number] += 1
        self._hands.begin(number, self._lives[number])
        flight.ask_again(lost, self.steps, self.episodes)


class _Flight:
    """The requests on their way, in the order in which they were made, and who has which weights."""

    def __init__(self, hands: Hands, newest: WeightSource, weights_every: int, lives: Sequence[int]):
        self._hands = hands
        self._newest = newest
        self._every = weights_every
        self._queue: deque[_Asked] = deque()
        self._has: list[int | None] = [None for _ in lives]  # the version that each collector has, or will have
        self._deaths = [0 for _ in lives]
        self._batches = [0 for _ in lives]  # since the last death
        self._version, self._weights = -1, None  # of the weights that were put last

    def ask(self, number: int, steps: int, episodes: int) -> None:
        self._queue.append(_Asked(number, 0, None))
        self._send(self._queue[-1], steps, episodes)

    def next(self, *, in_turn: bool) -> _Asked:
        """The request whose answer is to be taken next; it stays here."""
        if in_turn:
            return self._queue[0]
        oldest = dict[int, _Asked]()  # of each collector, which answers in turn
        for each in self._queue:
            oldest.setdefault(each.number, each)
        candidates = list(oldest.values())
        return candidates[self._hands.first([each.ticket for each in candidates])]

    def took(self, asked: _Asked) -> None:
        """It has been answered."""
        self._queue.remove(asked)
        self._batches[asked.number] += 1
        if self._batches[asked.number] == PROOF:
            self._deaths[asked.number] = 0

    def died(self, number: int) -> int:
        """How often in a row a collector has died now."""
        self._deaths[number] += 1
        self._batches[number] = 0
        self._has[number] = None
        return self._deaths[number]

    def ask_again(self, lost: _Asked, steps: int, episodes: int) -> None:
        """Makes all requests to one collector again, each in its place."""
        for each in self._queue:
            if each.number == lost.number:
                self._send(each, steps, episodes)

    def _send(self, asked: _Asked, steps: int, episodes: int) -> None:
        updates = self._newest.updates()
        if self._version < 0 or updates - self._version >= self._every:
            self._version, self._weights = updates, self._hands.put(self._newest.vector())
        has = self._has[asked.number] == self._version
        self._has[asked.number] = asked.version = self._version
        asked.ticket = self._hands.ask(asked.number, BatchRequest(None if has else self._weights, steps, episodes))
