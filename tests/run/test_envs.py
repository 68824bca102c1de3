"""What enters at the door, and what is turned away with which words and exit code."""

import sys
from types import ModuleType
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from dqnlab.config import Env
from dqnlab.envs.make import STEP_LIMIT, describe, make_one
from dqnlab.errors import ConfigError, DqnlabError, EnvironmentFault
from dqnlab.learn.types import ObsSpec


class Shaped(gym.Env):
    """Spaces as given; never ends."""

    def __init__(self, obs: spaces.Space, action: spaces.Space | None = None):
        self.observation_space, self.action_space = obs, action or spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        return self.observation_space.sample(), 0.0, False, False, {}


def shaped(obs: spaces.Space, action: spaces.Space | None = None, **settings: Any) -> Env:
    return Env(id=lambda: Shaped(obs, action), **settings)


def limits(made: gym.Env) -> list[int]:
    """The step limits around an environment, outermost first."""
    found = []
    while isinstance(made, gym.Wrapper):
        if isinstance(made, gym.wrappers.TimeLimit):
            found.append(made._max_episode_steps)
        made = made.env
    return found


BOX = spaces.Box(-1, 1, (3,), np.float32)


# ── Refused ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("env", "code", "words"),
    [
        (Env(id="CartPol-v1"), 2, r"unknown env 'CartPol-v1'.*CartPole"),
        (Env(id="CartPole-v99"), 2, r"unknown env 'CartPole-v99'.*v1"),
        (Env(id="not an id"), 2, r"unknown env 'not an id'"),
        (Env(id="Nowhere/Pong-v5"), 3, r"env 'Nowhere/Pong-v5'.*Nowhere.*Install"),
        (Env(id="no_such_module:Pong-v5"), 3, r"env 'no_such_module:Pong-v5'.*no module 'no_such_module'.*install it"),
        (Env(id="CartPole-v1", kwargs={"gravitty": 1}), 2, r"env 'CartPole-v1'.*env\.kwargs = \{'gravitty': 1\}"),
        (Env(id=Shaped, kwargs={"observation": 3}), 2, r"env 'Shaped'.*env\.kwargs"),
        (Env(id="Pendulum-v1"), 2, r"action space Box.*Discrete"),
        (shaped(BOX, spaces.MultiDiscrete([99, 99])), 2, r"9,801 joint actions \(99 x 99\)"),
        (shaped(BOX, spaces.Tuple((spaces.Discrete(2),))), 2, r"action space Tuple.*Discrete"),
        (
            shaped(spaces.Dict({"a": BOX, "b": spaces.Text(5)})),
            2,
            r"observation space Dict.*b cannot be turned into numbers.*keys",
        ),
        (shaped(spaces.Text(5)), 2, r"observation space Text.*wrap"),
    ],
    ids=lambda value: value.label if isinstance(value, Env) else None,
)
def test_what_cannot_be_used_is_refused_with_its_name_and_a_way_out(env: Env, code: int, words: str) -> None:
    with pytest.raises(DqnlabError, match=words) as raised:
        describe(env)
    assert raised.value.exit_code == code


def test_a_constructor_that_raises_is_a_fault_of_the_environment() -> None:
    def broken() -> gym.Env:
        raise RuntimeError("no licence")

    with pytest.raises(EnvironmentFault, match="env 'broken' could not be made: RuntimeError: no licence"):
        make_one(Env(id=broken))


def test_a_type_error_inside_a_constructor_is_not_blamed_on_the_settings() -> None:
    def broken() -> gym.Env:
        return 1 + "1"  # type: ignore[operator]

    with pytest.raises(EnvironmentFault, match="could not be made: TypeError"):
        make_one(Env(id=broken))


def test_a_callable_that_makes_something_else_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"env 'dict' made dict, which is not a gymnasium\.Env"):
        make_one(Env(id=dict))


def test_a_missing_package_is_named() -> None:
    def needs() -> gym.Env:
        raise gym.error.DependencyNotInstalled("Box2D is not installed")

    with pytest.raises(EnvironmentFault, match=r"env 'needs' needs a package that is not.*dqnlab\[box2d\]"):
        make_one(Env(id=needs))


# ── Made ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module `my_envs` that has registered Mine-v0, whose constructor knows of no render_mode."""
    monkeypatch.setitem(sys.modules, "my_envs", ModuleType("my_envs"))
    monkeypatch.setattr(gym.envs.registration, "registry", dict(gym.registry))
    gym.register("Mine-v0", lambda: Shaped(BOX), max_episode_steps=7, reward_threshold=3.0)


def test_an_environment_of_a_module_is_found_with_its_limit_and_threshold(mine: None) -> None:
    spec = describe(Env(id="my_envs:Mine-v0"))
    assert (spec.max_episode_steps, spec.reward_threshold) == (7, 3.0)


def test_a_registered_environment_that_cannot_be_drawn_is_told_apart_from_wrong_arguments(mine: None) -> None:
    with pytest.raises(DqnlabError, match="render_mode"):
        make_one(Env(id="Mine-v0"), render_mode="rgb_array")


def test_constructor_arguments_reach_the_environment() -> None:
    lake = make_one(Env(id="FrozenLake-v1", kwargs={"map_name": "8x8", "is_slippery": False}))
    assert lake.observation_space.n == 64
    made = make_one(Env(id=lambda size: Shaped(spaces.Box(-1, 1, (size,))), kwargs={"size": 3}))
    assert made.observation_space.shape == (3,)


def test_a_callable_gets_the_render_mode_only_if_it_takes_one() -> None:
    seen = []

    def takes(render_mode: str | None = None) -> gym.Env:
        seen.append(render_mode)
        return Shaped(BOX)

    make_one(Env(id=takes), render_mode="rgb_array")
    make_one(Env(id=takes))
    make_one(Env(id=lambda: Shaped(BOX)), render_mode="rgb_array")
    assert seen == ["rgb_array", None]


def test_a_registered_environment_keeps_its_limit_and_threshold() -> None:
    spec = describe(Env(id="CartPole-v1"))
    assert (spec.max_episode_steps, spec.reward_threshold) == (500, 475.0)
    assert (spec.num_actions, spec.action_start, spec.obs_start) == (2, 0, 0)


@pytest.mark.parametrize("env", [Env(id="CartPole-v1", max_episode_steps=20), shaped(BOX, max_episode_steps=20)])
def test_a_limit_of_ones_own_holds(env: Env) -> None:
    made = make_one(env)
    assert limits(made) == [20]
    assert describe(env).max_episode_steps == 20


def test_an_environment_without_a_limit_gets_one() -> None:
    assert limits(make_one(shaped(BOX))) == [STEP_LIMIT]
    assert describe(shaped(BOX)).max_episode_steps == STEP_LIMIT


def test_the_limit_of_a_callable_is_kept_and_known() -> None:
    env = Env(id=lambda: gym.wrappers.TimeLimit(Shaped(BOX), 30))
    assert limits(make_one(env)) == [30]
    assert describe(env).max_episode_steps == 30


def test_the_shorter_of_two_limits_is_the_one_that_is_known() -> None:
    env = Env(id=lambda: gym.wrappers.TimeLimit(Shaped(BOX), 30), max_episode_steps=100)
    assert describe(env).max_episode_steps == 30


def test_a_threshold_of_ones_own_replaces_the_registered_one() -> None:
    assert describe(Env(id="CartPole-v1", reward_threshold=100.0)).reward_threshold == 100.0
    assert describe(Env(id="CartPole-v1", reward_threshold=0.0)).reward_threshold == 0.0
    assert describe(shaped(BOX)).reward_threshold is None


def test_the_environment_that_was_made_to_be_described_is_closed() -> None:
    class Closing(Shaped):
        closed = 0

        def close(self) -> None:
            Closing.closed += 1

    describe(Env(id=lambda: Closing(BOX)))
    with pytest.raises(ConfigError):
        describe(Env(id=lambda: Closing(spaces.Text(5))))
    assert Closing.closed == 2


# ── Observations ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("space", "dtype"),
    [
        (spaces.Box(-1, 1, (3,), np.float32), "float32"),
        (spaces.Box(-1, 1, (3,), np.float64), "float32"),
        (spaces.Box(-9, 9, (3,), np.int64), "float32"),
        (spaces.Box(0, 9, (3,), np.int8), "float32"),
        (spaces.Box(0, 255, (8, 8, 3), np.uint8), "uint8"),
        (spaces.Box(0, 1, (3,), np.bool_), "bool"),
        (spaces.Box(-1, 1, (), np.float32), "float32"),
    ],
    ids=str,
)
def test_numbers_become_float32_and_pixels_and_flags_stay(space: spaces.Box, dtype: str) -> None:
    spec = describe(shaped(space))
    assert spec.obs == ObsSpec(space.shape, np.dtype(dtype), None)
    sample = space.sample()
    prepared = spec.prepare(sample)
    assert prepared.dtype == dtype
    np.testing.assert_allclose(prepared, sample, rtol=1e-6)


def test_a_state_is_counted_from_zero_wherever_it_starts() -> None:
    spec = describe(shaped(spaces.Discrete(5, start=-2), spaces.Discrete(3, start=4)))
    assert spec.obs == ObsSpec((), np.dtype(np.int64), 5)
    assert (spec.num_actions, spec.action_start) == (3, 4)
    assert spec.prepare(-2) == 0
    np.testing.assert_array_equal(spec.prepare([-2, 0, 2]), [0, 2, 4])


def test_a_stack_shows_the_latest_observations_oldest_first() -> None:
    env = Env(id="CartPole-v1", frame_stack=3)
    assert describe(env).obs.shape == (3, 4)
    made = make_one(env)
    first, _ = made.reset(seed=0)
    np.testing.assert_array_equal(first, [first[0]] * 3)
    second, *_ = made.step(1)
    np.testing.assert_array_equal(second[:2], [first[0]] * 2)
    assert not np.array_equal(second[2], first[0])


def test_stacked_pixels_stay_pixels() -> None:
    spec = describe(shaped(spaces.Box(0, 255, (8, 8), np.uint8), frame_stack=4))
    assert spec.obs == ObsSpec((4, 8, 8), np.dtype(np.uint8), None, stack=4)
    assert spec.obs.frame_shape == (8, 8)


@pytest.mark.parametrize(
    ("space", "stack", "auto", "high"),
    [
        (spaces.Box(0, 255, (84, 84, 3), np.uint8), 1, 255, 255),
        (spaces.Box(0, 255, (84, 84), np.uint8), 4, 255, 255),
        (spaces.Box(0, 255, (4, 84, 84), np.uint8), 1, 255, 255),
        (spaces.Box(0, 10, (64, 64), np.uint8), 1, 10, 10),
        (spaces.Box(0, 255, (6, 6), np.uint8), 1, 1, 255),
        (spaces.Box(0, 2, (6, 6), np.uint8), 1, 1, 2),
        (spaces.Box(0, 255, (128,), np.uint8), 1, 1, 255),
        (spaces.Box(0, 255, (31, 31, 3), np.uint8), 4, 1, 255),
        (spaces.Box(0, 9, (5,), np.int64), 1, 1, 9),
        (spaces.Box(0, 0, (5,), np.uint8), 1, 1, 1),
    ],
    ids=str,
)
def test_pictures_are_divided_by_what_their_space_announces_and_codes_only_if_told(
    space: spaces.Box, stack: int, auto: float, high: float
) -> None:
    found = [describe(shaped(space, frame_stack=stack, scale=scale)).obs.scale for scale in ("auto", "high", "none")]
    assert found == [auto, high, 1]


def test_floats_are_not_divided_by_a_bound() -> None:
    with pytest.raises(ConfigError, match=r"env\.scale = 'high' is for whole numbers"):
        describe(shaped(BOX, scale="high"))
