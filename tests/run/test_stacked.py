"""Stacks of frames that are rows: parts, states and masks."""

from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from dqnlab.build import make_network
from dqnlab.check.doctor.examination import examine
from dqnlab.config import Env
from dqnlab.envs.make import describe, make_one
from dqnlab.envs.open import make_envs
from dqnlab.errors import ConfigError
from dqnlab.learn.types import ObsPart, ObsSpec
from dqnlab.run.system import assemble
from dqnlab.store.agent import Agent

from ..jobs import Jobs
from ..tiny import tiny
from .test_spaces import Sampled

FLOAT, STATE = np.dtype(np.float32), np.dtype(np.int64)
PARTS = (ObsPart(("x",), 0, (2, 2), FLOAT), ObsPart(("way",), 4, (2,), STATE, num_states=4))
MASKED = ObsSpec((9,), FLOAT, stack=2, parts=PARTS, mask=6)
FRAMES = torch.tensor([[[1, 2, 0, 1, 0, 1], [3, 4, 3, 0, 1, 1]]], dtype=torch.float32)


def test_each_part_is_put_together_of_all_frames_and_the_mask_is_the_newest() -> None:
    assert MASKED.stacked(FRAMES).tolist() == [[1, 2, 3, 4, 0, 3, 0, 1, 1]]
    bare = ObsSpec((6,), FLOAT, stack=2, parts=PARTS)
    assert bare.stacked(FRAMES[..., :3]).tolist() == [[1, 2, 3, 4, 0, 3]]


def test_a_row_knows_its_newest_frame() -> None:
    rows = MASKED.stacked(FRAMES).numpy()
    assert MASKED.frame_shape == (6,)
    assert MASKED.newest(rows).tolist() == [[3, 4, 3, 0, 1, 1]]
    bare = ObsSpec((6,), FLOAT, stack=2, parts=PARTS)
    assert bare.frame_shape == (3,)
    assert bare.newest(rows[:, :6]).tolist() == [[3, 4, 3]]


@pytest.mark.parametrize("where", ["info", "key", "nowhere"])
@pytest.mark.parametrize("n", [1, 3])
def test_what_is_learned_from_is_what_was_acted_on(where: Any, n: int) -> None:
    system = assemble(tiny(env=Env(id=partial(Jobs, where), frame_stack=3, num_envs=2), n=n))
    try:
        seen = {row.tobytes() for row in system.collector.obs}
        for _ in range(80):
            system.memory.add(system.collector.step())
            seen |= {row.tobytes() for row in system.collector.obs}
        batch = system.memory.batch(system.memory.sample(200))
        assert {row.numpy().tobytes() for row in batch.obs} <= seen
        assert {row.numpy().tobytes() for row in batch.next_obs} <= seen
        assert len({row.numpy().tobytes() for row in batch.obs}) > 50
    finally:
        system.close()


def test_a_stack_of_states_is_one_hot_frame_by_frame() -> None:
    env = Env(id="FrozenLake-v1", frame_stack=4)
    spec = describe(env)
    assert [(part.name, part.shape, part.num_states) for part in spec.obs.parts] == [("", (4,), 16)]
    assert make_network(tiny(env=env), spec).encode.width == 64
    envs = make_envs(env, spec, 1)
    assert envs.reset([0]).tolist() == [[0, 0, 0, 0]]
    shown = [envs.step(np.array([1])).next_obs[0].tolist() for _ in range(3)]
    assert [before[1:] == after[:3] for before, after in pairwise(shown)] == [True, True]


def test_chosen_parts_are_stacked_beside_words() -> None:
    space = spaces.Dict(x=spaces.Box(-1, 1, (2,)), say=spaces.Text(5), many=spaces.MultiDiscrete([2, 3]))
    spec = describe(Env(id=lambda: Sampled(space), keys=("x", "many"), frame_stack=2))
    assert [(part.name, part.shape) for part in spec.obs.parts] == [("x", (2, 2)), ("many.0", (2,)), ("many.1", (2,))]


class Odd(spaces.Space[str]):
    """Words of a kind that nobody can stack."""

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        return "go"


def test_parts_that_are_not_chosen_are_not_stacked_either() -> None:
    space = spaces.Dict(x=spaces.Box(-1, 1, (2,)), say=Odd(), action_mask=spaces.MultiBinary(3))
    env = Env(id=lambda: Sampled(space, lambda step: {}), keys=("x",), frame_stack=2)
    spec = describe(env)
    assert [(part.name, part.shape) for part in spec.obs.parts] == [("x", (2, 2))]
    assert spec.obs.mask == 4
    assert set(make_one(env).observation_space) == {"x", "action_mask"}
    with pytest.raises(ConfigError, match=r"say cannot be turned into numbers.*keys=\('x',\)"):
        describe(replace(env, keys=()))
    with pytest.raises(ConfigError, match="shows no 'y'; it shows "):
        describe(replace(env, keys=("y",)))


def test_what_is_divided_in_single_frames_is_divided_in_a_stack() -> None:
    space = spaces.Dict(image=spaces.Box(0, 255, (32, 32), np.uint8), code=spaces.Box(0, 9, (3, 3), np.uint8))
    single, stacked = (describe(Env(id=lambda: Sampled(space), frame_stack=stack)).obs for stack in (1, 2))
    assert [part.scale for part in stacked.parts] == [part.scale for part in single.parts] == [255, 1]
    assert (single.dtype, stacked.dtype) == (np.uint8, np.uint8)


@pytest.mark.parametrize("where", ["info", "key"])
def test_an_agent_obeys_the_newest_mask(where: Any) -> None:
    env = Env(id=partial(Jobs, where), frame_stack=2)
    spec = describe(env)
    config = tiny(env=env)
    agent = Agent(config, spec, make_network(config, spec))
    made = make_one(env)
    obs, info = made.reset(seed=1)
    for _ in range(8):
        mask = info.get("action_mask")
        q = agent.q_values(obs, mask)
        assert (q > -np.inf).tolist() == made.unwrapped.free.tolist()
        batch = {name: np.stack([part] * 2) for name, part in obs.items() if name != "flags"}
        batch["flags"] = {"night": np.stack([obs["flags"]["night"]] * 2)}
        many = agent.q_values(batch, None if mask is None else np.stack([mask] * 2))
        np.testing.assert_allclose(many, [q, q], atol=1e-6)
        obs, *_, info = made.step(int(q.argmax()) + 5)


def test_the_doctor_looks_at_single_frames_of_a_stack() -> None:
    found = examine(tiny(env=Env(id=partial(Jobs, "key"), frame_stack=3)), steps=200, seconds=2.0)
    assert found.exit_code == 0
    said = {each.check: each.what for each in found.findings}
    assert said["mask"].startswith("only actions that its action_mask allows")
    assert said["parts"] == "the network sees flags.night (2 numbers), job (one of 3 states, one-hot), load (4 numbers)"
    assert found.forecast is not None
    assert found.forecast.stored == "one row of 24 numbers, float32"
