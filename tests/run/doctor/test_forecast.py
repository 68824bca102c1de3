"""What `dqn doctor` says about a training that has not begun."""

import re
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from dqnlab import presets
from dqnlab.check.doctor import examination as doctor
from dqnlab.check.doctor import forecast
from dqnlab.check.doctor.examination import Examination
from dqnlab.check.doctor.findings import EnvFacts
from dqnlab.check.doctor.forecast import Costs, describe_training, makings, measure, with_times
from dqnlab.config import Config, Env, Episodes, Steps
from dqnlab.envs.make import describe
from dqnlab.errors import ResourceError
from dqnlab.run.system import assemble, place_memory

from .patients import Sound, pays, raises, sees

PLAN = replace(
    Config(),
    learning_starts=100,
    update_every=2,
    budget=Steps(num=1_000),
    evaluate_every=Steps(num=500),
    select_episodes=10,
    confirm_episodes=20,
    score_episodes=10,
)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody measures here."""
    monkeypatch.setattr(forecast, "PATIENCE", 0.01)


def examine(what: Any) -> Examination:
    return doctor.examine(what, steps=300, seconds=60)


def seconds(config: Config, length: float, limit: int) -> tuple[float, float]:
    plain = describe_training(config, describe(config.env))
    timed = with_times(plain, config, Costs(step=1.0, update=10.0, reward_scale=4.0), length, limit)
    assert timed.seconds is not None
    return timed.seconds


def test_network_and_memory_are_those_of_the_run() -> None:
    config = presets.get("cartpole")
    said = describe_training(config, describe(config.env))
    assert (said.preset, said.num_envs, said.budget, said.compiled) == ("cartpole", 64, "400,000 steps", False)
    assert (said.layers, said.parameters) == ((4, 256, 2), 4 * 256 + 256 + 256 * 2 + 2)
    system = assemble(config)
    system.close()
    assert said.replay_bytes == sum(column.nbytes for column in system.memory.tensors)
    assert said.replay_transitions == system.memory.layout.capacity


@pytest.mark.parametrize("name", presets.names())
def test_every_preset_is_described_before_its_environment_was_measured(name: str) -> None:
    config = presets.get(name)
    said = describe_training(config, describe(config.env))
    system = assemble(config)
    system.close()
    assert said.parameters == sum(p.numel() for p in system.learner.online.parameters())


def test_a_network_is_told_as_it_branches() -> None:
    rainbow = describe_training(presets.get("rainbow"), describe(Env()))
    assert (rainbow.layers, rainbow.parts) == ((4, 128, 128, 2), ("layers:noisy", "stream:dueling", "head:c51"))
    plain = describe_training(presets.get("iqn"), describe(Env()))
    assert (plain.layers, plain.parts) == ((4, 128, 128, 2), ("head:iqn",))


def test_training_and_judging_are_added_up() -> None:
    # 1,000 steps and 450 updates of 10 s; (3 evaluations of 10, 3 times 20, and 10 episodes), each of 5 or 50 steps.
    assert seconds(PLAN, 5, 50) == pytest.approx((1_000 + 4_500 + 100 * 5, 1_000 + 4_500 + 100 * 50))


@pytest.mark.parametrize(
    ("own_limit", "lengths", "longest"),
    [
        (False, {"high": 1.0}, 1),  # without a limit, what was seen
        (False, {"high": 10_000.0}, 10_000),  # which was cut
        (False, {}, 10_000),  # nothing was seen to end
        (True, {"high": 30.0}, 10_000),  # a good agent may play until the limit
    ],
)
def test_the_longest_episode_to_expect_is_one_that_was_seen_where_there_is_no_limit(
    own_limit: bool, lengths: dict[str, float], longest: int
) -> None:
    facts = EnvFacts(
        observation_space="Box",
        action_space="Discrete",
        whole=False,
        step_limit=10_000,
        own_limit=own_limit,
        render_modes=(),
        unknown_layer=None,
        lengths=lengths,
    )
    assert facts.longest == longest


@pytest.mark.parametrize(
    ("copies", "cuts", "times"),
    [
        (None, False, 26),  # 1 trains, 16 judge, 1 is filmed, 8 are on the page
        (None, True, 43),  # those of training and judging twice: anew at the checkpoint in the middle
        (1, False, 3),
        (1, True, 4),
        (5, True, 16),
    ],
)
def test_makings_are_counted_and_cost_time(copies: int | None, cuts: bool, times: int) -> None:
    config = replace(PLAN, env=Env(copies=copies), checkpoint_every=500)
    assert makings(config, 1_000, cuts=cuts).total == times
    plain = describe_training(config, describe(config.env))
    free = with_times(plain, config, Costs(1.0, 10.0, 4.0, cuts=cuts), 5, 50)
    dear = with_times(plain, config, Costs(1.0, 10.0, 4.0, 2.0, cuts), 5, 50)
    assert dear.makings == makings(config, 1_000, cuts=cuts)
    assert free.seconds is not None
    assert dear.seconds == pytest.approx([each + 2 * times for each in free.seconds])


def test_a_budget_in_episodes_is_as_long_as_they_are() -> None:
    config = replace(PLAN, budget=Episodes(num=100), evaluate_every=Episodes(num=50))
    assert seconds(config, 10, 10) == pytest.approx((1_000 + 4_500 + 100 * 10,) * 2)


@pytest.mark.parametrize("env", ["CartPole-v1", "FrozenLake-v1"])
def test_what_will_be_compiled_and_why_not(env: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(PLAN, env=Env(id=env), compile="on")
    monkeypatch.setenv("CXX", sys.executable)  # some program that is there
    said = describe_training(config, describe(config.env))
    assert (said.compiled, said.obstacle) == (True, None)
    monkeypatch.setenv("CXX", "c++-of-nobody")
    said = describe_training(config, describe(config.env))
    assert (said.compiled, said.obstacle) == (False, "there is no C++ compiler here (c++-of-nobody)")
    asked_not = describe_training(replace(config, compile="off"), describe(config.env))
    assert (asked_not.compiled, asked_not.obstacle) == (False, None)


def test_a_compiled_update_is_quicker_but_compiling_takes_time() -> None:
    low, high = seconds(replace(PLAN, compile="on"), 5, 50)
    assert low == pytest.approx(1_000 + 4_500 / 3 + 500)
    assert high == pytest.approx(1_000 + 4_500 + 5_000 + 15)


def test_measuring_gives_numbers_for_every_preset() -> None:
    for name in presets.names():
        costs = measure(presets.get(name))
        assert costs.step > 0
        assert costs.update > 0


def test_a_slow_environment_needs_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "LAST_RESORT", 0.0)
    monkeypatch.setattr(forecast, "PATIENCE", 0.0)
    costs = measure(replace(PLAN, n=50))
    assert costs.update == 0


def test_a_broken_environment_gets_no_times() -> None:
    sound, broken = examine(Sound).forecast, examine(pays(None)).forecast
    assert sound is not None
    assert broken is not None
    assert sound.seconds is not None
    assert broken.seconds is None
    assert sound.layers == broken.layers


def test_what_fails_only_in_training_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "measure", lambda config: raises(SystemExit("the window was closed")))
    report = examine(Sound)
    assert (report.exit_code, report.forecast) == (3, None)
    assert report.findings[0].what.startswith(
        "in training it raised SystemExit: the window was closed (patients.py, line "
    )


def test_a_replay_that_does_not_fit_is_an_error_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    full = "replay_capacity = 50,000 needs 9.0 GB"
    monkeypatch.setattr("dqnlab.run.system.choose_memory", lambda *args: raises(ResourceError(full)))
    report = examine(Sound)
    assert (report.exit_code, report.findings[0].level, report.findings[0].check) == (5, "error", "memory")
    assert report.findings[0].what == full


def test_a_replay_that_does_not_fit_comes_with_one_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("dqnlab.device", "dqnlab.run.system"):
        monkeypatch.setattr(f"{module}.available_memory", lambda: 20_000_000_000)
    film = spaces.Box(0, 255, (600, 800, 3), np.uint8)
    plain = Config(env=Env(id=sees(lambda self: np.zeros(film.shape, np.uint8), film)))
    found = doctor.examine(plain, steps=5).findings[0].what
    lower = (
        r"GB are free beside networks and batches: lower it, --replay-capacity (\d+) \(in Python replay_capacity=\1\)"
    )
    told = re.search(
        lower + r"; or make pictures smaller: --env.resize 84 \(in Python Env\(resize=\(84, 84\)\)\)$", found
    )
    assert told is not None
    spec = describe(plain.env)
    assert place_memory(replace(plain, replay_capacity=int(told[1])), spec, torch.device("cpu"))
    with pytest.raises(ResourceError):
        place_memory(replace(plain, replay_capacity=2 * int(told[1])), spec, torch.device("cpu"))


def test_an_observation_is_told_as_it_is_stored() -> None:
    assert examine(Sound).forecast.stored == "float32 (3,)"  # type: ignore[union-attr]
    states = examine(Config(env=Env(id="FrozenLake-v1"))).forecast
    assert states is not None
    assert states.stored == "int64, one-hot for the network"


def test_conversion_to_float32_is_noted() -> None:
    import numpy as np
    from gymnasium import spaces

    wide = sees(lambda self: self.np_random.uniform(-1, 1, 3), spaces.Box(-1, 1, (3,), np.float64))
    assert "stored as float32" in " ".join(each.what for each in examine(wide).findings)
    assert "stored as float32" not in " ".join(each.what for each in examine(Sound).findings)
