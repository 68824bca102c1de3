"""Collectors as Ray actors: in processes of this machine, or of a whole cluster."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Any

import numpy as np

from ..cluster import LOCAL, LOOPBACK, check_ray_installed, joined
from ..config import Config
from ..envs.make import EnvSpec
from ..envs.remote import BatchAnswer, BatchRequest, CollectorLost
from ..envs.seeds import Seat
from ..envs.watchdog import GRACE
from ..errors import DqnlabError, counted, named
from ..processes import PATIENCE, check_picklable
from .collecting import Elsewhere

LOOK_EVERY = 1.0  # seconds
STARTING = 60.0  # seconds in which a collector should have a place, and have loaded what it needs


class RayHands:
    """Reaches the collectors of a run, each a Ray actor. Ray is joined, or started here, when the first one begins."""

    def __init__(self, config: Config, spec: EnvSpec):
        """Raises ConfigError for settings that cannot be sent, ResourceError without Ray."""
        check_picklable(config, config.env.label)
        check_ray_installed()
        self._config = config
        self._spec = spec
        self._held = ExitStack()
        self._actors: dict[int, Any] = {}
        self._made: dict[int, Any] = {}  # the request to each that makes it what it is
        self._answered: set[int] = set()  # which of them have, since they began
        self._class: Any = None
        self._shared: list[Any] = []

    def begin(self, number: int, life: int) -> None:
        """Starts a collector, or another in its place."""
        import ray

        actor = self._class = self._class or self._join()
        if (before := self._actors.pop(number, None)) is not None:
            ray.kill(before)  # if it only was out of reach
        self._answered.discard(number)
        seat = Seat(number, self._config.collectors.num, life)
        self._actors[number] = actor.remote(sys.path)
        self._made[number] = self._actors[number].make.remote(*self._shared, seat)

    def put(self, weights: np.ndarray) -> Any:
        """Weights [P] where every machine that needs them fetches them once."""
        import ray

        return ray.put(weights)

    def ask(self, number: int, request: BatchRequest) -> Any:
        """Asks a collector; returns at once."""
        return number, self._actors[number].answer.remote(*request)

    def first(self, asked: Sequence[Any]) -> int:
        """Which of these has been answered, or never will be; waits for one."""
        import ray

        tickets = [ticket for _, ticket in asked]
        began = time.monotonic()
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
            try:
                answer: BatchAnswer = ray.get([self._made[number], ticket], timeout=LOOK_EVERY)[1]
            except GetTimeoutError:
                self._look(number, time.monotonic() - began)
            except RayTaskError as error:  # whatever an environment does is an answer
                raise DqnlabError(f"collector {number + 1} failed: {named(error.cause or error)}") from error
            except RayError as error:
                raise CollectorLost(named(error).partition(". ")[0]) from error
            else:
                self._answered.add(number)
                return answer

    def close(self) -> None:
        """Closes the environments of the collectors that still answer, and ends all; a second time does nothing."""
        actors, self._actors = self._actors, {}
        if actors:
            import ray
            from ray.exceptions import RayError

            with suppress(RayError):
                ray.wait([each.close.remote() for each in actors.values()], num_returns=len(actors), timeout=PATIENCE)
            for each in actors.values():
                with suppress(RayError):
                    ray.kill(each)
        self._held.close()

    def _join(self) -> Any:
        """Joins or starts Ray; what actors are made by."""
        import ray

        self._held.enter_context(joined(LOCAL))  # or that which this process is in
        here = [str(node["NodeManagerAddress"]) for node in ray.nodes()] == [LOOPBACK]
        # On a machine of our own they share the processors; elsewhere each gets one, and the cluster may grow for it.
        self._shared = [ray.put(self._config), ray.put(self._spec)]
        if here:
            return ray.remote(num_cpus=0)(Elsewhere)
        return ray.remote(num_cpus=1, scheduling_strategy="SPREAD")(Elsewhere)

    def _look(self, number: int, lasted: float) -> None:
        """Has no answer from a collector for so many seconds. Raises CollectorLost if that is too long."""
        import ray

        if number not in self._answered and STARTING <= lasted < STARTING + LOOK_EVERY:
            processors = counted(int(ray.cluster_resources().get("CPU", 0)), "processor")
            warnings.warn(
                f"collector {number + 1} of {self._config.collectors.num} has not begun after {lasted:.0f} s: each "
                f"takes a processor, and the cluster has {processors}",
                stacklevel=2,
            )
        limit = self._config.env.timeout + GRACE
        if number in self._answered and self._config.env.timeout and lasted >= limit:  # its own watchdog speaks first
            ray.kill(self._actors[number])
            raise CollectorLost(f"it gave no answer for {lasted:.0f} s")
