"""Rewards of any size are learned as well as rewards of 1, and whoever looks sees the environment's own units."""

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from tests.equal import same

from dqnlab.config import Adam, Config, Env, Episodes, Linear, LinearEpisodes, Polyak, Scalar, Steps
from dqnlab.config.presets import get
from dqnlab.envs.make import describe
from dqnlab.envs.open import make_envs
from dqnlab.envs.trial import MOST, measure_rewards, power_of_two
from dqnlab.learn.weights import export_weights, import_weights
from dqnlab.run.events import Evaluated, Updated
from dqnlab.run.moment import REWARDS, record_moment
from dqnlab.run.system import System, assemble
from dqnlab.settle import foresee_settings, settle_epsilon

from ..tiny import tiny

LAST = ("fc.4.weight", "fc.4.bias")


class Paying(gym.Env[np.ndarray, np.int64]):
    """Episodes of five steps that pay what they are told to, one after the other."""

    def __init__(self, *rewards: float):
        self.observation_space = spaces.Box(-1, 1, (1,), np.float32)
        self.action_space = spaces.Discrete(2)
        self.rewards, self.steps = rewards, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: np.int64) -> Any:
        self.steps += 1
        reward = self.rewards[self.steps % len(self.rewards)]
        return np.zeros(1, np.float32), reward, self.steps == 5, False, {}


def paid(size: float) -> Any:
    return lambda: gym.wrappers.TransformReward(gym.make("CartPole-v1"), lambda reward: size * float(reward))


def trained(config: Config) -> tuple[System, list[Any]]:
    system = assemble(config)
    try:
        return system, list(system.events())
    finally:
        system.close()


def measured(*rewards: float) -> float:
    return foresee_settings(Config(env=Env(id=lambda: Paying(*rewards)), reward_scale="auto")).reward_scale


@pytest.mark.parametrize("size", [2.0**-10, 1024.0])
@pytest.mark.parametrize(
    "kind",
    [{}, {"n": 3, "head": Scalar(huber=1.0)}, {"sync": Polyak(tau=0.1), "optimizer": Adam(max_grad_norm=0.1)}],
    ids=["plain", "n, Huber", "clipped"],
)
def test_rewards_times_a_power_of_two_are_learned_the_same_to_the_last_bit(size: float, kind: dict[str, Any]) -> None:
    base = tiny(update_every=1, **kind)
    one, events = trained(replace(base, env=Env(id=paid(1.0)), reward_scale="auto"))
    other, scaled = trained(replace(base, env=Env(id=paid(size)), reward_scale="auto"))
    assert (one.config.reward_scale, other.config.reward_scale) == (1.0, size)
    same(one.learner.state_dict(), other.learner.state_dict())
    mine, theirs = export_weights(one.learner.online), export_weights(other.learner.online)
    for name in mine:
        assert torch.equal(mine[name] * (size if name in LAST else 1), theirs[name])
    for before, after in zip(events, scaled, strict=True):
        if isinstance(before, Updated):
            for name in ("q", "target", "error"):
                assert torch.equal(getattr(before.update, name) * size, getattr(after.update, name))
            assert (before.update.loss, before.update.grad_norm) == (after.update.loss, after.update.grad_norm)
        if isinstance(before, Evaluated):
            assert after.value == pytest.approx(before.value * size, rel=1e-6)
            assert after.mean == before.mean * size
    assert other.judge.scratch.reward_scale == 1  # what it holds came from a file's weights


def test_a_moment_is_recorded_in_the_environments_own_units() -> None:
    config = tiny(update_every=1, n=3, reward_scale=8.0)
    system, _ = trained(config)
    moment = record_moment(system.learner, system.memory, config.gamma, np.random.default_rng(0))
    assert {"batch/reward"} == set(REWARDS) & set(moment)
    known = moment["chain/length"] > 0
    torch.testing.assert_close(moment["chain/reward"][known, 0], torch.ones(int(known.sum())), atol=1e-5, rtol=0)
    assert moment["batch/reward"].max() > 2.9  # three steps of 1, discounted


def test_weights_go_out_multiplied_and_come_in_divided() -> None:
    system, _ = trained(tiny(reward_scale=8.0))
    online = system.learner.online
    before = {name: w.clone() for name, w in online.state_dict().items()}
    weights = export_weights(online)
    assert torch.equal(weights["fc.4.weight"], before["stream.linear.weight"] * 8)
    assert torch.equal(weights["fc.4.bias"], before["stream.linear.bias"] * 8)
    assert torch.equal(weights["fc.0.weight"], before["torso.layers.0.weight"])
    import_weights(online, weights)
    same(before, dict(online.state_dict()))


@pytest.mark.parametrize(
    ("rewards", "scale"),
    [
        ((1.0,), 1.0),
        ((-1.0, -1.0), 1.0),
        ((0.001,), 2.0**-10),
        ((1e4,), 8192.0),
        ((0.0, 0.0, 3.0), 1.0),
        ((-1.0, -1.0, -1.0, -100.0), 1.0),  # a cliff
        ((-0.02, -0.02, -0.02, 1.0), 1.0),  # a way that costs a little, and a goal
        ((0.02,), 2.0**-6),
        ((5.0,), 4.0),
        ((1.0, 1.0, 1e4), 128.0),
        ((-1e3, -1e3, -1e3, -1e5), 8192.0),
        ((1e29,), 2.0**96),
    ],
)
def test_rewards_of_ordinary_size_stay_as_they_are_and_others_come_between_their_usual_and_their_largest_size(
    rewards: tuple[float, ...], scale: float
) -> None:
    assert measured(*rewards) == scale


def test_where_nothing_is_earned_rewards_stay_as_they_are() -> None:
    steps = []

    class Nothing(Paying):
        def step(self, action: np.int64) -> Any:
            steps.append(1)
            return super().step(action)

    config = Config(env=Env(id=lambda: Nothing(0.0)), reward_scale="auto")
    assert foresee_settings(config).reward_scale == 1
    assert 0.8 * MOST < len(steps) <= MOST  # resets take a turn of their own


@pytest.mark.parametrize(
    ("size", "power"),
    [(1, 1), (1.4, 1), (1.5, 2), (3, 4), (0.7, 0.5), (1e30, 2.0**100), (1e32, 2.0**100), (5e-324, 2.0**-100)],
)
def test_the_nearest_power_of_two_by_ratio(size: float, power: float) -> None:
    assert power_of_two(size) == power


def test_all_seeds_find_the_same_scale_and_the_environments_stand_as_if_just_reset() -> None:
    config = Config(env=Env(id="CartPole-v1", num_envs=2), reward_scale="auto")
    spec = describe(config.env)
    envs, fresh = (make_envs(config.env, spec, 2) for _ in range(2))
    assert measure_rewards(envs, spec) == measure_rewards(fresh, spec) == (1, 1)
    state = envs.state_dict()
    assert np.array_equal(state["steps"], np.zeros(2))
    same(envs.reset([3, 4]), fresh.reset([3, 4]))
    scales = {
        foresee_settings(replace(get("default"), seed=seed, env=Env(id="CliffWalking-v1"))).reward_scale
        for seed in (0, 9)
    }
    assert len(scales) == 1


def test_a_run_trains_alike_whether_its_scale_was_measured_or_given() -> None:
    measured_one, _ = trained(tiny(env=Env(id=paid(100.0)), reward_scale="auto"))
    given, _ = trained(tiny(env=Env(id=paid(100.0)), reward_scale=128.0))
    same(measured_one.learner.state_dict(), given.learner.state_dict())


def test_epsilon_falls_over_three_tenths_of_the_budget_where_no_length_is_said() -> None:
    default = get("default")
    assert settle_epsilon(replace(default, budget=Steps(num=7_000))) == Linear(start=1.0, end=0.05, steps=2_100)
    by_episodes = settle_epsilon(replace(default, budget=Episodes(num=31)))
    assert by_episodes == LinearEpisodes(start=1.0, end=0.05, episodes=9)
    assert settle_epsilon(Config(budget=Episodes(num=1), epsilon=Linear(steps="auto"))).episodes == 1
    said = Linear(steps=12)
    assert settle_epsilon(replace(default, epsilon=said)) == said
