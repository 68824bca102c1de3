"""Parts of an observation that are chosen by `env.keys`; of the others nothing is asked."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

from dqnlab.app.parse import parse_train
from dqnlab.check.doctor.examination import examine
from dqnlab.config import Config, Env
from dqnlab.config.toml import from_toml, to_toml
from dqnlab.envs.make import describe, make_one
from dqnlab.envs.vector import SerialEnvs
from dqnlab.errors import ConfigError, EnvironmentFault
from dqnlab.lab.overrides import Overrides
from dqnlab.lab.resume import resume_folder
from dqnlab.lab.session import train
from dqnlab.store.agent import load
from dqnlab.store.folder import BEST, LAST

from ..equal import same
from ..resuming import Interrupts
from ..tiny import SMALL


class Guide(gym.Env[Any, Any]):
    """Says where to go in words, shows it in a picture, and knows the speed of who goes; the words are often amiss."""

    def __init__(self, masked: bool = False):
        self.masked = masked
        agent = spaces.Dict(speed=spaces.Box(0, 9, (1,), np.float32), name=spaces.Text(9), last=spaces.Discrete(3))
        parts = {"image": spaces.Box(0, 3, (2, 2), np.uint8), "direction": spaces.Discrete(4), "agent": agent}
        if masked:
            parts["action_mask"] = spaces.MultiBinary(2)
        self.observation_space = spaces.Dict(parts | {"mission": spaces.Text(9)})
        self.action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.at = 0
        self.observation_space = spaces.Dict(self.observation_space.spaces | {"mission": spaces.Text(seed or 2)})
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.at += 1
        return self._seen(), float(action == self.way), self.at == 10, False, {}

    def _seen(self) -> Any:
        self.way = int(self.np_random.integers(2))
        agent: Any = {"speed": np.array([self.at / 2], np.float32), "last": 1}
        seen = {"image": np.full((2, 2), self.way, np.uint8), "direction": 3, "agent": agent}
        if self.masked:
            seen["action_mask"] = np.array([1, 1], np.int8)
        return seen | ({} if self.at % 2 else {"mission": None})


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        (("image", "direction"), ["direction", "image"]),
        (("direction", "agent.speed"), ["agent.speed", "direction"]),
        (("agent.last", "agent.speed", "agent.last"), ["agent.speed", "agent.last"]),
        ("image", ["image"]),
    ],
    ids=str,
)
def test_parts_are_chosen_by_name_and_stay_in_the_order_of_the_space(keys: Any, names: list[str]) -> None:
    spec = describe(Env(id=Guide, keys=keys))
    assert [part.name for part in spec.obs.parts] == names
    assert describe(Env(id=lambda: Guide(masked=True), keys=keys)).obs.mask == spec.obs.shape[0]


def test_the_name_of_a_dict_chooses_all_that_is_in_it() -> None:
    with pytest.raises(
        ConfigError, match=r"agent\.name cannot be turned .* train without it: Env\(keys=\('agent\.speed"
    ):
        describe(Env(id=Guide, keys=("agent",)))


def test_only_the_numbers_of_chosen_parts_are_stored() -> None:
    env = Env(id=Guide, keys=("agent.speed", "image"))
    envs = SerialEnvs([make_one(env)], describe(env), env.label)
    first = envs.reset([5])
    assert first.tolist() == [[0.0] + [first[0, 1]] * 4]
    assert envs.step(np.array([0])).next_obs[0, 0] == 0.5


@pytest.mark.parametrize(
    ("env", "says"),
    [
        (
            Env(id=Guide, keys=("imag",)),
            r"env 'Guide' shows no 'imag'; it shows agent, agent\.speed, agent\.name, agent\.last, direction, image, m",
        ),
        (Env(id="CartPole-v1", keys=("x",)), r"shows one only, Box\(.*: leave it out"),
        (Env(id="FrozenLake-v1", keys=("x",)), r"shows one only, Discrete\(16\): leave it out"),
        (Env(id=lambda: Guide(masked=True), keys=("action_mask",)), "shows nothing but which actions are allowed"),
    ],
    ids=["unknown", "a vector", "states", "only the mask"],
)
def test_keys_that_choose_nothing_are_refused_with_those_there_are(env: Env, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        describe(env)


def test_a_chosen_part_is_checked_and_its_space_may_not_change() -> None:
    class Wrong(Guide):
        def step(self, action: Any) -> Any:
            obs, *rest = super().step(action)
            return (obs | {"direction": 7}, *rest)

    class Changing(Guide):
        def reset(self, **kwargs: Any) -> Any:
            answer = super().reset(**kwargs)
            self.observation_space = spaces.Dict(self.observation_space.spaces | {"direction": spaces.Discrete(5)})
            return answer

    for kind, says in ((Wrong, "step 1: observation 'direction' is 7"), (Changing, "not the one it began with")):
        with pytest.raises(EnvironmentFault, match=says):
            train(replace(SMALL, env=Env(id=kind, keys=("direction", "image"))), trackers=("none",))


def test_a_run_resumes_exactly_and_its_agent_needs_only_those_parts(tmp_path: Path) -> None:
    env = Env(id=Guide, keys=("image", "agent.speed"))
    whole = train(replace(SMALL, env=env), out=tmp_path / "whole", trackers=("none",))
    begun = train(replace(SMALL, env=env), out=tmp_path / "cut", trackers=("none",), view=Interrupts())
    resumed = resume_folder(begun.folder, Overrides(env=env))
    for name in (BEST, LAST):
        same(torch.load(whole.folder / name), torch.load(resumed.folder / name))
    agent = load(whole.folder, env=Guide)
    assert agent.env_config().keys == env.keys
    obs = {"image": np.ones((2, 2), np.uint8), "agent": {"speed": [0.5]}}
    assert agent.act(obs) == agent.act(obs | {"mission": "go", "direction": 99})


def test_the_doctor_examines_the_chosen_parts_and_no_others() -> None:
    report = examine(Config(env=Env(id=Guide, keys=("image", "direction"))), steps=60, seconds=5.0)
    assert [
        each for each in report.findings if each.check in ("surplus", "bounds", "spaces") and each.level != "ok"
    ] == []
    assert any("the network sees direction (one of 4 states, one-hot), image" in each.what for each in report.findings)
    refused = examine(Config(env=Env(id=Guide)), steps=60, seconds=5.0)
    assert any("agent.name, mission cannot be turned into numbers" in each.what for each in refused.findings)


def test_they_are_typed_with_commas_and_kept_in_the_file() -> None:
    config = parse_train(["CartPole-v1", "--env.keys", "image, agent.speed"])[0].config
    assert config.env.keys == ("image", "agent.speed")
    assert 'keys = ["image", "agent.speed"]' in to_toml(config)
    assert from_toml(to_toml(config), Config(), "x").env.keys == config.env.keys
    assert parse_train(["CartPole-v1", "--hidden", "8,6"])[0].config.torso.hidden == (8, 6)
