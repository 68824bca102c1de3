"""Which settings may change in the middle of a run, and what that means for what it has stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..config import Config, Episodes, Steps
from ..config.fields import leaves
from ..envs.make import EnvSpec
from ..errors import ConfigError, either

# What only decides how things go on. A name stands for all below it: `epsilon` for `epsilon.end`.
_ANY_TIME = (
    "compile",
    "threads",
    "rule",
    "regularizer",
    "sampler",
    "sync",
    "optimizer",
    "lr_schedule",
    "epsilon",
    "exploration",
    "head.huber",
    "learning_starts",
    "batch_size",
    "update_every",
    "budget",
    "evaluate_every",
    "select_episodes",
    "confirm_episodes",
    "score_episodes",
    "stop_when_solved",
    "metrics_every",
    "checkpoint_every",
    "keep_checkpoints",
    "film",
    "explain",
    "env.timeout",
    "env.workers",
    "env.reward_threshold",
)
# What changes nothing of what is learned: a branch may begin at its end with other ones.
_NOT_LEARNED = (
    "compile",
    "threads",
    "confirm_episodes",
    "score_episodes",
    "keep_checkpoints",
    "film",
    "explain",
    "env.timeout",
    "env.workers",
    "env.reward_threshold",
)
# What the stored transitions were made with, or lie in.
_STORED = ("n", "gamma", "reward_clip", "reward_scale", "replay_capacity")
_WORLD = (
    "env.id",
    "env.kwargs",
    "env.wrappers",
    "env.max_episode_steps",
    "env.gray",
    "env.resize",
    "env.keys",
    "env.scale",
    "env.action_mask",
)
_SHAPE = (
    "is part of the network, which a branch continues with as it is: to begin another network with what fits of its "
    f"weights, use {either('dqn train --init RUN', 'dqnlab.train(config, init=run)')}"
)
_WHY = {
    "preset": "is where its settings came from: name those that are to differ",
    "seed": "decides random numbers of which some are drawn already: for another seed, train a run of its own",
    "device": "decides how numbers are rounded: train a run of its own there",
    "env.num_envs": "is how many episodes are going on: train a run of its own with more or fewer",
    "env.copies": "decides which environments exist: train a run of its own",
    "env.frame_stack": _SHAPE,
    "experience": "decides what the run began with: train a run of its own",
    "init": "decides what the run began with: train a run of its own",
    "memory": "is another kind of memory, which what is stored does not fit: train a run of its own",
}


@dataclass(frozen=True)
class Midway:
    """Settings that change in the middle of a run."""

    changes: Mapping[str, Any]
    """the new value of each, by its dotted name; none where it does not exist any more"""
    anew: tuple[str, ...]
    """those for which what is stored cannot serve any longer: the replay begins empty, open episodes are truncated"""
    other_env: bool
    """whether it is another environment"""


def midway(before: Config, after: Config, kept: tuple[str, ...] = ()) -> Midway:
    """What differs between two settled configurations. Raises ConfigError for what cannot change in the middle.

    Args:
        kept: settings with which what is stored can be brought into line.
    """
    old, new = dict(leaves(before)), dict(leaves(after))
    names = [*new, *(name for name in old if name not in new)]
    changes = {name: new.get(name) for name in names if name not in old or name not in new or old[name] != new[name]}
    for name in changes:
        if not _is_below(name, (*_ANY_TIME, *_STORED, *_WORLD)):
            why = next((why for each, why in _WHY.items() if _is_below(name, (each,))), _SHAPE)
            raise ConfigError(f"{name} cannot change in the middle of a run, from {old.get(name)!r}: it {why}")
    other_env = any(_is_below(name, _WORLD) for name in changes)
    anew = tuple(name for name in changes if _is_below(name, (*_STORED, *_WORLD)) or name == "sampler")
    anew = () if set(anew) <= set(kept) else anew
    return Midway(changes, anew, other_env)


def check_goes_on(way: Midway, budget: Steps | Episodes, step: int) -> None:
    """Raises ConfigError for a branch that ends where it begins, unless it only keeps or judges in another way.

    Without changes it is its parent once more, judged as that was.
    """
    if any(not _is_below(name, _NOT_LEARNED) for name in way.changes):
        raise ConfigError(
            f"the branch begins at step {step:,}, where its budget of {budget.num:,} {budget.kind} is spent, so "
            f"nothing would be trained: choose an earlier step with {either('--at', 'at=')}, or a later end with "
            f"{either('--steps N', 'budget=dqnlab.config.Steps(num=N)')}"
        )


def _is_below(name: str, names: tuple[str, ...]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in names)


def check_spaces(before: EnvSpec, after: EnvSpec, label: str) -> None:
    """Raises ConfigError if a network of one environment cannot act in the other."""
    for what in ("obs", "num_actions", "action_start", "joint", "picture"):
        then, now = getattr(before, what), getattr(after, what)
        if then != now:
            shown = "observations" if what == "obs" else what
            raise ConfigError(
                f"env {label!r} has other {shown} than the run's own, {_text(now)} instead of {_text(then)}: the "
                f"network does not fit; choose one with the same spaces"
            )


def _text(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return str(value) if shape is None else f"{shape} {getattr(value, 'dtype', '')}".strip()
