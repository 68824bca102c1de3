"""⑦ Learning, against a textbook update written with torch's own parts."""

import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dqnlab.learn.learner import HardSync, Learner, PolyakSync, loss
from dqnlab.learn.networks import QNetwork
from dqnlab.learn.policy import q_function
from dqnlab.learn.targets import Rule, double, greedy
from dqnlab.learn.types import Batch
from dqnlab.learn.weights import export_weights

Build = Callable[..., QNetwork]
Batches = Callable[..., Batch]
Learners = Callable[..., Learner]
Hash = Callable[[QNetwork], str]


# ── The worked example ───────────────────────────────────────────────────────────────────────────


def test_the_worked_example(constant_network: Build, learner_of: Learners, fingerprint: Hash) -> None:
    online, target = constant_network(20.1, 22.5), constant_network(23.0, 22.8)
    obs = np.array([[0.05, 0.2, -0.01, -0.15]], np.float32)
    action = q_function(online)(obs).argmax(1)
    assert action.tolist() == [1]

    learner = learner_of(online, target, sync=HardSync(3))
    one = torch.ones(1)
    batch = Batch(torch.from_numpy(obs), torch.from_numpy(action), one, one * 0.99, torch.zeros(1, 4), one)
    rated = fingerprint(target)
    update = learner.update(batch)
    assert update.q.tolist() == [pytest.approx([20.1, 22.5])]
    assert update.target.tolist() == [pytest.approx(23.77)]
    assert update.error.tolist() == [pytest.approx(1.27, rel=1e-5)]
    assert update.loss.item() == pytest.approx(1.6129, rel=1e-5)
    assert update.grad_norm.item() == pytest.approx(2 * 1.27, rel=1e-5)

    # Only the online network moved, for the taken action only, towards the target, by Adam's first step.
    assert q_function(online)(obs).tolist() == [pytest.approx([20.1, 22.501])]
    assert fingerprint(target) == rated
    learner.update(batch)
    assert fingerprint(target) == rated
    learner.update(batch)
    assert learner.updates == 3
    assert fingerprint(target) == fingerprint(online) != rated


# ── The loss ─────────────────────────────────────────────────────────────────────────────────────


def mean_loss(online: QNetwork, target: QNetwork, batch: Batch, rule: Rule = greedy) -> float:
    return loss(online, target, batch, rule)[0].item()


def test_weights_multiply_the_loss_of_each_sample(random_network: Build, random_batch: Batches) -> None:
    online, target, batch = random_network(1), random_network(2), random_batch(4)
    alone = [mean_loss(online, target, Batch(*(c[i : i + 1] for c in batch.columns().values()))) for i in range(4)]
    assert mean_loss(online, target, batch) == pytest.approx(sum(alone) / 4)
    only = batch._replace(weight=torch.tensor([0.0, 0.0, 2.0, 0.0]))
    assert mean_loss(online, target, only) == pytest.approx(alone[2] / batch.weight[2].item() * 2 / 4)


def test_a_batch_of_one_teaches_what_32_copies_of_it_teach(
    random_network: Build, random_batch: Batches, learner_of: Learners
) -> None:
    row = random_batch(1)
    many = Batch(*(c.repeat(32, *[1] * (c.dim() - 1)) for c in row.columns().values()))
    one, copies = (learner_of(random_network(1), random_network(2)) for _ in range(2))
    a, b = one.update(row), copies.update(many)
    torch.testing.assert_close(a.loss, b.loss)
    torch.testing.assert_close(a.grad_norm, b.grad_norm)
    torch.testing.assert_close(a.error.expand(32), b.error)


def test_termination_alone_cuts_off_the_future(constant_network: Build, random_batch: Batches) -> None:
    batch = random_batch(2)._replace(reward=torch.ones(2), discount=torch.tensor([0.9, 0.0]))  # cut, and over
    update = loss(constant_network(0.0, 0.0), constant_network(10.0, 3.0), batch, greedy)[1]
    assert update.target.tolist() == pytest.approx([10, 1])


def test_double_and_greedy_and_swapped_networks_give_three_targets(
    constant_network: Build, random_batch: Batches
) -> None:
    online, target = constant_network(20.1, 22.5), constant_network(23.0, 22.8)
    batch = random_batch(1)._replace(reward=torch.ones(1), discount=torch.tensor([0.99]))
    given = [
        loss(a, b, batch, rule)[1].target.item()
        for a, b, rule in [(online, target, greedy), (online, target, double), (target, online, double)]
    ]
    assert given == pytest.approx([1 + 0.99 * 23.0, 1 + 0.99 * 22.8, 1 + 0.99 * 20.1])


@pytest.mark.parametrize("rule", [greedy, double])
def test_no_gradient_reaches_the_target_network_nor_flows_through_the_bootstrap(
    rule: Rule, random_network: Build, random_batch: Batches
) -> None:
    online, target, batch = random_network(1), random_network(2), random_batch()
    mean, update = loss(online, target, batch, rule)
    mean.backward()
    assert all(p.grad is None for p in target.parameters())
    # The same gradient as with the targets as plain numbers.
    constant, twin = update.target.clone(), random_network(1)
    prediction = twin.q_values(batch.obs)[torch.arange(32), batch.action]
    (batch.weight * (constant - prediction) ** 2).mean().backward()
    for ours, theirs in zip(online.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_an_update_reports_plain_numbers_that_hold_no_graph(
    random_network: Build, random_batch: Batches, learner_of: Learners
) -> None:
    learner = learner_of(random_network(1), random_network(2))
    assert [name for name, x in learner.update(random_batch())._asdict().items() if x.requires_grad] == []


def test_the_reported_values_are_those_before_the_step(
    random_network: Build, random_batch: Batches, learner_of: Learners
) -> None:
    learner, batch = learner_of(random_network(1), random_network(2)), random_batch()
    update = learner.update(batch)
    before = random_network(1).q_values(batch.obs)
    assert update.q.tolist() == before.tolist() != learner.online.q_values(batch.obs).tolist()
    error = (update.target - before.gather(1, batch.action[:, None]).squeeze(1)).abs()
    torch.testing.assert_close(update.error, error.detach())
    torch.testing.assert_close(update.loss, (batch.weight * error.detach() ** 2).mean())


# ── An independent twin ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rule", [greedy, double])
@pytest.mark.parametrize("huber", [None, 0.5])
@pytest.mark.parametrize("max_grad_norm", [None, 0.3])
def test_ten_updates_agree_with_the_textbook(
    random_network: Build,
    random_batch: Batches,
    rule: Rule,
    huber: float | None,
    max_grad_norm: float | None,
    learner_of: Learners,
) -> None:
    online, target = random_network(1, huber=huber), random_network(2)
    ours, theirs = (
        nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2)) for _ in range(2)
    )
    for network, module in ((online, ours), (target, theirs)):
        weights = export_weights(network)
        module.load_state_dict({name.removeprefix("fc."): w for name, w in weights.items()})
    learner = learner_of(online, target, rule, HardSync(4), 0.01, max_grad_norm)
    optimizer = torch.optim.Adam(ours.parameters(), lr=0.01)
    for count in range(1, 11):
        batch = random_batch(seed=count)
        update = learner.update(batch)

        losses = []
        for obs, action, reward, discount, next_obs, weight in zip(*batch.columns().values(), strict=True):
            with torch.no_grad():
                rated = theirs(next_obs)
                best = (ours(next_obs) if rule is double else rated).argmax()
                goal = reward + discount * rated[best]
            value = ours(obs)[action]
            losses.append(
                weight * (F.mse_loss(value, goal) if huber is None else F.huber_loss(value, goal, delta=huber))
            )
        mean = torch.stack(losses).mean()
        optimizer.zero_grad()
        mean.backward()
        norm = nn.utils.clip_grad_norm_(ours.parameters(), max_grad_norm or 1e9)
        optimizer.step()
        if count % 4 == 0:
            theirs.load_state_dict(ours.state_dict())

        torch.testing.assert_close(update.loss, mean.detach())
        torch.testing.assert_close(update.grad_norm, norm)
        for network, module in ((online, ours), (target, theirs)):
            for mine, classic in zip(network.parameters(), module.parameters(), strict=True):
                torch.testing.assert_close(mine, classic, rtol=1e-6, atol=1e-6, check_stride=False)


# ── Learning ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rule", [greedy, double])
def test_one_batch_under_a_frozen_target_is_learnt_by_heart(
    rule: Rule, random_network: Build, random_batch: Batches, learner_of: Learners
) -> None:
    online, target = random_network(1, (32, 32)), random_network(2, (32, 32))
    learner = learner_of(online, target, rule, lr=0.01)
    batch = random_batch(16)
    losses = [learner.update(batch).loss.item() for _ in range(300)]
    assert losses[0] > 0.1
    assert losses[-1] < 1e-4


def test_updates_touch_no_global_generator(random_network: Build, random_batch: Batches, learner_of: Learners) -> None:
    batch, learner = random_batch(), learner_of(random_network(1), random_network(2), sync=PolyakSync(0.1))
    before = torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    for _ in range(20):
        learner.update(batch)
    after = torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    assert before == after


def test_equal_batches_give_equal_weights_to_the_bit(
    random_network: Build, random_batch: Batches, learner_of: Learners, fingerprint: Hash
) -> None:
    pair = [learner_of(random_network(1), random_network(2), double, PolyakSync(0.05)) for _ in range(2)]
    for learner in pair:
        for seed in range(20):
            learner.update(random_batch(seed=seed))
    assert fingerprint(pair[0].online) == fingerprint(pair[1].online) != fingerprint(random_network(1))
    assert fingerprint(pair[0].target) == fingerprint(pair[1].target)
