"""What a diagnosis is made of: facts about the run, its course, and the findings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from ...build import make_epsilon
from ...config import Config
from ...config.fields import leaves
from ...envs.make import EnvSpec
from ...settle import settle_epsilon
from .signals import NONE, Column

Severity = Literal["good", "notice", "bad"]
FOREVER = 10**9  # steps and episodes after which every schedule has ended


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What must be known of a run beside its metrics."""

    gamma: float
    n: int
    epsilon_end: float
    """share of random actions that the schedule comes down to"""
    max_episode_steps: int
    threshold: float | None
    replay_capacity: int
    lr: float
    prioritized: bool
    """batches are drawn by their errors: they are not like what is stored"""
    huber: bool
    """large errors count by their size, not by its square"""
    follows_at_once: bool
    """the target network equals the online one after every update: there is none"""
    returns: tuple[float, float, int] | None = None
    """lowest and highest return that the head knows, and how many; none if it knows any"""
    lowers: float = 0.0
    """the most that the rule takes from the reward of a step, in the environment's units"""
    raises: float = 0.0
    """the most that the rule adds to the value of a step, likewise"""
    rollout: bool = False
    """what was learned from is forgotten at once, and there is no target network: so it is meant to be"""
    noisy: bool = False
    """noise on the weights explores, whatever epsilon is"""
    soft: bool = False
    """actions are drawn by their values, whatever epsilon is"""


def facts_of(config: Config, spec: EnvSpec) -> RunFacts:
    """The facts of a run of this configuration in this environment."""
    settings = dict(leaves(config))
    unit = 1.0 if config.reward_scale == "auto" else config.reward_scale
    return RunFacts(
        gamma=config.gamma,
        n=config.n,
        epsilon_end=make_epsilon(settle_epsilon(config))(FOREVER, FOREVER),
        max_episode_steps=spec.max_episode_steps,
        threshold=spec.reward_threshold,
        replay_capacity=config.memory_size,
        lr=config.optimizer.lr,
        prioritized="sampler.beta" in settings,
        huber=settings.get("head.huber") is not None,
        follows_at_once=_lacks_target(settings),
        returns=_returns(settings),
        lowers=-settings.get("rule.alpha", 0.0) * settings.get("rule.least", 0.0) * unit,
        raises=settings.get("rule.tau", 0.0) * math.log(spec.num_actions) * unit,
        rollout="memory.num_steps" in settings,
        noisy="layers.sigma" in settings,
        soft="exploration.temperature" in settings,
    )


def _lacks_target(settings: Mapping[str, Any]) -> bool:
    """Whether nothing keeps targets from moving with every update: no target network, nor PQN's norms in its place."""
    if "sync" not in settings:
        return settings["norm"] == "none"
    return settings.get("sync.every") == 1 or settings.get("sync.tau") == 1


def _returns(settings: Mapping[str, Any]) -> tuple[float, float, int] | None:
    low, high = settings.get("head.v_min", "auto"), settings.get("head.v_max", "auto")
    return None if "auto" in (low, high) else (low, high, settings["head.num"])


class Foreseen(NamedTuple):
    """The first sign of what came later."""

    signal: str
    """the metric, such as `learn/td_error`"""
    step: int
    """env step from which it stood out without a break"""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that can be said of a run's health. The words are in page/words/health.json."""

    kind: str
    severity: Severity
    step: int | None = None
    """env step from which it shows; none for what holds throughout"""
    foreseen: Foreseen | None = None
    """what announced it, if anything did"""
    numbers: Mapping[str, float] = field(default_factory=dict)
    """what its sentence is filled with"""
    causes: tuple[str, ...] = ()
    """settings that are known to bring it about, and that this run has"""


def as_data(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The findings as plain tables and numbers, as the page gets them."""
    return [
        {
            "kind": each.kind,
            "severity": each.severity,
            "step": each.step,
            "foreseen": each.foreseen._asdict() if each.foreseen is not None else None,
            "numbers": dict(each.numbers),
            "causes": list(each.causes),
        }
        for each in findings
    ]


@dataclass(frozen=True)
class Course:
    """The metrics of one run over training."""

    recorded: Mapping[str, Column]
    """every metric, by its name"""
    facts: RunFacts

    def get(self, name: str) -> Column:
        """A metric by its name; empty if it was never recorded."""
        return self.recorded.get(name, NONE)

    @property
    def end(self) -> int:
        """The last env step of which there is a record; 0 if there is none."""
        ends = [c.step[-1] for c in map(self.get, ("train/reward", "learn/loss", "eval/reward")) if len(c.step)]
        return int(max(ends, default=0))

    @cached_property
    def ceiling(self) -> float:
        """The largest size that the value of a first state can have, by the rewards seen.

        The best reward per step of any episode, earned for ever (gamma 1: to the step limit), or what the
        evaluations measured, whichever is more. NaN if no episode ended.
        """
        measured = self.get("eval/discounted_return").finite.value
        return float(max(self.rate * self.horizon, np.abs(measured).max(initial=0.0))) if self.rate >= 0 else math.nan

    @cached_property
    def rate(self) -> float:
        """The largest reward per step of any episode, by its size. NaN if no episode ended."""
        ret, length = self.get("train/reward"), self.get("train/length")
        if not len(ret.value) or len(ret.value) != len(length.value):
            return math.nan
        return float(np.abs(ret.value / np.maximum(length.value, 1)).max())

    @property
    def horizon(self) -> float:
        """Steps that count in a value, discounted."""
        return 1 / (1 - self.facts.gamma) if self.facts.gamma < 1 else self.facts.max_episode_steps

    @property
    def raised(self) -> float:
        """How far values may lie above returns by what the rule adds."""
        return self.facts.raises * self.horizon

    @property
    def tail(self) -> float:
        """How far a value may lie above the return of an episode that its step limit ended."""
        return self.facts.gamma**self.facts.max_episode_steps * self.ceiling

    def causes(self, *names: str) -> tuple[str, ...]:
        """Those of the named causes that this run's settings have."""
        facts = self.facts
        has = {
            "no-target": facts.follows_at_once,
            "gamma-one": facts.gamma == 1,
            "small-replay": facts.replay_capacity < 2_000 and not facts.rollout,
            "high-rate": facts.lr >= 0.1,
            "random": facts.epsilon_end >= 0.5,
            "huber": facts.huber,
        }
        return tuple(name for name in names if has[name])
