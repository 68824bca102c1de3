"""Pictures made grey and smaller: by the numbers, by a slow twin, and wherever an environment is played."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

from dqnlab.app.parse import parse_train
from dqnlab.config import Config, Env
from dqnlab.config.toml import from_toml, to_toml
from dqnlab.envs.make import describe, make_one
from dqnlab.envs.pictures import smaller
from dqnlab.errors import ConfigError, EnvironmentFault, FolderError, ObservationError
from dqnlab.lab.overrides import Overrides
from dqnlab.lab.resume import resume_folder
from dqnlab.lab.session import train
from dqnlab.run.system import assemble
from dqnlab.store.agent import Agent, load
from dqnlab.store.folder import BEST, LAST

from ..equal import same
from ..resuming import Interrupts
from ..tiny import SMALL

GRAY = Env(gray=True)


def shown(array: Any, **settings: Any) -> list[Any]:
    picture = np.array(array, np.uint8)
    return smaller(Env(**settings), picture.shape, picture).tolist()


class Lamp(gym.Env[Any, Any]):
    """A picture of 6 x 8 pixels in three colours, written into the same array each time: guess which half is lit."""

    observation_space: Any = spaces.Box(0, 255, (6, 8, 3), np.uint8)
    action_space = spaces.Discrete(2)

    def __init__(self) -> None:
        self.seen = np.zeros((6, 8, 3), np.uint8)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.at = 0
        return self._look(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.at += 1
        return self._look(), float(action == self.lit), self.at == 8, False, {}

    def _look(self) -> np.ndarray:
        self.lit = int(self.np_random.integers(2))
        self.seen[:] = self.np_random.integers(0, 50, self.seen.shape)
        self.seen[:, 4 * self.lit : 4 * self.lit + 4] = 200
        return self.seen


# ── Numbers ──────────────────────────────────────────────────────────────────────────────────────


def test_grey_weighs_the_colours_as_itu_r_601_does_and_rounds_halves_up() -> None:
    colours = [[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [100, 150, 200]]]
    assert shown(colours, gray=True) == [[76, 150, 29, 255, 0, 141]]  # 76.245, 149.685, 29.07, 255, 0, 140.75
    assert shown([[[0, 0, 250], [1, 1, 1], [0, 1, 1]]], gray=True) == [[29, 1, 1]]  # 28.5, 1, 0.701
    assert shown([[[7], [9]]], gray=True) == [[7, 9]]
    assert shown([[7, 9]], gray=True) == [[7, 9]]


def test_a_smaller_pixel_is_the_mean_of_what_it_covers_by_shares() -> None:
    assert shown([[0, 2, 10, 20], [4, 6, 30, 40]], resize=(1, 2)) == [[3, 25]]
    assert shown([[0, 90, 30]], resize=(1, 2)) == [[30, 50]]  # (0 + 90/2) / 1.5, (90/2 + 30) / 1.5
    assert shown([[0, 1]], resize=1) == [[1]]  # a half goes up
    assert shown([[[0, 8, 1], [2, 8, 1]]], resize=(1, 2)) == [[[0, 8, 1], [2, 8, 1]]]
    assert shown([[[0, 80, 8], [2, 40, 8]]], resize=(1, 1)) == [[[1, 60, 8]]]
    assert shown([[[255, 0, 0], [0, 0, 255]]], gray=True, resize=1) == [[53]]  # 76 and 29, grey first


@pytest.mark.parametrize("shape", [(7, 5), (6, 9, 3), (210, 160, 3), (400, 300)], ids=str)
@pytest.mark.parametrize("size", [(5, 5), (3, 4), (84, 84)], ids=str)
def test_it_is_what_a_twin_finds_that_cuts_every_pixel_up(shape: tuple[int, ...], size: tuple[int, int]) -> None:
    """Each pixel written out as many equal ones, so that none is cut; sampled where there are many."""
    if size[0] > shape[0] or size[1] > shape[1]:
        return
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 256, shape).astype(np.uint8)
    got = smaller(Env(resize=size), shape, picture)
    assert got.dtype == np.uint8
    assert got.shape == (*size, *shape[2:])
    for i, j in rng.integers(0, size, (12, 2)).tolist():
        rows = np.arange(i * shape[0], (i + 1) * shape[0]) // size[0]
        columns = np.arange(j * shape[1], (j + 1) * shape[1]) // size[1]
        total = picture[rows][:, columns].astype(np.int64).sum((0, 1))
        assert got[i, j].tolist() == ((2 * total + len(rows) * len(columns)) // (2 * len(rows) * len(columns))).tolist()


def test_a_batch_is_made_smaller_picture_by_picture() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 3, 6, 8, 3)).astype(np.uint8)
    for settings in (Env(gray=True, resize=(3, 4)), Env(resize=4), GRAY):
        got = smaller(settings, (6, 8, 3), pictures)
        for i, j in np.ndindex(2, 3):
            np.testing.assert_array_equal(got[i, j], smaller(settings, (6, 8, 3), pictures[i, j]))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("settings", [{"resize": (3, 4)}, {"gray": True}, {"gray": True, "resize": (5, 2)}], ids=str)
def test_colours_that_come_first_are_made_as_those_that_come_last(channels: int, settings: dict[str, Any]) -> None:
    if settings.get("gray") and channels == 4:
        return
    last = np.random.default_rng(0).integers(0, 256, (2, 6, 8, channels)).astype(np.uint8)
    first = np.ascontiguousarray(np.moveaxis(last, -1, -3))
    made = smaller(Env(**settings), first.shape[1:], first)
    expected = smaller(Env(**settings), last.shape[1:], last)
    np.testing.assert_array_equal(made, expected if settings.get("gray") else np.moveaxis(expected, -1, -3))


# ── Environments ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("settings", "shape"),
    [
        ({"gray": True}, (6, 8)),
        ({"resize": 5}, (5, 5, 3)),
        ({"gray": True, "resize": (3, 4)}, (3, 4)),
        ({"gray": True, "resize": (3, 4), "frame_stack": 2}, (2, 3, 4)),
        ({"resize": (6, 8)}, (6, 8, 3)),
    ],
    ids=str,
)
def test_the_network_sees_what_became_of_the_picture(settings: dict[str, Any], shape: tuple[int, ...]) -> None:
    env = Env(id=Lamp, **settings)
    spec = describe(env)
    assert (spec.obs.shape, spec.obs.dtype, spec.picture) == (shape, np.uint8, (6, 8, 3))
    assert spec.obs.scale == 255  # however small: what is made grey or smaller is a picture
    made = make_one(env)
    first, _ = made.reset(seed=1)
    assert made.observation_space.contains(first)
    second = made.step(0)[0]
    assert made.observation_space.contains(second)
    assert np.array_equal(first, second) == (shape == (6, 8, 3))  # else it is no part of the environment's own array


class First(Lamp):
    """The same with its colours first."""

    observation_space = spaces.Box(0, 255, (3, 6, 8), np.uint8)

    def _look(self) -> np.ndarray:
        return np.ascontiguousarray(np.moveaxis(super()._look(), -1, 0))


@pytest.mark.parametrize(("settings", "shape"), [({"gray": True}, (6, 8)), ({"resize": (3, 4)}, (3, 3, 4))], ids=str)
def test_an_environment_may_show_its_colours_first(settings: dict[str, Any], shape: tuple[int, ...]) -> None:
    env = Env(id=First, **settings)
    spec = describe(env)
    assert (spec.obs.shape, spec.picture) == (shape, (3, 6, 8))
    made = make_one(env)
    assert made.observation_space.contains(made.reset(seed=1)[0])


def shows(space: Any) -> Any:
    return type("Other", (Lamp,), {"observation_space": space})


@pytest.mark.parametrize(
    ("space", "settings", "says"),
    [
        (spaces.Box(0, 1, (6, 8), np.float32), {"gray": True}, r"env\.gray is for pictures of bytes, .* shows Box\(0"),
        (spaces.Box(0, 1, (10, 10, 6), np.bool_), {"resize": 5}, r"env\.resize is for pictures of bytes"),
        (
            spaces.Box(0, 255, (5, 64, 64), np.uint8),
            {"gray": True},
            r"shows Box\(0, 255, \(5, 64, 64\), uint8\): leave",
        ),
        (spaces.Box(0, 255, (4, 6, 8), np.uint8), {"gray": True}, "knows pictures of 1 or 3 colours"),
        (spaces.Box(0, 255, (3, 6, 8), np.uint8), {"resize": 7}, r"have the size \(6, 8\) already"),
        (spaces.Box(0, 255, (6, 8, 4), np.uint8), {"gray": True}, "knows pictures of 1 or 3 colours"),
        (spaces.Box(0, 255, (9,), np.uint8), {"gray": True}, "is for pictures"),
        (spaces.Dict(x=spaces.Box(0, 255, (6, 8), np.uint8)), {"resize": 5}, r"shows Dict\('x'"),
        (spaces.Discrete(5), {"resize": 5}, r"shows Discrete\(5\): leave it out"),
        (
            Lamp.observation_space,
            {"resize": 7},
            r"env\.resize = \(7, 7\) makes pictures smaller.* size \(6, 8\) already",
        ),
    ],
    ids=str,
)
def test_what_is_no_picture_of_bytes_is_refused(space: Any, settings: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        describe(Env(id=shows(space), **settings))


@pytest.mark.parametrize("odd", [np.zeros((6, 7, 3), np.uint8), np.zeros((6, 8, 3)), None, [1]], ids=str)
def test_a_picture_that_was_not_announced_is_an_error_with_its_step(odd: Any) -> None:
    class Odd(Lamp):
        def step(self, action: Any) -> Any:
            return (odd, *super().step(action)[1:])

    with pytest.raises(
        EnvironmentFault, match=r"step 1 raised ValueError: the observation is .* announces uint8 \(6, 8"
    ):
        train(replace(SMALL, env=Env(id=Odd, gray=True)), trackers=("none",))


@pytest.mark.parametrize(
    ("size", "says"), [((1, 2, 3), "a height and a width"), (0, "from 1 to 10,000"), (-4, "from 1")]
)
def test_a_size_that_is_none_is_refused(size: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Env(resize=size)


def test_it_is_typed_as_one_number_or_two() -> None:
    config = parse_train(["CartPole-v1", "--env.gray", "--env.resize", "84,80"])[0].config
    assert (config.env.gray, config.env.resize) == (True, (84, 80))
    assert parse_train(["CartPole-v1", "--env.resize", "84"])[0].config.env.resize == (84, 84)
    assert from_toml(to_toml(config), Config(), "x").env == config.env


# ── Runs ─────────────────────────────────────────────────────────────────────────────────────────

SMALLER = Env(id=Lamp, gray=True, resize=(3, 4), frame_stack=2)


def test_a_number_that_a_picture_cannot_hold_is_told_by_the_agent() -> None:
    config = Config(env=Env(id=Lamp))
    system = assemble(config)
    agent = Agent(config, system.spec, system.learner.online)
    seen = np.zeros((6, 8, 3), int)
    seen[4, 4, 1] = 300
    with pytest.raises(ObservationError, match=r"^obs must be .* uint8, got .*, with 300, which would change their"):
        agent.act(seen)


def test_a_run_resumes_exactly_and_its_agent_takes_the_environments_own_pictures(tmp_path: Path) -> None:
    whole = train(replace(SMALL, env=SMALLER), out=tmp_path / "whole", trackers=("none",))
    begun = train(replace(SMALL, env=SMALLER), out=tmp_path / "cut", trackers=("none",), view=Interrupts())
    resumed = resume_folder(begun.folder, Overrides(env=SMALLER))
    for name in (BEST, LAST):
        same(torch.load(whole.folder / name), torch.load(resumed.folder / name))
    assert whole.score == resumed.score
    agent = load(whole.folder, env=Lamp)
    own = np.random.default_rng(0).integers(0, 256, (4, 2, 6, 8, 3)).astype(np.uint8)  # a batch of stacks
    stored = smaller(SMALLER, (6, 8, 3), own)
    np.testing.assert_array_equal(agent.q_values(own), agent.q_values(stored))
    np.testing.assert_allclose(agent.q_values(own[0]), agent.q_values(stored)[0], rtol=1e-5)
    path = whole.folder / "meta.json"
    about = json.loads(path.read_text())
    about["env"]["picture"] = [6, "8"]
    path.write_text(json.dumps(about))
    with pytest.raises(FolderError, match="picture cannot be"):
        load(whole.folder, env=Lamp)


@pytest.mark.world
def test_workers_see_the_same(tmp_path: Path) -> None:
    runs = [
        train(replace(SMALL, env=replace(SMALLER, num_envs=2, workers=n)), out=tmp_path / str(n), trackers=("none",))
        for n in (0, 2)
    ]
    same(*(torch.load(run.folder / LAST) for run in runs))
