"""One contract: training stops where the doctor finds an error, and says what the doctor warns of."""

import sys
import warnings
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

from dqnlab.check.doctor import examination as doctor
from dqnlab.check.doctor import forecast
from dqnlab.config import Config, Env
from dqnlab.envs.make import describe, make_one
from dqnlab.envs.open import make_envs
from dqnlab.errors import EnvironmentFault

sys.path.append(str(Path(__file__).resolve().parents[1] / "zoo"))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody measures here."""
    monkeypatch.setattr(forecast, "PATIENCE", 0.01)


class Walk(gym.Env):
    """Six steps; answers with whatever is asked of it, from its second step on."""

    def __init__(self, **odd: Any):
        self.observation_space = odd.pop("space", spaces.Box(-1, 1, (2,), np.float32))
        self.action_space = odd.pop("actions", spaces.Discrete(2))
        self.odd, self.t, self.total = odd, 0, 0

    def look(self) -> Any:
        fine = 0 if isinstance(self.observation_space, spaces.Discrete) else np.zeros(2, self.observation_space.dtype)
        return self.odd["obs"] if "obs" in self.odd and self.t == 2 else fine

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.t = 0
        vars(self).update(self.odd.get("after reset", {}))
        return self.odd["reset"] if "reset" in self.odd else (self.look(), self.odd.get("first info", {}))

    def step(self, action: Any) -> Any:
        assert type(action) is self.action_space.dtype.type
        assert self.action_space.contains(action)
        self.t += 1
        self.total += 1
        late = self.odd if self.t == 2 else {}
        if "answer" in late:
            return late["answer"]
        ends = late.get("terminated", False), late.get("truncated", self.t == 6)
        return self.look(), late.get("reward", 1.0), *ends, late.get("info", {})


def walks(**odd: Any) -> Callable[[], gym.Env]:
    return lambda: Walk(**odd)


WIDE = spaces.Box(-1, 1, (3,), np.float32)
# What the environment does, the check that finds it, what both say of it.
ERRORS: list[tuple[dict[str, Any], str, str]] = [
    ({"answer": (np.zeros(2, np.float32), 0.0, False, {})}, "step", "a tuple of 4, as before Gym 0.26"),
    ({"answer": (np.zeros(2, np.float32), 0.0, False, False, {}, 0)}, "step", "a tuple of "),
    ({"answer": "an answer"}, "step", "returned more than 5 values, not a tuple of 5"),
    ({"answer": None}, "step", "returned None"),
    ({"answer": np.zeros(2)}, "step", "not a tuple of 5"),
    ({"reset": np.zeros(2, np.float32)}, "reset", "reset() returned an array of shape (2,), as before Gym 0.26"),
    ({"reset": np.zeros(3, np.float32)}, "reset", "reset() returned an array of shape (3,)"),
    ({"reset": [np.zeros(2, np.float32), {}]}, "reset", "reset() returned a value of type list, not a tuple of 2"),
    ({"reset": None}, "reset", "reset() returned None, not a tuple of 2"),
    ({"reset": (np.zeros(2, np.float32), {}, 0)}, "reset", "reset() returned a tuple of 3"),
    ({"reward": None}, "reward", "reward is None"),
    ({"reward": "1.0"}, "reward", "reward is of type str, '1.0': not a single number"),
    ({"reward": np.str_("1.0")}, "reward", "not a single number"),
    ({"reward": 1 + 0j}, "reward", "reward is of type complex"),
    ({"reward": np.complex64(1)}, "reward", "reward is of type complex64"),
    ({"reward": np.ones(2)}, "reward", "reward is an array of shape (2,)"),
    ({"reward": torch.ones(2)}, "reward", "reward is of type Tensor"),
    ({"reward": {}}, "reward", "reward is of type dict"),
    ({"reward": np.nan}, "reward", "reward is nan: not finite"),
    ({"reward": np.array([np.inf])}, "reward", "reward is inf: not finite"),
    ({"reward": 1e39}, "reward", "reward is 1e+39: too large for float32"),
    ({"terminated": np.zeros(2, bool)}, "flags", "terminated is an array of shape (2,), not a bool"),
    ({"truncated": "False"}, "flags", "truncated is of type str, not a bool"),
    ({"obs": None}, "observation", "observation None is not an array of numbers"),
    ({"obs": np.array(["1", "2"])}, "observation", "is not an array of numbers"),
    ({"obs": np.zeros(2, complex)}, "observation", "is not an array of numbers"),
    ({"obs": {"a": 1}}, "observation", "observation {'a': 1} is not an array of numbers"),
    ({"obs": [[1], [1, 2]]}, "observation", "is not an array of numbers"),
    ({"obs": np.zeros((1, 2), np.float32)}, "observation", "observation of shape (1, 2), but its observation space"),
    ({"obs": np.float32([0, np.nan])}, "observation", "observation holds nan"),
    ({"obs": np.array([0, 1e300])}, "observation", "observation holds inf, once stored as float32"),
    ({"obs": 4, "space": spaces.Discrete(4)}, "observation", "observation is state 4, but its space has 4 states from"),
    ({"obs": -1, "space": spaces.Discrete(4)}, "observation", "observation is state -1"),
    ({"obs": 0.5, "space": spaces.Discrete(4)}, "observation", "observation is state 0.5"),
    ({"obs": np.int64([0, 1]), "space": spaces.Box(0, 255, (2,), np.uint8)}, "observation", "of type int64, but its"),
    ({"after reset": {"action_space": spaces.Discrete(3)}}, "spaces", "Discrete(3) now"),
    ({"after reset": {"observation_space": WIDE}}, "spaces", "the observation space is Box"),
]
# The same, of what is taken for something else; training goes on.
TAKEN: list[tuple[dict[str, Any], str, str]] = [
    ({"reward": np.array([1.0])}, "reward", "reward is an array of shape (1,): the number in it is used"),
    ({"reward": [1.0]}, "reward", "reward is of type list: the number in it is used"),
    ({"reward": torch.ones(1)}, "reward", "reward is of type Tensor: the number in it is used"),
    ({"terminated": 0}, "flags", "terminated is of type int, not a bool: it counts as False"),
    ({"terminated": None}, "flags", "terminated is None, not a bool: it counts as False"),
    ({"truncated": np.array([False])}, "flags", "truncated is an array of shape (1,), not a bool: it counts as False"),
    ({"info": None}, "info", "info is None, not a dict"),
    ({"first info": []}, "info", "info is of type list, not a dict"),
    ({"first info": {"valid_moves": np.ones(2)}}, "mask", "info holds 'valid_moves', which is not read"),
    ({"info": {"legal_actions": [0]}}, "mask", "info holds 'legal_actions', which is not read"),
    ({"obs": 1.0, "space": spaces.Discrete(4)}, "dtype", "observation is of type float64 instead of a whole number"),
]
FINE: list[dict[str, Any]] = [
    {},
    {"reward": 1},
    {"reward": True},
    {"reward": np.float32(1)},
    {"reward": np.array(1.0)},
    {"reward": Decimal("1.0")},
    {"reward": torch.tensor(1.0, requires_grad=True)},
    {"terminated": np.bool_(False)},
    {"obs": np.int64(3), "space": spaces.Discrete(4)},
    {"actions": spaces.Discrete(2, start=-1)},
    {"actions": spaces.Discrete(2, dtype=np.int32)},
]


def play(env: Env, num_envs: int = 1) -> list[float]:
    """Rewards of twelve steps, as training takes them."""
    envs = make_envs(env, describe(env), num_envs)
    envs.reset(range(num_envs))
    return [float(envs.step(np.ones(num_envs, np.int64)).reward[0]) for _ in range(12)]


def found(env: Env, level: str) -> dict[str, str]:
    report = doctor.examine(Config(env=env), steps=50, seconds=60)
    return {each.check: each.what for each in report.findings if each.level == level}


@pytest.mark.parametrize(("odd", "check", "words"), ERRORS, ids=str)
def test_training_stops_with_what_the_doctor_says(odd: dict[str, Any], check: str, words: str) -> None:
    env = Env(id=walks(**odd))
    said = found(env, "error")
    assert words in said[check]
    with pytest.raises(EnvironmentFault) as raised:
        play(env)
    assert said[check] in str(raised.value)


@pytest.mark.parametrize(("odd", "check", "words"), TAKEN, ids=str)
def test_training_says_once_what_the_doctor_warns_of(odd: dict[str, Any], check: str, words: str) -> None:
    env = Env(id=walks(**odd))
    assert words in found(env, "warning")[check]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert 10 <= sum(play(env)) <= 12
    assert [words in str(each.message) for each in said] == [True]


@pytest.mark.parametrize("odd", FINE, ids=str)
def test_what_is_no_matter_is_not_spoken_of(odd: dict[str, Any]) -> None:
    env = Env(id=walks(**odd))
    assert found(env, "error") == {}
    assert found(env, "warning").keys() <= {"episodes"}
    assert play(env) == [1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1]


def test_below_a_stack_of_frames_a_wrong_answer_is_named_like_anywhere() -> None:
    for odd, words in (({"reset": np.zeros(2, np.float32)}, "array of shape"), ({"answer": None}, "returned None")):
        with pytest.raises(EnvironmentFault, match=words):
            play(Env(id=walks(**odd), frame_stack=2))


def test_a_fault_names_the_copy_and_its_own_step_without_resets() -> None:
    class Tires(Walk):
        def step(self, action: Any) -> Any:
            answer = super().step(action)
            return answer if self.total < 20 else (*answer[:1], None, *answer[2:])

    env = Env(id=Tires)
    envs = make_envs(env, describe(env), 3)
    envs.reset(range(3))
    for _ in range(22):  # three resets among them
        envs.step(np.zeros(3, np.int64))
    with pytest.raises(EnvironmentFault, match=r"env 'Tires' \(copy 1 of 3\), step 20: reward is None"):
        envs.step(np.zeros(3, np.int64))


# ── The cases ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("OldReset", r"step 0: reset\(\) returned an array of shape \(2,\), as before Gym 0.26, not a tuple of 2"),
        ("NoneReward", "step 1: reward is None: return float"),
    ],
)
def test_environments_of_the_old_kind_are_told_what_is_wrong(name: str, words: str) -> None:
    with pytest.raises(EnvironmentFault, match=rf"env 'zoo:{name}-v0', {words}"):
        play(Env(id=f"zoo:{name}-v0"))


class SeedOnly(Walk):
    """Its reset takes no options."""

    def reset(self, seed: int | None = None) -> Any:  # type: ignore[override]
        return super().reset(seed=seed)


def test_a_reset_that_takes_too_little_is_told_how_to_be_written() -> None:
    with pytest.raises(
        EnvironmentFault, match=r"step 0: reset\(\) takes no argument 'options': define it as def reset\(self, "
    ):
        play(Env(id=SeedOnly))


def test_a_reward_in_an_array_of_one_is_a_number() -> None:
    with pytest.warns(UserWarning, match="the number in it is used"):
        assert play(Env(id="zoo:ArrayReward-v0"))[0] == pytest.approx(-0.1)


@pytest.mark.parametrize("stack", [1, 3])
def test_actions_are_numbers_of_the_action_spaces_own_type(stack: int) -> None:
    assert play(Env(id="zoo:ItemAction-v0", frame_stack=stack))[0] == pytest.approx(-0.1)
    assert play(Env(id="zoo:ItemAction-v0", frame_stack=stack), 2)[0] == pytest.approx(-0.1)


def test_an_observation_written_in_place_is_copied_before_it_is_stacked() -> None:
    env = Env(id="zoo:InPlace-v0", frame_stack=2)
    envs = make_envs(env, describe(env), 1)
    seen = [envs.reset([3])[0, :, 0]]
    seen += [envs.step(np.array([0])).next_obs[0, :, 0] for _ in range(20)]
    assert all(before[1] == after[0] for before, after in pairwise(seen))
    assert len({tuple(each) for each in seen}) == 4


def test_images_written_in_place_are_copied() -> None:
    class Canvas(Walk):
        def __init__(self, render_mode: str | None = None):
            super().__init__()
            self.metadata, self.render_mode = {"render_modes": ["rgb_array"]}, render_mode
            self.canvas = np.zeros((4, 4, 3), np.uint8)

        def render(self) -> Any:
            self.canvas += 1
            return self.canvas

    made = make_one(Env(id=Canvas), "rgb_array")
    made.reset(seed=0)
    assert [int(each.max()) for each in (made.render(), made.render(), made.render())] == [1, 2, 3]
