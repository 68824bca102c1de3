"""From env steps to n-step transitions: the one place that knows gamma, n, and how episodes end."""

from typing import NamedTuple

import numpy as np

from .types import ObsSpec, Transitions


class StepResult(NamedTuple):
    """One step of E envs. Where `live` is False the env only reset itself: nothing happened."""

    obs: np.ndarray  # [E, *obs_shape] before the step
    action: np.ndarray  # [E] int64
    reward: np.ndarray  # [E]
    next_obs: np.ndarray  # [E, *obs_shape] after it, of a finished episode its last
    terminated: np.ndarray  # [E] bool
    truncated: np.ndarray  # [E] bool
    live: np.ndarray  # [E] bool


class NStep:
    """Folds consecutive steps of E envs into transitions of up to n steps each (Sutton 1988).

    Within an episode every step starts a transition, which is handed out n steps later. When the episode
    ends, the shorter ones still open are handed out too, all leading to its last state: discount 0 if the
    episode *terminated*, gamma**span if it was only *truncated*, for then the value beyond still counts.
    """

    def __init__(self, n: int, gamma: float, num_envs: int, obs: ObsSpec):
        self.n = n
        self._powers = gamma ** np.arange(n + 1)  # float64
        self._span = np.arange(n, 0, -1)  # of the window's rows, oldest first: steps from its start to now
        self._factor = self._powers[self._span - 1, None]  # what a reward now counts for each
        self._full = (self._span == n)[:, None]
        # A window over the last n steps: row t % n holds what began at step t.
        self._obs = np.zeros((n, num_envs, *obs.shape), obs.dtype)
        self._action = np.zeros((n, num_envs), np.int64)
        self._return = np.zeros((n, num_envs))  # discounted rewards since then
        self._open = np.zeros((n, num_envs), bool)
        self._steps = 0

    def __call__(self, step: StepResult) -> tuple[Transitions, np.ndarray]:
        """The transitions that this step completed, oldest first, and the env [M] of each."""
        n, newest = self.n, self._steps % self.n
        self._obs[newest], self._action[newest] = step.obs, step.action
        self._return[newest], self._open[newest] = 0.0, step.live
        self._steps += 1

        rows = (newest + 1 + np.arange(n)) % n  # oldest first
        live = self._open[rows] & step.live  # [n, E]
        self._return[rows] += self._factor * np.where(live, step.reward, 0.0)

        ended = step.terminated | step.truncated
        complete = live & (ended | self._full)
        age, env = np.nonzero(complete)
        row = rows[age]
        self._open[row, env] = False
        discount = np.where(step.terminated[env], 0.0, self._powers[self._span[age]])
        return Transitions(
            self._obs[row, env],
            self._action[row, env],
            self._return[row, env].astype(np.float32),
            discount.astype(np.float32),
            step.next_obs[env],
        ), env
