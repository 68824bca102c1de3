"""Several environments behave as each alone would, and a broken one is named."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from dqnlab.build import make_network
from dqnlab.config import Env
from dqnlab.envs.contract import TakenAs
from dqnlab.envs.make import describe, make_one
from dqnlab.envs.open import make_envs
from dqnlab.envs.vector import Envs, NativeEnvs, SerialEnvs, Step
from dqnlab.errors import EnvironmentFault
from dqnlab.learn.policy import make_actor
from dqnlab.run.evaluate import Evaluator

from ..tiny import tiny


def actions(num_envs: int, num_actions: int, steps: int) -> np.ndarray:
    return np.random.default_rng(0).integers(num_actions, size=(steps, num_envs))


def same(ours: Step, theirs: tuple[Any, ...]) -> None:
    for mine, other in zip(ours[:4], theirs[:4], strict=True):
        np.testing.assert_array_equal(mine, other)


# ── The same as Gymnasium ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("num_envs", [1, 3])
@pytest.mark.parametrize("env", [Env(id="CartPole-v1"), Env(id="FrozenLake-v1"), Env(id="CartPole-v1", frame_stack=2)])
def test_serial_envs_step_as_gymnasiums_vector_does(env: Env, num_envs: int) -> None:
    spec, seeds = describe(env), list(range(10, 10 + num_envs))
    ours = make_envs(env, spec, num_envs)
    theirs = SyncVectorEnv([lambda: make_one(env)] * num_envs, autoreset_mode=AutoresetMode.NEXT_STEP)
    assert isinstance(ours, SerialEnvs)
    np.testing.assert_array_equal(ours.reset(seeds), theirs.reset(seed=seeds)[0])
    ended = 0
    for action in actions(num_envs, spec.num_actions, 200):
        step = ours.step(action)
        same(step, theirs.step(action))
        ended += int((step.terminated | step.truncated).sum())
    assert ended >= 3 * num_envs


def test_native_envs_step_as_gymnasiums_vector_does() -> None:
    env = Env(id="CartPole-v1", max_episode_steps=12)
    ours = make_envs(env, describe(env), 8)
    theirs = gym.make_vec("CartPole-v1", 8, vectorization_mode="vector_entry_point", max_episode_steps=12)
    assert isinstance(ours, NativeEnvs)
    np.testing.assert_array_equal(ours.reset([7] * 8), theirs.reset(seed=7)[0])
    cut = 0
    for action in actions(8, 2, 100):
        step = ours.step(action)
        same(step, theirs.step(action))
        cut += int(step.truncated.sum())
    assert cut >= 8


def test_native_and_single_cartpole_move_alike() -> None:
    """From one start, by the same actions, to the same end."""
    env = Env(id="CartPole-v1")
    spec = describe(env)
    native, single = make_envs(env, spec, 8), make_envs(env, spec, 1)
    start = native.reset([3] * 8)
    single.reset([3])
    single._envs[0].unwrapped.state = start[0].astype(np.float64)
    for action in actions(8, 2, 200):
        many, one = native.step(action), single.step(action[:1])
        np.testing.assert_allclose(one.next_obs[0], many.next_obs[0], atol=1e-5)
        assert one.reward[0] == many.reward[0]
        assert (one.terminated[0], one.truncated[0]) == (many.terminated[0], many.truncated[0])
        if one.terminated[0]:
            return
    pytest.fail("no episode ended")


def test_cartpole_is_native_only_where_that_pays() -> None:
    def kind(num_envs: int, **settings: Any) -> type:
        env = Env(id="CartPole-v1", **settings)
        return type(make_envs(env, describe(env), num_envs))

    assert kind(7) is SerialEnvs
    assert kind(8) is NativeEnvs
    assert kind(8, frame_stack=2) is SerialEnvs


@pytest.mark.parametrize("kwargs", [{"max_episode_steps": 9}, {"sutton_barto_reward": True}])
def test_native_and_single_envs_take_the_same_arguments(kwargs: dict[str, Any]) -> None:
    env = Env(id="CartPole-v1", kwargs=kwargs)
    spec = describe(env)
    for num_envs in (1, 8):
        envs = make_envs(env, spec, num_envs)
        envs.reset([0] * num_envs)
        envs.step(np.zeros(num_envs, np.int64))


def test_a_vector_that_resets_at_once_is_refused() -> None:
    env = Env(id="CartPole-v1")
    at_once = SyncVectorEnv([lambda: make_one(env)] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    with pytest.raises(EnvironmentFault, match="NEXT_STEP"):
        NativeEnvs(at_once, describe(env), "CartPole-v1")


# ── Masks and numbers in a vector's infos ────────────────────────────────────────────────────────


class Hinted(gym.Env):
    """Three to twelve steps; one of three actions is allowed, and at the end, where none counts, a number is told."""

    observation_space, action_space = spaces.Box(0, 9, (1,), np.float32), spaces.Discrete(3)

    def __init__(self, wrong: str = ""):
        self.wrong = wrong

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        self.at, self.length = 0, int(self.np_random.integers(3, 13))
        return self._look(), self._info()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        assert self.wrong or action == self.allowed
        self.at += 1
        ended = self.at == self.length
        return self._look(), 1.0, ended, False, {"length": self.at, "won": True} if ended else self._info()

    def _look(self) -> np.ndarray:
        self.allowed = int(self.np_random.integers(3))
        return np.array([self.at], np.float32)

    def _info(self) -> dict:
        mask = np.arange(3) == self.allowed
        if self.at == 2:
            mask = {"none": np.zeros(3, bool), "short": mask[:2], "twos": mask * 2}.get(self.wrong, mask)
            return {} if self.wrong == "missing" else {"action_mask": mask}
        return {"action_mask": mask}


def as_native(env: Env, num: int, mode: AutoresetMode = AutoresetMode.NEXT_STEP) -> NativeEnvs:
    vector = SyncVectorEnv([lambda: make_one(env)] * num, autoreset_mode=mode)
    return NativeEnvs(vector, describe(env), env.label, own_seeds=True)


def test_a_vector_obeys_masks_and_tells_numbers_as_single_envs_do() -> None:
    env, seeds = Env(id=Hinted), [5, 6, 7]
    native, single = as_native(env, 3), make_envs(env, describe(env), 3)
    assert isinstance(single, SerialEnvs)
    obs = native.reset(seeds)
    np.testing.assert_array_equal(obs, single.reset(seeds))
    ended = 0
    for _ in range(100):
        action = obs[:, 1:].argmax(1)  # the only one that is allowed: another one raises
        many, few = native.step(action), single.step(action)
        same(many, few)
        assert many.numbers == few.numbers
        ended += len(many.numbers)
        obs = many.next_obs
    assert ended > 15


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("none", "step 2: 'action_mask' allows no action"),
        ("short", r"step 2: the mask has shape \(2,\), not \(3,\)"),
        ("twos", "step 2: the mask .* holds numbers other than 1"),
        ("missing", "step 2: info holds no 'action_mask'"),
    ],
)
def test_a_vector_whose_mask_is_wrong_is_named_with_its_step(wrong: str, words: str) -> None:
    class Alone(gym.vector.SyncVectorEnv):
        """Hands infos over as its only environment gives them."""

        def step(self, actions: Any) -> Any:
            obs, reward, terminated, truncated, _ = super().step(actions)
            own = self.envs[0].unwrapped._info()
            return obs, reward, terminated, truncated, {name: mask[None] for name, mask in own.items()}

    env = Env(id=Hinted, kwargs={"wrong": wrong})
    envs = NativeEnvs(Alone([lambda: make_one(env)]), describe(env), env.label)
    envs.reset([5])
    with pytest.raises(EnvironmentFault, match=f"env 'Hinted', {words}"):
        play(envs, 3)


def test_a_vector_whose_masks_are_not_read_says_so_once() -> None:
    envs = as_native(Env(id=Hinted, kwargs={"wrong": "free"}, action_mask="off"), 2)
    with pytest.warns(TakenAs, match="step 0: info holds 'action_mask', which is not read"):
        envs.reset([0, 1])
    envs.reset([2, 3])  # where a second warning would be an error


def test_the_episodes_that_follow_in_a_vector_add_no_numbers_to_those_that_are_judged() -> None:
    env, seeds = Env(id=Hinted), list(range(16))
    spec = describe(env)

    def judged(envs: Envs) -> Any:
        actor = make_actor(make_network(tiny(env=env), spec), np.random.default_rng(0))
        return Evaluator(env, spec, 0.9, lend=lambda _: envs).play(actor, seeds)

    many, single = judged(as_native(env, 16)), judged(make_envs(env, spec, 16, autoreset=False))
    assert many.numbers == single.numbers
    assert many.returns.tolist() == single.returns.tolist()
    assert many.returns.max() > 2 * many.returns.min()  # so that one plays more than once while another goes on


# ── Ends and numbers ─────────────────────────────────────────────────────────────────────────────


def test_the_step_after_an_end_resets_and_does_nothing_else(scripted: Any) -> None:
    env = Env(id=scripted, kwargs={"lengths": (2,)})
    envs = make_envs(env, describe(env), 1)
    envs.reset([0])
    steps = [envs.step(np.array([1])) for _ in range(4)]
    assert [s.next_obs[0].tolist() for s in steps] == [[0, 1], [0, 2], [1, 0], [1, 1]]
    assert [s.terminated[0] for s in steps] == [False, True, False, False]
    assert [s.reward[0] for s in steps] == [1, 2, 0, 1]


def test_without_autoreset_an_ended_env_rests_while_the_others_play(seeded: Any) -> None:
    envs = make_envs(Env(id=seeded), describe(Env(id=seeded)), 2, autoreset=False)
    envs.reset([1, 3])  # two steps, four steps
    steps = [envs.step(np.array([0, 0])) for _ in range(4)]
    assert [s.next_obs[:, 1].tolist() for s in steps] == [[1, 1], [2, 2], [2, 3], [2, 4]]
    assert [s.reward.tolist() for s in steps] == [[1, 1], [2, 2], [0, 3], [0, 4]]
    assert [s.terminated.tolist() for s in steps] == [[False, False], [True, False], [False, False], [False, True]]
    assert envs.reset([1, 3])[:, 1].tolist() == [0, 0]
    assert envs.step(np.array([0, 0])).reward.tolist() == [1, 1]


def test_actions_are_counted_as_the_environment_counts_them(scripted: Any) -> None:
    env = Env(id=scripted, kwargs={"start": 5})
    envs = make_envs(env, describe(env), 1)
    envs.reset([0])
    for action in (0, 1):
        envs.step(np.array([action]))
    assert envs._envs[0].unwrapped.actions == [5, 6]


def test_states_arrive_counted_from_zero() -> None:
    class State(gym.Env):
        observation_space, action_space = spaces.Discrete(3, start=4), spaces.Discrete(2)

        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[int, dict]:
            return 4, {}

        def step(self, action: Any) -> tuple[int, float, bool, bool, dict]:
            return 6, 0.0, False, False, {}

    envs = make_envs(Env(id=State), describe(Env(id=State)), 2)
    assert envs.reset([0, 1]).tolist() == [0, 0]
    assert envs.step(np.array([0, 0])).next_obs.tolist() == [2, 2]


@pytest.mark.parametrize("num_envs", [2, 8], ids=["serial", "native"])
def test_what_was_handed_out_never_changes(num_envs: int) -> None:
    env = Env(id="CartPole-v1")
    envs = make_envs(env, describe(env), num_envs)
    first = envs.reset([0] * num_envs)
    given = [(first, first.copy())]
    for action in actions(num_envs, 2, 60):
        given += [(array, array.copy()) for array in envs.step(action)[:4]]
    for array, copy in given:
        np.testing.assert_array_equal(array, copy)


def test_closing_closes_every_env() -> None:
    closed = []

    class Closing(gym.Env):
        observation_space, action_space = spaces.Box(-1, 1, (1,)), spaces.Discrete(2)

        def close(self) -> None:
            closed.append(self)

    env = Env(id=Closing)
    spec = describe(env)
    closed.clear()
    make_envs(env, spec, 3).close()
    assert len(closed) == 3


# ── Broken ───────────────────────────────────────────────────────────────────────────────────────


class Broken(gym.Env):
    """Does one thing wrong in its third step, or in its second reset, after step 4."""

    observation_space, action_space = spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(2)

    def __init__(self, wrong: str):
        self.wrong, self.resets, self.steps = wrong, 0, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.resets += 1
        if self.resets == 2 and self.wrong == "reset raises":
            raise RuntimeError("lost the connection")
        bad = self.resets == 2 and self.wrong == "reset is NaN"
        return np.full(2, np.nan if bad else 0, np.float32), {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        obs, reward, end = np.zeros(2, np.float32), 0.0, self.steps == 4
        if self.steps == 3:
            match self.wrong:
                case "NaN observation":
                    obs = np.array([0, np.nan], np.float32)
                case "infinite observation":
                    obs = np.array([-np.inf, np.inf], np.float32)
                case "infinite reward":
                    reward = np.inf
                case "NaN reward":
                    reward = np.nan
                case "step raises":
                    raise KeyError("lever")
                case "four values":
                    return obs, reward, False, {}
                case "three values":
                    return obs, reward, False
                case "wrong shape":
                    obs = np.zeros(3, np.float32)
                case "ragged":
                    obs = [[1, 2], [3]]
        return obs, reward, end, False, {}


def play(envs: Envs, steps: int) -> None:
    for _ in range(steps):
        envs.step(np.zeros(envs.num_envs, np.int64))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("NaN observation", "step 3: observation holds nan"),
        ("infinite observation", "step 3: observation holds -inf"),
        ("infinite reward", "step 3: reward is inf"),
        ("NaN reward", "step 3: reward is nan"),
        ("step raises", "step 3 raised KeyError: 'lever'"),
        ("four values", r"step 3: step\(\) returned a tuple of 4, as before Gym 0.26.*terminated, truncated"),
        ("three values", r"step 3: step\(\) returned a tuple of 3, not a tuple of 5"),
        ("wrong shape", r"step 3: observation of shape \(3,\).*\(2,\)"),
        ("ragged", r"step 3: observation \[\[1, 2\], \[3\]\] is not an array of numbers"),
        ("reset is NaN", "step 4: observation holds nan"),
        ("reset raises", r"step 4: reset raised RuntimeError: lost the connection"),
    ],
)
def test_a_broken_env_is_named_with_its_step(wrong: str, words: str) -> None:
    env = Env(id=Broken, kwargs={"wrong": wrong})
    envs = make_envs(env, describe(env), 2)
    envs.reset([0, 1])
    with pytest.raises(EnvironmentFault, match=rf"env 'Broken' \(copy 1 of 2\), {words}") as raised:
        play(envs, 6)
    assert raised.value.exit_code == 3


def test_an_env_that_cannot_begin_is_named() -> None:
    class Never(Broken):
        def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
            raise OSError("no device")

    env = Env(id=Never, kwargs={"wrong": ""})
    with pytest.raises(EnvironmentFault, match=r"env 'Never'.*OSError: no device"):
        make_envs(env, describe(env), 1).reset([0])


def test_a_native_env_that_turns_to_nan_is_named_too() -> None:
    env = Env(id="CartPole-v1")
    envs = make_envs(env, describe(env), 8)
    envs.reset([0] * 8)
    envs._vector.unwrapped.state[:] = np.nan
    with pytest.raises(EnvironmentFault, match="env 'CartPole-v1', step 1: observation is nan"):
        envs.step(np.zeros(8, np.int64))
