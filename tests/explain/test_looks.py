"""How convolutions look at pictures: their own maps, pixels weighed by gradient x input, within bytes."""

import base64
import io
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from dqnlab.build import make_network
from dqnlab.config import Config, Dueling, Env, Iqn, Mlp, Noisy
from dqnlab.envs.make import describe
from dqnlab.explain.looks import ACTIONS, GAP, MOST, attribution, looks
from dqnlab.learn.networks import QNetwork
from dqnlab.learn.types import ObsSpec

from ..dots import Dots

PLENTY = 10**8


def dots(*shape: int, **own: Any) -> Config:
    among = {"among": own.pop("among")} if "among" in own else {}
    env = Env(id=partial(Dots, shape, dtype=own.pop("dtype", "uint8"), **among), **own)
    return Config(env=env, torso=Mlp(hidden=(8,)))


CONFIGS = {
    "bytes, channels first": dots(3, 36, 40),
    "gray, stacked": dots(12, 11, frame_stack=3, scale="high"),
    "floats, by impala": replace(dots(12, 12, dtype="float32"), conv="impala"),
    "by hadamax": replace(dots(40, 40), conv="hadamax"),
    "among others, masked, stacked": dots(10, 12, 3, among=True, frame_stack=2),
    "of quantiles, noisy, dueling": replace(dots(12, 12), head=Iqn(num=4), layers=Noisy(), stream=Dueling()),
}


def seen(spec: ObsSpec, count: int = 5) -> np.ndarray:
    """Observations of random numbers, of which a mask forbids the last action."""
    rng = np.random.default_rng(3)
    numbers = rng.random((count, *spec.shape)) * (255 if spec.dtype == np.uint8 else 1)
    obs = numbers.astype(spec.dtype)
    if spec.mask is not None:
        obs[:, spec.mask :] = [1, 1, 0]
    return obs


def made(config: Config) -> QNetwork:
    return make_network(config, describe(config.env)).requires_grad_(False)


def decoded(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


@pytest.fixture(params=CONFIGS)
def network(request: pytest.FixtureRequest) -> QNetwork:
    return made(CONFIGS[request.param])


def test_a_pixel_counts_by_what_a_small_change_of_it_does_to_the_gap(network: QNetwork) -> None:
    obs = seen(network.obs, 1).astype(np.float32)
    found = attribution(network, obs)
    best, second = int(found.best[0]), int(found.second[0])
    q = network.q_values(torch.from_numpy(obs))[0]
    assert [best, second] == q.argsort(descending=True)[:2].tolist()
    flat, x = found.parts.reshape(-1), obs.reshape(-1)
    places = np.argsort(-np.abs(flat))[:9]
    slopes = []
    for place in places:
        ends = x.copy(), x.copy()
        ends[0][place] *= 0.99
        ends[1][place] *= 1.01
        low, high = (network.q_values(torch.from_numpy(each.reshape(obs.shape)))[0] for each in ends)
        slopes.append(float((high[best] - high[second]) - (low[best] - low[second])) / 0.02)
    near = np.isclose(flat[places], slopes, rtol=0.05, atol=2e-5)
    assert near.sum() >= 6, (flat[places], slopes)  # the others lie where a ReLU or a maximum bends


def test_feature_maps_are_those_that_the_network_computes(network: QNetwork) -> None:
    obs = seen(network.obs)
    found = looks(network, obs, PLENTY)
    assert found is not None
    assert (found.every, len(found.views)) == (1, 1)
    (extractor,) = network.encode.extractors.values()
    kept: list[torch.Tensor] = []
    extractor.register_forward_pre_hook(lambda module, given: kept.append(given[0]))
    part = next((part for part in network.obs.parts if "image" in part.name), None)
    numbers = torch.from_numpy(obs if part is None else obs[:, part.place]).flatten(1).float()
    scale = network.obs.scale if part is None else part.scale
    with torch.no_grad():
        maps = extractor.maps(numbers / scale)  # type: ignore[operator]
        features = extractor(numbers / scale)
    assert torch.equal(maps[-1].flatten(1), features)
    for layer, exact in zip(found.views[0].layers, maps, strict=True):
        assert (layer.channels, layer.height, layer.width) == tuple(exact.shape[1:])
        for moment in (0, 4):
            image = decoded(layer.images[moment])
            whole = exact[moment].clamp(min=0) / exact[moment].max().clamp(min=1e-12)
            for channel in range(layer.channels):
                row, column = divmod(channel, layer.columns)
                tall, wide = layer.height + GAP, layer.width + GAP
                cell = image[row * tall :, column * wide :][:tall, :wide]
                assert (cell[layer.height :, :, 3] == 0).all()
                assert (cell[: layer.height, : layer.width, 3] == 255).all()
                place = cell[: layer.height, : layer.width, 0]
                assert np.abs(place / 255 - whole[channel].numpy()).max() < 0.51 / 255 + 1e-6


def test_what_is_shown_is_what_was_seen_frame_by_frame() -> None:
    network = made(CONFIGS["gray, stacked"])
    obs = seen(network.obs)
    found = looks(network, obs, PLENTY)
    assert found is not None
    view = found.views[0]
    assert (view.name, view.frames, view.height, view.width) == ("", 3, 12, 11)
    image = decoded(view.seen[2])
    assert image.shape == (12, 33, 3)
    np.testing.assert_array_equal(image[..., 0], np.concatenate(list(obs[2]), 1))


def test_pixels_have_the_colour_of_the_action_that_they_spoke_for() -> None:
    network = made(CONFIGS["bytes, channels first"])
    obs = seen(network.obs, 2)
    found = looks(network, obs, PLENTY)
    assert found is not None
    heat = attribution(network, obs).parts[1].sum(0)  # [36, 40]
    image = decoded(found.views[0].mattered[1]).astype(int)
    strongest = np.unravel_index(np.abs(heat).argmax(), heat.shape)
    best, second = (np.array(list(bytes.fromhex(ACTIONS[each[1]]))) for each in (found.best, found.second))
    assert image[strongest].tolist() == (best if heat[strongest] > 0 else second).tolist()
    assert found.views[0].largest[1] == pytest.approx(np.abs(heat).max())
    strong = np.abs(heat) > 0.8 * np.abs(heat).max()
    nearer = np.linalg.norm(image - best, axis=-1) < np.linalg.norm(image - second, axis=-1)
    assert (nearer[strong] == (heat[strong] > 0)).all()


def test_beyond_the_bytes_fewer_moments_are_kept_and_of_none_nothing() -> None:
    network = made(CONFIGS["gray, stacked"])
    obs = seen(network.obs, 4 * MOST)
    whole = looks(network, obs, PLENTY)
    assert whole is not None
    assert (whole.every, len(whole.best)) == (4, MOST)
    size = len(str(whole.data()))
    half = looks(network, obs, size // 2)
    assert half is not None
    assert (half.every, len(half.best), len(half.views[0].seen)) == (8, MOST // 2, MOST // 2)
    assert half.views[0].layers[0].images == whole.views[0].layers[0].images[::2]
    assert looks(network, obs, 100) is None


def test_where_no_other_action_is_allowed_its_value_alone_is_asked_about() -> None:
    network = made(CONFIGS["among others, masked, stacked"])
    obs = seen(network.obs)
    assert network.obs.mask is not None
    obs[:, network.obs.mask :] = [0, 1, 0]
    found = attribution(network, obs)
    assert found.best.tolist() == [1] * 5
    assert found.second.tolist() == [-1] * 5
    assert np.isfinite(found.parts).all()


@pytest.mark.parametrize("config", [Config(), replace(dots(12, 12), conv="none")], ids=["numbers", "no convolution"])
def test_a_network_without_convolutions_has_no_looks(config: Config) -> None:
    network = made(config)
    assert looks(network, seen(network.obs), PLENTY) is None


def test_looking_leaves_no_gradient_behind(network: QNetwork) -> None:
    looks(network, seen(network.obs), PLENTY)
    assert all(each.grad is None for each in network.parameters())
