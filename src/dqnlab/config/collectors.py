"""Collectors: processes, here or on other machines, that gather experience for one learner."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from ..errors import ConfigError, either
from .checks import Whole
from .typed import check_fields

MOST_COLLECTORS = 10_000
LONGEST_BATCH = 10_000  # steps
MOST_AHEAD = 100
SLACK = 4  # how often another may come between where nobody waits for the slowest; beyond, transitions are dropped


@dataclass(frozen=True, kw_only=True)
class Collectors:
    """Processes that gather experience for one learner, here or on other machines (Ape-X: Horgan et al. 2018)."""

    plain: ClassVar[str] = "num"
    num: Annotated[int, Whole(0, MOST_COLLECTORS)] = 0
    """processes that collect, each with env.num_envs copies of the environment and a copy of the network; collector i
    of N explores with epsilon to the power 1 + 7 i / (N - 1). 0 collects in this process; more need Ray"""
    batch_steps: Annotated[int, Whole(1, LONGEST_BATCH)] = 32
    """steps of all its copies that a collector hands over at once: more cost less on the way, and are older"""
    weights_every: Annotated[int, Whole(1)] = 100
    """updates between two sets of weights that are sent to the collectors, at least"""
    in_flight: Annotated[int, Whole(1, MOST_AHEAD)] = 2
    """batches of each collector that are asked for and not learned from yet; with 1 it waits while they are"""
    order: Literal["asked", "ready"] = "asked"
    """asked takes batches in the order of the requests, at the pace of the slowest collector: the same seed gives the
    same run. ready takes what comes first, for collectors of different speed"""

    def __post_init__(self) -> None:
        check_fields(self, "collectors.")

    def check_fits(self, *, offline: str | None, rollout: str | None, workers: int, copies: int | None) -> None:
        """Raises ConfigError for what collectors cannot do.

        Args:
            offline: the kind of experience where nothing is collected.
            rollout: the kind of memory where all that is learned from must be of the newest weights.
            workers: of the environment.
            copies: of the environment at most.
        """
        if not self.num:
            return
        says = f"collectors.num = {self.num} and"
        if offline is not None:
            raise ConfigError(
                f"{says} experience = {offline!r} exclude each other: nothing is collected; leave out one"
            )
        if rollout is not None:
            raise ConfigError(
                f"{says} memory = {rollout!r} exclude each other: a rollout is of the newest weights, and those of "
                "collectors are older; use memory = 'replay'"
            )
        if workers:
            raise ConfigError(
                f"{says} env.workers = {workers} exclude each other: collectors are processes already; leave out one"
            )
        if copies is not None:
            raise ConfigError(
                f"{says} env.copies = {copies} exclude each other: each collector has copies of its own; leave out one"
            )

    def check_alone(self, what: str) -> None:
        """Raises ConfigError where several runs are trained side by side, by `what`."""
        if self.num:
            raise ConfigError(
                f"collectors.num = {self.num} is for one run at a time, and {what} trains several side by side: train "
                "each seed by itself, with dqn train --seed"
            )

    def check_used(self, ray: str | None) -> None:
        """Raises ConfigError where a Ray is named for one run, and the run has no use for it."""
        if ray is not None and not self.num:
            raise ConfigError(
                f"{either('--ray', 'ray=')} {ray} is where the collectors of one run are, and collectors.num = 0: add "
                f"{either('--collectors N', 'collectors=N')}, or train several seeds there: "
                f"{either('--seeds N', 'train_many(…, ray=…)')}"
            )

    def between(self, steps: int, num_envs: int) -> int:
        """How many frames the others show while one collector takes so many steps; 0 if there are none."""
        others = max(self.num - 1, 0)
        rounds = math.ceil(steps / self.batch_steps) * (1 if self.order == "asked" else SLACK)
        return others * num_envs * (rounds * self.batch_steps + 1)  # and what each began with
