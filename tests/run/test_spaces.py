"""Observations of several parts, and masks: how they are stored, and what is said of those that are wrong."""

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

from dqnlab.check.doctor.examination import examine
from dqnlab.config import Config, Env
from dqnlab.envs.make import describe, make_one
from dqnlab.envs.parts import leaf_of
from dqnlab.envs.rows import part_of
from dqnlab.envs.vector import SerialEnvs
from dqnlab.errors import ConfigError, EnvironmentFault, ObservationError
from dqnlab.learn.encoder import Encoder
from dqnlab.learn.policy import Policy, Reactive, any_action
from dqnlab.run.system import assemble
from dqnlab.store.agent import Agent

from ..jobs import Jobs

BOX, CODES = spaces.Box(-1, 1, (2,), np.float32), spaces.Box(0, 9, (3, 3), np.uint8)
PICTURE = spaces.Box(0, 255, (32, 32, 3), np.uint8)


class Sampled(gym.Env[Any, Any]):
    """Shows samples of its space, with an info of one's own."""

    def __init__(self, obs: Any, info: Callable[[int], dict[str, Any]] = lambda step: {}, last: int = 9):
        self.observation_space = obs
        self.action_space = spaces.Discrete(3)
        self.info, self.last = info, last

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        self.steps = 0
        return self.observation_space.sample(), self.info(0)

    def step(self, action: Any) -> Any:
        self.steps += 1
        return self.observation_space.sample(), 0.0, self.steps == self.last, False, self.info(self.steps)


STORED = [
    (spaces.Dict(at=BOX, kind=spaces.Discrete(3)), ["at", "kind"], 3, "float32", 5),
    (spaces.Dict(image=CODES, way=spaces.Discrete(4)), ["image", "way"], 10, "uint8", 13),
    (spaces.Dict(image=PICTURE, way=spaces.Discrete(300)), ["image", "way"], 3073, "float32", 3372),
    (spaces.Dict(b=spaces.Dict(y=BOX, x=BOX), a=spaces.Discrete(2)), ["b.y", "b.x", "a"], 5, "float32", 6),
    (spaces.Tuple((BOX, spaces.Discrete(3, start=-1))), ["0", "1"], 3, "float32", 5),
    (spaces.MultiDiscrete([2, 3]), ["0", "1"], 2, "uint8", 5),
    (spaces.MultiDiscrete([2, 3], start=[5, -1]), ["0", "1"], 2, "uint8", 5),
    (spaces.MultiBinary((2, 3)), [""], 6, "uint8", 6),
    (spaces.Dict(one=spaces.Box(-5, 5, (), np.int32), flags=spaces.MultiBinary(2)), ["one", "flags"], 3, "float32", 3),
    (spaces.Tuple((spaces.Box(0, 1, (2,), np.bool_), spaces.Box(0, 1, (1,), np.float64))), ["0", "1"], 3, "float32", 3),
]


@pytest.mark.parametrize(("space", "names", "width", "dtype", "features"), STORED, ids=str)
def test_parts_lie_one_after_the_other_and_nothing_of_them_is_lost(
    space: Any, names: list[str], width: int, dtype: str, features: int
) -> None:
    env = Env(id=lambda: Sampled(space))
    spec = describe(env)
    assert [part.name for part in spec.obs.parts] == names
    assert (spec.obs.shape, spec.obs.dtype, spec.obs.mask) == ((width,), np.dtype(dtype), None)
    given, _ = Sampled(space).reset(seed=3)
    row = SerialEnvs([make_one(env)], spec, env.label).reset([3])[0]
    for part in spec.obs.parts:
        seen = row[part.place].astype(np.float64) + part.lowest
        np.testing.assert_array_equal(seen, np.asarray(part_of(given, part), np.float32).reshape(-1))
    encode = Encoder(spec.obs)
    seen = encode(torch.from_numpy(row[None]))
    assert (seen.shape, encode.width) == ((1, features), features)


def test_the_network_sees_states_one_hot_and_pictures_divided() -> None:
    spec = describe(Env(id=lambda: Sampled(spaces.Dict(image=PICTURE, way=spaces.Discrete(3, start=4), x=BOX))))
    obs = {"image": np.full((32, 32, 3), 51, np.uint8), "way": 5, "x": np.array([0.5, -2.0])}
    seen = Encoder(spec.obs)(torch.from_numpy(spec.prepare(obs)[None]))[0]
    np.testing.assert_allclose(seen[:3072], 0.2)
    assert seen[3072:].tolist() == [0, 1, 0, 0.5, -2]


def test_a_mask_follows_the_parts_and_is_no_feature() -> None:
    spec = describe(Env(id=lambda: Sampled(spaces.Discrete(5), lambda step: {"action_mask": [1, 0, 1]})))
    assert (spec.obs.shape, spec.obs.mask, spec.obs.dtype) == ((4,), 1, np.uint8)
    assert spec.prepare(3, np.array([True, False, True])).tolist() == [3, 1, 0, 1]
    assert spec.prepare(np.array([3, 4]), np.array([[1, 1, 1], [0, 0, 1]])).tolist() == [[3, 1, 1, 1], [4, 0, 0, 1]]
    assert Encoder(spec.obs)(torch.tensor([[3, 1, 0, 1]], dtype=torch.uint8)).tolist() == [[0, 0, 0, 1, 0]]


def test_states_are_shown_in_the_environments_own_numbers() -> None:
    space = spaces.Tuple((spaces.Discrete(3, start=-1), spaces.Discrete(200, start=9), spaces.Discrete(2)))
    spec = describe(Env(id=lambda: Sampled(space, lambda step: {"action_mask": [1, 0, 1]}))).obs
    stored = np.array([[0, 199, 1, 1, 0, 1]], np.uint8)
    assert spec.in_env_numbers(stored).tolist() == [[-1, 208, 1, 1, 0, 1]]
    plain = describe(Env(id=lambda: Sampled(BOX))).obs
    assert plain.in_env_numbers(stored) is stored


def test_masks_are_left_out_where_that_was_asked() -> None:
    shown = lambda: Sampled(BOX, lambda step: {"action_mask": [1, 0, 1]})  # noqa: E731
    assert describe(Env(id=shown, action_mask="off")).obs.mask is None
    assert describe(Env(id=shown, action_mask="off", frame_stack=2)).obs.mask is None
    keyed = describe(Env(id=lambda: Jobs("key"), action_mask="off"))
    assert keyed.obs.mask is None
    assert [part.name for part in keyed.obs.parts] == ["action_mask", "flags.night", "job", "load"]


@pytest.mark.parametrize(
    ("env", "words"),
    [
        (Env(id=lambda: Sampled(spaces.Dict(action_mask=spaces.MultiBinary(3)))), "nothing but which actions are"),
        (
            Env(id=lambda: Sampled(spaces.Dict(x=BOX, many=spaces.Discrete(2**25)))),
            "part 'many' is one of 33,554,432 states",
        ),
        (Env(id=lambda: Sampled(spaces.Dict(x=BOX, say=spaces.Text(5)))), "say cannot be turned into numbers"),
        (Env(id=lambda: Sampled(spaces.Dict(x=spaces.Box(0, 1, (0,))))), "holds no numbers"),
    ],
)
def test_what_cannot_be_stored_is_refused(env: Env, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        describe(env)


def play(env: Env, steps: int = 12) -> None:
    """Steps as training does."""
    spec = describe(env)
    envs = SerialEnvs([make_one(env)], spec, env.label)
    rng = np.random.default_rng(0)
    obs = envs.reset([0])
    for _ in range(steps):
        obs = envs.step(spec.any_actions(obs, rng)).next_obs


def masks(at: int, mask: Any) -> Callable[[int], dict[str, Any]]:
    """All allowed, but at one step of each episode another mask, or no entry at all."""

    def info(step: int) -> dict[str, Any]:
        if step != at:
            return {"action_mask": [1, 1, 1]}
        return {} if mask is None else {"action_mask": mask}

    return info


@pytest.mark.parametrize(
    ("at", "mask", "words"),
    [
        (4, None, "step 4: info holds no 'action_mask'"),
        (4, [0, 0, 0], "step 4: 'action_mask' allows no action: end the episode there"),
        (4, [1, 1], "the mask has shape (2,), not (3,)"),
        (4, [1, 2, 0], "holds numbers other than 1"),
        (4, [0.5, 1, 1], "holds numbers other than 1"),
        (4, ["a", "b", "c"], "the mask is of type <U1, not numbers"),
        (4, [[1], [1, 2], []], "the mask is not an array"),
        (4, {"action_mask": [1, 1, 1]}, "the mask is a dict: pass its 'action_mask'"),
        (4, [[1, 1, 1]], "the mask has shape (1, 3), not (3,)"),
        (9, [0, 0, 0], None),
        (9, None, None),
    ],
)
def test_a_mask_that_cannot_be_obeyed_is_an_error_with_its_step_but_not_at_the_end(
    at: int, mask: Any, words: str | None
) -> None:
    env = Env(id=lambda: Sampled(BOX, masks(at, mask)))
    if words is None:
        play(env)
        return
    with pytest.raises(EnvironmentFault) as e:
        play(env)
    assert words in str(e.value)


def test_a_truncated_episode_needs_a_mask_at_its_end() -> None:
    env = Env(id=lambda: gym.wrappers.TimeLimit(Sampled(BOX, masks(4, None)), 4))
    with pytest.raises(EnvironmentFault, match="step 4: info holds no 'action_mask'"):
        play(env)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"x": np.zeros(2)}, "observation has no part 'way'; it has 'x'"),
        ({"x": np.zeros(3), "way": 1}, r"observation 'x' has shape \(3,\), not \(2,\)"),
        ({"x": np.zeros(2), "way": 3}, "observation 'way' is 3, not a state from 0 to 2"),
        ({"x": np.zeros(2), "way": 1.5}, "observation 'way' is 1.5, not a state"),
        ({"x": np.array([0, np.nan]), "way": 1}, "observation 'x' holds a number that is not finite"),
        ({"x": np.array([0, 1e300]), "way": 1}, "not finite, once stored as float32"),
        ({"x": ["a", "b"], "way": 1}, "observation 'x' is of type <U1, not numbers"),
        (np.zeros(3), "observation is of type ndarray, not a dict with 'way'"),
        ([[1], [1, 2]], "observation is of type list, not a dict"),
        ({"x": [[1], [1, 2]], "way": 1}, "observation 'x' is not an array of numbers"),
        (None, "observation is of type NoneType, not a dict with 'way'"),
    ],
    ids=str,
)
def test_a_part_that_is_not_as_announced_is_an_error_with_its_step(wrong: Any, words: str) -> None:
    class Wrong(Sampled):
        def step(self, action: Any) -> Any:
            _, *rest = super().step(action)
            return (wrong if self.steps == 2 else self.observation_space.sample(), *rest)

    env = Env(id=lambda: Wrong(spaces.Dict(way=spaces.Discrete(3), x=BOX)))
    with pytest.raises(EnvironmentFault, match=words) as e:
        play(env)
    assert "step 2" in str(e.value)


# ── Acting ───────────────────────────────────────────────────────────────────────────────────────


def test_any_action_is_one_of_those_allowed_all_with_the_same_chance() -> None:
    allowed = np.array([[True, False, True, True]] * 30_000)
    counts = np.bincount(any_action(allowed, np.random.default_rng(0)), minlength=4)
    assert counts[1] == 0
    np.testing.assert_allclose(counts[[0, 2, 3]], 10_000, atol=4 * np.sqrt(10_000 * 2 / 3))
    nothing = any_action(np.zeros((2, 3), bool), np.random.default_rng(0))
    assert nothing.tolist() == [0, 0]


def test_where_all_are_allowed_the_draws_are_those_without_masks() -> None:
    drawn = any_action(np.ones((5, 3), bool), np.random.default_rng(1))
    assert drawn.tolist() == (np.random.default_rng(1).random(5) * 3).astype(int).tolist()


@pytest.mark.parametrize("epsilon", [0.0, 0.5, 1.0])
def test_no_forbidden_action_is_ever_taken(epsilon: float) -> None:
    rng = np.random.default_rng(0)
    masks = rng.random((500, 4)) < 0.5
    masks[:, 2] |= ~masks.any(1)
    q = np.where(masks, rng.normal(size=(500, 4)), -np.inf)
    policy = Policy(Reactive(lambda obs: q), rng)
    actions = policy(np.zeros((500, 1)), np.ones(500, bool), epsilon)
    assert masks[np.arange(500), actions].all()
    if epsilon == 0:
        assert actions.tolist() == q.argmax(1).tolist()


# ── The doctor ───────────────────────────────────────────────────────────────────────────────────


def test_the_doctor_obeys_the_mask_and_names_the_parts() -> None:
    report = examine(Config(env=Env(id=Jobs)), steps=200, seconds=5.0)
    assert report.exit_code == 0
    said = {each.check: each.what for each in report.findings}
    assert said["mask"] == "only actions that its action_mask allows are ever taken or valued"
    assert said["parts"] == (
        "the network sees flags.night (2 numbers), job (one of 3 states, one-hot), load (4 numbers)"
    )


def test_the_doctor_finds_a_part_beyond_its_bounds() -> None:
    class Far(Sampled):
        def step(self, action: Any) -> Any:
            obs, *rest = super().step(action)
            return (obs | {"x": np.array([0, 7], np.float32)}, *rest)

    space = spaces.Dict(way=spaces.Discrete(3), x=BOX)
    report = examine(Config(env=Env(id=lambda: Far(space))), steps=20, seconds=5.0)
    found = [each.what for each in report.findings if each.check == "bounds"]
    assert "observation 'x'[1] is 7, outside its announced bounds -1 to 1" in found[0]
    assert isinstance(leaf_of(space, ("x",)), spaces.Box)


def test_the_doctor_finds_what_no_space_announces() -> None:
    class More(Sampled):
        def step(self, action: Any) -> Any:
            obs, *rest = super().step(action)
            return (obs | {"hidden": 1}, *rest)

    report = examine(
        Config(env=Env(id=lambda: More(spaces.Dict(way=spaces.Discrete(3), x=BOX)))), steps=20, seconds=5.0
    )
    (found,) = [each.what for each in report.findings if each.check == "surplus"]
    assert "observation holds 'hidden', which its space does not mention: it is not seen" in found


def test_the_doctor_looks_at_the_numbers_of_each_part() -> None:
    space = spaces.Dict(way=spaces.Discrete(300), far=spaces.Box(0, 1000, (2,)), same=spaces.Box(1, 1, (2,)))
    report = examine(Config(env=Env(id=lambda: Sampled(space))), steps=200, seconds=5.0)
    said = {each.check: each.what for each in report.findings}
    assert "far[" in said["scale"]
    assert "large inputs make learning slow" in said["scale"]
    assert "2 of 5 numbers of the observation never changed: same[0], same[1]" in said["constant"]
    assert "finite, from" in said["observations"]
    assert report.facts is not None
    assert report.facts.numbers == ("way", "far[0]", "far[1]", "same[0]", "same[1]")


def test_two_masks_that_differ_are_an_error() -> None:
    space = spaces.Dict(x=BOX, action_mask=spaces.MultiBinary(3))

    class Two(Sampled):
        def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
            obs, _ = super().reset(seed=seed)
            return obs | {"action_mask": np.array([1, 0, 0])}, {"action_mask": [0, 0, 1]}

    with pytest.raises(
        EnvironmentFault, match=r"the mask in info is \[0, 0, 1\], and the observation's own is \[1, 0, 0\]"
    ):
        play(Env(id=lambda: Two(space)))


def test_a_list_of_observations_is_no_batch_of_a_dict() -> None:
    config = Config(env=Env(id=Jobs))
    system = assemble(config)
    agent = Agent(config, system.spec, system.learner.online)
    says = (
        r"observation is of type list, not a dict with 'flags.night': .*; a batch has an array \[B, …\] in each place"
    )
    with pytest.raises(ObservationError, match=says):
        agent.act([{}, {}])
