"""How large the rewards of an environment are, found out by random play before training."""

import math

import numpy as np

from .envs import EnvSpec
from .seeds import env_seeds, generator
from .vector import Envs

ENOUGH = 1_000  # env steps that are always played
MOST = 10_000  # env steps played while no reward has come
LARGEST = 128.0  # of divided rewards: networks learn values of some hundreds well (CartPole's reach 100)


def measure_reward_scale(envs: Envs, spec: EnvSpec) -> float:
    """A power of two near the usual size of the rewards that random play earns; 1 if it earns none.

    The usual size is the median, so that a few large rewards do not make the others vanish, but rewards are divided
    by so much that the largest becomes LARGEST. Rewards of 0 are left out: how often there is a reward says nothing
    about its size. A power of two, so that dividing rewards and multiplying weights by it loses no digit.

    All seeds of a run find the same scale, for the play has seeds of its own. Where the environments' state can be
    saved they stand afterwards as if just reset.

    Raises:
        EnvironmentFault: an environment broke its contract.
    """
    rng = generator(0, "scale")
    envs.reset(env_seeds(0, "scale", envs.num_envs))
    before = envs.state_dict() if envs.restorable else None
    sizes: list[float] = []
    steps = 0
    while steps < ENOUGH or (not sizes and steps < MOST):
        size = np.abs(envs.step(rng.integers(spec.num_actions, size=envs.num_envs)).reward)
        sizes += size[size > 0].tolist()
        steps += envs.num_envs
    if before is not None:
        envs.load_state_dict(before)
    return power_of_two(max(float(np.median(sizes)), max(sizes) / LARGEST)) if sizes else 1.0


def power_of_two(size: float) -> float:
    """The power of two nearest to a positive number, by ratio: 3 -> 4, 2.8 -> 2."""
    return 2.0 ** max(min(round(math.log2(size)), 64), -64)
