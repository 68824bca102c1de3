"""Collectors as Ray actors: in processes of this machine, or of a whole cluster."""

from __future__ import annotations

import re
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Any

import numpy as np

from ..cluster import LOCAL, LOOPBACK, check_ray_installed, joined, machines, say
from ..config import Config
from ..envs.make import EnvSpec
from ..envs.remote import BatchAnswer, BatchRequest, CollectorLost, Waited
from ..envs.seeds import Seat
from ..envs.watchdog import GRACE
from ..errors import ConfigError, DqnlabError, counted, either, named
from ..lifeline import Lifeline, last_words, line_to_ray
from ..processes import PATIENCE, check_picklable
from .collecting import Elsewhere

LOOK_EVERY = 1.0  # seconds
STARTING = 60.0  # seconds in which a collector should have a place, and have loaded what it needs
PROGRESS = 5.0  # seconds between two lines about how many have begun
CROWD, MOST = 2, 32  # collectors for each processor of one machine: more gain nothing, and more it could not hold


def check_crowd(num: int) -> None:
    """Says what more collectors are good for than the cluster has processors. Raises ConfigError for far too many."""
    processors, is_here = _processors()
    has = f"this machine has {counted(processors, 'processor')}" if is_here else f"the cluster has {processors} CPUs"
    if is_here and num > MOST * processors:
        raise ConfigError(
            f"collectors.num = {num} is too many: {has}, which can hold {MOST * processors}: lower it, or join a "
            f"cluster with {either('--ray', 'ray=')}"
        )
    if is_here and num > CROWD * processors:
        say(f"{counted(num, 'collector')}, but {has}: more than {processors} hardly collect faster, and start slowly")
    if not is_here and num > processors:
        say(f"{counted(num, 'collector')}, but {has}: each takes one, and the run waits until all have begun")


def _processors() -> tuple[int, bool]:
    """How many the cluster has, and whether it is one of this machine alone."""
    there = machines()
    return sum(each.processors for each in there), [each.address for each in there] == [LOOPBACK]


class RayHands:
    """Reaches the collectors of a run, each a Ray actor. Ray is joined, or started here, when the first one begins."""

    def __init__(self, config: Config, spec: EnvSpec):
        """Raises ConfigError for settings that cannot be sent, ResourceError without Ray."""
        check_picklable(config, config.env.label)
        check_ray_installed()
        self.asks: Callable[[], bool] = lambda: False
        self._config = config
        self._spec = spec
        self._held = ExitStack()
        self._actors: dict[int, Any] = {}
        self._made: dict[int, Any] = {}  # the request to each that makes it what it is
        self._answered: set[int] = set()  # which of them have, since they began
        self._begun = 0  # how many have, as was said last
        self._said = time.monotonic()  # when
        self._line: Lifeline | None = None
        self._is_here = False  # whether the cluster is this machine alone
        self._class: Any = None
        self._shared: list[Any] = []

    def begin(self, number: int, life: int) -> None:
        """Starts a collector, or another in its place."""
        import ray

        actor = self._class = self._class or self._join()
        self._check_line()
        if (before := self._actors.pop(number, None)) is not None:
            ray.kill(before)  # if it only was out of reach
        self._answered.discard(number)
        seat = Seat(number, self._config.collectors.num, life)
        self._actors[number] = actor.remote(sys.path)
        self._made[number] = self._actors[number].make.remote(*self._shared, seat)

    def put(self, weights: np.ndarray) -> Any:
        """Weights [P] where every machine that needs them fetches them once."""
        import ray

        self._check_line()
        return ray.put(weights)

    def ask(self, number: int, request: BatchRequest) -> Any:
        """Asks a collector; returns at once."""
        self._check_line()
        return number, self._actors[number].answer.remote(*request)

    def first(self, asked: Sequence[Any]) -> int:
        """Which of these has been answered, or never will be; waits for one."""
        import ray

        tickets = [ticket for _, ticket in asked]
        began = time.monotonic()
        self._check_line()
        while not (ready := ray.wait(tickets, timeout=LOOK_EVERY)[0]):
            self._look(asked[0][0], time.monotonic() - began)
        return tickets.index(ready[0])

    def take(self, asked: Any) -> BatchAnswer:
        """Waits for an answer. Raises CollectorLost if there will be none."""
        import ray
        from ray.exceptions import GetTimeoutError, RayError, RayTaskError

        number, ticket = asked
        began = time.monotonic()
        while True:
            self._check_line()
            try:
                answer: BatchAnswer = ray.get([self._made[number], ticket], timeout=LOOK_EVERY)[1]
            except GetTimeoutError:
                self._look(number, time.monotonic() - began)
            except RayTaskError as error:  # whatever an environment does is an answer
                raise DqnlabError(f"collector {number + 1} failed: {named(error.cause or error)}") from error
            except RayError as error:
                self._check_line()
                raise CollectorLost(_fate(error)) from error
            else:
                self._answered.add(number)
                return answer

    def close(self) -> None:
        """Closes the environments of the collectors that still answer, and ends all; a second time does nothing."""
        actors, self._actors = self._actors, {}
        if actors:
            import ray
            from ray.exceptions import RayError

            if (line := self._line) is not None and not line.is_cut and ray.is_initialized():
                with suppress(RayError):  # those that have not begun have nothing to close
                    closing = [actors[number].close.remote() for number in self._answered if number in actors]
                    if closing:
                        ray.wait(closing, num_returns=len(closing), timeout=PATIENCE)
                for each in actors.values():
                    with suppress(RayError):
                        ray.kill(each)
        if self._line is not None:
            self._line.close()
        self._held.close()

    def _join(self) -> Any:
        """Joins or starts Ray; what actors are made by."""
        import ray

        self._held.enter_context(joined(LOCAL))  # or that which this process is in
        self._line = line_to_ray()
        _, self._is_here = _processors()
        # On a machine of our own they share the processors; elsewhere each gets one, and the cluster may grow for it.
        self._shared = [ray.put(self._config), ray.put(self._spec)]
        if self._is_here:
            return ray.remote(num_cpus=0)(Elsewhere)
        return ray.remote(num_cpus=1, scheduling_strategy="SPREAD")(Elsewhere)

    def _look(self, number: int, lasted: float) -> None:
        """Has no answer from a collector for so many seconds.

        Raises CollectorLost if that is too long, ResourceError if Ray is lost, and Waited if nobody wants to wait.
        """
        import ray

        self._check_line()
        if self.asks():
            raise Waited
        self._say_who_has_begun()
        if number not in self._answered and STARTING <= lasted < STARTING + LOOK_EVERY:
            self._say_what_may_be_missing(f"collector {number + 1} of {self._config.collectors.num}", lasted)
        limit = self._config.env.timeout + GRACE
        if number in self._answered and self._config.env.timeout and lasted >= limit:  # its own watchdog speaks first
            ray.kill(self._actors[number])
            raise CollectorLost(f"it gave no answer for {lasted:.0f} s")

    def _say_who_has_begun(self) -> None:
        """Says how many have a process by now, from time to time until all have."""
        import ray

        num = self._config.collectors.num
        if self._begun < num and time.monotonic() - self._said >= PROGRESS:
            begun = len(ray.wait(list(self._made.values()), num_returns=num, timeout=0)[0])
            if begun > self._begun:
                say(f"collectors: {begun} of {num} have begun")
            self._begun, self._said = begun, time.monotonic()

    def _say_what_may_be_missing(self, collector: str, lasted: float) -> None:
        """Here processes only start slowly; in a cluster a collector may wait for a processor that never comes free."""
        import ray

        late = f"{collector} has not begun after {lasted:.0f} s"
        if self._is_here:
            say(late)
        else:
            processors = counted(int(ray.cluster_resources().get("CPU", 0)), "processor")
            warnings.warn(f"{late}: each takes a processor, and the cluster has {processors}", stacklevel=2)

    def _check_line(self) -> None:
        """Raises ResourceError if Ray is lost."""
        if self._line is not None:
            self._line.check()


def _fate(error: Exception) -> str:
    """How a collector was lost, in words, by what Ray says of it; Ray knows few exit codes."""
    import ray

    said = str(error)
    if isinstance(error, ray.exceptions.OutOfMemoryError):
        return "Ray found too little memory on its machine"
    if isinstance(error, ray.exceptions.NodeDiedError) or "node has died" in said or "node was terminated" in said:
        return "its machine is gone"
    if isinstance(error, ray.exceptions.ActorUnavailableError):
        return "it is out of reach"
    if not isinstance(error, ray.exceptions.ActorDiedError):
        return named(error).partition(". ")[0]
    code = re.search(r"exit code (\d+)", said)
    pid = re.search(r"pid: (\d+)", said)
    words = "" if pid is None else last_words(int(pid[1]))
    how = "its process ended" if code is None else f"its process ended with exit code {code[1]}"
    return f"{how}, having printed {words!r}" if words else f"{how} and printed nothing"
