"""Environments that cannot be found, used or trusted: one message, the exit code, and what was learned is kept."""

import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from dqnlab.app.cli import main
from dqnlab.build import make_network
from dqnlab.config import Config, Env, Mlp
from dqnlab.envs.make import describe
from dqnlab.learn.weights import export_weights
from dqnlab.run.keep import save_weights
from dqnlab.store.folder import BEST
from dqnlab.store.start import write_start

BOX = spaces.Box(-1, 1, (3,), np.float32)
SPACES: dict[str, spaces.Space[Any]] = {
    "Dict": spaces.Dict({"a": BOX}),
    "Tuple": spaces.Tuple([BOX, BOX]),
    "Text": spaces.Text(5),
    "Graph": spaces.Graph(BOX, None),
    "Sequence": spaces.Sequence(BOX),
    "OneOf": spaces.OneOf([BOX, BOX]),
    "MultiBinary": spaces.MultiBinary(3),
    "(0,)": spaces.Box(-1, 1, (0,), np.float32),
    "states": spaces.Discrete(10**12),
    "image": spaces.Box(0, 255, (210, 160, 3), np.uint8),
    "flags": spaces.Box(0, 1, (4, 4, 2), np.bool_),
    "endless": spaces.Box(-np.inf, np.inf, (3,), np.float32),
    "float64": spaces.Box(-1, 1, (3,), np.float64),
    "int64": spaces.Box(-9, 9, (3,), np.int64),
}


class Odd(gym.Env):
    """Does one thing otherwise than one would like; episodes last 9 steps."""

    def __init__(self, odd: str = "", obs: str = "", start: int = 0, actions: int = 2):
        self.observation_space = SPACES.get(obs, BOX)
        self.action_space = spaces.Discrete(actions, start=start)
        self.odd, self.steps = odd, 0
        if odd == "init raises":
            raise RuntimeError("no licence")
        if odd == "no spaces":
            del self.observation_space

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        if self.odd == "reset raises":
            raise RuntimeError("lost the connection")
        return self.look() if self.odd == "reset gives one" else (self.look(), {})

    def step(self, action: Any) -> Any:
        assert self.action_space.contains(action)
        self.steps += 1
        if self.odd == "step raises" and self.steps == 4:
            raise RuntimeError("the pole fell")
        if self.odd == "step ends the program" and self.steps == 4:
            sys.exit("the window was closed")
        if self.odd == "speaks and moves":
            print("odd")
            Path("elsewhere").mkdir(exist_ok=True)
            os.chdir(Path("elsewhere").absolute() if Path.cwd().name != "elsewhere" else ".")
        rewards = {"NaN reward": np.nan, "endless reward": np.inf, "huge reward": 1e300, "word for reward": "high"}
        rewards["array reward"] = np.ones(1)
        answer = (self.look(), rewards.get(self.odd, 1.0), self.steps == 9, self.odd == "both ends", {})
        return (*answer[:3], {}) if self.odd == "old" else None if self.odd == "nothing" else answer

    def look(self) -> Any:
        late = self.steps == 4
        if self.odd == "NaN" and late:
            return np.array([0, np.nan, 0], np.float32)
        if self.odd == "endless at first":
            return np.full(3, np.inf, np.float32)
        if self.odd == "ragged":
            return [[1], [2, 3]]
        if self.odd == "other shape":
            return np.zeros(4, np.float32)
        return np.zeros(3) if self.odd == "other type" else self.observation_space.sample()

    def close(self) -> None:
        if self.odd == "close raises":
            raise RuntimeError("the door is stuck")


@pytest.fixture(autouse=True)
def odd_envs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module `odd_envs` that has registered Odd-v0."""
    monkeypatch.setitem(sys.modules, "odd_envs", ModuleType("odd_envs"))
    monkeypatch.setattr(gym.envs.registration, "registry", dict(gym.registry))
    gym.register("Odd-v0", Odd)
    gym.register("Undrawn-v0", lambda: Odd())


# The number of the input in the list of bad inputs, ENV, its arguments, the exit code, what the message holds.
BEFORE: list[tuple[int, str, dict[str, Any], int, list[str]]] = [
    (1, "CartPol-v1", {}, 2, ["unknown env 'CartPol-v1'", "CartPole"]),
    (1, "odd_envs:Od-v0", {}, 2, ["unknown env 'odd_envs:Od-v0': odd_envs was imported", "Odd"]),
    (2, "CartPole-v7", {}, 2, ["unknown env 'CartPole-v7'", "`v0`, `v1`"]),
    (4, "highway-v0", {}, 3, ["'highway-v0'", "pip install highway-env, then name its module: highway_env:highway-v0"]),
    (4, "Nowhere/Pong-v5", {}, 3, ["'Nowhere/Pong-v5'", "Install the package that registers it"]),
    (5, "no_such_module:Pong-v5", {}, 3, ["there is no module 'no_such_module', neither installed nor in"]),
    (6, "../x", {}, 2, ["unknown env '../x'", "Malformed"]),
    (6, "Cart Pole", {}, 2, ["unknown env 'Cart Pole'", "Malformed"]),
    (6, "", {}, 2, ["env.id must be the id of an environment, such as CartPole-v1, got ''"]),
    (7, "odd_envs:Odd-v0", {"od": 1}, 2, ["does not take env.kwargs = {'od': 1}", "unexpected keyword argument 'od'"]),
    (
        8,
        "Pendulum-v1",
        {},
        2,
        ["action space Box(-2.0, 2.0, (1,), float32); DQN needs Discrete", "one of a few choices"],
    ),
    *[
        (15, "odd_envs:Odd-v0", {"obs": name}, 2, [f"observation space {name}", "a wrapper of your own (gymnasium.Obs"])
        for name in ("Text", "Graph", "Sequence", "OneOf")
    ],
    (15, "odd_envs:Odd-v0", {"obs": "(0,)"}, 2, ["(0,), float32), which holds no numbers"]),
    (15, "odd_envs:Odd-v0", {"odd": "no spaces"}, 3, ["has no observation_space: set it"]),
    (15, "odd_envs:Odd-v0", {"obs": "states"}, 5, ["for 1,000,000,000,000 states needs", "GB are free: lower it"]),
    (
        17,
        "odd_envs:Odd-v0",
        {"odd": "other shape"},
        3,
        ["observation of shape (4,), but its observation space says (3,)"],
    ),
    (17, "odd_envs:Odd-v0", {"odd": "ragged"}, 3, ["observation [[1], [2, 3]] is not an array of numbers"]),
    (18, "odd_envs:Odd-v0", {"odd": "endless at first"}, 3, ["step 0: observation holds inf"]),
    (21, "odd_envs:Odd-v0", {"odd": "init raises"}, 3, ["could not be made: RuntimeError: no licence"]),
    (21, "odd_envs:Odd-v0", {"odd": "reset raises"}, 3, ["step 0: reset raised RuntimeError: lost the connection"]),
    (
        24,
        "odd_envs:Odd-v0",
        {"odd": "reset gives one"},
        3,
        ["step 0: reset() returned an array of shape (3,), as before Gym"],
    ),
]


@pytest.mark.parametrize(("row", "env", "kwargs", "code", "words"), BEFORE, ids=str)
def test_an_environment_that_cannot_be_used_leaves_nothing_behind(
    row: int, env: str, kwargs: dict[str, Any], code: int, words: list[str], refused: Any, small: list[str]
) -> None:
    refused(["train", env, "--env.kwargs", json.dumps(kwargs), *small], code, *words)


def test_an_environment_that_asks_for_a_missing_package_names_it(refused: Any, small: list[str]) -> None:
    def needs() -> gym.Env:
        raise gym.error.DependencyNotInstalled('Box2D is not installed, run `pip install "gymnasium[box2d]"`')

    gym.register("Needs-v0", needs)
    refused(["train", "Needs-v0", *small], 3, "env 'Needs-v0' needs a package", 'pip install "dqnlab[box2d]"')


DURING: list[tuple[int, str, list[str]]] = [
    (18, "NaN", ["step 4: observation holds nan: it must be finite"]),
    (19, "NaN reward", ["step 1: reward is nan: not finite"]),
    (19, "endless reward", ["step 1: reward is inf"]),
    (20, "huge reward", ["step 1: reward is 1e+300: too large for float32"]),
    (21, "step raises", ["step 4 raised RuntimeError: the pole fell"]),
    (21, "step ends the program", ["step 4 raised SystemExit: the window was closed"]),
    (
        24,
        "old",
        ["step 1: step() returned a tuple of 4, as before Gym 0.26, not a tuple of 5: return"],
    ),
    (24, "nothing", ["step 1: step() returned None", "not a tuple of 5"]),
    (19, "word for reward", ["step 1: reward is of type str, 'high': not a single number"]),
]


@pytest.mark.parametrize(("row", "odd", "words"), DURING, ids=str)
def test_an_environment_that_breaks_later_ends_the_run_and_what_was_learnt_is_kept(
    row: int, odd: str, words: list[str], refused: Any, small: list[str]
) -> None:
    line = ["train", "odd_envs:Odd-v0", "--env.kwargs", json.dumps({"odd": odd}), "--out", "run", *small]
    words = ["env 'odd_envs:Odd-v0', ", *words]
    refused([*line, "--reward-scale", "1"], 3, *words, begun=True)
    assert json.loads(Path("run/result.json").read_text())["interrupted"]
    assert Path("run/last_model.pth").is_file()


@pytest.mark.parametrize(("row", "odd", "words"), DURING, ids=str)
def test_an_environment_that_breaks_while_rewards_are_measured_leaves_nothing_behind(
    row: int, odd: str, words: list[str], refused: Any, small: list[str]
) -> None:
    line = ["train", "odd_envs:Odd-v0", "--env.kwargs", json.dumps({"odd": odd}), "--out", "run", *small]
    refused(line, 3, "env 'odd_envs:Odd-v0' (measuring rewards before training), ", *words)


FINE: list[tuple[int, dict[str, Any]]] = [
    (9, {"start": -1}),
    (10, {"actions": 1}),
    (13, {"obs": "flags"}),
    *[(11, {"obs": name}) for name in ("Dict", "Tuple", "MultiBinary")],
    (14, {"obs": "endless"}),
    (16, {"obs": "float64"}),
    (16, {"obs": "int64"}),
    (17, {"odd": "other type"}),
    (23, {"odd": "both ends"}),
    (26, {"odd": "speaks and moves"}),
]


@pytest.mark.parametrize(("row", "kwargs"), FINE, ids=str)
def test_what_is_unusual_but_allowed_trains(row: int, kwargs: dict[str, Any], small: list[str]) -> None:
    run = Path("run").absolute()
    assert main(["train", "odd_envs:Odd-v0", "--env.kwargs", json.dumps(kwargs), "--out", "run", *small]) == 0
    result = json.loads((run / "result.json").read_text())
    assert result["score"]["mean"] == (1.0 if "both ends" in kwargs.values() else 9.0)


def test_the_memory_for_images_is_weighed_before_the_first_step(refused: Any, small: list[str]) -> None:
    kwargs = ["--env.kwargs", '{"obs": "image"}', "--replay-capacity", "1e9"]
    refused(["train", "odd_envs:Odd-v0", *kwargs, *small], 5, "replay_capacity = 1,000,000,000 needs 101,", "lower it")


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("env", "odd", "warning"),
    [
        ("CartPole-v0", None, "out of date"),
        ("odd_envs:Odd-v0", "close raises", "close raised RuntimeError: the door is stuck"),
        ("odd_envs:Odd-v0", "array reward", "the number in it is used"),
    ],
)
def test_a_warning_is_one_plain_line_said_once(
    env: str, odd: str | None, warning: str, small: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    kwargs = json.dumps({"odd": odd} if odd else {})
    assert main(["train", env, "--env.kwargs", kwargs, *small]) == 0
    err = capsys.readouterr().err
    assert [line.count(warning) for line in err.splitlines() if line.startswith("warning: ")] == [1]
    assert "\x1b" not in err
    assert ".py:" not in err


# ── Runs whose environment is not there, or is another one ───────────────────────────────────────


def saved(env: Env) -> None:
    """A run in the folder `run` with a network that has learned nothing."""
    config, spec = Config(env=env, torso=Mlp(hidden=(4,))), describe(env)
    Path("run").mkdir()
    write_start(Path("run"), config, spec, 1)
    save_weights(Path("run", BEST), export_weights(make_network(config, spec)))


def test_a_network_meets_only_an_environment_of_its_own_shape(refused: Any) -> None:
    saved(Env(id="odd_envs:Odd-v0"))
    refused("evaluate run", 2, "would import the Python module 'odd_envs'", "--trust-env-module odd_envs")
    trusting = "--trust-env-module odd_envs"
    words = "env 'CartPole-v1' has observations (4,)", "this agent takes (3,)"
    refused(f"evaluate run --env CartPole-v1 {trusting}", 2, *words)
    refused(f"evaluate run --env Pendulum-v1 {trusting}", 2, "env 'Pendulum-v1'", "Discrete")
    refused(f"record run --env Nope-v1 {trusting}", 2, "unknown env 'Nope-v1'")
    refused(f"evaluate run --env '' {trusting}", 2, "env.id must be", "got ''")


def test_an_environment_that_draws_nothing_cannot_be_filmed_or_watched(refused: Any, dummy_display: None) -> None:
    saved(Env(id="Undrawn-v0"))
    refused("record run", 5, "env 'Undrawn-v0' draws no images", "a film needs 'rgb_array'")
    refused("watch run", 5, "env 'Undrawn-v0' draws no images")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a display")
def test_watching_without_a_display_names_the_film(refused: Any, no_display: None) -> None:
    saved(Env(id="CartPole-v1"))
    refused("watch run", 5, "no display to open a window on: use `dqn record run`")


def test_without_a_display_no_film_is_promised_of_what_draws_nothing(refused: Any, no_display: None) -> None:
    saved(Env(id="Undrawn-v0"))
    refused("watch run", 5, "env 'Undrawn-v0' draws no images: its render modes are none")


def test_a_film_without_moviepy_names_the_package(refused: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(Env(id="CartPole-v1"))
    monkeypatch.setitem(sys.modules, "moviepy", None)
    refused("record run", 5, 'films need the package moviepy: pip install "moviepy>=2.2"')


def test_a_place_that_takes_no_films_is_named(refused: Any) -> None:
    saved(Env(id="CartPole-v1"))
    Path("taken.txt").write_text("text")
    said = "cannot make the folder 'taken.txt/films' (Not a directory): choose another --out"
    refused("record run --out taken.txt/films", 5, said)
