"""Every setting out of range is named with its value, wherever it stands."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from dqnlab.config import (
    Adam,
    Config,
    Constant,
    Demos,
    Dueling,
    Env,
    Episodes,
    Film,
    Geometric,
    Hard,
    Linear,
    Mlp,
    Offline,
    PlainStream,
    Polyak,
    Prioritized,
    Scalar,
    Steps,
)
from dqnlab.config.fields import choices, docs, hints, required, tagged, types
from dqnlab.errors import ConfigError

BAD: list[tuple[Callable[[], Any], str]] = [
    (lambda: Config(seed=-1), "seed must be a whole number in [0, 2**32), got -1"),
    (lambda: Config(seed=2**32), "seed"),
    (lambda: Config(seed=True), "seed"),
    (lambda: Config(device="tpu"), "device must be one of auto, cpu, cuda, got 'tpu'"),
    (lambda: Config(threads=0), "threads must be a whole number from 1 to 1,024, got 0"),
    (lambda: Config(n=0), "n must"),
    (lambda: Config(gamma=1.5), "gamma must be in [0, 1], got 1.5"),
    (lambda: Config(gamma=-0.1), "gamma must"),
    (lambda: Config(gamma=math.nan), "gamma must be in [0, 1], got nan"),
    (lambda: Config(replay_capacity=0), "replay_capacity"),
    (lambda: Config(learning_starts=0), "learning_starts"),
    (lambda: Config(batch_size=-4), "batch_size must be a whole number of at least 1, got -4"),
    (lambda: Config(update_every=0), "update_every"),
    (lambda: Config(select_episodes=0), "select_episodes"),
    (lambda: Config(confirm_episodes=0), "confirm_episodes"),
    (lambda: Config(score_episodes=0), "score_episodes"),
    (lambda: Config(metrics_every=0), "metrics_every"),
    (lambda: Env(num_envs=0), "env.num_envs must be a whole number from 1 to 100,000, got 0"),
    (lambda: Env(frame_stack=0), "env.frame_stack"),
    (lambda: Env(max_episode_steps=0), "env.max_episode_steps"),
    (lambda: Mlp(hidden=()), "torso.hidden must be at least one layer, got ()"),
    (lambda: Mlp(hidden=(64, 0)), "torso.hidden"),
    (lambda: Scalar(huber=0.0), "head.huber must be in (0, 1e+06], got 0.0"),
    (lambda: Prioritized(alpha=1.1), "sampler.alpha"),
    (lambda: Prioritized(beta=-0.1), "sampler.beta"),
    (lambda: Hard(every=0), "sync.every"),
    (lambda: Polyak(tau=0.0), "sync.tau must be in (0, 1], got 0.0"),
    (lambda: Adam(lr=0.0), "optimizer.lr"),
    (lambda: Adam(lr=math.inf), "optimizer.lr"),
    (lambda: Adam(beta1=1.0), "optimizer.beta1 must be in [0, 1), got 1.0"),
    (lambda: Adam(beta2=-0.1), "optimizer.beta2"),
    (lambda: Adam(eps=0.0), "optimizer.eps"),
    (lambda: Adam(max_grad_norm=0.0), "optimizer.max_grad_norm"),
    (lambda: Linear(start=1.1), "epsilon.start"),
    (lambda: Linear(start=0.1, end=0.2), "epsilon.end must be at most epsilon.start = 0.1, got 0.2"),
    (lambda: Linear(steps=0), "epsilon.steps"),
    (lambda: Geometric(start=0.1, end=0.2), "epsilon.end"),
    (lambda: Geometric(factor=0.0), "epsilon.factor"),
    (lambda: Constant(value=1.1), "epsilon.value"),
    (lambda: Steps(num=0), "number of steps"),
    (lambda: Episodes(num=1.5), "number of episodes"),  # type: ignore[arg-type]
    (lambda: Film(episodes=-1), "film.episodes"),
    (lambda: Film(max_seconds=0.0), "film.max_seconds"),
]


@pytest.mark.parametrize(("make", "words"), BAD)
def test_a_value_out_of_range_is_named(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert words in str(caught.value)


CLASHES: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"batch_size": 200, "replay_capacity": 100, "learning_starts": 100},
        ["batch_size = 200", "replay_capacity = 100"],
    ),
    ({"batch_size": 64, "learning_starts": 32}, ["learning_starts = 32", "batch_size = 64"]),
    ({"learning_starts": 900, "replay_capacity": 800}, ["learning_starts = 900", "replay_capacity = 800"]),
    ({"learning_starts": 900, "budget": Steps(num=800)}, ["learning_starts = 900", "budget.num = 800"]),
    (
        {"n": 20, "env": Env(num_envs=10), "replay_capacity": 100, "learning_starts": 64},
        ["replay_capacity = 100", "n = 20", "10 envs"],
    ),
]


@pytest.mark.parametrize(("settings", "words"), CLASHES)
def test_settings_that_clash_are_both_named(settings: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        Config(**settings)
    assert [word for word in words if word not in str(caught.value)] == []


def test_values_at_the_edge_are_allowed() -> None:
    assert Config(gamma=1.0, seed=2**32 - 1, learning_starts=64, batch_size=64).gamma == 1.0
    assert Linear(start=0.3, end=0.3).end == 0.3


def test_a_callable_environment_is_known_by_its_name() -> None:
    def make_corridor() -> None: ...

    class Maker:
        def __call__(self) -> None: ...

    assert Env(id="A-v0").label == "A-v0"
    assert Env(id=make_corridor).label == "make_corridor"
    assert Env(id=Maker()).label == "Maker"


# ── What the classes look like from outside ──────────────────────────────────────────────────────


def test_a_tagged_choice_is_known_by_the_kinds_of_its_classes() -> None:
    assert list(choices("epsilon")) == ["linear", "linear_episodes", "geometric", "constant", "ladder"]
    assert choices("budget") == {"steps": Steps, "episodes": Episodes}
    assert choices("stream") == {"plain": PlainStream, "dueling": Dueling}
    assert choices("gamma") == choices("env") == choices("nonsense") == {}
    assert {"torso", "rule", "sync", "optimizer"} < set(tagged())


def test_only_a_period_and_what_was_recorded_have_a_setting_without_default() -> None:
    owners = [cls for field in tagged() for cls in choices(field).values()]
    assert {cls for cls in owners if required(cls)} == {Steps, Episodes, Demos, Offline}


def test_a_setting_is_found_in_whatever_kind_brings_it() -> None:
    assert {"gamma", "env.num_envs", "epsilon.steps", "epsilon.factor", "film.episodes"} < set(types())
    assert types()["torso.hidden"] == tuple[int, ...]


def test_every_setting_of_config_is_explained() -> None:
    single = [name for name in hints(Config) if not choices(name) and name not in {"env", "film"}]
    assert [name for name in single if not docs(Config).get(name)] == []


def test_beta_does_not_fall() -> None:
    """Weights that undo less and less of the bias are no annealing (Schaul et al. 2016, section 3.4)."""
    with pytest.raises(ConfigError, match=r"sampler.beta_end must be at least sampler.beta = 0.6, or none, got 0.5"):
        Prioritized(beta=0.6, beta_end=0.5)
    assert Prioritized(beta=0.6, beta_end=0.6).beta_end == 0.6
