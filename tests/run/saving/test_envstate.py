"""An environment that was saved goes on elsewhere as if nothing had happened, or says that it cannot."""

import importlib
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces, wrappers

from dqnlab.config import Env
from dqnlab.envs import state as envstate
from dqnlab.envs.codec import encode
from dqnlab.envs.make import make_one
from dqnlab.envs.state import KNOWN, env_state, is_restorable, set_env_state, unknown_layer
from dqnlab.errors import CheckpointError

from .recipes import RECIPES, Own, begun, carried, draws, every, play

# ── Goes on ──────────────────────────────────────────────────────────────────────────────────────


@every
def test_a_new_env_goes_on_where_another_was_saved(recipe: Callable[[], gym.Env]) -> None:
    ends = 0
    for steps in (0, 1, 2, 23, 150):
        env, ended = begun(recipe, steps)
        state = carried(env_state(env))
        other = recipe()
        set_env_state(other, state)
        expected = play(env, draws(env, 1), 120, ended=ended)
        assert play(other, draws(env, 1), 120, ended=ended) == expected
        set_env_state(other, state)  # a state may be used again, and by an env that has lived
        assert play(other, draws(env, 1), 120, ended=ended) == expected
        ends += sum(isinstance(shown, bytes) for shown in expected)
    assert ends >= 5


WRITTEN_ANEW = {  # before each use
    ("FrameStackObservation", "stacked_obs"),
    ("FrameStackObservation", "padding_value"),
    ("RecordEpisodeStatistics", "episode_start_time"),
}
RULES = "P"  # of toy text: large, and never changed


def insides(env: gym.Env) -> dict[str, Any]:
    """Every value that a layer holds as an attribute, and the attributes of what else it holds."""
    found: dict[str, Any] = {}
    for depth, layer in enumerate(envstate._layers(env)):
        kind = type(layer).__name__
        for name, value in vars(layer).items():
            if name != RULES and (kind, name) not in WRITTEN_ANEW and not isinstance(value, (gym.Env, spaces.Space)):
                inner = vars(value) if type(value).__name__ == "RunningMeanStd" else {"": value}
                found |= {f"{depth} {kind}.{name}.{key}": item for key, item in inner.items()}
    return found


def readable(values: dict[str, Any]) -> dict[str, str]:
    shown = {}
    for name, value in values.items():
        try:
            shown[name] = repr(encode(value, name))
        except CheckpointError:
            continue  # a function, a generator, a table of the rules
    return shown


@every
def test_nothing_that_an_env_holds_is_left_out(recipe: Callable[[], gym.Env]) -> None:
    """Also what no step shows, such as what would be drawn."""
    env, ended = begun(recipe, 0)
    actions = draws(env)
    for _ in range(40):  # ends among them
        ended = play(env, actions, 1, ended=ended)[-1]
        other = recipe()
        set_env_state(other, env_state(env))
        assert readable(insides(other)) == readable(insides(env))
        assert other.unwrapped._np_random_seed == env.unwrapped._np_random_seed


def test_a_native_vectors_bounds_and_a_drawn_taxis_heading_are_kept() -> None:
    """What only an option of `reset` or a picture changes."""
    native, other = (gym.make_vec("CartPole-v1", 2, vectorization_mode="vector_entry_point") for _ in range(2))
    native.reset(seed=0, options={"low": -0.02, "high": 0.01})
    set_env_state(other, carried(env_state(native)))
    assert readable(vars(other)) == readable(vars(native))
    taxi, _ = begun(RECIPES["Taxi"], 3)
    taxi.unwrapped.taxi_orientation = 2
    after = RECIPES["Taxi"]()
    set_env_state(after, env_state(taxi))
    assert after.unwrapped.taxi_orientation == 2


def test_every_known_class_with_a_state_of_its_own_is_tried_here() -> None:
    tried = {envstate._name(layer) for recipe in RECIPES.values() for layer in envstate._layers(recipe())}
    native = "gymnasium.envs.classic_control.cartpole:CartPoleVectorEnv"
    assert {name for name, attributes in KNOWN.items() if attributes} <= tried | {native}


def test_every_known_class_exists() -> None:
    for name in KNOWN:
        module, _, kind = name.partition(":")
        assert hasattr(importlib.import_module(module), kind), name


@pytest.mark.parametrize("dropped", ["state", "_elapsed_steps", "obs_queue"])
def test_an_attribute_that_was_forgotten_would_be_seen(dropped: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = RECIPES["CartPole stacked"]
    for name, attributes in KNOWN.items():
        monkeypatch.setitem(KNOWN, name, " ".join(set(attributes.split()) - {dropped}))
    env, _ = begun(recipe, 13)
    other = recipe()
    other.reset(seed=6)
    set_env_state(other, env_state(env))
    assert readable(insides(other)) != readable(insides(env))


def test_what_shares_the_generator_with_its_env_goes_on_with_it() -> None:
    env, _ = begun(RECIPES["own"], 3)
    other, _ = begun(RECIPES["own"], 8)
    shared = other.unwrapped.np_random
    set_env_state(other, env_state(env))
    assert shared.random() == env.unwrapped.np_random.random()


def test_a_generator_that_was_never_made_is_forgotten_again() -> None:
    env, other = Own(), Own()
    env.reset()
    other.reset(seed=3)
    set_env_state(other, env_state(env))
    assert other._np_random is None


def test_a_saved_state_does_not_change_with_its_env() -> None:
    env, _ = begun(RECIPES["own"], 3)
    state = env_state(env)
    before = repr(state)
    play(env, draws(env), 5)
    set_env_state(env, state)
    play(env, draws(env), 5)
    assert repr(state) == before


# ── Which are restorable ─────────────────────────────────────────────────────────────────────────


class Unknown(gym.Wrapper):
    """Holds who knows what."""


class Heavier(type(make_one(Env(id="CartPole-v1")).unwrapped)):  # type: ignore[misc]
    """A subclass of a known class."""


class OtherWords(Own):
    """A pair of methods of these names that means something else."""

    def set_state(self, position: Any, velocity: Any) -> None:  # type: ignore[override]
        raise AssertionError


class Wobble:
    """A function with a memory."""

    def __call__(self, obs: Any) -> Any:
        return obs


def shaken() -> gym.Env:
    rng = np.random.default_rng(0)
    env = gym.make("CartPole-v1")
    return wrappers.TransformObservation(env, lambda obs: obs + rng.normal(), env.observation_space)


def remembering() -> gym.Env:
    env = gym.make("CartPole-v1")
    return wrappers.TransformObservation(env, Wobble(), env.observation_space)


@pytest.mark.parametrize(
    ("recipe", "layer"),
    [
        (lambda: Unknown(make_one(Env(id="CartPole-v1"))), "test_envstate:Unknown"),
        (lambda: wrappers.TimeLimit(Unknown(Own()), 9), "test_envstate:Unknown"),
        (Heavier, "test_envstate:Heavier"),
        (OtherWords, "test_envstate:OtherWords"),
        (shaken, "TransformObservation"),
        (remembering, "TransformObservation"),
    ],
    ids=["wrapper", "inner wrapper", "subclass", "other words", "closure", "object"],
)
def test_what_may_hold_more_than_is_known_is_not_restorable(recipe: Callable[[], gym.Env], layer: str) -> None:
    env = recipe()
    assert not is_restorable(env)
    assert str(unknown_layer(env)).endswith(layer)
    env.reset(seed=0)
    with pytest.raises(CheckpointError, match=rf"{layer} cannot be saved: give it get_state\(\)"):
        env_state(env)


@every
def test_what_is_known_or_saves_itself_is_restorable(recipe: Callable[[], gym.Env]) -> None:
    assert is_restorable(recipe())
    assert unknown_layer(recipe()) is None
