"""Munchausen's rule."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from dqnlab.learn.munchausen import MunchausenRule, log_policy
from dqnlab.learn.networks import QNetwork
from dqnlab.learn.targets import greedy
from dqnlab.learn.types import Batch, ObsSpec

Build = Callable[..., QNetwork]
MASKED = ObsSpec((7,), np.dtype(np.float32), mask=4)


def test_reward_and_bootstrap_by_hand(constant_network: Build, random_batch: Callable[..., Batch]) -> None:
    target, batch = constant_network(1.0, 0.0), random_batch(1)
    batch = batch._replace(action=torch.tensor([1]), reward=torch.tensor([5.0]))
    best, other = -math.log(1 + math.exp(-1)), -1 - math.log(1 + math.exp(-1))  # ln of the shares
    reward, row = MunchausenRule(alpha=0.5, tau=1.0, least=-10.0)(constant_network(9.0, 9.0), target, batch)
    assert reward.item() == pytest.approx(5 + 0.5 * other)
    assert row.item() == pytest.approx(math.exp(best) * (1 - best) + math.exp(other) * (0 - other))
    clipped, _ = MunchausenRule(alpha=0.5, tau=1.0, least=-0.25)(target, target, batch)
    assert clipped.item() == pytest.approx(5 - 0.5 * 0.25)


def slow(target: QNetwork, batch: Batch, rule: MunchausenRule, b: int) -> tuple[float, float]:
    def policy(obs: torch.Tensor) -> tuple[list[float], list[float]]:
        q = [value / rule.tau for value in target.q_values(obs[b : b + 1])[0].tolist()]
        total = math.log(sum(math.exp(each - max(q)) for each in q)) + max(q)
        return [each * rule.tau for each in q], [rule.tau * (each - total) for each in q]

    _, log_now = policy(batch.obs)
    q, log_next = policy(batch.next_obs)
    allowed = [a for a, value in enumerate(q) if value > -math.inf]
    follows = sum(math.exp(log_next[a] / rule.tau) * (q[a] - log_next[a]) for a in allowed)
    bonus = rule.alpha * min(max(log_now[int(batch.action[b])], rule.least), 0)
    return batch.reward[b].item() + bonus, follows


@pytest.mark.parametrize("tau", [0.03, 1.0])
@pytest.mark.parametrize("masked", [False, True])
def test_it_agrees_with_a_loop(
    tau: float, masked: bool, random_network: Build, random_batch: Callable[..., Batch]
) -> None:
    settings = {"obs": MASKED} if masked else {}
    exact, most = (torch.float32, 1e-4) if masked else (torch.float64, 1e-6)  # parts are read as float32
    online, target = (random_network(seed, num_actions=3, **settings).to(exact) for seed in (1, 2))
    batch, rule = random_batch(1_000, num_actions=3), MunchausenRule(0.9, tau, -1.0)
    if masked:  # the first action is always allowed, and the one that was taken
        mask = torch.randint(2, (2, 1_000, 3), generator=torch.Generator().manual_seed(0)).float()
        mask[:, :, 0] = 1
        mask[0].scatter_(1, batch.action[:, None], 1)
        batch = batch._replace(obs=torch.cat([batch.obs, mask[0]], 1), next_obs=torch.cat([batch.next_obs, mask[1]], 1))
    batch = batch._replace(obs=batch.obs.to(exact), next_obs=batch.next_obs.to(exact), reward=batch.reward.to(exact))
    with torch.no_grad():
        reward, row = rule(online, target, batch)
        expected = [slow(target, batch, rule, b) for b in range(1_000)]
    assert row.shape == (1_000, 1)
    assert reward.tolist() == pytest.approx([each[0] for each in expected], rel=most, abs=most / 10)
    assert row[:, 0].tolist() == pytest.approx([each[1] for each in expected], rel=most, abs=most / 10)


def test_without_bonus_and_temperature_it_is_greedy(random_network: Build, random_batch: Callable[..., Batch]) -> None:
    online, target, batch = random_network(1), random_network(2), random_batch()
    reward, row = MunchausenRule(0.0, 1e-6, -1.0)(online, target, batch)
    torch.testing.assert_close(reward, batch.reward)
    torch.testing.assert_close(row, greedy(online, target, batch)[1], rtol=1e-4, atol=1e-4)


def test_what_a_state_without_an_allowed_action_is_worth_is_a_number() -> None:
    q = torch.tensor([[1.0, -torch.inf], [-torch.inf, -torch.inf]])
    made = log_policy(q, 0.1)
    assert made[0].tolist() == [0, -math.inf]
    assert bool(made[1].isfinite().all())


def test_the_logarithm_is_a_number_where_a_share_is_too_small_for_one() -> None:
    made = log_policy(torch.tensor([[0.0, -1e4]]), 0.01)
    assert made.tolist() == [[0.0, -1e4]]
