"""What random play before training finds out: how large rewards are, and what is seen."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..config import LEAST_SCALE
from ..learn.nstep import clip_rewards
from .make import EnvSpec
from .seeds import env_seeds, generator
from .vector import Envs, Step

ENOUGH = 1_000  # env steps that are always played
MOST = 10_000  # env steps played while no reward has come

# Sizes that the settings of `default` learn as they are: what the usual reward is at most, and the largest one is.
USUAL = 4.0
LARGEST = (0.25, 128.0)


class Rewards(NamedTuple):
    """How large rewards are. Those of 0 are left out: how often there is a reward says nothing about its size."""

    usual: float  # the median size; 1 if there is none
    largest: float

    @property
    def scale(self) -> float:
        """What to divide them by: 1 where they are of ordinary size.

        Else the power of two nearest to the geometric mean of the median and the largest, so that neither the many
        small ones vanish nor the few large ones drown all else. A power of two, so that dividing rewards and
        multiplying weights by it loses no digit.
        """
        return scale_for(self.usual, self.largest)

    def most_return(self, gamma: float, steps: int) -> float:
        """How large a discounted return may become: a usual reward in each of so many steps, and one of the largest."""
        horizon = steps if gamma == 1 else (1 - gamma**steps) / (1 - gamma)
        return self.usual * horizon + self.largest


def measure_rewards(envs: Envs, spec: EnvSpec, reward_clip: float | None = None) -> Rewards:
    """What random play finds them to be.

    Args:
        reward_clip: rewards are clipped to it before.

    Raises:
        EnvironmentFault: an environment broke its contract.
    """
    sizes: list[float] = []

    def enough(steps: int, step: Step) -> bool:
        size = np.abs(clip_rewards(step.reward, reward_clip))
        sizes.extend(size[size > 0].tolist())
        return steps >= ENOUGH and (bool(sizes) or steps >= MOST)

    _play(envs, spec, "measuring rewards before training", enough)
    return _rewards_of(np.array(sizes))


def rewards_in(recorded: np.ndarray, reward_clip: float | None = None) -> Rewards:
    """What they are in recorded episodes: rewards [N], clipped as for learning."""
    size = np.abs(clip_rewards(recorded, reward_clip))
    return _rewards_of(size[size > 0])


def _rewards_of(sizes: np.ndarray) -> Rewards:
    return Rewards(float(np.median(sizes)), float(sizes.max())) if len(sizes) else Rewards(1.0, 1.0)


def sample_observations(envs: Envs, spec: EnvSpec) -> np.ndarray:
    """Observations of random play, [N, *obs_shape].

    Raises:
        EnvironmentFault: an environment broke its contract.
    """
    seen: list[np.ndarray] = []

    def enough(steps: int, step: Step) -> bool:
        seen.append(step.next_obs.copy())
        return steps >= ENOUGH

    _play(envs, spec, "looking at observations before training", enough)
    return np.concatenate(seen)


def _play(envs: Envs, spec: EnvSpec, role: str, enough: Callable[[int, Step], bool]) -> None:
    """Random play until `enough`, which is told each step, and the env steps so far.

    All seeds of a run play the same, for this has seeds of its own. Where the environments' state can be saved they
    stand afterwards as if just reset.
    """
    rng = generator(0, "scale")
    steps = 0
    with envs.playing(role):
        obs = envs.reset(env_seeds(0, "scale", envs.num_envs))
        before = envs.state_dict() if envs.restorable else None
        while True:
            step = envs.step(spec.any_actions(obs, rng))
            obs = step.next_obs
            steps += envs.num_envs
            if enough(steps, step):
                break
        if before is not None:
            envs.load_state_dict(before)


def scale_for(usual: float, largest: float) -> float:
    """The scale of rewards whose median size and largest size are these, both positive."""
    if usual <= USUAL and LARGEST[0] <= largest <= LARGEST[1]:
        return 1.0
    return power_of_two(math.sqrt(usual) * math.sqrt(largest))


def power_of_two(size: float) -> float:
    """The power of two nearest to a positive number, by ratio: 3 -> 4, 2.8 -> 2."""
    return min(max(2.0 ** round(math.log2(size)), LEAST_SCALE), 1 / LEAST_SCALE)
