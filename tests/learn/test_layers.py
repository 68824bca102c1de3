"""Layers with noise, and what is built of layers."""

import math

import numpy as np
import pytest
import torch

from dqnlab.learn.encoder import Encoder
from dqnlab.learn.heads import ScalarHead
from dqnlab.learn.layers import Branch, LayeredStream, LayeredTorso, NoisyLayer, PlainLayer
from dqnlab.learn.learner import HardSync, Learner
from dqnlab.learn.networks import BareLinear, LinearStream, Mlp, QNetwork, initialise
from dqnlab.learn.optimizer import Adam, Descent, constant_rate
from dqnlab.learn.targets import double
from dqnlab.learn.types import NOTHING, ObsSpec


def noisy(inputs: int, outputs: int, after: int) -> NoisyLayer:
    return NoisyLayer(inputs, outputs, 0.5)


def plain_layer(inputs: int, outputs: int, after: int) -> PlainLayer:
    return PlainLayer(inputs, outputs)


def drawn(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def layer(inputs: int = 3, outputs: int = 2) -> NoisyLayer:
    made = NoisyLayer(inputs, outputs, 0.5)
    initialise(made, torch.Generator().manual_seed(0))
    return made


def test_a_noisy_layer_by_hand() -> None:
    made = NoisyLayer(2, 1, 1.0)
    with torch.no_grad():
        made.mean.weight.copy_(torch.tensor([[1.0, 2.0]]))
        made.mean.bias.copy_(torch.tensor([3.0]))
        made.weight_sigma.copy_(torch.tensor([[0.5, 0.25]]))
        made.bias_sigma.copy_(torch.tensor([0.1]))
    # f(4) = 2 and f(-9) = -3 come in, f(16) = 4 goes out: weights 1 + 0.5 * 4 * 2, 2 - 0.25 * 4 * 3, bias 3 + 0.1 * 4
    out = made(torch.tensor([[1.0, 1.0], [0.0, 1.0]]), torch.tensor([4.0, -9.0, 16.0]))
    assert out[:, 0].tolist() == pytest.approx([5 - 1 + 3.4, -1 + 3.4])


def test_it_agrees_with_a_loop() -> None:
    made, x, draw = layer(), drawn(1, 7, 3), drawn(2, 5)
    noise = [math.copysign(math.sqrt(abs(each)), each) for each in draw.tolist()]
    with torch.no_grad():
        out = made(x, draw)
        for b in range(7):
            for o in range(2):
                total = made.mean.bias[o] + made.bias_sigma[o] * noise[3 + o]
                for i in range(3):
                    weight = made.mean.weight[o, i] + made.weight_sigma[o, i] * noise[3 + o] * noise[i]
                    total = total + weight * x[b, i]
                assert out[b, o].item() == pytest.approx(total.item(), abs=1e-5)


def test_without_noise_it_is_a_plain_layer_of_the_same_first_weights() -> None:
    made, plain = layer(), BareLinear(3, 2)
    initialise(plain, torch.Generator().manual_seed(0))
    x = drawn(1, 7, 3)
    assert torch.equal(made(x, made.mean_draw(7)), plain(x))
    assert made.weight_sigma.unique().tolist() == made.bias_sigma.unique().tolist() == [pytest.approx(0.5 / 3**0.5)]


def test_the_noise_is_normal_and_as_many_numbers_as_there_are_inputs_and_outputs() -> None:
    made = NoisyLayer(300, 200, 0.5)
    assert (made.num_draws(1), made.num_draws(64)) == (500, 500)
    numbers = torch.cat([made.draw(1, np.random.default_rng(seed)) for seed in range(20)])
    assert len(numbers) == 10_000
    assert numbers.mean().item() == pytest.approx(0, abs=0.05)
    assert numbers.std().item() == pytest.approx(1, abs=0.05)


def test_noise_of_the_product_has_the_size_that_it_is_said_to_have() -> None:
    """E f(x)^2 = E|x| = sqrt(2 / pi), so a weight deviates by sigma * sqrt(2 / pi)."""
    made, rng = NoisyLayer(1, 1, 0.5), np.random.default_rng(0)
    with torch.no_grad():
        made.mean.weight.zero_()
        made.mean.bias.zero_()
        made.bias_sigma.zero_()
        seen = [made(torch.ones(1, 1), made.draw(1, rng)).item() for _ in range(20_000)]
    assert np.std(seen) == pytest.approx(0.5 * math.sqrt(2 / math.pi), rel=0.03)


def test_each_layer_of_a_chain_takes_its_own_numbers() -> None:
    chain = Branch([3, 4, 2], noisy)
    initialise(chain, torch.Generator().manual_seed(0))
    x, draw = drawn(1, 5, 3), drawn(2, 3 + 4 + 4 + 2)
    first, second = chain.parts()
    torch.testing.assert_close(chain(x, draw), second(first(x, draw[:7]).relu(), draw[7:]))
    assert chain.num_draws(5) == len(draw) == len(chain.draw(5, np.random.default_rng(0))) == len(chain.mean_draw(5))


def test_of_plain_layers_a_torso_and_a_stream_are_the_plain_ones() -> None:
    torso, plain = LayeredTorso([3, 4, 5], plain_layer), Mlp([3, 4, 5])
    stream, linear = LayeredStream(5, 2, 3, plain_layer), LinearStream(5, 2, 3)
    for one in (torso, plain, stream, linear):
        initialise(one, torch.Generator().manual_seed(0))
    x = drawn(1, 6, 3)
    assert torch.equal(torso(x, NOTHING), plain(x, NOTHING))
    pairs = zip(torso.activations(x, NOTHING), plain.activations(x, NOTHING), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    assert torch.equal(stream(plain(x, NOTHING), NOTHING), linear(plain(x, NOTHING), NOTHING))
    assert torso.num_draws(6) == stream.num_draws(6) == 0


def test_the_last_layer_is_what_values_are_proportional_to() -> None:
    stream, x, draw = LayeredStream(5, 2, 3, noisy), drawn(1, 6, 5), drawn(2, 11)
    initialise(stream, torch.Generator().manual_seed(0))
    before = stream(x, draw)
    with torch.no_grad():
        for last in stream.last():
            for parameter in last.parameters():
                parameter *= 4
    torch.testing.assert_close(stream(x, draw), 4 * before)


def test_each_pass_of_an_update_and_each_update_has_random_numbers_of_its_own() -> None:
    spec = ObsSpec((3,), np.dtype(np.float32))
    online, target = (
        QNetwork(Encoder(spec), Mlp([3, 4]), LayeredStream(4, 2, 1, noisy), ScalarHead(), torch.Generator())
        for _ in range(2)
    )
    descent = Descent(Adam(0.9, 0.999, 1e-8), constant_rate(1e-3), None)
    learner = Learner(online, target, double, HardSync(1), descent, np.random.default_rng(0))
    drawn = [*learner.draw(5), *learner.draw(5)]  # of the online network, of who chooses, of who rates; twice
    assert len({tuple(draw.tolist()) for draw in drawn}) == 6
