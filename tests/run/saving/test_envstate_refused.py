"""A state that does not fit an environment is refused by what does not fit, and changes nothing."""

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from dqnlab.config import Env
from dqnlab.envs.make import make_one
from dqnlab.envs.state import env_state, is_restorable, set_env_state
from dqnlab.errors import CheckpointError

from .recipes import RECIPES, Own, begun, every, plain


def attributes_of(state: Any) -> list[tuple[dict[str, Any], str]]:
    return [(layer["attributes"], name) for layer in state["layers"] for name in layer.get("attributes", {})]


def refused(env: gym.Env, state: Any, words: str) -> None:
    """The state does not fit, and the environment is as it was."""
    before = repr(env_state(env))
    with pytest.raises(CheckpointError, match=words) as raised:
        set_env_state(env, state)
    assert raised.value.exit_code == 4
    assert repr(env_state(env)) == before


@every
def test_a_state_that_lacks_an_attribute_or_has_one_more_is_refused_by_its_name(recipe: Callable[[], gym.Env]) -> None:
    env, _ = begun(recipe, 4)
    count = len(attributes_of(env_state(env)))
    for i in range(count):
        lacking = env_state(env)
        attributes, name = attributes_of(lacking)[i]
        del attributes[name]
        refused(env, lacking, f"attributes of .* are .*'{name}'.* here")
        more = env_state(env)
        attributes_of(more)[i][0]["extra"] = 1
        refused(env, more, "'extra'.* in the saved state")
    for part in ("spaces", "layers", "generator", "seed"):
        lacking = env_state(env)
        del lacking[part]
        refused(env, lacking, f"'{part}'.* here")


@pytest.mark.parametrize(
    ("mine", "theirs", "words"),
    [
        ("CartPole", "MountainCar", "layers are .*CartPoleEnv.* here, but .*MountainCarEnv"),
        ("CartPole", "CartPole stacked", "layers are .*here, but .*FrameStackObservation"),
        ("CartPole", "own", "layers are .*CartPoleEnv.* here, but .*:Own"),
    ],
)
def test_the_state_of_another_env_is_refused_and_nothing_changes(mine: str, theirs: str, words: str) -> None:
    refused(begun(RECIPES[mine], 3)[0], env_state(begun(RECIPES[theirs], 3)[0]), words)


def test_the_state_of_another_map_or_stack_is_refused() -> None:
    lake = begun(plain("FrozenLake-v1", kwargs={"map_name": "8x8"}), 3)[0]
    refused(lake, env_state(begun(RECIPES["FrozenLake"], 1)[0]), "spaces are .*'64'.* here, but .*'16'")
    stacked = begun(plain("CartPole-v1", frame_stack=3), 3)[0]
    refused(stacked, env_state(begun(RECIPES["CartPole stacked"], 3)[0]), r"spaces are .*\[3, 4\].* but .*\[4, 4\]")


def test_a_damaged_value_or_generator_is_refused() -> None:
    env, later = begun(RECIPES["own"], 3)[0], begun(RECIPES["own"], 7)[0]
    for damage, words in [
        (lambda s: s["layers"][2].update(own={"tuple": 3}), r"\['tuple'\] is damaged"),
        (lambda s: s["layers"][0]["attributes"].update(_elapsed_steps={"scalar": np.zeros(3)}), "is damaged"),
        (lambda s: s["layers"][2].pop("own"), "what is kept of .*Own are .*'own'"),
        (lambda s: s["generator"].update(bit_generator="os"), "generator is 'os'.*PCG64"),
        (lambda s: s["generator"].update(state=3), "PCG64 generator is damaged"),
        (lambda s: s["generator"]["state"].pop("inc"), "PCG64 generator is damaged"),
    ]:
        state = env_state(later)
        damage(state)
        refused(env, state, words)


def test_a_damaged_value_in_the_innermost_layer_leaves_the_outer_ones_alone() -> None:
    env, later = begun(RECIPES["CartPole stacked"], 3)[0], begun(RECIPES["CartPole stacked"], 5)[0]
    state = env_state(later)
    state["layers"][-1]["attributes"]["state"] = {"tuple": 3}
    refused(env, state, r"\['tuple'\] is damaged")


def test_an_env_that_was_never_reset_is_refused_with_the_way_out() -> None:
    with pytest.raises(CheckpointError, match=r"FrozenLakeEnv has no 's' yet: reset"):
        env_state(make_one(Env(id="FrozenLake-v1")))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": [1, {2}]}, r"get_state\(\)\['a'\]\[1\] is set, which cannot be saved"),
        (np.array(["a", None]), r"get_state\(\) is ndarray"),
        ({print: 1}, r"a key of .*get_state\(\) is builtin_function"),
        (1 + 2j, "is complex"),
    ],
)
def test_an_own_state_of_other_things_is_refused_by_its_place(value: Any, words: str) -> None:
    class Odd(Own):
        def get_state(self) -> Any:
            return value

    assert is_restorable(Odd())
    with pytest.raises(CheckpointError, match=words):
        env_state(Odd())


def test_own_methods_that_raise_are_named() -> None:
    class Raises(Own):
        def get_state(self) -> Any:
            raise OSError("gone")

    class Refuses(Own):
        def set_state(self, state: Any) -> None:
            raise OSError("gone")

    with pytest.raises(CheckpointError, match=r"Raises\.get_state raised OSError: gone"):
        env_state(Raises())
    env, _ = begun(Refuses, 1)
    with pytest.raises(CheckpointError, match=r"Refuses\.set_state raised OSError: gone"):
        set_env_state(env, env_state(env))
