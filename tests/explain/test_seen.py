"""Which pictures are among the numbers of an observation, and why a page runs no network on them."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from dqnlab.build import make_network
from dqnlab.config import Config, Dueling, Env, Mlp
from dqnlab.envs.make import describe
from dqnlab.explain import seen
from dqnlab.explain.seen import feature_parts, pictures_of, why_closed
from dqnlab.learn.types import ObsPart, ObsSpec

from ..jobs import Jobs

BYTES = np.dtype(np.uint8)


def test_of_a_stack_the_newest_frame_is_the_picture() -> None:
    spec = ObsSpec((4, 12, 11, 3), BYTES, stack=4, scale=255.0)
    (found,) = pictures_of(spec, [np.zeros((5, 4, 12, 11, 3), np.uint8)])
    place = {"name": "", "first": 0, "start": 3 * 12 * 11 * 3, "shape": [12, 11, 3], "rows": 0}
    assert found == place | {"black": 0.0, "white": 255.0}
    parts = (ObsPart(("speed",), 0, (4,), BYTES), ObsPart(("view",), 4, (4, 12, 11), BYTES, scale=255.0))
    (found,) = pictures_of(ObsSpec((4 + 4 * 12 * 11,), np.dtype(np.float32), stack=4, parts=parts), [])
    assert (found["first"], found["start"], found["shape"]) == (4, 4 + 3 * 12 * 11, [12, 11])


def test_colours_may_come_first_and_codes_are_spread_over_what_was_seen() -> None:
    codes = np.zeros((2, 3, 12, 11), np.uint8)
    codes[1, 2, 5, 5] = 9
    (found,) = pictures_of(ObsSpec((3, 12, 11), BYTES), [codes[:1], codes[1:]])
    assert (found["shape"], found["rows"], found["black"], found["white"]) == ([3, 12, 11], 1, 0.0, 9.0)


def test_of_parts_each_picture_has_its_place_and_vectors_have_none() -> None:
    speed = ObsPart(("speed",), 0, (3,), np.dtype(np.float32))
    view = ObsPart(("view",), 3, (10, 10), np.dtype(np.float32))
    spec = ObsSpec((103,), np.dtype(np.float32), parts=(speed, view))
    rows = np.zeros((2, 103), np.float32)
    rows[:, 50] = 0.5
    assert pictures_of(spec, [rows]) == [
        {"name": "view", "first": 3, "start": 3, "shape": [10, 10], "rows": 0, "black": 0.0, "white": 0.5}
    ]
    assert pictures_of(ObsSpec((4,), np.dtype(np.float32)), []) == []
    assert pictures_of(ObsSpec((6, 6), np.dtype(np.float32)), []) == []


def test_what_stands_in_the_way_of_running_a_network_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Config(torso=Mlp(hidden=(8,)))
    shown = spaces.Box(0, 255, (12, 12), np.uint8)

    def shows() -> gym.Env:
        return gym.wrappers.TransformObservation(gym.make("CartPole-v1"), lambda obs: shown.sample(), shown)

    pictures = replace(plain, env=Env(id=shows))
    of_parts = replace(plain, env=Env(id=Jobs))  # with a mask
    cases = {
        "closed_pictures": [pictures],
        "closed_normalized": [replace(plain, normalize_obs=True), replace(of_parts, normalize_obs=True)],
        "closed_kind": [replace(plain, stream=Dueling()), replace(of_parts, stream=Dueling())],
        None: [plain, of_parts, replace(pictures, conv="none")],
    }
    for why, configs in cases.items():
        assert [why_closed([make_network(each, describe(each.env))]) for each in configs] == [why] * len(configs)
    monkeypatch.setattr(seen, "MOST_WEIGHTS", 10)
    assert why_closed([make_network(plain, describe(plain.env))]) == "closed_large"


def test_a_plain_observation_is_one_part_and_numbers_that_are_treated_alike_are_one() -> None:
    plain = {"num_states": None, "lowest": 0, "scale": 1.0, "dtype": "float32"}
    assert feature_parts(ObsSpec((2, 4), np.dtype(np.float32), stack=2)) == [{"start": 0, "size": 8, **plain}]
    lake = {"start": 0, "size": 1, "num_states": 16, "lowest": 0, "scale": 1.0, "dtype": "int64"}
    assert feature_parts(ObsSpec((), np.dtype(np.int64), 16)) == [lake]
    shown = describe(Env(id=Jobs)).obs
    assert [part.name for part in shown.parts] == ["flags.night", "job", "load"]
    assert feature_parts(shown) == [
        {"start": 0, "size": 2, **plain, "dtype": "bool"},
        {"start": 2, "size": 1, "num_states": 3, "lowest": 1, "scale": 1.0, "dtype": "int64"},
        {"start": 3, "size": 4, **plain},
    ]
    alike = (ObsPart(("a",), 0, (3,), np.dtype(np.float32)), ObsPart(("b",), 3, (), np.dtype(np.float32)))
    spec = ObsSpec((7,), np.dtype(np.float32), parts=alike, mask=4)
    assert feature_parts(spec) == [{"start": 0, "size": 4, **plain}]
