"""Configurations as TOML text: nothing is lost on the way out and back, and every mistake is named."""

import tomllib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqnlab.config import (
    Adam,
    Config,
    Constant,
    Double,
    Env,
    Episodes,
    Film,
    Geometric,
    Greedy,
    Hard,
    Linear,
    Mlp,
    Polyak,
    Prioritized,
    Scalar,
    Steps,
    Uniform,
)
from dqnlab.config.fields import hints
from dqnlab.config.toml import as_dict, from_toml, to_toml
from dqnlab.errors import ConfigError

# ── Out and back ─────────────────────────────────────────────────────────────────────────────────

share = st.floats(0, 1)
positive = st.floats(1e-9, 1)
count = st.integers(1, 10**6)
text = st.text(st.characters(codec="utf-8"), max_size=12)
json_value: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
period = st.builds(Steps, num=st.integers(10_000, 10**9)) | st.builds(Episodes, num=count)
envs = st.builds(
    Env,
    id=text.filter(lambda each: bool(each) and ":" not in each),  # which would name a module, see tests/hostile
    kwargs=st.dictionaries(text, json_value, max_size=3),
    num_envs=st.integers(1, 100),
    max_episode_steps=st.none() | count,
    reward_threshold=st.none() | st.floats(-1e300, 1e300),
)
configs = st.builds(
    Config,
    preset=text,
    seed=st.integers(0, 2**32 - 1),
    device=st.sampled_from(["auto", "cpu", "cuda"]),
    env=envs,
    torso=st.builds(Mlp, hidden=st.lists(count, min_size=1, max_size=3).map(tuple)),
    head=st.builds(Scalar, huber=st.none() | positive),
    rule=st.sampled_from([Greedy(), Double()]),
    sampler=st.just(Uniform()) | st.builds(Prioritized, alpha=share, beta=share),
    sync=st.builds(Hard, every=count) | st.builds(Polyak, tau=positive),
    optimizer=st.builds(Adam, lr=positive, eps=positive, max_grad_norm=st.none() | positive),
    epsilon=st.builds(Linear, end=share, steps=count)
    | st.builds(Geometric, end=share, factor=positive)
    | st.builds(Constant, value=share),
    gamma=share,
    budget=period,
    evaluate_every=period,
    stop_when_solved=st.booleans(),
    film=st.builds(Film, episodes=st.integers(0, 9), max_seconds=st.floats(0.1, 3600)),
)


@given(configs)
def test_every_configuration_survives_the_way_out_and_back(config: Config) -> None:
    assert from_toml(to_toml(config), Config(), "x.toml") == config


def test_odd_characters_survive() -> None:
    odd = 'tab\t line\n quote" back\\slash nul\x00 delete\x7f é 日 😀'
    assert from_toml(to_toml(Config(preset=odd)), Config(), "x.toml").preset == odd


def test_the_text_holds_every_field() -> None:
    config = Config(sampler=Prioritized(), budget=Episodes(num=3))
    tables = tomllib.loads(to_toml(config))
    assert set(tables) == set(hints(Config))
    assert set(tables["env"]) == set(hints(Env))
    assert tables["sampler"] == {
        "kind": "prioritized",
        "alpha": 0.5,
        "beta": 0.4,
        "beta_end": "none",
        "updates": "auto",
    }
    assert tables["budget"] == {"kind": "episodes", "num": 3}


def test_the_text_explains_its_settings() -> None:
    line = next(line for line in to_toml(Config()).splitlines() if line.startswith("gamma"))
    assert line.endswith("# discount per env step")


def make_env() -> None:
    """Stands for a user's own environment."""


def test_a_callable_is_written_by_its_name() -> None:
    config = Config(env=Env(id=make_env))
    assert tomllib.loads(to_toml(config))["env"]["id"] == "make_env"
    assert as_dict(config)["env"]["id"] == "make_env"


def test_numbers_of_numpy_are_written_as_numbers() -> None:
    config = Config(gamma=float(np.float64(0.9)), env=Env(kwargs={"size": np.int64(3), "slope": np.float64(0.5)}))
    assert tomllib.loads(to_toml(config))["env"]["kwargs"] == {"size": 3, "slope": 0.5}


def test_an_argument_of_none_is_told_from_the_text_none() -> None:
    config = Config(env=Env(kwargs={"desc": None, "mode": "none"}))
    assert from_toml(to_toml(config), Config(), "x.toml").env.kwargs == {"desc": None, "mode": "none"}


def test_trackers_get_plain_nested_values() -> None:
    values = as_dict(Config(epsilon=Constant(value=0.2)))
    assert values["epsilon"] == {"kind": "constant", "value": 0.2}
    assert values["torso"] == {"kind": "mlp", "hidden": [64, 64]}
    assert values["head"]["huber"] == "none"


# ── What a file may leave out ────────────────────────────────────────────────────────────────────


def read(text: str, base: Config | None = None) -> Config:
    return from_toml(text, base or Config(), "my.toml")


def test_what_a_file_leaves_out_stays_as_it_was() -> None:
    base = Config(seed=5, optimizer=Adam(lr=0.5, beta1=0.8))
    assert read("[optimizer]\nlr = 0.25", base) == replace(base, optimizer=Adam(lr=0.25, beta1=0.8))


def test_the_same_kind_keeps_the_other_settings() -> None:
    base = Config(epsilon=Geometric(start=0.9, end=0.2))
    assert read('[epsilon]\nkind = "geometric"\nfactor = 0.5', base).epsilon == Geometric(
        start=0.9, end=0.2, factor=0.5
    )


def test_another_kind_starts_from_its_own_defaults() -> None:
    base = Config(epsilon=Geometric(start=0.9, end=0.2))
    assert read('[epsilon]\nkind = "linear"\nsteps = 7', base).epsilon == Linear(steps=7)


def test_none_switches_an_optional_setting_off() -> None:
    assert read('[head]\nhuber = "none"', Config(head=Scalar(huber=1.0))).head == Scalar(huber=None)


def test_whole_numbers_stand_for_fractions_and_large_floats_for_whole_numbers() -> None:
    config = read("gamma = 1\n[budget]\nnum = 2e5")
    assert (config.gamma, type(config.gamma)) == (1.0, float)
    assert (config.budget, type(config.budget.num)) == (Steps(num=200_000), int)


def test_settings_are_checked_together_not_one_by_one() -> None:
    assert read("learning_starts = 5000\nreplay_capacity = 6000\nbatch_size = 2000").batch_size == 2000


# ── Mistakes ─────────────────────────────────────────────────────────────────────────────────────

MISTAKES = [
    ("gama = 0.9", "unknown key 'gama'; did you mean gamma?"),
    ("[optimizer]\nlearning_rtae = 1", "unknown key 'optimizer.learning_rtae'"),
    ("[optimizer]\nbeta_1 = 0.5", "did you mean beta1?"),
    ("[env]\nnum_env = 2", "unknown key 'env.num_env'; did you mean num_envs?"),
    ('[head]\nkind = "scaler"', "unknown kind 'scaler' for head; did you mean scalar?"),
    ('[rule]\nkind = "best"', "unknown kind 'best' for rule; choose from greedy, double"),
    ("[rule]\nkind = 3", "unknown kind 3 for rule"),
    ("[epsilon]\nfactor = 0.9", "epsilon.factor belongs to kind 'geometric', and epsilon is 'linear' here"),
    ("[rule]\nstrength = 2", "kind 'greedy' has no settings"),
    ('[budget]\nkind = "episodes"', "budget.num is missing: kind 'episodes' needs it"),
    ('rule = "double"', "rule must be a table"),
    ("env = 3", "env must be a table"),
    ('gamma = "high"', "gamma must be in [0, 1], got 'high'"),
    ("gamma = true", "gamma must be in [0, 1], got True"),
    ("seed = 1.5", "seed must be a whole number in [0, 2**32), got 1.5"),
    ("seed = nan", "seed must be a whole number in [0, 2**32), got nan"),
    ("seed = inf", "seed must be a whole number in [0, 2**32), got inf"),
    ("stop_when_solved = 1", "stop_when_solved must be true or false, got 1"),
    ('device = "tpu"', "device must be one of auto, cpu, cuda, got 'tpu'"),
    ('[torso]\nhidden = ["a"]', "torso.hidden must be the units of each layer, as (64, 64), got ['a']"),
    ("[evaluate_every]\nnum = 0", "evaluate_every.num must be a whole number of at least 1, got 0"),
    ('[epsilon]\nsteps = "soon"', "epsilon.steps must be a whole number or auto, got 'soon'"),
    ('[head]\nhuber = "some"', "head.huber must be a number or none, got 'some'"),
    ("[env]\nid = 4", "env.id must be the id of an environment, such as CartPole-v1, got 4"),
    ('[env]\nkwargs = \'{"a": 1, "a": 2}\'', "env.kwargs is not valid JSON: the name 'a' stands there twice"),
    ("[env]\nkwargs = 4", "env.kwargs must be a table of names and values, got 4"),
    ("[env]\nkwargs = '{'", "env.kwargs is not valid JSON"),
    ("gamma = 1.5", "gamma must be in [0, 1], got 1.5"),
    ("batch_size = 90000", "batch_size = 90000 is larger than replay_capacity = 50000"),
    ("gamma =", "is not valid TOML"),
]


@pytest.mark.parametrize(("text", "words"), MISTAKES)
def test_a_mistake_is_named_with_file_key_value_and_remedy(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert "my.toml" in str(caught.value)
    assert words in str(caught.value)
