"""The best return there is, from the table of an environment."""

from itertools import product

import numpy as np
import pytest

from dqnlab.config import Env
from dqnlab.envs.optimum import Dynamics, best_by_state, best_return, dynamics_of, policy_return

# In state 0 action 0 pays 1 and stays, action 1 pays 0 and ends with 5 half of the time.
SMALL = Dynamics(reward=np.array([[1.0, 2.5]]), next=np.array([[[1.0], [0.5]]]), start=np.array([1.0]), horizon=3)


def test_the_best_of_a_small_table_by_hand() -> None:
    """Backwards: 2.5 in the last step, 1 + 2.5 or 2.5 + 1.25 before it, 1 + 3.75 or 2.5 + 1.875 in the first."""
    assert best_return(SMALL) == 4.75
    assert policy_return(SMALL, np.array([0])) == 3.0
    assert policy_return(SMALL, np.array([1])) == 2.5 + 1.25 + 0.625
    assert best_by_state(SMALL) == 2.5 + 1.25 + 0.625  # it takes a clock to stay first and leave in the end


@pytest.mark.parametrize(
    ("name", "kwargs", "by_state", "optimum"),
    [
        ("FrozenLake-v1", {"is_slippery": False}, 1.0, 1.0),
        ("FrozenLake-v1", {}, 0.7402, 0.7442),
        ("FrozenLake8x8-v1", {}, 0.8936, 0.9132),
        ("CliffWalking-v1", {}, -13.0, -13.0),
    ],
)
def test_the_optimum_of_toy_text(name: str, kwargs: dict[str, bool], by_state: float, optimum: float) -> None:
    table = dynamics_of(Env(id=name, kwargs=kwargs))
    assert table is not None
    assert best_return(table) == pytest.approx(optimum, abs=5e-5)
    assert best_by_state(table) == pytest.approx(by_state, abs=5e-5)


def test_the_best_by_state_is_nearly_always_that_of_all_policies() -> None:
    rng, reached = np.random.default_rng(0), 0
    for _ in range(100):
        following = rng.dirichlet(np.full(5, 0.3), (4, 3))[..., :4]  # what is left ends the episode
        horizon = int(rng.integers(2, 9))
        table = Dynamics(rng.normal(size=(4, 3)), following, rng.dirichlet(np.ones(4)), horizon)
        all_of_them = max(policy_return(table, np.array(each)) for each in product(range(3), repeat=4))
        found = best_by_state(table)
        assert found <= all_of_them + 1e-9
        assert all_of_them <= best_return(table) + 1e-9
        reached += found > all_of_them - 1e-9
    assert reached >= 90


def test_the_optimum_of_taxi_is_the_mean_over_its_starts() -> None:
    table = dynamics_of(Env(id="Taxi-v4"))
    assert table is not None
    assert best_return(table) == pytest.approx(7.93, abs=0.005)
    assert best_by_state(table) == pytest.approx(best_return(table))
    assert table.allowed is not None
    assert table.allowed.shape == (500, 6)


def test_no_policy_beats_the_best_and_random_ones_earn_what_episodes_earn() -> None:
    table = dynamics_of(Env(id="FrozenLake-v1", kwargs={"is_slippery": False}))
    assert table is not None
    rng = np.random.default_rng(0)
    assert all(0 <= policy_return(table, rng.integers(4, size=16)) <= 1 for _ in range(20))


@pytest.mark.parametrize("env", [Env(id="CartPole-v1"), Env(id="Blackjack-v1"), Env(id="FrozenLake-v1", frame_stack=2)])
def test_others_have_no_optimum_that_anybody_knows(env: Env) -> None:
    assert dynamics_of(env) is None
