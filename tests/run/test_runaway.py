"""Learning that runs away is noticed."""

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from dqnlab.config import Adam, Config, Env, Prioritized, Scalar, Steps
from dqnlab.errors import DqnlabError, EnvironmentFault, NumericsError
from dqnlab.run.system import events


class Jackpot(gym.Env[np.ndarray, int]):
    """Pays more than float32 can square."""

    observation_space = gym.spaces.Box(-1, 1, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        return np.zeros(1, np.float32), 1e30, True, False, {}


def test_learning_that_runs_away_stops_with_a_way_out() -> None:
    config = Config(env=Env(id=Jackpot), learning_starts=64, metrics_every=10, budget=Steps(num=1_000))
    with pytest.raises(NumericsError, match=r"norm is inf after update 1, env step 64\b") as raised:
        list(events(config))
    assert raised.value.exit_code == 6


class Odd(gym.Env[Any, int]):
    """Shows and pays what it is told to, from its twentieth step on."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (1,), np.float64)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, shows: Any = 0.0, pays: Any = 1.0) -> None:
        self.shows, self.pays, self.steps = shows, pays, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        return np.zeros(1), {}

    def step(self, action: int) -> tuple[Any, Any, bool, bool, dict]:
        self.steps += 1
        odd = self.steps >= 20
        return np.array([self.shows if odd else 0.0]), self.pays if odd else 1.0, self.steps % 5 == 0, False, {}


def ends(error: type[DqnlabError], words: str, odd: dict[str, Any], **changes: Any) -> int:
    """Trains in such an environment; returns the exit code of how it ends."""
    config = Config(env=Env(id=lambda: Odd(**odd)), learning_starts=64, metrics_every=10, budget=Steps(num=2_000))
    with pytest.raises(error, match=words) as raised:
        list(events(replace(config, **changes)))
    return raised.value.exit_code


HUGE = [1e38, -1e38, 3e38, 1e39, 1e300, np.float32(1e38), np.float64(1e39), -np.inf, np.nan]


@pytest.mark.parametrize("n", [1, 8])
@pytest.mark.parametrize("huge", HUGE, ids=repr)
def test_a_reward_that_no_sum_could_hold_is_the_environments_fault(huge: float, n: int) -> None:
    assert ends(EnvironmentFault, r"step 2\d.*: reward is ", {"pays": huge}, n=n) == 3


@pytest.mark.parametrize("huge", [1e39, -1e300, np.inf, np.nan], ids=repr)
def test_an_observation_beyond_float32_is_the_environments_fault(huge: float) -> None:
    assert ends(EnvironmentFault, r"step 2\d.*: observation ", {"shows": huge}) == 3


LEARNING = {
    "squared": {"head": Scalar(huber=None)},
    "huber": {"head": Scalar(huber=1.0)},
    "prioritised": {"sampler": Prioritized()},
    "clipped": {"optimizer": Adam(max_grad_norm=1.0)},
    "not clipped": {"optimizer": Adam(max_grad_norm=None)},
}


@pytest.mark.parametrize("odd", [{"shows": 1e30}, {"shows": 3e38}, {"pays": 1e30, "shows": 1e20}], ids=str)
@pytest.mark.parametrize("changes", LEARNING.values(), ids=LEARNING)
def test_numbers_that_overflow_in_learning_end_it_at_once(odd: dict[str, Any], changes: dict[str, Any]) -> None:
    words = r"(gradient's norm|loss) is (inf|nan) after update \d+, env step \d+"
    assert ends(NumericsError, words, odd, **changes) == 6


SEEN, PAID, RATE = "observations as large as ", "rewards as large as ", "optimizer.lr = "
BLAMED: list[tuple[dict[str, Any], dict[str, Any], list[str], list[str]]] = [
    ({"shows": 1e38}, {}, [SEEN + "1e+38: bring them to about -1 to 1", "RescaleObservation"], [PAID, RATE]),
    ({"shows": -3e38}, {"env": {"frame_stack": 2}}, [SEEN + "3e+38"], [PAID, RATE]),
    ({"shows": 1e30}, {"env": {"num_envs": 4}}, [SEEN + "1e+30"], [PAID, RATE]),
    (
        {"pays": -1e30},
        {},
        [PAID + "1e+30: set reward_scale, 1 now, to about 1e+30, or scale them in a wrapper", "TransformReward"],
        [SEEN, RATE],
    ),
    ({"pays": 1e30}, {"n": 8}, ["(summed over n = 8 steps)"], [SEEN, RATE]),
    (
        {"pays": 1e19},
        {"reward_scale": 2.0, "head": Scalar(huber=None)},
        ["set reward_scale, 2 now, to about 1e+19"],
        [],
    ),
    ({"pays": 1e30, "shows": 1e20}, {}, [SEEN + "1e+20", "; and with " + PAID + "1e+30"], [RATE]),
    ({"shows": 1e30}, {"optimizer": Adam(lr=3.0)}, [SEEN + "1e+30", "; and with " + RATE + "3.0"], [PAID]),
]


@pytest.mark.parametrize(("odd", "changes", "says", "never"), BLAMED, ids=str)
def test_what_it_ran_away_from_is_named(
    odd: dict[str, Any], changes: dict[str, Any], says: list[str], never: list[str]
) -> None:
    env = Env(id=lambda: Odd(**odd), **changes.pop("env", {}))
    config = Config(env=env, learning_starts=64, metrics_every=10, budget=Steps(num=2_000), n=1)
    with pytest.raises(NumericsError) as raised:
        list(events(replace(config, **changes)))
    message = str(raised.value)
    assert [words for words in says if words not in message] == [], message
    assert [words for words in never if words in message] == [], message
