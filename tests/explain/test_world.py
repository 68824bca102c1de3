"""What is read off an environment, and when its drawing may be trusted."""

import json
from functools import partial
from importlib.resources import files
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

from dqnlab.config import Env
from dqnlab.envs.make import describe, make_one
from dqnlab.explain.world import KINDS, World, look, state_of, terrain_of

from ..jobs import Jobs


class Plain(gym.Env[Any, Any]):
    """Shows what it is told to, and never plays."""

    action_space = spaces.Discrete(2)

    def __init__(self, space: Any, modes: tuple[str, ...] = (), render_mode: str | None = None, names: Any = None):
        self.observation_space, self.names = space, names
        self.metadata, self.render_mode = {"render_modes": list(modes)}, render_mode

    def get_action_meanings(self) -> Any:
        if self.names is None:
            raise NotImplementedError
        return self.names


def seen(env: Env) -> World:
    return look(env, describe(env))


def plain(space: Any, **kwargs: Any) -> World:
    return seen(Env(id=partial(Plain, space=space, **kwargs)))


def words(name: str) -> dict[str, dict[str, str]]:
    return json.loads((files("dqnlab.explain") / "page" / "words" / f"{name}.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("env", "kind"),
    [
        ("CartPole-v1", "cartpole"),
        ("MountainCar-v0", "mountaincar"),
        ("Acrobot-v1", "acrobot"),
        ("FrozenLake-v1", "frozenlake"),
    ],
)
def test_known_classes_get_a_drawing_of_their_own(env: str, kind: str) -> None:
    world = seen(Env(id=env))
    assert world.kind == kind in KINDS.values()
    assert json.loads(json.dumps(world.params)) == world.params


def test_the_lander_has_one_with_the_ground_of_its_episode() -> None:
    env = Env(id="LunarLander-v3")
    world = seen(env)
    assert (world.kind, len(world.inputs), world.params["SCALE"]) == ("lunarlander", 8, 30.0)
    made = make_one(env)
    obs, _ = made.reset(seed=1)
    terrain = terrain_of("lunarlander", made.unwrapped)
    made.close()
    assert terrain is not None
    assert [x for x, _ in terrain] == pytest.approx([2.0 * i for i in range(11)])
    assert terrain[5][1] == pytest.approx(400 / 30 / 4, rel=0.02)  # the pad, in the middle
    assert obs[1] > 1


@pytest.mark.parametrize("env", ["CartPole-v1", "MountainCar-v0", "Acrobot-v1", "FrozenLake-v1", "CliffWalking-v1"])
def test_all_that_has_a_name_has_it_in_both_languages(env: str) -> None:
    world = seen(Env(id=env))
    for file, keys in {"inputs": [i.name for i in world.inputs], "actions": world.actions}.items():
        known = words(file)
        for key in keys:
            assert set(known[key.removeprefix(f"{file}.")]) == {"en", "zh-Hant"}, key


def test_constants_are_those_of_the_very_environment() -> None:
    def long_pole() -> CartPoleEnv:
        made = CartPoleEnv()
        made.length, made.x_threshold, made.kinematics_integrator = 0.75, 3.0, "semi-implicit"
        return made

    world = seen(Env(id=long_pole, max_episode_steps=9))
    assert world.params["length"] == 0.75
    assert world.params["kinematics_integrator"] == "semi-implicit"
    assert world.params["polemass_length"] == 0.05  # kept apart by Gymnasium, and so not what it would be
    assert (world.inputs[0].low, world.inputs[0].high) == (-3.0, 3.0)


def test_a_subclass_may_do_other_things_and_is_shown_by_images() -> None:
    class Mine(CartPoleEnv):
        pass

    world = seen(Env(id=Mine, max_episode_steps=9))
    assert (world.kind, world.params) == ("frames", {"source": "render", "fps": 50.0})
    assert world.inputs[0].name == "x[0]"
    assert world.actions == ("actions.0", "actions.1")


def test_a_wrapper_that_changes_what_is_seen_takes_the_drawing_away() -> None:
    def scaled() -> Any:
        return gym.wrappers.TransformObservation(gym.make("CartPole-v1"), lambda obs: obs * 2, None)

    assert seen(Env(id=scaled)).kind == "none"  # made without a render mode, and it takes none
    assert seen(Env(id=lambda: gym.make("CartPole-v1"))).kind == "cartpole"


def test_constants_that_are_no_numbers_take_the_drawing_away() -> None:
    def odd() -> CartPoleEnv:
        made = CartPoleEnv()
        made.gravity = float("nan")
        return made

    assert seen(Env(id=odd, max_episode_steps=9)).kind == "none"


def test_stacked_observations_name_the_oldest_first() -> None:
    world = seen(Env(frame_stack=2))
    assert world.kind == "cartpole"
    assert [i.ago for i in world.inputs] == [1] * 4 + [0] * 4
    assert world.inputs[2]._replace(ago=0) == world.inputs[6]


@pytest.mark.parametrize(("slippery", "chance"), [(True, 1 / 3), (False, 1.0)])
def test_slippery_ice_is_told_by_the_transitions(slippery: bool, chance: float) -> None:
    world = seen(Env(id="FrozenLake-v1", kwargs={"is_slippery": slippery, "desc": ["SFH", "FFG"]}))
    assert world.params == {"desc": ["SFH", "FFG"], "is_slippery": slippery, "success_rate": chance, "fps": 4.0}
    assert world.inputs == (("inputs.state", "", 0.0, 5.0, 0),)


def test_unknown_numbers_get_the_bounds_of_their_space_where_these_mean_something() -> None:
    low, high = np.array([-1, -np.inf, 0, 5], np.float32), np.array([1, np.inf, 1e9, 5], np.float32)
    bounds = [(i.low, i.high) for i in plain(spaces.Box(low, high)).inputs]
    assert bounds == [(-1.0, 1.0), (None, None), (None, None), (None, None)]


def test_inputs_of_parts_lie_where_their_own_spaces_say() -> None:
    found = {each.name: (each.low, each.high) for each in seen(Env(id=Jobs)).inputs}
    assert found["job"] == (1, 3)  # by the environment's own numbers
    assert found["flags.night[1]"] == (0, 1)
    assert found["load[1, 0]"] == (0, 1)
    speeds = spaces.Dict(
        a=spaces.Box(-np.inf, np.inf, (2,), np.float32),
        b=spaces.Box(np.array([-3, 0]), np.array([3, 9]), dtype=np.float32),
    )
    stacked = seen(Env(id=partial(Plain, space=speeds), frame_stack=2)).inputs
    assert [(each.low, each.high) for each in stacked] == [(None, None)] * 4 + [(-3, 3), (0, 9)] * 2
    assert seen(Env(id="Taxi-v4")).inputs[0][:4] == ("inputs.state", "", 0, 499)  # with a mask


def test_inputs_in_rows_are_named_by_their_place() -> None:
    assert [i.name for i in plain(spaces.Box(0, 1, (2, 2))).inputs] == ["x[0, 0]", "x[0, 1]", "x[1, 0]", "x[1, 1]"]


@pytest.mark.parametrize("dtype", [np.uint8, np.bool_])
def test_an_image_is_its_own_picture_and_has_no_named_inputs(dtype: Any) -> None:
    world = plain(spaces.Box(0, 1, (6, 5), dtype))
    assert (world.kind, world.params, world.inputs) == ("frames", {"source": "observation", "fps": 30.0}, ())


def test_an_environment_that_draws_nothing_is_shown_by_nothing() -> None:
    assert plain(spaces.Box(0, 1, (2,))).kind == "none"
    assert plain(spaces.Box(0, 1, (2,)), modes=("human",)).kind == "none"
    for mode in ("rgb_array", "rgb_array_list"):
        assert plain(spaces.Box(0, 1, (2,)), modes=("human", mode)).kind == "frames"


@pytest.mark.parametrize(("told", "shown"), [(12, 12.0), (None, 30.0), (0, 30.0), ("fast", 30.0), (1e9, 30.0)])
def test_a_pace_that_nobody_could_watch_is_not_taken(told: Any, shown: float) -> None:
    def paced() -> Plain:
        made = Plain(spaces.Box(0, 1, (2,)))
        made.metadata["render_fps"] = told
        return made

    assert seen(Env(id=paced)).params["fps"] == shown


def test_an_environment_names_its_own_actions() -> None:
    box = spaces.Box(0, 1, (2,))
    assert plain(box, names=["NOOP", "FIRE\x1b[2J" + "x" * 100]).actions == ("NOOP", "FIRE[2J" + "x" * 32)
    for useless in (["one"], [1, 2], ["", "b"], 7):
        assert plain(box, names=useless).actions == ("actions.0", "actions.1")


def test_the_state_of_acrobot_is_its_angles_not_what_it_shows() -> None:
    made = make_one(Env(id="Acrobot-v1"))
    obs, _ = made.reset(seed=1)
    state = state_of("acrobot", made.unwrapped)
    assert state is not None
    np.testing.assert_allclose([np.cos(state[0]), np.sin(state[1])], [obs[0], obs[3]], atol=1e-6)
    assert state.dtype == np.float64
    made.close()
    assert state_of("frozenlake", made.unwrapped) is None
