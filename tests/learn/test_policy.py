"""Acting."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from dqnlab.learn.learner import HardSync
from dqnlab.learn.networks import QNetwork
from dqnlab.learn.policy import Policy, QFunction, Reactive, q_function
from dqnlab.learn.targets import greedy
from dqnlab.learn.types import Batch, ObsSpec
from dqnlab.learn.weights import export_weights, import_weights

from .. import nets

Build = Callable[..., QNetwork]


def always(*q: float) -> QFunction:
    """The same Q-values for every env."""
    return lambda obs: np.tile(np.array(q, np.float32), (len(obs), 1))


def tossed(q_values: QFunction, num_envs: int, epsilon: float, rng: np.random.Generator | None = None) -> np.ndarray:
    """The actions [E] at one step."""
    policy = Policy(Reactive(q_values), rng or np.random.default_rng(0))
    return policy(np.zeros((num_envs, 1)), np.zeros(num_envs, bool), epsilon)


def by_torch(network: QNetwork, obs: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return network.q_values(torch.from_numpy(obs)).numpy()


# ── Epsilon-greedy ───────────────────────────────────────────────────────────────────────────────


def test_without_epsilon_every_action_of_10000_is_the_best_one() -> None:
    q = np.random.default_rng(0).normal(size=(10_000, 4))
    actions = Policy(Reactive(lambda obs: q), np.random.default_rng(0))(
        np.zeros((10_000, 1)), np.zeros(10_000, bool), 0.0
    )
    assert actions.dtype == np.int64
    assert actions.tolist() == [row.index(max(row)) for row in q.tolist()]


def test_with_epsilon_one_every_action_is_equally_likely() -> None:
    actions = Policy(Reactive(always(0, 9, 0, 0)), np.random.default_rng(0))(
        np.zeros((10_000, 1)), np.zeros(10_000, bool), 1.0
    )
    assert np.abs(np.bincount(actions, minlength=4) - 2_500).max() < 4 * (10_000 * 0.25 * 0.75) ** 0.5


@pytest.mark.parametrize("num_envs", [1, 8])
@pytest.mark.parametrize("epsilon", [0.05, 0.5])
def test_the_share_of_other_actions_is_epsilon_but_for_lucky_draws(num_envs: int, epsilon: float) -> None:
    policy, obs = Policy(Reactive(always(0, 9, 0)), np.random.default_rng(0)), np.zeros((num_envs, 1))
    draws = 8_000
    other = sum(int((policy(obs, np.zeros(len(obs), bool), epsilon) != 1).sum()) for _ in range(draws // num_envs))
    share = epsilon * (1 - 1 / 3)
    assert abs(other - draws * share) < 4 * (draws * share * (1 - share)) ** 0.5


def test_every_env_tosses_its_own_coin() -> None:
    policy = Policy(Reactive(always(1, *[0] * 99)), np.random.default_rng(0))
    explored = np.array([policy(np.zeros((2, 1)), np.zeros(2, bool), 0.5) != 0 for _ in range(4_000)])
    both = explored.all(1).mean()
    assert both == pytest.approx((0.5 * 0.99) ** 2, abs=4 * (0.25 * 0.75 / 4_000) ** 0.5)  # one coin: 0.5


def test_envs_that_explore_draw_actions_of_their_own() -> None:
    actions = Policy(Reactive(always(*range(1_000))), np.random.default_rng(0))(
        np.zeros((10, 1)), np.zeros(10, bool), 1.0
    )
    assert len(set(actions.tolist())) > 5


def test_values_that_are_known_already_are_acted_on_once() -> None:
    policy = Policy(Reactive(always(0, 9, 0)), np.random.default_rng(0))
    obs, first = np.zeros((2, 1)), np.zeros(2, bool)
    policy.known = np.array([[5, 0, 0], [0, 0, 5]], np.float32)
    again = Policy(Reactive(always(0, 9, 0)), np.random.default_rng(0))
    again.load_state_dict(policy.state_dict())
    for each in (policy, again):
        assert each(obs, first, 0.0).tolist() == [0, 2]
        assert each(obs, first, 0.0).tolist() == [1, 1]


def test_equal_generators_act_alike_and_other_ones_do_not() -> None:
    first, again, other = (
        [tossed(always(0, 1, 0), 50, 0.7, rng).tolist() for _ in range(1)]
        for rng in (np.random.default_rng(seed) for seed in (1, 1, 2))
    )
    assert first == again != other


# ── Q-values for acting ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("hidden", [(8,), (64, 64), (32, 16, 8)])
@pytest.mark.parametrize("num_envs", [1, 7, 64])
def test_numpy_computes_what_torch_computes(random_network: Build, hidden: tuple[int, ...], num_envs: int) -> None:
    network = random_network(3, hidden, num_actions=5)
    assert network.chain()  # or torch would be compared with itself
    obs = np.random.default_rng(0).normal(0, 3, (num_envs, 4)).astype(np.float32)
    before = obs.copy()
    q = q_function(network)(obs)
    assert (q.shape, q.dtype) == ((num_envs, 5), np.float32)
    np.testing.assert_allclose(q, by_torch(network, obs), rtol=1e-5, atol=1e-5)
    assert obs.tolist() == before.tolist()


@pytest.mark.parametrize(
    "spec",
    [
        ObsSpec((), np.dtype(np.int64), 5),
        ObsSpec((4, 3), np.dtype(np.uint8)),
        ObsSpec((4,), np.dtype(np.bool_)),
        ObsSpec((2, 2), np.dtype(np.float32)),
    ],
)
def test_other_observations_are_left_to_torch(random_network: Build, spec: ObsSpec) -> None:
    network = random_network(obs=spec)
    assert not network.encode.takes_vector
    obs = np.random.default_rng(0).integers(0, 2, (6, *spec.shape)).astype(spec.dtype)
    assert q_function(network)(obs).tolist() == by_torch(network, obs).tolist()


@pytest.mark.parametrize("asked_first", [False, True])
def test_acting_follows_the_weights_through_learning_and_loading(
    random_network: Build, random_batch: Callable[..., Batch], asked_first: bool
) -> None:
    online, obs = random_network(1), random_batch().obs.numpy()
    early = q_function(online)
    learner = nets.learner(online, random_network(2), greedy, HardSync(5), nets.adam(0.01))
    q = early if asked_first else q_function(online)
    seen = [q(obs)]
    for _ in range(3):
        learner.update(random_batch())
        np.testing.assert_allclose(q(obs), by_torch(online, obs), rtol=1e-5, atol=1e-5)
        seen.append(q(obs))
    online.load_state_dict(random_network(7).state_dict())
    np.testing.assert_allclose(q(obs), by_torch(random_network(7), obs), rtol=1e-5, atol=1e-5)
    assert all(not np.allclose(a, b, atol=1e-4) for a, b in zip(seen, [*seen[1:], q(obs)], strict=True))


def test_acting_follows_weights_from_a_file(random_network: Build, random_batch: Callable[..., Batch]) -> None:
    network, obs = random_network(1), random_batch().obs.numpy()
    q = q_function(network)
    import_weights(network, export_weights(random_network(2)))
    np.testing.assert_allclose(q(obs), by_torch(random_network(2), obs), rtol=1e-5, atol=1e-5)


def test_acting_refuses_observations_of_another_size(random_network: Build) -> None:
    with pytest.raises(ValueError, match="mismatch in its core dimension"):
        q_function(random_network())(np.zeros((1, 3), np.float32))
