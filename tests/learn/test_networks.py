"""⑤ Q-networks, their weights as one vector, and as files hold them."""

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dqnlab.learn.networks import Mlp, QNetwork, initialise
from dqnlab.learn.policy import q_function
from dqnlab.learn.types import ObsSpec
from dqnlab.learn.weights import Flat, dead_units, export_weights, import_weights

from ..nets import q_values_of

Build = Callable[..., QNetwork]
STATES = ObsSpec((), np.dtype(np.int64), 5)
PIXELS = ObsSpec((2, 3), np.dtype(np.uint8))


class Classic(nn.Module):
    """The module that countless DQN programs use."""

    def __init__(self, obs_size: int, num_actions: int):
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(obs_size, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, num_actions)
        )

    def forward(self, obs: Tensor) -> Tensor:
        return self.fc(obs)


def same(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


# ── Values ───────────────────────────────────────────────────────────────────────────────────────


@torch.no_grad()
def test_a_tiny_network_by_hand(random_network: Build) -> None:
    network = random_network(hidden=(2, 1), obs=ObsSpec((2,), np.dtype(np.float32)))
    numbers = [[[1, -1], [2, 0]], [0, 1], [[1, 3]], [-4], [[2], [-1]], [0.5, 0]]
    for parameter, value in zip(network.parameters(), numbers, strict=True):
        parameter.copy_(torch.tensor(value))
    # [1, 2] -> relu [-1, 3] = [0, 3] -> relu 9 - 4 = 5 -> [10.5, -5];  [-1, 0] -> [0, 0] -> 0 -> biases
    assert network.q_values(torch.tensor([[1.0, 2.0], [-1.0, 0.0]])).tolist() == [[10.5, -5], [0.5, 0]]


@pytest.mark.parametrize("hidden", [(8,), (8, 6), (8, 6, 5)])
def test_values_agree_with_a_loop_over_the_layers(random_network: Build, hidden: tuple[int, ...]) -> None:
    network, obs = random_network(hidden=hidden, num_actions=3), normal(7, 4)
    layers = [(x.weight.detach().numpy(), x.bias.detach().numpy()) for x in network.linears()]
    assert [len(bias) for _, bias in layers] == [*hidden, 3]
    for one, q in zip(obs.numpy(), network.q_values(obs).tolist(), strict=True):
        x = one
        for weight, bias in layers[:-1]:
            x = np.maximum(weight @ x + bias, 0)
        assert q == pytest.approx((layers[-1][0] @ x + layers[-1][1]).tolist(), abs=1e-5)


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize(
    "spec", [STATES, PIXELS, ObsSpec((3,), np.dtype(np.float32)), ObsSpec((2, 2, 2), np.dtype(np.bool_))]
)
def test_shapes_follow_the_spaces(random_network: Build, spec: ObsSpec, batch: int) -> None:
    network = random_network(obs=spec, num_actions=6)
    obs = torch.from_numpy(np.zeros((batch, *spec.shape), spec.dtype))
    assert network(obs).shape == (batch, 6, 1)
    assert network.q_values(obs).shape == (batch, 6)
    assert network(obs).dtype == torch.float32


def test_pictures_are_divided_by_their_scale_exactly_once(random_network: Build) -> None:
    pixels = torch.tensor([[[0, 51, 255], [1, 2, 3]]], dtype=torch.uint8)
    features = random_network(obs=PIXELS._replace(scale=255.0)).encode(pixels)
    assert features.tolist() == [pytest.approx([0, 0.2, 1, 1 / 255, 2 / 255, 3 / 255])]
    assert random_network(obs=PIXELS).encode(pixels).tolist() == [[0, 51, 255, 1, 2, 3]]  # codes stay codes
    for dtype in ("float32", "bool"):
        spec, ones = ObsSpec((2,), np.dtype(dtype)), torch.ones(1, 2).to(getattr(torch, dtype))
        assert random_network(obs=spec).encode(ones).tolist() == [[1, 1]]


def test_a_discrete_state_is_seen_as_one_hot(random_network: Build) -> None:
    assert random_network(obs=STATES).encode(torch.tensor([4, 0])).tolist() == [[0, 0, 0, 0, 1], [1, 0, 0, 0, 0]]


def test_stacked_discrete_states_are_seen_as_one_one_hot_each(random_network: Build) -> None:
    network = random_network(obs=STATES._replace(shape=(2,)))
    assert network.q_values(torch.tensor([[4, 0], [1, 1]])).shape == (2, 2)


def test_an_observation_costs_the_same_alone_as_in_a_batch(random_network: Build) -> None:
    network, obs = random_network(), normal(32, 4)
    alone = torch.cat([network.q_values(one[None]) for one in obs])
    torch.testing.assert_close(network.q_values(obs), alone)


def test_an_observation_may_be_a_single_number(random_network: Build) -> None:
    network = random_network(obs=ObsSpec((), np.dtype(np.float32)))
    assert network.encode(torch.tensor([0.5, 2.0])).tolist() == [[0.5], [2.0]]


def test_states_are_one_hot(random_network: Build) -> None:
    network = random_network(obs=STATES)
    states = torch.tensor([0, 4, 2, 2])
    assert torch.equal(network.encode(states), torch.nn.functional.one_hot(states, 5).float())


# ── First weights ────────────────────────────────────────────────────────────────────────────────


def test_the_generator_decides_the_first_weights(random_network: Build) -> None:
    assert same(random_network(1), random_network(1))
    assert not any(map(torch.equal, random_network(1).parameters(), random_network(2).parameters()))


def test_building_draws_from_no_global_generator(random_network: Build) -> None:
    torchs, numpys = torch.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002
    random_network()
    assert torch.equal(torch.get_rng_state(), torchs)
    assert np.random.get_state()[1].tolist() == numpys  # noqa: NPY002


def test_first_weights_follow_the_law_of_torchs_linear(random_network: Build) -> None:
    for ours in random_network(hidden=(200, 100), obs=ObsSpec((50,), np.dtype(np.float32)), num_actions=200).linears():
        bound = 1 / math.sqrt(ours.in_features)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            theirs = nn.Linear(ours.in_features, ours.out_features)
        for mine, torchs in ((ours.weight, theirs.weight), (ours.bias, theirs.bias)):
            assert 0.95 * bound < mine.max() <= bound
            assert -bound <= mine.min() < -0.95 * bound
            assert abs(mine.mean()) < 4 * bound / math.sqrt(3 * mine.numel())
            # a standard deviation of n uniform numbers is known within 0.45 / sqrt(n)
            assert mine.std().item() == pytest.approx(torchs.std().item(), rel=4 * 0.45 * math.sqrt(2 / mine.numel()))


# ── One vector ───────────────────────────────────────────────────────────────────────────────────


def test_the_vector_and_the_networks_tensors_are_one_memory(random_network: Build) -> None:
    network, twin, obs = random_network(), random_network(), normal(3, 4)
    flat = Flat(network)
    assert same(network, twin)
    assert flat.values.tolist() == torch.cat([p.detach().flatten() for p in twin.parameters()]).tolist()
    flat.values.mul_(2)
    assert network.linears()[0].weight.tolist() == (twin.linears()[0].weight * 2).tolist()
    assert network.linears()[-1].bias.tolist() == flat.values[-2:].tolist()
    network.load_state_dict(twin.state_dict())
    assert network.q_values(obs).tolist() == twin.q_values(obs).tolist()
    assert flat.values[-2:].tolist() == twin.linears()[-1].bias.tolist()


def test_gradients_land_in_the_gradient_vector(random_network: Build) -> None:
    network, twin, obs = random_network(), random_network(), normal(3, 4)
    flat = Flat(network)
    for _ in range(2):
        flat.gradient.zero_()
        network.q_values(obs).sum().backward()
    twin.q_values(obs).sum().backward()
    expected = torch.cat([p.grad.flatten() for p in twin.parameters() if p.grad is not None])
    torch.testing.assert_close(flat.gradient, expected)
    assert flat.gradient.norm() > 0


# ── Files ────────────────────────────────────────────────────────────────────────────────────────


def test_a_plain_network_is_saved_under_the_classic_names_and_loads_into_the_classic_module(
    random_network: Build,
) -> None:
    network, classic, obs = random_network(hidden=(64, 64)), Classic(4, 2), normal(9, 4)
    weights = export_weights(network)
    assert list(weights) == [f"fc.{layer}.{part}" for layer in (0, 2, 4) for part in ("weight", "bias")]
    classic.load_state_dict(weights, strict=True)
    torch.testing.assert_close(classic(obs), network.q_values(obs))


def test_weights_of_the_classic_module_load_into_the_network(random_network: Build) -> None:
    network, classic, obs = random_network(hidden=(64, 64)), Classic(4, 2), normal(9, 4)
    import_weights(network, classic.state_dict())
    torch.testing.assert_close(network.q_values(obs), classic(obs))


@pytest.mark.parametrize(
    ("hidden", "spec"),
    [
        ((8,), None),
        ((8, 8, 8, 8), None),
        ((8, 8), STATES),
        ((8,), PIXELS),
        ((8, 8), ObsSpec((2, 2), np.dtype(np.float32))),
    ],
)
def test_a_chain_of_any_depth_is_saved_as_a_sequence_whatever_it_sees(
    random_network: Build, hidden: tuple[int, ...], spec: ObsSpec | None
) -> None:
    shape = {} if spec is None else {"obs": spec}
    network, other = random_network(1, hidden, **shape), random_network(2, hidden, **shape)
    weights = export_weights(network)
    sizes = [network.linears()[0].in_features, *hidden, 2]
    layers = [layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), nn.ReLU())][:-1]
    classic = nn.Sequential(OrderedDict(fc=nn.Sequential(*layers)))
    classic.load_state_dict(weights, strict=True)
    features = normal(5, sizes[0])
    torch.testing.assert_close(classic(features), q_values_of(network, features))
    import_weights(other, weights)
    assert same(network, other)


class Normed(Mlp):
    """A torso that is more than its layers."""

    def __init__(self, sizes: Sequence[int]):
        super().__init__(sizes)
        self.norm = nn.LayerNorm(sizes[-1])

    def forward(self, x: torch.Tensor, draw: torch.Tensor) -> torch.Tensor:
        return self.norm(super().forward(x, draw))


def test_a_network_that_is_more_than_its_layers_is_no_chain_and_keeps_its_own_names(random_network: Build) -> None:
    network = random_network()
    assert network.chain() == network.linears()
    network.torso = Normed([4, 8, 8])
    initialise(network, torch.Generator().manual_seed(1))
    assert network.chain() is None
    assert list(export_weights(network)) == list(network.state_dict())
    obs = normal(6, 4)
    acted = q_function(network)(obs.numpy())
    torch.testing.assert_close(torch.from_numpy(acted), network.q_values(obs).detach())


def test_exported_weights_are_a_small_copy(random_network: Build) -> None:
    network = random_network()
    flat = Flat(network)
    weights = export_weights(network)
    before = {name: w.tolist() for name, w in weights.items()}
    flat.values.add_(1)
    assert {name: w.tolist() for name, w in weights.items()} == before
    assert all(w.untyped_storage().nbytes() == w.numel() * 4 for w in weights.values())  # not the whole vector
    assert not any(w.requires_grad for w in weights.values())


def test_importing_copies_and_keeps_the_networks_own_memory(random_network: Build) -> None:
    network, weights = random_network(1), export_weights(random_network(2))
    flat, places = Flat(network), [p.data_ptr() for p in network.parameters()]
    import_weights(network, weights)
    for w in weights.values():
        w.zero_()
    assert [p.data_ptr() for p in network.parameters()] == places
    assert same(network, random_network(2))
    assert flat.values[-2:].tolist() == random_network(2).linears()[-1].bias.tolist()


def test_weights_of_another_shape_are_refused(random_network: Build) -> None:
    with pytest.raises(RuntimeError, match=r"size mismatch for torso\.layers\.0\.weight"):
        import_weights(random_network(hidden=(8, 8)), export_weights(random_network(hidden=(9, 8))))


def test_weights_under_other_names_are_refused(random_network: Build) -> None:
    names = {name.replace("fc", "layers"): w for name, w in export_weights(random_network()).items()}
    with pytest.raises(ValueError, match=r"it lacks fc\.0\.bias, fc\.0\.weight.*; it has layers\.0\.bias"):
        import_weights(random_network(), names)


def test_weights_left_over_are_refused(random_network: Build) -> None:
    weights = export_weights(random_network())
    weights["fc.6.weight"] = torch.zeros(2, 2)
    with pytest.raises(ValueError, match=r"^it has fc\.6\.weight too many$"):
        import_weights(random_network(), weights)


# ── Dead units ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("hidden", [(4,), (4, 4), (4, 2, 6)])
@pytest.mark.parametrize(("biases", "expected"), [((1.0, 1.0), 0.0), ((-1.0, 1.0), 0.5), ((-1.0, -1.0), 1.0)])
@torch.no_grad()
def test_dead_units_of_constructed_networks(
    random_network: Build, hidden: tuple[int, ...], biases: tuple[float, float], expected: float
) -> None:
    network = random_network(hidden=hidden)
    for linear in network.linears():
        linear.weight.zero_()
        linear.bias.copy_(torch.tensor(biases).repeat(linear.out_features // 2))
    assert dead_units(network, normal(5, 4)) == expected


@torch.no_grad()
def test_a_unit_that_answers_to_one_observation_is_alive(random_network: Build) -> None:
    network = random_network(hidden=(1, 1))
    for linear in network.linears():
        linear.weight.fill_(1)
        linear.bias.zero_()
    obs = -torch.ones(8, 4)
    assert dead_units(network, obs) == 1
    obs[3] = 1
    assert dead_units(network, obs) == 0


def test_counting_dead_units_leaves_nothing_behind(random_network: Build) -> None:
    network, obs = random_network(), normal(8, 4)
    before = network.q_values(obs).tolist()
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        dead_units(network, normal(8, 3))
    dead_units(network, obs)
    assert not any(module._forward_hooks for module in network.modules())
    assert all(p.grad is None for p in network.parameters())
    assert network.q_values(obs).tolist() == before
