"""Observations that are normalised: acted on, learned from, stacked, resumed, judged and explained."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

import dqnlab
from dqnlab.config import Config, Env, Hard
from dqnlab.errors import ConfigError
from dqnlab.explain.trace_text import step_text
from dqnlab.lab.overrides import Overrides
from dqnlab.lab.session import train

from ..dots import Dots
from ..equal import same
from ..jobs import Jobs
from ..resuming import check_resumes
from ..tiny import SMALL
from .conftest import Filled
from .test_network_seams import check_stack, judged

SEEN: dict[str, Config] = {
    "a vector": replace(SMALL, normalize_obs=True),
    "parts and a mask": replace(SMALL, normalize_obs=True, n=3, env=Env(id=partial(Jobs, "info"), num_envs=2)),
    "beside a picture": replace(SMALL, normalize_obs=True, env=Env(id=partial(Dots, (10, 12, 3), among=True))),
}


class Scaled(gym.ObservationWrapper[Any, Any, Any]):
    """CartPole in units in which everything is large and far from 0."""

    def __init__(self, scale: float, shift: float):
        made = gym.make("CartPole-v1")
        super().__init__(made)
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (4,), np.float32)
        self.scale, self.shift = scale, shift

    def observation(self, observation: np.ndarray) -> np.ndarray:
        return (observation * self.scale + self.shift).astype(np.float32)


@pytest.mark.parametrize("name", SEEN)
def test_three_side_by_side_learn_as_each_alone(name: str, filled: Filled, tmp_path: Path, not_compiled: None) -> None:
    together, alone = ([filled(replace(SEEN[name], seed=i)) for i in range(3)] for _ in range(2))
    before = together[0].learner.state.buffers.clone()
    check_stack(together, alone, tmp_path, 4)
    assert not torch.equal(together[0].learner.state.buffers, before)


@pytest.mark.parametrize("name", SEEN)
def test_a_run_resumes_exactly_is_judged_and_explained(name: str, tmp_path: Path) -> None:
    config = replace(SEEN[name], explain=True)
    whole, _ = check_resumes(config, tmp_path, Overrides(env=None if name == "a vector" else config.env))
    assert whole.failed_steps == {}
    assert "chooses the next action" in " ".join(step_text(whole.folder).split())
    assert dqnlab.report(whole, env=config.env).path.is_file()
    if name == "a vector":
        judged(whole)


def test_it_begins_with_what_random_play_shows(filled: Filled) -> None:
    system = filled(replace(SMALL, normalize_obs=True, env=Env(id=partial(Scaled, 1e3, 5e4))))
    mean, variance, count = system.learner.online.encode.buffers()
    assert count.item() >= 1_000
    assert ((mean - 5e4).abs() < 3e2).all()
    assert (variance > 1e3).all()
    same(dict(enumerate(system.learner.online.buffers())), dict(enumerate(system.learner.target.buffers())))


def test_the_target_network_normalises_as_the_online_one_did_when_it_was_synced(filled: Filled) -> None:
    system = filled(replace(SMALL, normalize_obs=True, sync=Hard(every=3)))
    learner, counts = system.learner, []
    for _ in range(7):
        learner.update(system.memory.batch(system.memory.sample()))
        counts.append([int(state[-1]) for state in (learner.state.buffers, learner.state.target_buffers)])
    begun = counts[0][0] - SMALL.batch_size
    seen = [begun + SMALL.batch_size * updates for updates in range(8)]
    assert counts == [[seen[number], seen[number // 3 * 3]] for number in range(1, 8)]


def test_units_do_not_matter(filled: Filled) -> None:
    """The same network, on the same observations in other units, expects the same."""
    plain, scaled = (
        filled(replace(SMALL, normalize_obs=True, env=Env(id=partial(Scaled, scale, shift))))
        for scale, shift in ((1.0, 0.0), (1e3, 100.0))
    )
    obs = np.random.default_rng(0).normal(0, 0.1, (20, 4)).astype(np.float32)
    expected = plain.learner.online.q_values(torch.from_numpy(obs))
    same_obs = torch.from_numpy((obs * 1e3 + 100).astype(np.float32))
    torch.testing.assert_close(scaled.learner.online.q_values(same_obs), expected, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("env", [Env(id="FrozenLake-v1"), Env(id=partial(Dots, (10, 10)))], ids=["states", "pictures"])
def test_where_nothing_could_be_normalised_it_is_refused(env: Env, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"normalize_obs = True is for numbers, and env .* leave it out"):
        train(replace(SMALL, env=env, normalize_obs=True), out=tmp_path / "run", trackers=("none",))
    assert not (tmp_path / "run").exists()
