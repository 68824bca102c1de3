"""Several environments go on where others were saved, or begin as new ones."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from dqnlab.config import Env
from dqnlab.envs.make import describe, make_one
from dqnlab.envs.open import make_envs
from dqnlab.envs.vector import NativeEnvs
from dqnlab.errors import CheckpointError

from .recipes import Own, carried


def walk(envs: Any, steps: int, num_actions: int, seed: int) -> list[bytes]:
    actions = np.random.default_rng(seed).integers(num_actions, size=(steps, envs.num_envs))
    return [array.tobytes() for action in actions for array in envs.step(action)[:4]]


@pytest.mark.parametrize("steps", [0, 1, 57])
@pytest.mark.parametrize(
    ("env", "num_envs"),
    [
        (Env(id="CartPole-v1"), 1),
        (Env(id="CartPole-v1"), 3),
        (Env(id="CartPole-v1", max_episode_steps=11), 8),
        (Env(id="CartPole-v1", frame_stack=4), 3),
        (Env(id="FrozenLake-v1"), 3),
        (Env(id=Own), 2),
    ],
    ids=lambda value: value.label if isinstance(value, Env) else None,
)
def test_several_envs_go_on_where_others_were_saved(env: Env, num_envs: int, steps: int) -> None:
    spec = describe(env)
    envs, others = make_envs(env, spec, num_envs), make_envs(env, spec, num_envs)
    assert envs.restorable
    envs.reset(range(num_envs))
    walk(envs, steps, spec.num_actions, 0)
    others.load_state_dict(carried(envs.state_dict()))
    np.testing.assert_equal(others.state_dict()["steps"], envs.state_dict()["steps"])  # errors name it
    assert walk(others, 80, spec.num_actions, 1) == walk(envs, 80, spec.num_actions, 1)


@pytest.mark.parametrize("num_envs", [3, 8])
def test_several_envs_may_be_saved_where_some_are_about_to_be_reset(num_envs: int) -> None:
    env = Env(id="CartPole-v1", max_episode_steps=5)
    spec = describe(env)
    envs, others = make_envs(env, spec, num_envs), make_envs(env, spec, num_envs)
    envs.reset(range(num_envs))
    for _ in range(5):
        step = envs.step(np.ones(num_envs, np.int64))
    assert step.truncated.all()
    others.load_state_dict(carried(envs.state_dict()))
    ours, theirs = (e.step(np.ones(num_envs, np.int64)) for e in (envs, others))
    assert not theirs.reward.any()
    np.testing.assert_array_equal(ours.next_obs, theirs.next_obs)


@pytest.mark.parametrize("num_envs", [3, 8])
def test_what_was_saved_of_several_does_not_change_with_them(num_envs: int) -> None:
    env = Env(id="CartPole-v1")
    envs = make_envs(env, describe(env), num_envs)
    envs.reset(range(num_envs))
    state = envs.state_dict()
    before = repr(state)
    walk(envs, 5, 2, 0)
    assert repr(state) == before


def test_an_env_that_rests_goes_on_resting(seeded: Any) -> None:
    class Kept(seeded):
        def get_state(self) -> Any:
            return [self.lengths, self.episode, self.step_number]

        def set_state(self, state: Any) -> None:
            self.lengths, self.episode, self.step_number = state

    env = Env(id=Kept)
    envs, others = (make_envs(env, describe(env), 2, autoreset=False) for _ in range(2))
    envs.reset([1, 3])
    walk(envs, 3, 1, 0)
    others.load_state_dict(carried(envs.state_dict()))
    step = others.step(np.array([0, 0]))
    assert step.next_obs[:, 1].tolist() == [2, 4]
    assert step.reward.tolist() == [0, 4]


@pytest.mark.parametrize(("num_envs", "other"), [(3, 2), (2, 8), (8, 9), (8, 3)])
def test_the_state_of_another_number_of_envs_is_refused(num_envs: int, other: int) -> None:
    env = Env(id="CartPole-v1")
    spec = describe(env)
    envs, others = make_envs(env, spec, num_envs), make_envs(env, spec, other)
    envs.reset(range(num_envs))
    others.reset(range(other))
    before = repr(others.state_dict())
    with pytest.raises(CheckpointError):
        others.load_state_dict(envs.state_dict())
    assert repr(others.state_dict()) == before


def test_if_the_last_of_several_does_not_fit_none_is_changed() -> None:
    env = Env(id="CartPole-v1")
    envs = make_envs(env, describe(env), 3)
    envs.reset([0, 1, 2])
    state = envs.state_dict()
    walk(envs, 5, 2, 0)
    del state["envs"][2]["layers"][0]["attributes"]["_elapsed_steps"]
    before = repr(envs.state_dict())
    with pytest.raises(CheckpointError, match="_elapsed_steps"):
        envs.load_state_dict(state)
    assert repr(envs.state_dict()) == before


@pytest.mark.parametrize("num_envs", [3, 8])
def test_a_part_that_is_missing_or_of_another_shape_is_refused(num_envs: int) -> None:
    env = Env(id="CartPole-v1")
    envs = make_envs(env, describe(env), num_envs)
    envs.reset(range(num_envs))
    for part in envs.state_dict():
        state = envs.state_dict()
        del state[part]
        with pytest.raises(CheckpointError, match=f"not .*'{part}'"):
            envs.load_state_dict(state)
    if num_envs == 3:
        with pytest.raises(CheckpointError, match=r"'obs' are float32 \(3, 5\), here float32 \(3, 4\)"):
            envs.load_state_dict(envs.state_dict() | {"obs": np.zeros((3, 5), np.float32)})


def test_envs_of_an_unknown_kind_say_so() -> None:
    class Unknown(gym.Wrapper):
        """Holds who knows what."""

    env = Env(id=lambda: Unknown(make_one(Env(id="CartPole-v1"))))
    envs = make_envs(env, describe(env), 2)
    assert not envs.restorable
    envs.reset([0, 1])
    with pytest.raises(CheckpointError, match="Unknown cannot be saved"):
        envs.state_dict()


def test_a_native_vector_of_an_unknown_kind_says_so() -> None:
    env = Env(id="CartPole-v1")
    kind = type(gym.make_vec("CartPole-v1", 2, vectorization_mode="vector_entry_point"))
    envs = NativeEnvs(type("Mine", (kind,), {})(2), describe(env), "mine")
    assert not envs.restorable


# ── Made anew ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("env", [Env(id="CartPole-v1"), Env(id="CartPole-v1", frame_stack=2)], ids=["plain", "stack"])
@pytest.mark.parametrize("num_envs", [1, 3, 8])
def test_remade_envs_start_as_new_ones_do(env: Env, num_envs: int) -> None:
    spec, seeds = describe(env), list(range(7, 7 + num_envs))
    envs, fresh = make_envs(env, spec, num_envs), make_envs(env, spec, num_envs)
    envs.reset([0] * num_envs)
    walk(envs, 30, 2, 0)
    np.testing.assert_array_equal(envs.remake(seeds), fresh.reset(seeds))
    assert walk(envs, 60, 2, 1) == walk(fresh, 60, 2, 1)


def test_remaking_closes_every_env_and_makes_others() -> None:
    log: list[tuple[str, int]] = []

    class Logged(gym.Env):
        """Hides in its class how many were made, and in itself how often it was reset."""

        observation_space, action_space = spaces.Box(0, 99, (2,), np.float32), spaces.Discrete(2)
        resets = 0

        def __init__(self) -> None:
            self.number = sum(what == "made" for what, _ in log)
            log.append(("made", self.number))

        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict]:
            self.resets += 1
            return np.array([self.number, self.resets], np.float32), {}

        def step(self, action: Any) -> Any:
            return np.zeros(2, np.float32), 0.0, True, False, {}

        def close(self) -> None:
            log.append(("closed", self.number))

    env = Env(id=Logged)
    spec = describe(env)
    log.clear()
    envs = make_envs(env, spec, 2)
    for _ in range(3):
        envs.reset([0, 0])
    envs.step(np.array([0, 0]))
    assert envs.remake([0, 0]).tolist() == [[2, 1], [3, 1]]
    assert log == [("made", 0), ("made", 1), ("closed", 0), ("closed", 1), ("made", 2), ("made", 3)]
    assert envs.step(np.array([0, 0])).terminated.all()  # no reset is owed to the old envs' end
    envs.close()
    assert log[-2:] == [("closed", 2), ("closed", 3)]


def test_remaking_native_envs_closes_the_vector() -> None:
    env = Env(id="CartPole-v1")
    envs = make_envs(env, describe(env), 8)
    old, closed = envs._vector, []
    old.close = lambda: closed.append(old)
    envs.remake(range(8))
    assert closed == [old]
    assert envs._vector is not old
