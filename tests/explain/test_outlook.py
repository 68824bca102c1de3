"""What returns a network expects of each action, as finely as a page keeps it."""

from typing import get_args, get_type_hints

import numpy as np
import pytest
import torch

from dqnlab.build import make_network
from dqnlab.config import C51, Config, Custom, Dueling, Env, HlGauss, Iqn, Mlp, Noisy, Quantiles, Scalar
from dqnlab.envs.make import describe
from dqnlab.explain.few import LISTED
from dqnlab.explain.outlook import STEPS, Outlook, outlook, says_more
from dqnlab.learn.networks import QNetwork

SPEC = describe(Env())
OBS = np.random.default_rng(1).normal(size=(40, 4)).astype(np.float32)


def network(head: C51 | HlGauss | Iqn | Quantiles | Scalar, scale: float = 1.0, num_actions: int = 2) -> QNetwork:
    config = Config(torso=Mlp(hidden=(8,)), head=head, stream=Dueling(hidden=(4,)), layers=Noisy())
    made = make_network(config, SPEC._replace(num_actions=num_actions), scale)
    return made.requires_grad_(False)


def decoded(found: Outlook) -> np.ndarray:
    """[T, L, K]"""
    return found.low[..., None] + (found.high - found.low)[..., None] * found.packed / STEPS


def look(made: QNetwork, most: int = 10**9) -> tuple[Outlook, np.ndarray]:
    q = made.q_values(torch.from_numpy(OBS)).numpy()
    found = outlook(made, OBS, q, most)
    assert found is not None
    return found, q * made.reward_scale


@pytest.mark.parametrize("head", [C51(num=7, v_min=-4.0, v_max=8.0), HlGauss(num=6, v_min=-6.0, v_max=6.0)], ids=str)
def test_probabilities_are_the_network_s_own_and_their_mean_its_value(head: C51 | HlGauss) -> None:
    made = network(head, scale=2.0)
    found, q = look(made)
    exact = made(torch.from_numpy(OBS)).softmax(-1).numpy()
    assert found.form == "shares"
    assert (found.every, found.kept) == (1, None)
    assert np.abs(decoded(found) - exact).max() <= 0.51 * exact.max() / STEPS
    ends = {C51: (-4.0, 8.0), HlGauss: (-5.0, 5.0)}[type(head)]  # of bins the middles
    assert (found.at[0], found.at[-1]) == ends
    np.testing.assert_allclose(exact @ found.at, q, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(decoded(found) @ found.at, q, atol=0.2)


@pytest.mark.parametrize("head", [Quantiles(num=5), Iqn(num=5, cosines=3)], ids=str)
def test_quantiles_are_the_network_s_own_at_the_middles_of_equal_shares(head: Quantiles | Iqn) -> None:
    made = network(head, scale=3.0)
    found, q = look(made)
    exact = made(torch.from_numpy(OBS)).numpy()[:, :, :5] * 3.0
    assert found.form == "quantiles"
    np.testing.assert_allclose(found.at, [0.1, 0.3, 0.5, 0.7, 0.9], rtol=1e-6)
    assert (np.abs(decoded(found) - exact).max(2) <= 0.51 * np.ptp(exact, axis=2) / STEPS + 1e-6).all()
    np.testing.assert_allclose(exact.mean(2), q, rtol=1e-5, atol=1e-5)


def test_beyond_the_bytes_only_every_so_many_steps_are_kept() -> None:
    made = network(Quantiles(num=5))
    whole, _ = look(made)
    found, _ = look(made, most=130)  # 13 of 40 steps of 2 x 5 bytes
    assert found.every == 4
    assert found.packed.nbytes == 100
    np.testing.assert_array_equal(found.packed, whole.packed[::4])


def test_ends_that_are_nowhere_likely_are_trimmed() -> None:
    config = Config(torso=Mlp(hidden=(8,)), head=C51(num=11, v_min=-5.0, v_max=5.0))
    made = make_network(config, SPEC).requires_grad_(False)
    weight, bias = list(made.stream.parameters())
    weight.zero_()
    bias.copy_(torch.tensor([-50.0] * 3 + [1.0, 2.0, 1.0] + [-50.0] * 5).repeat(2))
    found, _ = look(made, most=40 * 2 * 3)
    assert found.at.tolist() == [-2, -1, 0]
    assert found.every == 1
    assert found.packed.shape == (40, 2, 3)
    assert (found.packed > 0).all()


def test_of_many_actions_those_that_are_listed_are_kept() -> None:
    made = network(Quantiles(num=3), num_actions=30)
    found, q = look(made)
    assert found.kept is not None
    assert found.packed.shape == (40, LISTED, 3)
    for step in (0, 39):
        assert set(found.kept[step]) == set(np.argsort(-q[step])[:LISTED])
        exact = made(torch.from_numpy(OBS[step : step + 1])).numpy()[0, found.kept[step]]
        np.testing.assert_allclose(decoded(found)[step], exact, atol=0.01)


def test_every_head_but_the_scalar_one_has_an_entry() -> None:
    """Whoever adds a head adds what can be drawn of it; one without an entry is shown by its means alone."""
    for kind in set(get_args(get_type_hints(Config)["head"])) - {Custom}:
        ends = {name: end for name, end in {"v_min": -1.0, "v_max": 1.0}.items() if name in kind.__dataclass_fields__}
        made = network(kind(**ends))
        q = made.q_values(torch.from_numpy(OBS)).numpy()
        assert says_more(made) == (kind is not Scalar), kind
        assert (outlook(made, OBS, q, 10**6) is None) == (kind is Scalar)
