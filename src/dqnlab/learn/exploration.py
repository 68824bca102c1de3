"""What else than the best action is tried, beside random ones."""

from collections.abc import Callable

import numpy as np

Choose = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""Values [E, A], -inf of forbidden actions -> actions [E] int64."""


def best(q: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The action with the largest value."""
    return q.argmax(1)


def boltzmann(temperature: float) -> Choose:
    """An action with probability softmax(q / temperature) (Sutton & Barto 2018, §13.1).

    Drawn by Gumbel's trick: the largest of value / temperature + Gumbel noise is distributed so.
    """

    def choose(q: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        below = (q - q.max(1, keepdims=True)).astype(np.float64) / temperature  # float32 would overflow
        return (below + rng.gumbel(size=q.shape)).argmax(1)

    return choose


def ladder(num_envs: int, alpha: float) -> np.ndarray:
    """The power of epsilon that each env explores with, [E]: 1 + alpha i / (E - 1) (Horgan et al. 2018, §3)."""
    return 1 + alpha * np.arange(num_envs) / max(num_envs - 1, 1)
