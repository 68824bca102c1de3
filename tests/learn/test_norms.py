"""Layer norms and spectral norms."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dqnlab.build import make_learner, make_network
from dqnlab.config import (
    Config,
    Double,
    Dueling,
    Hadamax,
    LayerNorm,
    Mlp,
    Noisy,
    PlainStream,
    Polyak,
    SpectralNorm,
)
from dqnlab.envs.make import EnvSpec
from dqnlab.errors import ConfigError
from dqnlab.learn.convs import Layer
from dqnlab.learn.layers import NoisyLayer, PlainLayer
from dqnlab.learn.norms import (
    ChannelNorm,
    Normed,
    SpectralConv2d,
    SpectralLayer,
    iterate,
    largest,
    settle_norms,
)
from dqnlab.learn.types import NOTHING, Batch, ObsSpec

SPEC = EnvSpec(ObsSpec((5,), np.dtype(np.float32)), 0, 3, 0, None, 1)
PIXELS = EnvSpec(ObsSpec((16, 16, 2), np.dtype(np.uint8), scale=255.0), 0, 3, 0, None, 1)
CPU = torch.device("cpu")


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def batch(size: int, spec: EnvSpec = SPEC, seed: int = 0) -> Batch:
    rng = np.random.default_rng(seed)
    shape = (size, *spec.obs.shape)
    one, other = (rng.normal(size=shape) if spec is SPEC else rng.integers(256, size=shape) for _ in range(2))
    obs, following = (torch.from_numpy(each.astype(spec.obs.dtype)) for each in (one, other))
    action = torch.from_numpy(rng.integers(3, size=size))
    return Batch(obs, action, drawn(seed, size), torch.full((size,), 0.9), following, torch.ones(size))


# ── Layer norm ───────────────────────────────────────────────────────────────────────────────────


def test_a_normed_layer_by_hand() -> None:
    made = Normed(PlainLayer(1, 4), 4)
    with torch.no_grad():
        made.layer.linear.weight.copy_(torch.tensor([[1.0], [3.0], [5.0], [7.0]]))
        made.layer.linear.bias.zero_()
        made.norm.weight.copy_(torch.tensor([1.0, 1.0, 2.0, 1.0]))
        made.norm.bias.copy_(torch.tensor([0.0, 1.0, 0.0, 0.0]))
    # 1, 3, 5, 7 have the mean 4 and the deviation √5
    expected = [-3 / 5**0.5, 1 - 1 / 5**0.5, 2 / 5**0.5, 3 / 5**0.5]
    assert made(torch.ones(1, 1), NOTHING)[0].tolist() == pytest.approx(expected, abs=1e-5)


def test_its_outputs_do_not_grow_with_its_weights_and_its_noise_is_its_layers() -> None:
    made, x = Normed(NoisyLayer(3, 6, 0.5), 6), drawn(1, 7, 3)
    for parameter, seed in zip(made.layer.parameters(), range(9), strict=False):
        parameter.data.copy_(drawn(seed, *parameter.shape))
    draw = made.draw(7, np.random.default_rng(0))
    assert len(draw) == made.num_draws(7) == len(made.mean_draw(7)) == 9
    before = made(x, draw)
    for parameter in made.layer.parameters():
        parameter.data.mul_(1000)
    torch.testing.assert_close(made(x, draw), before, rtol=1e-3, atol=1e-3)


def test_of_a_picture_the_channels_of_each_place_are_normalised() -> None:
    norm, x = ChannelNorm(5), drawn(0, 2, 5, 3, 4)
    out = norm(x)
    assert out.shape == x.shape
    for b in range(2):
        for h in range(3):
            for w in range(4):
                there = x[b, :, h, w]
                expected = (there - there.mean()) / (there.var(correction=0) + 1e-5).sqrt()
                torch.testing.assert_close(out[b, :, h, w], expected)


def norms_in(network: nn.Module) -> list[str]:
    return [name for name, module in network.named_modules() if isinstance(module, nn.LayerNorm)]


def test_every_hidden_layer_has_a_norm_and_the_last_one_has_none() -> None:
    plain = make_network(Config(torso=Mlp(hidden=(8, 6)), norm=LayerNorm()), SPEC)
    assert norms_in(plain) == ["torso.branch.layers.0.norm", "torso.branch.layers.1.norm"]
    dueling = make_network(Config(torso=Mlp(hidden=(8,)), stream=Dueling(hidden=(4,)), norm=LayerNorm()), SPEC)
    branches = ["stream.state.layers.0.norm", "stream.advantage.layers.0.norm"]
    assert norms_in(dueling) == ["torso.branch.layers.0.norm", *branches]


@pytest.mark.parametrize(("conv", "norms"), [("small", 1), ("nature", 3), ("impala", 15)])
def test_so_has_every_convolution(conv: Any, norms: int) -> None:
    spec = PIXELS._replace(obs=PIXELS.obs._replace(shape=(36, 36, 2)))
    network = make_network(Config(conv=conv, torso=Mlp(hidden=(8,)), norm=LayerNorm()), spec)
    assert len(norms_in(network.encode)) == norms
    assert network.q_values(torch.zeros(2, 36, 36, 2, dtype=torch.uint8)).isfinite().all()


def test_a_network_of_norms_begins_with_the_weights_of_one_without() -> None:
    normed, plain = (make_network(Config(norm=norm), SPEC) for norm in (LayerNorm(), Config().norm))
    ours = [module.weight for module in normed.linears()]
    assert all(torch.equal(own, other.weight) for own, other in zip(ours, plain.linears(), strict=True))
    assert normed.chain() is None
    assert plain.chain() is not None


# ── Spectral norm ────────────────────────────────────────────────────────────────────────────────


def test_power_iterations_by_hand() -> None:
    """Of diag(3, 1), from (1, 1) / √2: W' u = (3, 1) / √2, so v = (3, 1) / √10 and W v = (9, 1) / √10."""
    weight, u = torch.tensor([[3.0, 0.0], [0.0, 1.0]]), torch.full((2,), 2**-0.5)
    assert largest(weight, u).item() == pytest.approx(5**0.5)
    iterate(weight, u)
    assert u.tolist() == pytest.approx([9 / 82**0.5, 1 / 82**0.5])
    for _ in range(5):
        iterate(weight, u)
    assert largest(weight, u).item() == pytest.approx(3)


@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (1, 5), (5, 1)])
def test_the_estimate_is_the_largest_singular_value(shape: tuple[int, int]) -> None:
    for seed in range(20):
        weight, u = drawn(seed, *shape), drawn(seed + 100, shape[0])
        for _ in range(200):
            iterate(weight, u)
        assert largest(weight, u).item() == pytest.approx(torch.linalg.svdvals(weight)[0].item(), rel=1e-3)
        assert largest(weight, 7 * u).item() == pytest.approx(largest(weight, u).item())


def test_its_gradient_is_that_of_the_paper_with_both_vectors_held() -> None:
    """Of a matrix W the estimate u' W v has the derivative u v' (Miyato et al., equation 9)."""
    weight, u = drawn(0, 4, 6).requires_grad_(), nn.functional.normalize(drawn(1, 4), dim=0)
    (found,) = torch.autograd.grad(largest(weight, u), weight)
    v = nn.functional.normalize(u @ weight.detach(), dim=0)
    torch.testing.assert_close(found, torch.outer(u, v))


def test_a_layer_and_a_convolution_agree_with_torchs_own() -> None:
    for made, plain, x in (
        (SpectralLayer(6, 4), nn.Linear(6, 4), drawn(1, 3, 6)),
        (SpectralConv2d(2, Layer(5, 3, margin=1)), nn.Conv2d(2, 5, 3, padding=1), drawn(1, 3, 2, 7, 7)),
    ):
        weight, bias = (drawn(seed, *each.shape) for seed, each in enumerate(plain.parameters()))
        own = made.linear if isinstance(made, SpectralLayer) else made
        for one in (own, plain):
            one.weight.data.copy_(weight)
            one.bias.data.copy_(bias)
        theirs = nn.utils.parametrizations.spectral_norm(plain, n_power_iterations=300)
        theirs(x)
        settle_norms(made)
        for _ in range(300):
            made.refresh()
        ours = made(x, NOTHING) if isinstance(made, SpectralLayer) else made(x)
        torch.testing.assert_close(ours, theirs(x), rtol=1e-4, atol=1e-5)


def spectral_in(network: nn.Module) -> list[str]:
    return [n for n, module in network.named_modules() if isinstance(module, SpectralLayer | SpectralConv2d)]


def test_the_last_hidden_layer_has_it_wherever_that_is() -> None:
    base = Config(torso=Mlp(hidden=(8, 6)), norm=SpectralNorm())
    assert spectral_in(make_network(base, SPEC)) == ["torso.branch.layers.1"]
    assert spectral_in(make_network(replace(base, stream=Dueling(hidden=())), SPEC)) == ["torso.branch.layers.1"]
    deep = make_network(replace(base, stream=Dueling(hidden=(5, 4))), SPEC)
    assert spectral_in(deep) == ["stream.state.layers.1", "stream.advantage.layers.1"]


def test_or_the_convolutions_inside_of_residual_blocks() -> None:
    config = Config(conv="impala", torso=Mlp(hidden=(8,)), norm=SpectralNorm(on="residual"))
    found = spectral_in(make_network(config, PIXELS))
    assert len(found) == 12
    assert all(".blocks." in name for name in found)


def test_where_no_picture_is_seen_a_network_of_any_environment_goes_without() -> None:
    config = Config(conv="auto_impala", norm=SpectralNorm(on="residual"))
    assert spectral_in(make_network(config, SPEC)) == []
    assert len(spectral_in(make_network(config, PIXELS))) == 12


CASES = [
    (Config(norm=SpectralNorm(), torso=Mlp(hidden=(8, 6))), SPEC),
    (Config(norm=SpectralNorm(), stream=Dueling(hidden=(6,)), sync=Polyak(tau=0.1)), SPEC),
    (Config(conv="impala", torso=Mlp(hidden=(8,)), norm=SpectralNorm(on="residual")), PIXELS),
]


@pytest.mark.parametrize(("config", "spec"), CASES, ids=["torso", "branches", "convolutions"])
def test_networks_begin_close_to_norm_1_and_stay_there_while_they_learn(config: Config, spec: EnvSpec) -> None:
    learner = make_learner(config, spec, CPU)

    def singular(network: nn.Module) -> list[float]:
        """The largest of each normalised matrix, as the network uses it."""
        found = []
        for module in network.modules():
            if isinstance(module, SpectralLayer | SpectralConv2d):
                weight = (module.linear if isinstance(module, SpectralLayer) else module).weight.detach().flatten(1)
                found.append(float(torch.linalg.svdvals(weight / largest(weight, module.u))[0]))
        return found

    assert singular(learner.online) == pytest.approx([1.0] * len(singular(learner.online)), rel=0.05)
    before = [module.u.clone() for module in learner.online.modules() if hasattr(module, "u")]
    for seed in range(30):
        learner.update(batch(8, spec, seed))
    after = [module.u for module in learner.online.modules() if hasattr(module, "u")]
    assert all(not torch.equal(one, other) for one, other in zip(before, after, strict=True))
    for network in (learner.online, learner.target):
        assert singular(network) == pytest.approx([1.0] * len(after), rel=0.1)


def test_one_iteration_is_made_per_update() -> None:
    learner = make_learner(Config(norm=SpectralNorm(), torso=Mlp(hidden=(8, 6))), SPEC, CPU)
    (layer,) = (module for module in learner.online.modules() if isinstance(module, SpectralLayer))
    u = layer.u.clone()
    learner.update(batch(8))
    iterate(layer.linear.weight.detach(), u)
    assert torch.equal(layer.u, u)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"layers": Noisy()}, r"norm = 'spectral' .* layers = 'noisy' .* use norm = 'layer', or layers = 'plain'"),
        ({"torso": Hadamax()}, r"norm = 'spectral' .* torso = 'hadamax' .* use norm = 'none', or torso = 'mlp'"),
        (
            {"norm": SpectralNorm(on="residual")},
            r"norm.on = 'residual' .* conv = 'auto' has none: use .* 'last_hidden'",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_with_both_names(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        replace(Config(norm=SpectralNorm(), rule=Double(), stream=PlainStream()), **changes)


def test_noise_goes_together_with_residual_norms_and_products_with_branches() -> None:
    Config(norm=SpectralNorm(on="residual"), conv="impala", layers=Noisy())
    Config(norm=SpectralNorm(), torso=Hadamax(), stream=Dueling())
