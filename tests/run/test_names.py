"""What an environment calls its inputs and actions: read from its metadata, kept with the run, never an error."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import dqnlab
from dqnlab.check.doctor.examination import examine
from dqnlab.config import Env
from dqnlab.envs.make import describe
from dqnlab.envs.names import GivenNames
from dqnlab.explain.trace_text import names_text, step_text
from dqnlab.explain.world import look
from dqnlab.store.agent import load

from ..tiny import tiny

BOX = spaces.Box(-1, 1, (2,), np.float32)
DICT = spaces.Dict({"agent": spaces.Dict({"speed": BOX, "hull": spaces.Box(-1, 1, (), np.float32)}), "wind": BOX})
JOINT = spaces.MultiDiscrete([2, 3])


class Own(gym.Env[Any, Any]):
    """Shows what its space samples for three steps."""

    def __init__(self, obs: Any = BOX, action: Any = None, **said: Any):
        self.observation_space, self.action_space = obs, action or spaces.Discrete(2)
        self.metadata = said

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        self.steps = 0
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        return self.observation_space.sample(), 1.0, self.steps == 3, False, {}


def env(wrappers: Any = (), frame_stack: int = 1, keys: tuple[str, ...] = (), **made: Any) -> Env:
    kwargs = {"wrappers": wrappers, "frame_stack": frame_stack, "keys": keys}
    return Env(id=lambda: Own(**made), max_episode_steps=9, **kwargs)


def names(**kwargs: Any) -> GivenNames:
    return describe(env(**kwargs)).names


def test_numbers_units_and_actions_have_the_names_of_the_metadata() -> None:
    found = names(obs_names=["x", "v"], obs_units=["m", None], action_names=("left", "right"))
    assert found == GivenNames(("x", "v"), ("m", ""), ("left", "right"))
    assert names() == GivenNames()


def test_parts_are_named_by_their_keys_and_those_without_keep_their_place() -> None:
    said = {"agent.speed": ["across", "up"], "agent.hull": "hull"}
    world = look(given := env(obs=DICT, obs_names=said, obs_units={"wind": ["m/s", "m/s"]}), describe(given))
    assert [each.name for each in world.inputs] == [
        "hull",
        "agent.speed.across",
        "agent.speed.up",
        "wind[0]",
        "wind[1]",
    ]
    assert [each.unit for each in world.inputs] == ["", "", "", "m/s", "m/s"]
    assert names(obs=DICT, obs_names={"agent.hull": ["agent.hull"]}).obs[0] == "agent.hull"  # not twice
    whole = names(obs=DICT, obs_names={"agent": ["hull", "across", "up"]})
    assert whole.obs == ("agent.hull", "agent.across", "agent.up", "", "")


def test_a_part_that_is_left_out_may_have_names() -> None:
    for stack in (1, 2):
        found = names(obs=DICT, keys=("wind",), frame_stack=stack, obs_names={"agent.hull": "h", "wind": ["a", "b"]})
        assert found == GivenNames(("a", "b"))


def test_each_frame_of_a_stack_has_the_names_of_one() -> None:
    given = env(frame_stack=2, obs_names=["x", "v"])
    assert [(each.name, each.ago) for each in look(given, describe(given)).inputs] == [
        ("x", 1),
        ("v", 1),
        ("x", 0),
        ("v", 0),
    ]


def test_actions_of_several_components_are_named_by_all_of_them() -> None:
    found = names(action=JOINT, action_names=[["stay", "jump"], ["left", "none", "right"]])
    assert found.actions[:4] == ("stay + left", "stay + none", "stay + right", "jump + left")


def test_a_wrapper_may_name_what_it_changed() -> None:
    class Turned(gym.ObservationWrapper[Any, Any, Any]):
        def __init__(self, inner: Any):
            super().__init__(inner)
            self.metadata = {**inner.metadata, "obs_names": ["v", "x"]}

        def observation(self, observation: Any) -> Any:
            return observation[::-1]

    assert names(obs_names=["x", "v"], action_names=["l", "r"], wrappers=(Turned,)) == GivenNames(
        ("v", "x"), actions=("l", "r")
    )


@pytest.mark.parametrize(
    ("said", "what", "advice"),
    [
        ({"obs_names": ["x"]}, "holds 1 name, and there are 2 numbers", "one name for each number, in order"),
        ({"obs_names": "xv"}, "is 'xv', not a list", "give a list with one name for each number"),
        ({"obs_names": ["x", "x"]}, "holds 'x' twice", "a name of its own"),
        ({"obs_names": ["x", 7]}, "holds 7", "a text that can be read"),
        ({"obs_names": ["x", "\x1b"]}, r"holds '\x1b'", "a text that can be read"),
        ({"obs_units": ["m", 1]}, "holds 1", "each unit is a text"),
        ({"action_names": {"l": 0}}, "is {'l': 0}, not a list", "one name for each action"),
        ({"action_names": [["a", "b"]], "action": JOINT}, "an action has 2 components", "a list of names for each"),
        ({"action_names": [["a"], ["b"]], "action": JOINT}, "holds 1 name for component 0", "for each choice"),
        ({"obs_names": ["a"] * 5, "obs": DICT}, "an observation has parts", "'agent.hull', 'agent.speed', 'wind'"),
        ({"obs_names": {"wnd": ["a", "b"]}, "obs": DICT}, "'wnd', which is no part", "'wind'"),
    ],
)
def test_what_cannot_be_used_is_left_out_and_told_by_doctor_and_training(
    said: dict[str, Any], what: str, advice: str
) -> None:
    found = names(**said)
    assert (found.obs, found.units, found.actions) == ((), (), ())
    (unused,) = found.unused
    assert unused.key in said
    assert what in unused.what
    assert unused.what.endswith("so it is not used")
    assert advice in unused.advice


def test_names_stay_with_the_run_and_stand_in_its_texts(tmp_path: Any, recwarn: pytest.WarningsRecorder) -> None:
    given = env(obs_names=["x", "v"], obs_units=["m", ""], action_names=["left", "right"])
    run = dqnlab.train(tiny(env=given, update_every=1), out=tmp_path / "run", trackers=("none",))
    spec = load(run.folder).spec
    assert spec.names == GivenNames(("x", "v"), ("m", ""), ("left", "right"))
    assert names_text(spec) == ["Actions: 0 = left, 1 = right.", "An observation: x (m), v."]
    some = spec._replace(names=GivenNames(("", "v"), ("", "m/s")))
    assert names_text(some) == ["An observation: 1 = v (m/s)."]
    assert "\nActions: 0 = left, 1 = right.\nAn observation: x (m), v.\n" in step_text(run.folder)
    page = dqnlab.report(run, given).path.read_text("utf-8").replace('": "', '":"').replace(", ", ",")
    assert '"name":"x","unit":"m"' in page
    assert '"actions":["left","right"]' in page.replace('": [', '":[')
    assert not [each for each in recwarn if "names" in str(each.message)]


def test_the_doctor_says_it_in_one_line() -> None:
    report = examine(env(obs_names=["x"]), steps=20)
    (told,) = [each for each in report.findings if each.check == "obs_names"]
    assert told.level == "warning"
    assert (
        told.what == "the environment's metadata['obs_names'] holds 1 name, and there are 2 numbers, so it is not used"
    )
    assert report.exit_code == 0
