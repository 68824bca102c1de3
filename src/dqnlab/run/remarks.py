"""What settings that are allowed will come to, where that is hardly meant: lines for the user, before training."""

from __future__ import annotations

from ..config import Config
from ..learn.schedules import Schedule
from .envs import STEP_LIMIT, EnvSpec
from .train import Plan

HIGH = 0.2  # share of random actions at the end of training above which it is said
ONE_ACTION = "there is a single action: nothing can be decided, so nothing can be learned"


def remarks(config: Config, spec: EnvSpec, plan: Plan, epsilon: Schedule) -> list[str]:
    """One line for each setting that is hardly meant so."""
    lines = [ONE_ACTION] if spec.num_actions == 1 else []
    if config.gamma == 1 and spec.max_episode_steps >= STEP_LIMIT:
        lines.append(
            f"gamma = 1 and no step limit below {STEP_LIMIT:,}: values may grow without bound; lower gamma, or give "
            "--env.max-episode-steps"
        )
    return lines + (_of_steps(config, plan, epsilon) if plan.budget.unit == "steps" else [])


def _of_steps(config: Config, plan: Plan, epsilon: Schedule) -> list[str]:
    """What does not fit into a budget of so many env steps."""
    lines, last = list[str](), plan.budget.num
    ends = f"training ends at step {last:,}"
    first = plan.learning_starts + (config.n - 1) * config.env.num_envs + plan.update_every
    if first > last:
        lines.append(
            f"there may be no update at all: the first is due at about step {first:,} (learning_starts = "
            f"{plan.learning_starts:,}, update_every = {plan.update_every:,}), and {ends}"
        )
    every = plan.evaluate_every
    if every.unit == "steps" and every.num > last:
        lines.append(
            f"nothing is judged before the end: evaluate_every = {every.num:,} steps, and {ends}; only the last "
            "network can be the best"
        )
    share = epsilon(last, 0)
    if share > HIGH and epsilon(10 * last, 0) < share:
        lines.append(f"{share:.0%} of the actions are still random when {ends}: let epsilon fall faster")
    return lines
