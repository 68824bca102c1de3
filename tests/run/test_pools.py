"""EnvPool's environments: the same one alone and among others, with masks, limits and seeds of their own."""

import importlib
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from dqnlab.config import Env, Steps
from dqnlab.envs.make import describe, make_one
from dqnlab.envs.open import make_envs
from dqnlab.envs.vector import NativeEnvs, SerialEnvs
from dqnlab.errors import ConfigError, EnvironmentFault
from dqnlab.lab.overrides import Overrides

from ..resuming import check_resumes
from ..tiny import tiny
from . import pool

SEEDS = [7, 8, 2**31, 2**32 - 1]
MASKED = {"real": "envpool:Game2048-v1", "made": "envpool:Doors-v0"}
ENDLESS = {"real": "envpool:Blackjack-v1", "made": "envpool:Doors-v0"}


IS_THERE = find_spec("envpool") is not None  # as in the last step of `make test`, and nowhere else


@pytest.fixture(params=["real", "made"] if IS_THERE else ["made"], autouse=True)
def envpool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The package, where it is installed, and a small one with its interface."""
    if request.param == "made":
        monkeypatch.setitem(sys.modules, "envpool", pool)
    yield request.param
    for known in [each for each in gym.registry if each.startswith("envpool/")]:
        del gym.registry[known]


@pytest.mark.parametrize("masked", [False, True], ids=["numbers", "masked"])
def test_a_copy_among_others_does_what_it_would_do_alone(envpool: str, masked: bool) -> None:
    env = Env(id=MASKED[envpool]) if masked else Env(id="envpool:CartPole-v1", max_episode_steps=12)
    spec = describe(env)
    assert (spec.obs.mask is not None) == masked
    many, single = make_envs(env, spec, 4), [make_envs(env, spec, 1) for _ in range(4)]
    assert isinstance(many, NativeEnvs)
    assert all(isinstance(each, SerialEnvs) for each in single)
    obs = many.reset(SEEDS)
    for each, seed, first in zip(single, SEEDS, obs, strict=True):
        np.testing.assert_array_equal(each.reset([seed])[0], first)
    assert not np.array_equal(obs[0], obs[1])
    rng, ended = np.random.default_rng(0), 0
    for _ in range(200):
        action = spec.any_actions(obs, rng)
        step = many.step(action)
        for i, each in enumerate(single):
            alone = each.step(action[i : i + 1])
            for mine, theirs in zip(alone[:4], step[:4], strict=True):
                np.testing.assert_array_equal(mine[0], theirs[i])
        obs = step.next_obs
        ended += int((step.terminated | step.truncated).sum())
    assert ended >= 4


def test_copies_are_single_where_something_is_put_around_each() -> None:
    def kind(**settings: Any) -> type:
        env = Env(id="envpool:CartPole-v1", **settings)
        return type(make_envs(env, describe(env), 3))

    assert kind() is NativeEnvs
    assert kind(frame_stack=2) is SerialEnvs
    assert kind(wrappers=("gymnasium.wrappers:FlattenObservation",)) is SerialEnvs
    assert kind(copies=3) is SerialEnvs


def test_seeds_decide_how_episodes_begin_and_the_next_reset_goes_on() -> None:
    env = make_one(Env(id="envpool:CartPole-v1"))
    starts = [env.reset(seed=seed)[0].tolist() for seed in (3, None, 3, None, 4)]
    assert starts[0] == starts[2]
    assert starts[1] == starts[3]
    assert len({tuple(start) for start in starts}) == 3


def test_what_it_is_registered_with_counts(envpool: str) -> None:
    spec = describe(Env(id="envpool:CartPole-v1"))
    assert (spec.reward_threshold, spec.max_episode_steps) == (475.0, 500)
    assert spec.unsaved is not None
    own = describe(Env(id=ENDLESS[envpool]))
    assert (own.max_episode_steps, own.own_limit) == (10_000, True)


if IS_THERE:

    @pytest.mark.parametrize("envpool", ["real"], indirect=True)
    def test_arguments_are_its_own(envpool: str) -> None:
        pong = describe(Env(id="envpool:Pong-v5", kwargs={"stack_num": 1, "frame_skip": 2}))
        assert pong.obs.shape == (1, 84, 84)


def test_its_pictures_are_those_of_the_one_copy() -> None:
    env = make_one(Env(id="envpool:CartPole-v1"), "rgb_array")
    env.reset(seed=0)
    assert env.render().shape == (400, 600, 3)


def test_a_run_of_several_copies_resumes_to_the_same_bits(tmp_path: Path) -> None:
    env = Env(id="envpool:CartPole-v1", num_envs=2)
    whole, _ = check_resumes(tiny(env=env, budget=Steps(num=250), checkpoint_every=100), tmp_path, Overrides())
    assert whole.score is not None


@pytest.mark.parametrize(
    ("env", "words"),
    [
        (Env(id="envpool:CartPole-v7"), "EnvPool has no 'CartPole-v7'; did you mean CartPole-v1"),
        (
            Env(id="envpool:Pendulum-v1"),
            "gymnasium.ActionWrapper of your own, and name it: --env.wrappers module:Wrapper",
        ),
        (Env(id="envpool:CartPole-v1", kwargs={"colour": "red"}), "does not take env.kwargs = .*'colour'"),
    ],
    ids=lambda one: one.label if isinstance(one, Env) else "",
)
def test_what_cannot_be_made_is_refused_by_name(env: Env, words: str, envpool: str) -> None:
    with pytest.raises(ConfigError, match=words):
        describe(env)


@pytest.mark.parametrize("envpool", ["made"], indirect=True)
def test_a_game_of_two_is_refused_by_name(envpool: str) -> None:
    with pytest.raises(ConfigError, match="for 2 players at once: dqnlab plays one"):
        describe(Env(id="envpool:Chess-v0"))


def test_without_the_package_the_line_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_there(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.delitem(sys.modules, "envpool", raising=False)
    monkeypatch.setattr(importlib, "import_module", none_there)
    with pytest.raises(EnvironmentFault, match=r'not installed: pip install "dqnlab\[envpool\]"'):
        describe(Env(id="envpool:CartPole-v1"))
