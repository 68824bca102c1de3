"""The presets are data; these tests hold what the classic program and the family tree promise."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from dqnlab import presets
from dqnlab.build import make_learner
from dqnlab.config import Adam, Config, Env, Episodes, Film, Geometric, Greedy, Hard, Mlp, Scalar, Uniform
from dqnlab.config.fields import leaves
from dqnlab.config.presets import ABSENT
from dqnlab.envs.make import EnvSpec
from dqnlab.errors import ConfigError
from dqnlab.learn.types import Batch, ObsSpec


def test_textbook_is_the_classic_program() -> None:
    config = presets.get("textbook")
    assert (config.env.id, config.env.num_envs, config.env.max_episode_steps) == ("CartPole-v1", 1, 20_000)
    assert (config.torso, config.head, config.optimizer) == (Mlp(hidden=(64, 64)), Scalar(huber=None), Adam(lr=1e-3))
    assert (config.rule, config.sampler, config.sync) == (Greedy(), Uniform(), Hard(every=100))
    assert config.epsilon == Geometric(start=1.0, end=0.01, factor=0.995)
    assert (config.gamma, config.n, config.batch_size, config.update_every) == (0.99, 1, 64, 1)
    assert (config.replay_capacity, config.learning_starts) == (10_000, 64)
    assert (config.budget, config.evaluate_every) == (Episodes(num=600), Episodes(num=10))
    assert (config.select_episodes, config.stop_when_solved) == (5, False)
    assert config.film == Film(episodes=3, max_seconds=30.0)  # 1,500 steps at CartPole's 50 frames a second


def test_cartpole_learns_from_many_envs_with_one_wide_layer() -> None:
    config = presets.get("cartpole")
    assert config.env.id == "CartPole-v1"
    assert config.env.num_envs > 1
    assert config.stop_when_solved
    assert len(config.torso.hidden) == 1  # with two it stays for long where the cart drifts off the track


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ("CartPole-v1", "cartpole"),
        ("Acrobot-v1", "acrobot"),
        ("MountainCar-v0", "mountaincar"),
        ("LunarLander-v3", "lunarlander"),
        ("Blackjack-v1", "default"),
    ],
)
def test_an_environment_gets_what_is_tuned_for_it(env: str, name: str) -> None:
    assert (presets.suited(env), presets.suited(env.rpartition("-v")[0])) == (name, name)
    assert (presets.plan(env).preset, presets.plan(env).env.id) == (name, env)


def test_from_python_too_an_environment_comes_with_its_sheet() -> None:
    planned = presets.plan("minigrid:MiniGrid-DoorKey-5x5-v0")
    assert (planned.preset, planned.env.keys) == ("default", ("image", "direction"))
    assert presets.plan(Env(id="minigrid:MiniGrid-DoorKey-5x5-v0")).env.keys == ()  # as it was written


@pytest.mark.parametrize("name", presets.names())
def test_a_preset_bears_its_name_and_a_description(name: str) -> None:
    assert presets.get(name).preset == name
    assert presets.describe(name)


@pytest.mark.parametrize("name", presets.names())
def test_parents_stand_before_their_children(name: str) -> None:
    parent, order = presets.parent(name), presets.names()
    assert parent is None or order.index(parent) < order.index(name)


@pytest.mark.parametrize("name", presets.names())
def test_a_diff_says_all_and_only_what_differs(name: str) -> None:
    parent = presets.parent(name)
    theirs = dict(leaves(presets.get(parent) if parent else Config()))
    own = dict(leaves(presets.get(name)))
    rows = presets.diff(name)
    assert rows
    for key, before, after in rows:
        assert before != after
        assert theirs.pop(key, ABSENT) == before
        assert own.pop(key, ABSENT) == after
    del theirs["preset"], own["preset"]
    assert theirs == own


def test_a_diff_shows_another_kind_and_the_settings_that_came_and_went() -> None:
    rows = {key: values for key, *values in presets.diff("textbook")}
    assert rows["epsilon"] == ["linear", "geometric"]
    assert rows["epsilon.steps"] == [10_000, ABSENT]
    assert rows["epsilon.factor"] == [ABSENT, 0.995]


def test_a_diff_keeps_the_order_of_the_settings() -> None:
    order = [each.name for each in fields(Config)]
    places = [order.index(key.partition(".")[0]) for key, *_ in presets.diff("cartpole")]
    assert places == sorted(places)


@pytest.mark.parametrize("ask", [presets.get, presets.parent, presets.diff, presets.describe])
def test_a_misspelt_preset_gets_a_suggestion(ask) -> None:
    with pytest.raises(ConfigError, match=r"unknown preset 'cartpol'; did you mean cartpole\?"):
        ask("cartpol")


def test_a_preset_is_only_a_value_that_one_can_change() -> None:
    changed = replace(presets.get("default"), seed=7)
    assert (changed.seed, presets.get("default").seed) == (7, 0)


@pytest.mark.world
def test_default_learns_the_mean_of_rare_large_rewards() -> None:
    """One step an episode: action 0 pays 1, action 1 pays 20 with probability 0.1. Huber's loss values it at 0.11."""
    config = replace(presets.get("default"), reward_scale=1.0, torso=Mlp(hidden=(16,)))
    config = replace(config, optimizer=replace(config.optimizer, lr=5e-3))
    spec = EnvSpec(ObsSpec((1,), np.dtype(np.float32)), 0, 2, 0, None, 1)
    learner, rng = make_learner(config, spec, torch.device("cpu")), np.random.default_rng(0)
    obs, nothing, ones = torch.ones(64, 1), torch.zeros(64), torch.ones(64)
    values = []
    for _ in range(600):
        action = rng.integers(2, size=64)
        reward = torch.from_numpy(np.where(action == 0, 1.0, 20.0 * (rng.random(64) < 0.1)).astype(np.float32))
        learner.update(Batch(obs, torch.from_numpy(action), reward, nothing, obs, ones))
        values.append(learner.online.q_values(obs[:1])[0].detach().numpy())
    np.testing.assert_allclose(np.mean(values[300:], 0), [1, 2], atol=0.25)
