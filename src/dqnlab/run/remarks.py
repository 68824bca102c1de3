"""What settings that are allowed will come to, where that is hardly meant: lines for the user, before training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch

from ..config import Config
from ..config.fields import leaves
from ..envs.make import STEP_LIMIT, EnvSpec
from ..envs.masks import ADVICE
from ..envs.spaces import SMALLEST_PICTURE
from ..errors import counted, either
from ..learn.convs import find_pictures
from ..learn.schedules import Schedule
from ..settle import pace, updates_in, waits
from .train import Plan

HIGH = 0.2  # share of random actions at the end of training above which it is said
ONE_ACTION = "there is only one action: nothing to decide, so nothing to learn"


class Remark(NamedTuple):
    """One thing that is allowed and hardly meant."""

    check: str
    """what it is about, in a word; the doctor sorts by it"""
    what: str
    advice: str

    def __str__(self) -> str:
        return f"{self.what}: {self.advice}"


def remarks(config: Config, spec: EnvSpec, plan: Plan, epsilon: Schedule) -> list[Remark]:
    """One for each setting that is hardly meant so, and for what of the environment is not read as it is meant."""
    found = list(_of_env(spec))
    found += _of_pictures(config, spec)
    if config.gamma == 1 and spec.max_episode_steps >= STEP_LIMIT:
        what = f"gamma = 1 and no step limit below {STEP_LIMIT:,}: values may grow without bound"
        found.append(
            Remark(
                "gamma", what, f"lower gamma, or give {either('--env.max-episode-steps', 'Env(max_episode_steps=…)')}"
            )
        )
    if config.env.workers > config.env.num_envs:
        what = f"env.workers = {config.env.workers:,}, and training steps {counted(config.env.num_envs, 'copy')}: "
        what += "the other workers have work only while networks are judged"
        found.append(
            Remark("workers", what, f"give {either('--env.num-envs', 'Env(num_envs=…)')} more, or fewer workers")
        )
    if config.trusts_unseen:
        what = "values of actions that were never recorded are guesses, and the largest guess is believed"
        found.append(Remark("offline", what, f"give {either('--cql 1', 'regularizer=Cql(alpha=1)')}"))
    return found + (list(_of_steps(config, plan, epsilon)) if plan.budget.unit == "steps" else [])


def _of_env(spec: EnvSpec) -> Iterator[Remark]:
    if spec.num_actions == 1:
        yield Remark("actions", ONE_ACTION, "give it at least two")
    if spec.unread_mask is not None:
        what = f"the environment has {spec.unread_mask}, which is not read: forbidden actions are chosen like any other"
        yield Remark("mask", what, ADVICE)
    for unused in spec.names.unused:
        yield Remark(unused.key, f"the environment's {unused.what}", unused.advice)


def _of_pictures(config: Config, spec: EnvSpec) -> Iterator[Remark]:
    large = list(find_pictures(spec.obs, SMALLEST_PICTURE))
    if large and config.conv == "none":
        shape = spec.obs.parts[large[0]].shape if spec.obs.parts else spec.obs.shape
        what = f"observations of shape {shape} are pictures, and go flattened into a fully connected network"
        unwanted = either("--conv none", "conv='none'")
        yield Remark("pictures", what, f"leave out {unwanted}, and convolutions look at them")
    elif large and config.device == "auto" and torch.cuda.is_available():
        what = "convolutions over large pictures run on the CPU, and there is a GPU"
        yield Remark("device", what, "give " + either("--device cuda", "device='cuda'"))


def _of_rate(config: Config, updates: int) -> Iterator[Remark]:
    """A learning rate that is 0 before the last of about so many updates."""
    settings = dict(leaves(config))
    end = settings.get("lr_schedule.updates", "auto")
    if end != "auto" and end < updates and settings["lr_schedule.end"] == 0:
        what = f"the learning rate is 0 from update {end:,} on (lr_schedule.updates), and there are about {updates:,}"
        longer = either("--lr-schedule.updates or --lr-schedule.end", "updates=… or end=… of lr_schedule")
        yield Remark("rate", what, f"nothing is learned from there on; train a longer run with another {longer}")


def _of_steps(config: Config, plan: Plan, epsilon: Schedule) -> Iterator[Remark]:
    """What does not fit into a budget of so many env steps."""
    last = plan.budget.num
    ends = f"training ends at step {last:,}"
    settings = dict(leaves(config))
    sequence = settings.get("torso.burn_in", 0) + settings.get("torso.unroll", 0)  # of which only whole ones are stored
    first = waits(config) + (sequence + config.n - 1) * config.env.num_envs + pace(config)[0]
    if first > last and not config.is_offline:
        what = f"there may be no update at all: the first is due at about step {first:,} (learning_starts = "
        what += f"{waits(config):,}, update_every = {pace(config)[0]:,}), and {ends}"
        yield Remark("updates", what, "train for longer, or start earlier")
    every = plan.evaluate_every
    if every.unit == "steps" and every.num > last:
        what = f"nothing is evaluated before the end: evaluate_every = {counted(every.num, 'step')}, and {ends}"
        often = max(1, last // 10)
        flag = either(f"--evaluate-every {often}", f"evaluate_every=Steps(num={often})")
        yield Remark("judging", what, f"the last network will be the best; to judge it on the way give {flag}")
    yield from _of_rate(config, updates_in(config, last))
    share = epsilon(last, 0)
    if share > HIGH and not config.is_offline and epsilon(10 * last, 0) < share:
        what = f"{share:.0%} of the actions are still random when {ends}"
        yield Remark("epsilon", what, "let epsilon fall faster")
