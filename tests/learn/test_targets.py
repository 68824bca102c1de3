"""④ Where the bootstrap comes from."""

from collections.abc import Callable

import pytest
import torch

from dqnlab.learn.networks import QNetwork
from dqnlab.learn.targets import Rule, double, greedy
from dqnlab.learn.types import Batch

Build = Callable[..., QNetwork]
RULES = pytest.mark.parametrize("rule", [greedy, double])


def test_greedy_takes_the_best_of_the_target_network(
    constant_network: Build, random_batch: Callable[..., Batch]
) -> None:
    _, row = greedy(constant_network(20.1, 22.5), constant_network(23.0, 22.8), random_batch(1))
    assert row.tolist() == [[pytest.approx(23.0)]]


def test_double_lets_online_choose_and_target_rate(constant_network: Build, random_batch: Callable[..., Batch]) -> None:
    online, target = constant_network(20.1, 22.5), constant_network(23.0, 22.8)
    assert double(online, target, random_batch(1))[1].tolist() == [[pytest.approx(22.8)]]
    assert double(target, online, random_batch(1))[1].tolist() == [[pytest.approx(20.1)]]  # were the two swapped


@RULES
def test_rules_agree_with_a_loop_over_the_batch(
    rule: Rule, random_network: Build, random_batch: Callable[..., Batch]
) -> None:
    online, target = random_network(1, num_actions=4), random_network(2, num_actions=4)
    batch = random_batch(64, num_actions=4)
    chooser = target if rule is greedy else online
    reward, row = rule(online, target, batch)
    disagreements = 0
    for b in range(64):
        obs = batch.next_obs[b : b + 1]
        chosen, rated = chooser.q_values(obs)[0].tolist(), target.q_values(obs)[0].tolist()
        assert row[b].item() == pytest.approx(rated[chosen.index(max(chosen))], abs=1e-6)
        disagreements += rated.index(max(rated)) != chosen.index(max(chosen))
    assert (disagreements > 10) == (rule is double)  # or the two rules could not be told apart here
    assert reward.tolist() == batch.reward.tolist()


@RULES
def test_rules_look_only_at_the_next_obs(rule: Rule, random_network: Build, random_batch: Callable[..., Batch]) -> None:
    online, target, batch = random_network(1), random_network(2), random_batch()
    other = random_batch(seed=1)._replace(next_obs=batch.next_obs)
    assert rule(online, target, batch)[1].tolist() == rule(online, target, other)[1].tolist()


def test_double_is_greedy_when_both_networks_agree(random_network: Build, random_batch: Callable[..., Batch]) -> None:
    network, batch = random_network(num_actions=5), random_batch()
    assert double(network, network, batch)[1].tolist() == greedy(network, network, batch)[1].tolist()


def test_a_rule_refuses_observations_of_another_size(random_network: Build, random_batch: Callable[..., Batch]) -> None:
    batch = random_batch()._replace(next_obs=torch.zeros(32, 3))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        greedy(random_network(), random_network(), batch)
