"""What is tried beside the best action."""

import math
from dataclasses import replace

import numpy as np
import pytest

from dqnlab.build import make_choose, make_collector, make_epsilon
from dqnlab.config import Boltzmann, Config, Constant, Env, EpsilonGreedy, Ladder
from dqnlab.errors import ConfigError
from dqnlab.learn.exploration import best, boltzmann, ladder
from dqnlab.learn.policy import Policy, Reactive
from dqnlab.run.system import assemble

from ..tiny import tiny

DRAWS = 70_000


def rows(*q: float, num: int = DRAWS) -> np.ndarray:
    return np.tile(np.array(q, np.float32), (num, 1))


def test_probabilities_are_a_softmax_of_the_values() -> None:
    """One more temperature of value, e times as likely: 0, ln 2 and ln 4 temperatures make 1 : 2 : 4."""
    q = rows(3.0, 3.0 + 0.5 * math.log(2), 3.0 + 0.5 * math.log(4))
    counts = np.bincount(boltzmann(0.5)(q, np.random.default_rng(0)), minlength=3)
    expected = DRAWS * np.array([1, 2, 4]) / 7
    assert np.abs(counts - expected).max() < 4 * (DRAWS * 0.25) ** 0.5


def test_every_row_has_a_draw_of_its_own() -> None:
    assert len(set(boltzmann(1.0)(rows(0, 0, 0, num=50), np.random.default_rng(0)))) == 3


def test_a_forbidden_action_is_never_drawn() -> None:
    actions = boltzmann(1e6)(rows(-np.inf, 0.0, -np.inf, 5.0), np.random.default_rng(0))
    assert set(actions) == {1, 3}


@pytest.mark.parametrize("scale", [1.0, 1e30])
def test_the_colder_the_surer_whatever_the_size_of_values(scale: float) -> None:
    q = np.random.default_rng(0).normal(size=(1_000, 4)).astype(np.float32) * np.float32(scale)
    assert (boltzmann(1e-9)(q, np.random.default_rng(0)) == best(q, np.random.default_rng(0))).mean() > 0.99


def test_the_ladder_of_the_paper() -> None:
    """Four envs, epsilon 0.4 and alpha 7: 0.4, 0.4 ** (10/3), 0.4 ** (17/3), 0.4 ** 8."""
    assert 0.4 ** ladder(4, 7.0) == pytest.approx([0.4, 0.047156, 0.005559, 0.000655], abs=1e-6)
    assert ladder(3, 0.0).tolist() == [1, 1, 1]


def test_every_env_explores_by_its_own_epsilon() -> None:
    policy = Policy(Reactive(lambda obs: rows(0, 1, num=3)), np.random.default_rng(0), powers=ladder(3, 7.0))
    random = sum(policy(np.zeros((3, 1)), np.zeros(3, bool), 0.4) == 0 for _ in range(20_000))
    expected = 10_000 * 0.4 ** np.array([1, 4.5, 8])
    assert np.all(np.abs(random - expected) < 4 * expected**0.5 + 1)


def test_what_is_recorded_as_epsilon_is_the_share_of_random_actions() -> None:
    config = tiny(env=Env(num_envs=3), epsilon=Ladder(base=0.4, alpha=7.0))
    system = assemble(config)
    try:
        share = system.collector.step().epsilon
    finally:
        system.close()
    assert share == pytest.approx(np.mean(0.4 ** np.array([1, 4.5, 8])))


def test_a_ladder_needs_several_envs() -> None:
    with pytest.raises(ConfigError, match=r"epsilon = 'ladder' .* env.num_envs = 1: raise env.num_envs"):
        Config(epsilon=Ladder())


def test_beside_a_softmax_epsilon_still_makes_random_actions() -> None:
    policy = Policy(Reactive(lambda obs: rows(0, 100)), np.random.default_rng(0), boltzmann(0.1))
    obs, first = np.zeros((DRAWS, 1)), np.zeros(DRAWS, bool)
    assert (policy(obs, first, 0.0) == 1).all()
    assert np.mean(policy(obs, first, 0.5) == 0) == pytest.approx(0.25, abs=0.01)


def test_the_switchboard_gives_each_kind_its_object() -> None:
    assert make_choose(EpsilonGreedy()) is best
    assert set(make_choose(Boltzmann(temperature=1e6))(rows(0, 1), np.random.default_rng(0))) == {0, 1}
    assert make_epsilon(Ladder(base=0.3))(10, 10) == 0.3


def test_the_collector_acts_by_the_temperature_that_was_chosen() -> None:
    hot = tiny(exploration=Boltzmann(temperature=1e6), epsilon=Constant(value=0.0))
    taken = {}
    for name, config in {"hot": hot, "cold": replace(hot, exploration=Boltzmann(temperature=1e-6))}.items():
        system = assemble(config)
        try:
            collector = make_collector(config, system.spec, system.collector.envs, system.learner.online)
            obs, first = np.tile(collector.obs, (1_000, 1)), np.zeros(1_000, bool)
            taken[name] = np.mean(collector.policy(obs, first, 0.0))
        finally:
            system.close()
    assert taken["hot"] == pytest.approx(0.5, abs=0.07)
    assert taken["cold"] in (0, 1)
