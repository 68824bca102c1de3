"""From env steps to n-step transitions: the one place that knows gamma, n, how rewards are changed and episodes end."""

from typing import Any, NamedTuple

import numpy as np

from .types import Transitions


class StepResult(NamedTuple):
    """One step of E envs. Where `live` is False the env only reset itself: nothing happened."""

    action: np.ndarray  # [E] int64
    reward: np.ndarray  # [E], 0 where not live
    terminated: np.ndarray  # [E] bool
    truncated: np.ndarray  # [E] bool
    live: np.ndarray  # [E] bool


def clip_rewards(reward: np.ndarray, most: float | None) -> np.ndarray:
    """Rewards [E] as they are learned: from -most to most, or as they are if there is no such limit."""
    return reward if most is None else reward.clip(-most, most)


class NStep:
    """Folds consecutive steps of E envs into transitions of up to n steps each (Sutton 1988).

    Within an episode every step starts a transition, which is handed out n steps later. When the episode
    ends, the shorter ones still open are handed out too, all leading to its last state: discount 0 if the
    episode *terminated*, gamma**span if it was only *truncated*, for then the value beyond still counts.

    Rewards are clipped if there is a `reward_clip`, and divided by `reward_scale`, so that what is learned from them is
    of a size that networks learn well.
    """

    def __init__(
        self, n: int, gamma: float, num_envs: int, reward_scale: float = 1.0, reward_clip: float | None = None
    ):
        self.n = n
        self.num_envs = num_envs
        self._steps = 0
        self._scale = reward_scale
        self._clip = reward_clip
        self._all, self._ones = np.arange(num_envs), np.ones(num_envs, np.int64)
        # A window over the last n steps: row t % n holds what began at step t. Its constants, by the newest row:
        age = (np.arange(n)[:, None] - np.arange(n)) % n  # steps since each row began
        self._powers = gamma ** np.arange(n + 1)  # float64
        self._factor = self._powers[age, None] / reward_scale  # [n, n, 1] what a reward now counts for each row
        self._single_discount = np.array([gamma, 0.0], np.float32)  # by whether the step terminated
        self._full = (age == n - 1)[..., None]  # [n, n, 1]
        self._oldest_first = (np.arange(n)[:, None] + 1 + np.arange(n)) % n  # [n, n] rows
        self._action = np.zeros((n, num_envs), np.int64)
        self._return = np.zeros((n, num_envs))  # discounted rewards since then
        self._open = np.zeros((n, num_envs), bool)

    def __call__(self, step: StepResult) -> Transitions:
        """The transitions that this step completed, oldest first."""
        self._steps += 1
        if self._clip is not None:
            step = step._replace(reward=clip_rewards(step.reward, self._clip))
        if self.n == 1:  # nothing stays open: the same, at a third of the cost
            return self._single_steps(step)
        newest = (self._steps - 1) % self.n
        self._action[newest] = step.action
        self._return[newest] = 0.0
        self._open[newest] = step.live
        self._return += self._factor[newest] * step.reward

        complete = self._open & (step.terminated | step.truncated | self._full[newest])  # [n, E]
        return self._hand_out(complete, step.terminated)

    def paid(self, reward: np.ndarray) -> np.ndarray | None:
        """Single rewards [E] as float32, clipped but not divided; none with n = 1, where transitions hold them."""
        return None if self.n == 1 else clip_rewards(reward, self._clip).astype(np.float32)

    def cut(self) -> Transitions:
        """Truncates every episode where it stands."""
        return self._hand_out(self._open.copy(), np.zeros(self.num_envs, bool))

    def _hand_out(self, complete: np.ndarray, terminated: np.ndarray) -> Transitions:
        """Closes windows, [n, E] bool, at the latest step; terminated [E]."""
        rows = self._oldest_first[(self._steps - 1) % self.n]
        order, env = complete[rows].nonzero()
        row = rows[order]
        span = self.n - order
        self._open[row, env] = False
        return Transitions(
            env=env,
            action=self._action[row, env],
            reward=self._return[row, env].astype(np.float32),
            discount=np.where(terminated[env], 0.0, self._powers[span]).astype(np.float32),
            span=span,
        )

    def _single_steps(self, step: StepResult) -> Transitions:
        env = self._all
        if np.count_nonzero(step.live) < self.num_envs:
            env = step.live.nonzero()[0]
            step = StepResult(*(column[env] for column in step))
        discount = self._single_discount.take(step.terminated)
        reward = (step.reward / self._scale).astype(np.float32)
        return Transitions(env, step.action, reward, discount, self._ones[: len(env)])

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self._steps, "action": self._action, "return": self._return, "open": self._open}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._steps = state["steps"]
        self._action[:] = state["action"]
        self._return[:] = state["return"]
        self._open[:] = state["open"]
