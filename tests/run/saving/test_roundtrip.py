"""An environment that says it can be saved is taken at its word only once it was seen to be true."""

import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from dqnlab.check.doctor import forecast
from dqnlab.check.doctor.examination import examine
from dqnlab.config import Config, Env, Steps
from dqnlab.envs.make import describe
from dqnlab.errors import EnvironmentFault
from dqnlab.run.system import assemble


class Kept(gym.Env):
    """Ten steps, two numbers that it remembers; how it saves them is the matter."""

    metadata: Any = {"render_modes": []}  # noqa: RUF012

    def __init__(self, **odd: Any):
        self.observation_space, self.action_space = spaces.Box(-9, 99, (2,), np.float32), spaces.Discrete(2)
        self.odd, self.t, self.sum, self.saved = odd, 0, 0, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.t = self.sum = 0
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> Any:
        self.t, self.sum = self.t + 1, self.sum + int(action)
        return np.float32([self.t, self.sum]), float(self.sum), self.t == 10, False, {}

    def get_state(self) -> Any:
        self.saved += 1
        if self.saved > self.odd.get("times", 99):
            raise OSError("the simulator has no licence to save")
        return self.odd.get("state", {"t": self.t, "sum": self.sum})

    def set_state(self, state: Any) -> None:
        if "set raises" in self.odd:
            raise KeyError("sum")
        self.t = state["t"]
        if "forgets" not in self.odd:
            self.sum = state["sum"]


HALF = {
    "raises": ({"times": 0}, "the simulator has no licence to save"),
    "objects": ({"state": {"t": object()}}, "get_state"),
    "sets": ({"state": {1, 2}}, "get_state"),
    "forgets": ({"forgets": True}, "a field is missing"),
    "set raises": ({"set raises": True}, "set_state raised KeyError: 'sum'"),
}


def test_one_that_does_is_saved_and_resumed_exactly() -> None:
    assert describe(Env(id=Kept)).unsaved is None


@pytest.mark.parametrize(("odd", "words"), HALF.values(), ids=HALF)
def test_one_that_half_does_is_named_and_trained_like_any_that_cannot(
    odd: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecast, "PATIENCE", 0.01)
    env = Env(id=lambda: Kept(**odd))
    spec = describe(env)
    assert "Kept" in str(spec.unsaved)
    assert words in str(spec.unsaved)
    report = examine(Config(env=env), steps=50)
    assert [words in each.what for each in report.findings if each.check == "resume"] == [True]
    system = assemble(Config(env=env, checkpoint_every=100, budget=Steps(num=1_000)))
    assert not system.collector.envs.restorable
    assert system.collector.cuts
    assert system.collector.state_dict()["envs"] is None
    system.close()


def test_one_that_fails_later_does_not_end_the_run() -> None:
    system = assemble(Config(env=Env(id=lambda: Kept(times=1)), checkpoint_every=100))
    collector = system.collector
    assert collector.state_dict()["envs"] is not None
    assert not collector.cuts
    with pytest.warns(UserWarning, match="no licence to save.*checkpoints truncate unfinished episodes"):
        assert collector.state_dict()["envs"] is None
    assert collector.cuts
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert collector.state_dict()["envs"] is None
    system.close()


@pytest.mark.parametrize(
    ("registered", "words"),
    [
        ({"reward_threshold": float("nan")}, "registered with reward_threshold = nan: register a finite"),
        ({"reward_threshold": float("inf")}, "registered with reward_threshold = inf"),
        ({"reward_threshold": "high"}, "registered with reward_threshold = 'high'"),
        ({"max_episode_steps": 0}, "could not be made"),
        ({"max_episode_steps": "ten"}, "env 'Registered-v0'"),
        ({"metadata": None}, "metadata"),
        ({"metadata": ["human"]}, "metadata"),
    ],
    ids=str,
)
def test_what_is_registered_wrongly_is_the_environments_fault(
    registered: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gym.envs.registration, "registry", dict(gym.registry))
    made = type("Registered", (Kept,), {"metadata": registered.pop("metadata", Kept.metadata)})
    gym.register("Registered-v0", made, **registered)
    with pytest.raises(EnvironmentFault, match=words):
        describe(Env(id="Registered-v0"))
    assert examine("Registered-v0", steps=10).exit_code == 3


def test_environments_that_cannot_be_saved_are_made_anew_only_at_cuts() -> None:
    made: list[Any] = []

    class Mute(Kept):
        get_state = None

        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    system = assemble(Config(env=Env(id=Mute), checkpoint_every=200, budget=Steps(num=1_000)))
    for _ in range(3):
        system.judge.select(system.learner.online, 0)
    assert len(made) == 1 + 16  # training, which also describes it, and judging side by side
    for _ in range(250):
        system.collector.step()
    system.judge.select(system.learner.online, 0)
    assert len(made) == 2 * (1 + 16)
    system.close()
