"""The best return there is, and that of a policy, of environments that say how they work (Gymnasium's toy text).

Backward induction over the steps of an episode: exact, for the step limit is part of the problem. The best policy may
look at the clock; one that sees the state only can at most come close to it, and how close is looked for as well.
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
    return float(table.start @ _best_values(table))


def policy_return(table: Dynamics, actions: np.ndarray) -> float:
    """The expected return of taking `actions` [S] in the states."""
    return float(table.start @ _values(table, actions)[-1])


# ── Of the state alone ───────────────────────────────────────────────────────────────────────────

_DISCOUNTS = (0.99, 0.995, 0.999, 1.0)
_WORTH = 1e-9  # a gain below is rounding


def best_by_state(table: Dynamics) -> float:
    """The highest return that was found of policies [S], which see the state and no clock.

    From what value iteration does with several discounts, the action of one state after the other is changed where
    that pays, until it pays nowhere (policy iteration, Howard 1960, with exact returns). There may be better ones, but
    none above `best_return`.
    """
    best, limit = -np.inf, best_return(table)
    for discount in _DISCOUNTS:
        best = max(best, _climb(table, _greedy(table, discount)))
        if best >= limit - _WORTH:
            break
    return best


def _greedy(table: Dynamics, discount: float) -> np.ndarray:
    """What is best in each state [S], by its values with a discount over the steps of an episode."""
    return (table.reward + table.next @ (discount * _best_values(table, discount))).argmax(1)


def _climb(table: Dynamics, actions: np.ndarray) -> float:
    """The return of a policy that no state's other action, by what it would gain at first sight, makes better."""
    found, gains = policy_return(table, actions), _gains(table, actions)
    while True:
        for cell in np.argsort(-gains, axis=None)[: np.count_nonzero(gains > _WORTH)]:
            state, action = np.unravel_index(cell, gains.shape)
            changed = actions.copy()
            changed[state] = action
            if (value := policy_return(table, changed)) > found + _WORTH:
                found, actions = value, changed
                gains = _gains(table, actions)
                break
        else:
            return found


def _gains(table: Dynamics, actions: np.ndarray) -> np.ndarray:
    """What each action [S, A] earns more than the policy's own, over all visits of its state in an episode."""
    states = np.arange(len(actions))
    values, following = _values(table, actions), table.next[states, actions]
    visits = np.zeros((table.horizon, len(states)))  # [H, S] probability of being there
    visits[0] = table.start
    for step in range(1, table.horizon):
        visits[step] = visits[step - 1] @ following
    later = visits.T @ values[-2::-1]  # [S, S] visits of a state times what the next one is worth then
    earned = visits.sum(0)[:, None] * table.reward + np.einsum("san,sn->sa", table.next, later)
    return earned - earned[states, actions][:, None]


def _best_values(table: Dynamics, discount: float = 1.0) -> np.ndarray:
    """What a whole episode from each state [S] is worth, if at every step what is best then is done."""
    value = np.zeros(len(table.start))
    for _ in range(table.horizon):
        value = (table.reward + table.next @ (discount * value)).max(1)
    return value


def _values(table: Dynamics, actions: np.ndarray) -> np.ndarray:
    """The values of a policy with 0, 1, ... steps of an episode left, [H + 1, S]."""
    states = np.arange(len(actions))
    reward, following = table.reward[states, actions], table.next[states, actions]
    values = np.zeros((table.horizon + 1, len(states)))
    for left in range(table.horizon):
        values[left + 1] = reward + following @ values[left]
    return values
