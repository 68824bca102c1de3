"""⑦ The networks of a learner: never aliases of each other, synced when due, saved and loaded whole."""

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch

from dqnlab.learn.learner import HardSync, Learner, PolyakSync
from dqnlab.learn.networks import QNetwork
from dqnlab.learn.policy import q_function
from dqnlab.learn.targets import double, greedy
from dqnlab.learn.types import Batch

from ..nets import learner as learner_with

Build = Callable[..., QNetwork]
Batches = Callable[..., Batch]
Learners = Callable[..., Learner]
Hash = Callable[[QNetwork], str]
NEVER = HardSync(10**9)


# ── Three networks ───────────────────────────────────────────────────────────────────────────────


def test_online_target_and_a_copy_share_no_memory(
    random_network: Build, random_batch: Batches, fingerprint: Hash
) -> None:
    learner = learner_with(random_network(1), random_network(2), double, NEVER)
    best = random_network(3)
    best.load_state_dict(learner.online.state_dict())
    networks = [learner.online, learner.target, best]
    assert len({fingerprint(network) for network in networks}) == 1  # all start equal
    places = [{p.untyped_storage().data_ptr() for p in network.parameters()} for network in networks]
    assert len(set.union(*places)) == sum(map(len, places))
    for network in networks:
        others = [other for other in networks if other is not network]
        before = [fingerprint(other) for other in others]
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(1)
        assert [fingerprint(other) for other in others] == before
    kept = [fingerprint(learner.target), fingerprint(best)]
    learner.update(random_batch())
    assert [fingerprint(learner.target), fingerprint(best)] == kept


def test_one_network_cannot_be_both_online_and_target(random_network: Build, random_batch: Batches) -> None:
    network = random_network()
    with pytest.raises(RuntimeError, match="does not require grad"):
        learner_with(network, network, greedy, NEVER).update(random_batch())


@pytest.mark.parametrize("every", [1, 3, 7])
def test_a_HardSync_comes_exactly_at_multiples_of_its_period(
    random_network: Build, random_batch: Batches, every: int, learner_of: Learners, fingerprint: Hash
) -> None:
    learner = learner_of(random_network(1), random_network(2), sync=HardSync(every))
    synced, before = [], fingerprint(learner.target)
    for count in range(1, 22):
        learner.update(random_batch(seed=count))
        if (now := fingerprint(learner.target)) != before:
            assert now == fingerprint(learner.online)
            synced.append(count)
            before = now
    assert synced == list(range(every, 22, every))


def test_the_sync_period_goes_on_counting_after_loading(
    random_network: Build, random_batch: Batches, learner_of: Learners, fingerprint: Hash
) -> None:
    learner, resumed = (learner_of(random_network(1), random_network(2), sync=HardSync(5)) for _ in range(2))
    for _ in range(3):
        learner.update(random_batch())
    resumed.load_state_dict(learner.state_dict())
    moved, before = [], fingerprint(resumed.target)
    for _ in range(7):
        resumed.update(random_batch())
        moved.append(fingerprint(resumed.target) != before)
        before = fingerprint(resumed.target)
    assert moved == [False, True, False, False, False, False, True]


def test_polyak_moves_the_target_a_share_of_the_way_at_every_update(
    random_network: Build, random_batch: Batches, learner_of: Learners
) -> None:
    learner = learner_of(random_network(1), random_network(2), sync=PolyakSync(0.1))
    for _ in range(5):
        before = [p.clone() for p in learner.target.parameters()]
        learner.update(random_batch())
        for old, new, online in zip(before, learner.target.parameters(), learner.online.parameters(), strict=True):
            torch.testing.assert_close(new, 0.9 * old + 0.1 * online.detach())


# ── State ────────────────────────────────────────────────────────────────────────────────────────


def test_a_loaded_learner_continues_as_if_nothing_had_happened(
    random_network: Build, random_batch: Batches, fingerprint: Hash
) -> None:
    learner = learner_with(random_network(1), random_network(1), double, HardSync(4))
    for seed in range(6):
        learner.update(random_batch(seed=seed))
    resumed = learner_with(random_network(8), random_network(9), double, HardSync(4))
    q, obs = q_function(resumed.online), random_batch().obs
    resumed.load_state_dict(copy.deepcopy(learner.state_dict()))
    for seed in range(6, 14):  # the optimiser's vectors are still the network's own memory
        ours, theirs = resumed.update(random_batch(seed=seed)), learner.update(random_batch(seed=seed))
        assert ours.loss.item() == theirs.loss.item()
        assert fingerprint(resumed.online) == fingerprint(learner.online)
        assert fingerprint(resumed.target) == fingerprint(learner.target)
        np.testing.assert_allclose(q(obs.numpy()), learner.online.q_values(obs).detach(), rtol=1e-5, atol=1e-5)
    assert resumed.updates == learner.updates == 14


def test_going_back_to_a_kept_state_repeats_the_updates(
    random_network: Build, random_batch: Batches, fingerprint: Hash
) -> None:
    learner = learner_with(random_network(1), random_network(1), double, HardSync(4))
    learner.update(random_batch())
    kept = learner.state_dict()
    seen = []
    for _ in range(2):
        for seed in range(5):
            learner.update(random_batch(seed=seed))
        seen.append(fingerprint(learner.online))
        learner.load_state_dict(kept)
    assert seen[0] == seen[1]


def test_a_state_of_another_network_is_refused(random_network: Build) -> None:
    small, large = (learner_with(random_network(1, h), random_network(1, h), greedy, NEVER) for h in ((8, 8), (9, 8)))
    with pytest.raises(RuntimeError, match="size mismatch"):
        small.load_state_dict(large.state_dict())
