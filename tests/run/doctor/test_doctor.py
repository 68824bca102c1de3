"""Broken environments are told apart, sound ones are left in peace."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from dqnlab.check.doctor import examination as doctor
from dqnlab.check.doctor import forecast
from dqnlab.check.doctor.examination import Examination
from dqnlab.config import Config, Env, Steps
from dqnlab.config.presets import DEFAULT
from dqnlab.errors import ConfigError

from .patients import (
    BOX,
    BYTES,
    Once,
    Sound,
    Strange,
    Unseeded,
    in_place,
    knows_seeds,
    late,
    pays,
    raises,
    remembers,
    resets,
    sees,
    steps,
)

# What is wrong, the environment, the errors and warnings expected by the check that finds them, what one says.
BROKEN: list[tuple[str, Callable[[], gym.Env], set[str], str]] = [
    (
        "four values",
        steps(lambda self, answer: answer[1:]),
        {"error step"},
        "a tuple of 4, as before Gym 0.26, not a tuple of 5",
    ),
    ("no tuple", steps(lambda self, answer: None), {"error step"}, "step() returned None"),
    ("step raises", steps(lambda self, a: raises(KeyError("x")) if late(self) else a), {"error step"}, "KeyError: 'x'"),
    (
        "step exits",
        steps(lambda self, a: raises(SystemExit("shut"))),
        {"error step"},
        "step 1 raised SystemExit: shut",
    ),
    (
        "reset raises",
        resets(lambda self, seed: raises(OSError("cold"))),
        {"error reset"},
        "reset raised OSError",
    ),
    ("bare reset", resets(lambda self, seed: Sound.reset(self, seed=seed)[0]), {"error reset"}, "array of shape (3,)"),
    (
        "long reset",
        resets(lambda self, s: (*Sound.reset(self, seed=s), 0)),
        {"error reset"},
        "reset() returned a tuple of 3",
    ),
    ("no seed", type("Odd", (Sound,), {"reset": lambda self: None}), {"error reset"}, "argument 'seed'"),
    ("NaN", sees(lambda self: np.full(3, np.nan if late(self) else 0, np.float32)), {"error observation"}, "holds nan"),
    ("inf", sees(lambda self: np.full(3, np.inf, np.float32)), {"error observation"}, "holds inf"),
    ("shape", sees(lambda self: np.zeros(4, np.float32)), {"error observation"}, "shape (4,), but its"),
    ("ragged", sees(lambda self: [[1], [2, 3]]), {"error observation"}, "not an array of numbers"),
    ("bytes", sees(lambda self: np.zeros(3), BYTES), {"error observation"}, "type float64, but its"),
    ("far state", sees(lambda self: 9, spaces.Discrete(4)), {"error observation"}, "state 9, but its space has 4"),
    ("float64", sees(lambda self: np.zeros(3)), {"warning dtype"}, "type float64, but its"),
    (
        "float state",
        sees(lambda self: float(self.number % 4), spaces.Discrete(4)),
        {"warning dtype"},
        "float64 inst",
    ),
    ("bounds", sees(lambda self: np.float32([0, 2, 0])), {"warning bounds"}, "observation[1] is 2, outside"),
    (
        "large",
        sees(lambda self: np.float32([0, 5e4, 0])),
        {"warning bounds", "warning scale"},
        "reach 5e+04 (number 1)",
    ),
    ("in place", sees(in_place), {"warning mutation"}, "changes after it was returned"),
    ("NaN reward", pays(np.nan), {"error reward"}, "reward is nan: not finite"),
    ("huge reward", pays(1e300), {"error reward"}, "too large for float32"),
    ("no reward", pays(None), {"error reward"}, "reward is None"),
    ("array reward", pays(np.ones(1)), {"warning reward"}, "array of shape (1,): the number in it is used"),
    ("word for reward", pays("1.0"), {"error reward"}, "not a single number"),
    (
        "number flag",
        steps(lambda self, a: (*a[:2], int(a[2]), a[3], a[4])),
        {"warning flags"},
        "terminated is of type int",
    ),
    ("vague flag", steps(lambda self, a: (*a[:3], np.zeros(2, bool), a[4])), {"error flags"}, "truncated is an array"),
    ("info", steps(lambda self, a: (*a[:4], None)), {"warning info"}, "info is None, not a dict"),
    ("global random", Unseeded, {"warning seeding"}, "two copies, both reset with seed 1"),
    ("hidden state", resets(remembers), {"warning seeding"}, "differ in the observation after reset"),
    ("known seed", resets(knows_seeds), {"warning seeding"}, "two episodes of one copy, both reset with seed 1"),
    (
        "one seed",
        resets(lambda self, s: Sound.reset(self, seed=7 if s is None else s)),
        {"warning episodes"},
        "all the",
    ),
    ("one copy", Once, {"error make"}, "could not be made: OSError: the port is taken"),
    ("no instance", Strange, {"error make"}, "SystemExit: no licence"),
    ("one action", partial(Sound, BOX, spaces.Discrete(1)), {"warning actions"}, "only one action"),
    ("many actions", partial(Sound, BOX, spaces.MultiDiscrete([99, 99])), {"error spaces"}, "9,801 joint actions"),
    (
        "words",
        partial(Sound, spaces.Dict({"a": BOX, "b": spaces.Text(3)})),
        {"error spaces"},
        "without it: Env(keys=('a',))",
    ),
    (
        "no end",
        type("Odd", (Sound,), {"last": property(lambda self: 0, lambda self, x: None)}),
        {"warning ends"},
        "no ep",
    ),
]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody measures here."""
    monkeypatch.setattr(forecast, "PATIENCE", 0.01)
    Once.made = 0


def examine(what: Any, num: int = 1_000) -> Examination:
    return doctor.examine(what, steps=num, seconds=60)


def bad(report: Examination) -> set[str]:
    return {f"{each.level} {each.check}" for each in report.findings if each.level in {"error", "warning"}}


def said(report: Examination, check: str) -> str:
    return " ".join(each.what for each in report.findings if each.check == check)


@pytest.mark.parametrize(("make", "expected", "word"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_what_is_wrong_is_found_and_nothing_else(make: Callable, expected: set[str], word: str) -> None:
    report = examine(make)
    assert bad(report) == expected
    assert word in " ".join(each.what for each in report.findings if each.level in {"error", "warning"})
    found = {each.check for each in report.findings if each.level in {"error", "warning"}}
    assert found.isdisjoint(each.check for each in report.findings if each.level == "ok")
    errors = {each for each in expected if each.startswith("error")}
    assert report.exit_code == (0 if not errors else 2 if errors == {"error spaces"} else 3)


@pytest.mark.parametrize(
    "make",
    [
        Sound,
        partial(Sound, BOX, spaces.Discrete(3, start=-2)),
        sees(lambda self: int(self.np_random.integers(-3, 1)), spaces.Discrete(4, start=-3)),
        sees(lambda self: self.np_random.integers(0, 64, 3).astype(np.uint8), BYTES),
        sees(lambda self: self.np_random.uniform(-1, 1, 3), spaces.Box(-1, 1, (3,), np.float64)),
        pays(np.float32(1)),
        pays(True),
    ],
)
def test_a_sound_environment_is_sound(make: Callable) -> None:
    report = examine(make)
    assert (bad(report), report.exit_code) == (set(), 0)
    assert {each.check for each in report.findings if each.level == "ok"} >= {"spaces", "seeding", "episodes", "calls"}


@pytest.mark.parametrize(
    ("look", "space", "low", "high"),
    [
        (lambda self: int(self.np_random.integers(-5, 16)), spaces.Discrete(21, start=-5), -5, 15),
        (lambda self: int(self.np_random.integers(7, 9)), spaces.Discrete(2, start=7), 7, 8),
        (lambda self: self.np_random.random(3) < 0.5, spaces.Box(0, 1, (3,), np.bool_), 0, 1),
        (lambda self: self.np_random.integers(0, 3, 3).astype(np.uint8), BYTES, 0, 2),
        (lambda self: self.np_random.integers(-9, -6, 3), spaces.Box(-9, -7, (3,), np.int64), -9, -7),
    ],
)
def test_observations_are_told_in_the_numbers_of_the_environment(
    look: Callable, space: spaces.Space, low: int, high: int
) -> None:
    facts = examine(sees(look, space)).facts
    assert facts is not None
    assert (min(each["low"] for each in facts.observations), max(each["high"] for each in facts.observations)) == (
        low,
        high,
    )


@pytest.mark.parametrize("name", ["CartPole-v1", "FrozenLake-v1", "MountainCar-v0"])
def test_environments_of_gymnasium_are_sound(name: str) -> None:
    report = examine(Config(env=Env(id=name)))
    assert (bad(report), report.exit_code) == (set(), 0)
    assert report.facts is not None
    assert report.facts.own_limit


def test_an_end_by_truncation_alone_is_pointed_out() -> None:
    assert "all 5 episodes ended only by truncation" in said(examine("MountainCar-v0"), "ends")
    assert "only by truncation" not in said(examine("CartPole-v1"), "ends")


def test_an_environment_without_chance_is_pointed_out() -> None:
    certain = Config(env=Env(id="FrozenLake-v1", kwargs={"is_slippery": False}))
    assert "nothing in it is random" in said(examine(certain), "episodes")
    assert "nothing in it is random" not in said(examine("FrozenLake-v1"), "episodes")


def test_without_a_step_limit_dqnlab_names_its_own() -> None:
    report = examine(Sound)
    assert report.facts is not None
    assert not report.facts.own_limit
    assert "no step limit, so dqnlab truncates at 10,000 steps" in said(report, "ends")
    limited = examine(Config(env=Env(id=Sound, max_episode_steps=10_000)))
    assert limited.facts is not None
    assert limited.facts.own_limit


def test_a_registered_limit_that_is_as_long_as_ours_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gym.envs.registration, "registry", dict(gym.registry))
    gym.register("Limited-v0", Sound, max_episode_steps=10_000)
    report = examine("Limited-v0")
    assert report.facts is not None
    assert report.facts.own_limit


def test_an_episode_that_is_over_in_both_ways_has_terminated() -> None:
    facts = examine(steps(lambda self, a: (*a[:3], a[2], a[4]))).facts
    assert facts is not None
    assert facts.episodes == facts.terminated > 0
    assert facts.truncated == 0


def test_only_the_first_episode_is_given_a_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: dict[gym.Env, list[int | None]] = {}  # by copy: one describes itself, one plays
    monkeypatch.setattr(doctor, "check_repeats", lambda *args: None)
    monkeypatch.setattr(doctor, "measure", lambda config: forecast.Costs(1.0, 1.0, 1.0))
    examine(resets(lambda self, seed: (seeds.setdefault(self, []).append(seed), Sound.reset(self, seed=seed))[1]), 100)
    assert max(map(len, seeds.values())) > 10
    for given in seeds.values():
        own = [seed for seed in given if seed is not None]
        assert own in ([0], [0, 0])  # one of them was looked at for masks before
        assert given[: len(own)] == own


@pytest.mark.parametrize(("settings", "notes"), [({}, 1), ({"workers": 2}, 0), ({"copies": 3}, 0)], ids=str)
def test_whoever_steps_slowly_is_told_of_workers(
    settings: dict[str, int], notes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dqnlab.check.doctor.diagnosis.SLOW", 0.001)
    report = examine(Config(env=Env(id="CartPole-v1", **settings)), 50)
    said = [each for each in report.findings if each.check == "speed"]
    assert [each.level for each in said] == ["note"] * notes
    assert all("--env.num-envs 8 --env.workers 4" in each.advice for each in said)


@pytest.mark.parametrize(("every", "is_told"), [(72, True), (73, False)])
def test_evaluations_that_would_take_most_of_the_time_are_told(every: int, is_told: bool) -> None:
    config = Config(env=Env(id=Sound), select_episodes=20, evaluate_every=Steps(num=every))
    found = [each for each in examine(config).findings if each.check == "judging"]
    assert [each.what for each in found] == [
        "an evaluation plays about 145 steps while episodes are this long, and training only 72 from one to the next"
    ] * is_told
    assert all("as with --evaluate-every 145 " in each.advice for each in found)


def test_an_environment_that_draws_no_images_will_not_be_filmed() -> None:
    report = examine(type("Blind", (Sound,), {"metadata": {"render_modes": ["human"]}}))
    assert "no images (render modes: human)" in said(report, "films")
    assert (report.forecast.makings.film, examine(Sound).forecast.makings.film) == (0, 1)


@pytest.mark.parametrize("modes", [["rgb_array"], ["rgb_array_list"], "rgb_array"])
def test_of_an_environment_that_draws_images_in_some_way_nothing_is_said(modes: object) -> None:
    report = examine(type("Drawn", (Sound,), {"metadata": {"render_modes": modes, "render_fps": 30}}))
    assert said(report, "films") == ""


def test_whether_a_run_can_be_resumed_anywhere_is_told() -> None:
    mute = type("Mute", (Sound,), {"get_state": None})
    assert "resumed exactly" in said(examine(Sound), "resume")
    assert "every 10,000 steps: the state of" in said(examine(mute), "resume")
    assert "Mute cannot be saved" in said(examine(mute), "resume")


def test_large_rewards_are_a_warning_where_nothing_divides_them() -> None:
    default = replace(DEFAULT, env=Env(id=pays(-1e4)))
    assert said(examine(default), "rewards") == "from -1e+04 to -1e+04"
    bare = examine(replace(default, reward_scale=1.0))
    assert "rewards range from -1e+04 to -1e+04" in said(bare, "rewards")
    assert any((each.level, each.check) == ("warning", "rewards") for each in bare.findings)


def test_numbers_that_never_change_and_missing_rewards_are_noted() -> None:
    report = examine(sees(lambda self: np.float32([self.np_random.random(), 0, 1])))
    assert "2 of 3 numbers of the observation never changed: 1, 2" in said(report, "constant")
    assert "not one of 1,000 random steps was rewarded" in said(examine(pays(0)), "rewards")


def test_a_reward_that_is_none_is_not_called_a_missing_one_as_well() -> None:
    report = examine(pays(float("nan")))
    assert "reward is nan" in said(report, "reward")
    assert said(report, "rewards") == ""


@pytest.mark.parametrize(("threshold", "warns"), [(3.0, True), (100.0, False), (None, False)])
def test_a_threshold_that_random_play_reaches_is_a_warning(threshold: float | None, warns: bool) -> None:
    report = examine(Config(env=Env(id=pays(1.0), reward_threshold=threshold)))  # of 5 to 9 steps
    warned = [each for each in report.findings if each.check == "threshold"]
    assert [each.level for each in warned] == (["warning"] if warns else [])
    if warns:
        assert re.match(r"reward_threshold = 3, and random play earned \d\.\d+ on average over \d+", warned[0].what)
        assert "env.reward-threshold" in warned[0].advice


def test_what_was_seen_is_measured() -> None:
    class Counting(Sound):
        def look(self) -> Any:
            return np.float32([self.number / 10, -0.5, 0])

        def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
            answer = super().reset(seed=seed)
            self.last = 4
            return answer

        def pay(self) -> Any:
            return self.number

    facts = examine(Counting, 40).facts
    assert facts is not None
    assert (facts.steps, facts.episodes, facts.terminated, facts.truncated) == (40, 10, 10, 0)
    assert facts.returns == {"mean": 10, "low": 10, "high": 10}
    assert facts.lengths == {"mean": 4, "low": 4, "high": 4}
    assert facts.rewards == pytest.approx({"low": 1, "high": 4, "mean": 2.5, "std": np.std([1, 2, 3, 4])})
    seen = np.float32([0, 0.1, 0.2, 0.3, 0.4] * 10 + [0])
    first = {"low": 0, "high": 0.4, "mean": seen.mean(), "std": seen.std()}
    assert facts.observations[0] == pytest.approx(first, abs=1e-6)
    assert facts.observations[1] == {"low": -0.5, "high": -0.5, "mean": -0.5, "std": 0}


def test_an_environment_that_does_not_exist_is_an_error_of_the_caller() -> None:
    with pytest.raises(ConfigError, match="unknown env 'CartPol-v1'"):
        examine("CartPol-v1")
    with pytest.raises(ConfigError, match=r"does not take env\.kwargs"):
        examine(Config(env=Env(id="CartPole-v1", kwargs={"wheels": 4})))


def test_what_looks_like_a_wrong_answer_inside_the_environment_is_told_as_it_is() -> None:
    def unpack(self: Sound, answer: tuple) -> tuple:
        a, b, c, d, e = answer[:4]
        return a, b, c, d, e

    assert "step 1 raised ValueError: not enough values to unpack" in said(examine(steps(unpack)), "step")


def test_stacked_frames_are_looked_at_one_by_one() -> None:
    report = examine(Config(env=Env(id=sees(in_place), frame_stack=4)))
    assert bad(report) == {"warning mutation"}
    assert report.forecast is not None
    assert report.forecast.layers[0] == 12


def test_numbers_of_an_info_are_told_that_are_recorded_and_those_that_are_not() -> None:
    def ends(info: dict[str, Any]) -> list[tuple[str, str]]:
        made = steps(lambda self, answer: (*answer[:4], info if answer[2] or answer[3] else {}))
        return [(each.level, each.what) for each in examine(made).findings if each.check == "metrics"]

    assert ends({"name": "a", "episode": {"r": 1.0}, "action_mask": None}) == []
    assert ends({"is_success": True, "speed": np.float32(2)}) == [
        ("ok", "recorded when an episode ends: is_success, speed")
    ]
    odd = {"won": 1, "reward/forward": 2.0, "parts": {"fuel": -1.0}, "far": np.inf, "one": np.array([3])}
    said = "of its info when an episode ends, this is not recorded: reward/forward, parts, far, one; this is: won"
    assert ends(odd) == [("note", said)]
    many = {f"n{i}": i for i in range(21)}
    assert ends(many)[0][1].startswith("of its info when an episode ends, this is not recorded: n20; this is: n0, ")


@pytest.mark.parametrize("stack", [1, 4])
def test_a_space_that_is_not_supported_is_a_finding_stacked_or_not(stack: int) -> None:
    class Words(gym.Env):
        observation_space = spaces.Text(10)
        action_space = spaces.Discrete(2)

    found = doctor.examine(Env(id=Words, frame_stack=stack))
    assert [(each.check, each.level) for each in found.findings] == [("spaces", "error")]
    assert "has the observation space Text" in found.findings[0].what
    assert found.exit_code == 2
