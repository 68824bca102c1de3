"""The best return there is, and that of a policy, of environments that say how they work (Gymnasium's toy text).

Backward induction over the steps of an episode: exact, for the step limit is part of the problem. The best policy may
look at the clock; one that sees the state only can at most come close to it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..config import Env
from .make import describe, make_one


class Dynamics(NamedTuple):
    """How an environment of S numbered states and A actions works."""

    reward: np.ndarray  # [S, A] expected reward
    next: np.ndarray  # [S, A, S] probability that the episode continues there
    start: np.ndarray  # [S] probability that it begins there
    horizon: int  # steps of an episode, at most
    allowed: np.ndarray | None = None  # [S, A] bool, where the environment forbids actions


def dynamics_of(env: Env) -> Dynamics | None:
    """The table of an environment; none if it has none, or is seen through wrappers.

    Raises ConfigError, EnvironmentFault.
    """
    if env.wrappers or env.frame_stack > 1 or env.keys:
        return None
    made = make_one(env)
    try:
        own: Any = made.unwrapped
        table, start = getattr(own, "P", None), getattr(own, "initial_state_distrib", None)
        if not isinstance(table, dict) or start is None:
            return None
        num_states, num_actions = len(table), len(table[0])
        reward = np.zeros((num_states, num_actions))
        following = np.zeros((num_states, num_actions, num_states))
        for state, actions in table.items():
            for action, outcomes in actions.items():
                for probability, other, paid, terminated in outcomes:
                    reward[state, action] += probability * paid
                    if not terminated:
                        following[state, action, other] += probability
        allowed = None
        if callable(mask := getattr(own, "action_mask", None)):
            allowed = np.array([mask(state) for state in range(num_states)], bool)
    finally:
        made.close()
    return Dynamics(reward, following, np.asarray(start, float), describe(env).max_episode_steps, allowed)


def best_return(table: Dynamics) -> float:
    """The expected return of the best there is to do."""
    value = np.zeros(len(table.start))
    for _ in range(table.horizon):
        value = (table.reward + table.next @ value).max(1)
    return float(table.start @ value)


def policy_return(table: Dynamics, actions: np.ndarray) -> float:
    """The expected return of taking `actions` [S] in the states."""
    states = np.arange(len(table.start))
    reward, following = table.reward[states, actions], table.next[states, actions]
    value = np.zeros(len(states))
    for _ in range(table.horizon):
        value = reward + following @ value
    return float(table.start @ value)
