"""What is refused comes with a line that makes it work, as it stands."""

import re
import runpy
import shlex
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from dqnlab.app.parse import parse_train
from dqnlab.config import Env
from dqnlab.envs.make import describe, make_one
from dqnlab.envs.unsupported import refused_actions
from dqnlab.envs.vector import SerialEnvs
from dqnlab.errors import ConfigError

BOX, PICTURE = spaces.Box(-1, 1, (2,), np.float32), spaces.Box(0, 255, (7, 7, 3), np.uint8)
TEXT, MANY = spaces.Text(9), spaces.Sequence(spaces.Discrete(3))
GRAPH = spaces.Graph(BOX, None)


class Sampled(gym.Env):
    """Shows samples of its space; takes whatever its action space holds."""

    def __init__(self, obs: Any = BOX, actions: Any = None):
        self.observation_space, self.action_space = obs, actions or spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> Any:
        assert self.action_space.contains(action), action
        return self.observation_space.sample(), 0.0, False, False, {}


KEPT = [
    (spaces.Dict(image=PICTURE, direction=spaces.Discrete(4), mission=TEXT), (148,), "mission", "image,direction"),
    (spaces.Dict(obs=BOX, legal_moves=spaces.Box(0, 1, (2,), np.int8), say=TEXT), (4,), "say", "obs,legal_moves"),
    (spaces.Tuple((BOX, TEXT, MANY)), (2,), "1, 2", "0"),
    (spaces.Dict(at=BOX, seen=MANY), (2,), "seen", "at"),
    (spaces.Dict(at=BOX, inner=spaces.Dict(x=BOX, say=TEXT)), (4,), "inner.say", "at,inner.x"),
    (spaces.Dict(say=TEXT, inner=spaces.Dict(x=BOX, y=spaces.Dict(z=BOX))), (4,), "say", "inner"),
    (spaces.Dict(at=BOX, cells=spaces.MultiDiscrete([[2, 3], [2, 3]])), (2,), "cells", "at"),
    (spaces.Dict(at=BOX, say=TEXT, action_mask=spaces.MultiBinary(2)), (4,), "say", "at"),
    ({"my place": BOX, "say": TEXT}, (2,), "say", "'my place'"),
]
CHOSEN = [
    (spaces.Box(-2, 2, (1,), np.float32), 5),
    (spaces.Box(-2, 2, (2,), np.float32), 25),
]


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Registers an environment; returns what dqnlab says of it."""

    def refusal(**kwargs: Any) -> str:
        monkeypatch.setitem(gym.registry, "Odd-v0", gym.envs.registration.EnvSpec("Odd-v0", Sampled, kwargs=kwargs))
        with pytest.raises(ConfigError) as e:
            describe(Env(id="Odd-v0"))
        assert "\n" not in str(e.value)
        return str(e.value)

    return refusal


def follow(said: str) -> Env:
    """Does what the advice says, as far as a command line would come with it."""
    assert "put this line into a file wrapped_odd.py, then name wrapped_odd:WrappedOdd-v0 instead: " in said
    Path("wrapped_odd.py").write_text(said.partition("instead: ")[2])
    runpy.run_path("wrapped_odd.py")  # what naming the module would do, without keeping it in sys.modules
    assert parse_train(["wrapped_odd:WrappedOdd-v0"])[0].config.env.id == "wrapped_odd:WrappedOdd-v0"
    return Env(id="WrappedOdd-v0")


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Any:
    yield
    gym.registry.pop("WrappedOdd-v0", None)


@pytest.mark.parametrize(("space", "shape", "refused", "kept"), KEPT, ids=str)
def test_an_observation_space_that_is_refused_is_trained_on_by_the_line_in_the_message(
    space: Any, shape: Any, refused: str, kept: str, odd: Any
) -> None:
    said = odd(obs=spaces.Dict(space) if isinstance(space, dict) else space)
    assert "has the observation space " in said
    line = re.search(
        r"not supported: (\S.*) cannot be turned into numbers; to train without (?:it|them): dqn (train .*) \(in P",
        said,
    )
    assert line
    assert line[1] == refused
    assert line[2] == f"train Odd-v0 --env.keys {kept}"
    env = parse_train(shlex.split(line[2])[1:])[0].config.env
    assert describe(env).obs.shape == shape
    made = make_one(env)
    made.unwrapped.observation_space.seed(0)  # what it shows is a sample, and another one's mask may allow nothing
    assert SerialEnvs([made], describe(env), env.label).reset([0]).shape == (1, *shape)


@pytest.mark.parametrize(("space", "count"), CHOSEN, ids=str)
def test_an_action_space_that_is_refused_is_wrapped_by_the_line_in_the_message(
    space: Any, count: int, odd: Any
) -> None:
    said = odd(actions=space)
    assert "has the action space " in said
    assert "DQN needs Discrete, MultiDiscrete or MultiBinary, one of a few choices" in said
    env = follow(said)
    spec = describe(env)
    assert spec.num_actions == count
    made = make_one(env)
    made.reset(seed=0)
    for action in range(count):
        made.step(spec.action(action))


@pytest.mark.parametrize("space", [TEXT, MANY, GRAPH, spaces.Dict(a=TEXT), spaces.Tuple((MANY,))], ids=str)
def test_what_no_wrapper_makes_numbers_of_is_for_a_wrapper_of_ones_own(space: Any, odd: Any) -> None:
    assert "gymnasium.ObservationWrapper), return numbers of a fixed shape" in odd(obs=space)


@pytest.mark.parametrize("space", [spaces.Dict(a=spaces.Discrete(2)), spaces.Tuple((spaces.Discrete(2),))], ids=str)
def test_actions_that_no_line_lists_are_for_a_wrapper_of_ones_own(space: Any, odd: Any) -> None:
    assert "gymnasium.ActionWrapper), list the choices" in odd(actions=space)


def test_an_environment_that_only_python_knows_is_told_in_python() -> None:
    def made() -> Any:
        return Sampled(spaces.Dict(at=BOX, say=TEXT, to=BOX))

    with pytest.raises(ConfigError) as e:
        describe(Env(id=made))
    line = re.search(r"to train without it: Env\(keys=(.*)\)$", str(e.value))
    assert line
    assert describe(Env(id=made, keys=eval(line[1]))).obs.shape == (4,)


def test_bounds_of_many_numbers_do_not_fill_the_message() -> None:
    wide = spaces.Dict(at=spaces.Box(np.zeros(999), np.arange(999) + 1.0, dtype=np.float64), say=TEXT)
    with pytest.raises(ConfigError) as e:
        describe(Env(id=lambda: Sampled(wide)))
    assert len(str(e.value)) < 600


@pytest.mark.parametrize(
    ("env_id", "module", "name"),
    [
        ("warehouse:WarehouseBox-v0", "wrapped_warehouse_box", "WrappedWarehouseBox-v0"),
        ("warehouse:WarehouseDict-v12", "wrapped_warehouse_dict", "WrappedWarehouseDict-v0"),
        ("wrapped_lane:WrappedLane-v0", "wrapped_wrapped_lane", "WrappedWrappedLane-v0"),
        ("ALE/Pong-v5", "wrapped_pong", "WrappedPong-v0"),
        ("x:mine/Cart-Pole", "wrapped_cart_pole", "WrappedCartPole-v0"),
    ],
)
def test_the_wrapper_of_each_environment_has_names_of_its_own(env_id: str, module: str, name: str) -> None:
    said = str(refused_actions(Env(id=env_id), BOX))
    assert f"into a file {module}.py, then name {module}:{name} instead" in said
    assert f"gym.register('{name}'" in said
