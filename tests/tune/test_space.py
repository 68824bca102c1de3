"""What a search space says, and what is refused in one."""

from dataclasses import replace
from typing import Any

import pytest

from dqnlab import presets
from dqnlab.config import Config, Episodes, Linear, Polyak, Steps
from dqnlab.config.fields import types
from dqnlab.config.ranges import RANGES, Numbers, OneOf
from dqnlab.config.space import (
    Space,
    choice_text,
    choice_value,
    config_of,
    default_range,
    default_space,
    read_space,
    space_of,
    space_toml,
)
from dqnlab.errors import ConfigError

DEFAULT = presets.get("default")


def read(text: str, base: Config = DEFAULT) -> dict[str, Any]:
    return dict(read_space(text, "space.toml", base).ranges)


def test_a_file_of_ranges_choices_and_kinds_is_read() -> None:
    text = """
        gamma = [0.98, 0.99]
        head.kind = ["scalar", "c51"]
        head.num = [21, 51]
        torso.hidden = [[32], [64, 64]]
        sync.every = [10, 100]
        [optimizer]
        lr = { low = 1e-4, high = 1e-2, log = true }
        [epsilon]
        steps = { low = 1e3, high = 5e4 }
    """
    assert read(text) == {
        "gamma": OneOf((0.98, 0.99)),
        "head": OneOf(("scalar", "c51")),
        "head.num": OneOf((21, 51)),
        "torso.hidden": OneOf(((32,), (64, 64))),
        "sync.every": OneOf((10, 100)),
        "optimizer.lr": Numbers(1e-4, 1e-2, log=True),
        "epsilon.steps": Numbers(1_000, 50_000, whole=True),
    }


def test_auto_stands_for_the_range_that_a_setting_has() -> None:
    assert read('n = "auto"') == {"n": OneOf((1, 3, 5, 10))}
    assert read('optimizer.lr = "auto"') == {"optimizer.lr": Numbers(5e-5, 5e-3, log=True)}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gama = [0.9, 0.99]", "unknown setting 'gama'; did you mean gamma?"),
        ("lr = [1e-3, 1e-2]", "unknown setting 'lr'; did you mean optimizer.lr?"),
        ("optimizer.lrs = [1e-3, 1e-2]", r"unknown setting 'optimizer.lrs'; did you mean optimizer.lr?"),
        (
            "optimizer.lr = { low = 1e-2, high = 1e-3 }",
            "range of optimizer.lr is upside down: low = 0.01 must be below",
        ),
        ("n = { low = 3, high = 3 }", "the range of n is empty: low = 3 must be below high = 3"),
        (
            "epsilon.end = { low = 0, high = 0.1, log = true }",
            "epsilon.end.low must be above 0 where log = true, got 0",
        ),
        ("optimizer.lr = { low = 0, high = 1 }", "optimizer.lr.low must be in (0, 10], got 0.0"),
        ("n = { low = 1.5, high = 3 }", "n.low must be a whole number from 1 to 1,000, got 1.5"),
        ("n = { low = 1, hig = 3 }", "unknown key 'n.hig'; did you mean high?"),
        ("n = { low = 1 }", "n.high is missing"),
        ("n = { low = 1, high = 3, log = 1 }", "n.log must be true or false, got 1"),
        ("n = 3", "n must be a range such as { low = 1, high = 10 }, a list of choices or 'auto', got 3"),
        ("gamma = []", "gamma must be a list of at least two different choices, got []"),
        ("gamma = [0.9, 0.9, 0.8]", "gamma must be a list of at least two different choices"),
        ("gamma = [0.9, 2]", "gamma must be in [0, 1], got 2"),
        ('head = ["scalar", "c52"]', "unknown kind 'c52' for head; did you mean c51?"),
        ('head = ["scalar"]', "head must be a list of at least two different kinds"),
        (
            "head.num = [21, 51]",
            "head.num belongs to kind 'qr', and head is 'scalar' here: search it too, as head.kind",
        ),
        ("torso.hidden = { low = 1, high = 2 }", "torso.hidden is no number"),
        ('experience = ["own", "demos"]', "experience cannot be searched: it decides what is measured"),
        ("seed = [1, 2]", "seed cannot be searched: it decides what is measured or kept, not how an agent learns"),
        ("keep_checkpoints = [2, 3]", "keep_checkpoints cannot be searched: it decides what is measured or kept"),
        ("film.episodes = [0, 1]", "film.episodes cannot be searched"),
        ("env.max_episode_steps = [10, 20]", "env.max_episode_steps cannot be searched"),
        ("", "no setting is searched: give one a range"),
        ('regularizer.alpha = "auto"', "regularizer.alpha has no range of its own here"),
        ("optimizer = 3", "optimizer must be a range such as"),
        ("n = [", "is not valid TOML"),
    ],
)
def test_what_cannot_be_searched_is_refused_by_name(text: str, says: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(text)
    assert says in str(error.value)
    assert str(error.value).startswith("space.toml")


def test_a_setting_that_the_configuration_lacks_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"n cannot apply here: this configuration has no n"):
        read("n = [1, 3]", presets.get("pqn"))


def test_a_kind_of_ones_own_in_a_file_imports_nothing_that_is_not_trusted() -> None:
    for text in ('head = ["scalar", "nowhere:Head"]', 'head.kind = ["nowhere:Head"]'):
        with pytest.raises(
            ConfigError, match=r"^space.toml: head = 'nowhere:Head' would import the Python module 'nowhere'"
        ):
            read(text)


def test_it_is_said_of_every_setting_whether_it_can_be_searched() -> None:
    searched = set[str]()
    for name in types():
        with pytest.raises(ConfigError) as error:
            read(f"{name} = []")
        if "cannot be searched" not in str(error.value):
            searched.add(name.partition(".")[0])
    assert searched == {
        *("conv", "normalize_obs", "torso", "layers", "norm", "stream", "head", "rule", "memory", "sampler", "env"),
        *("regularizer", "sync", "optimizer", "lr_schedule", "epsilon", "exploration", "n", "gamma", "reward_scale"),
        *("reward_clip", "replay_capacity", "learning_starts", "batch_size", "update_every"),
    }


def test_a_setting_of_a_kind_exists_only_beside_that_kind() -> None:
    space = space_of({"head": {"kind": ["scalar", "c51"], "num": [21, 51]}}, "space", DEFAULT)
    assert space.names == ["head", "head.num"]
    assert space.applies("head.num", DEFAULT, {"head": "c51"})
    assert not space.applies("head.num", DEFAULT, {"head": "scalar"})
    assert not space.applies("head.num", DEFAULT, {})


def test_the_default_space_is_around_each_preset_and_holds_it() -> None:
    for name in presets.names():
        base = presets.get(name)
        space = default_space(base)
        assert len(space.ranges) >= 7, name
        for key, each in space.ranges.items():
            ends = (each.low, each.high) if isinstance(each, Numbers) else each.values
            for value in ends:
                config_of(base, {key: value})  # each end can be trained


def test_what_is_searched_of_the_preset_default() -> None:
    assert dict(default_space(DEFAULT).ranges) == {
        "optimizer.lr": Numbers(5e-5, 5e-3, log=True),
        "gamma": OneOf((0.9, 0.95, 0.98, 0.99, 0.995, 0.999)),
        "n": OneOf((1, 3, 5, 10)),
        "epsilon.end": Numbers(0.005, 0.2, log=True),
        "epsilon.steps": Numbers(2_000, 50_000, log=True, whole=True),
        "sync.every": Numbers(10, 1_000, log=True, whole=True),
        "batch_size": OneOf((32, 64, 128)),
        "update_every": Numbers(1, 4, log=True, whole=True),
        "torso.hidden": OneOf(((64, 64), (128, 128), (256, 256))),
    }


def test_ranges_are_cut_where_a_setting_ends_and_widened_to_hold_the_default() -> None:
    polyak = presets.get("cartpole")
    assert default_range("sync.tau", replace(polyak, sync=Polyak(tau=0.5))) == Numbers(0.05, 1.0, log=True)
    assert default_range("n", replace(DEFAULT, n=2)) == OneOf((1, 2, 3, 5, 10))
    assert default_range("epsilon.end", replace(DEFAULT, epsilon=Linear(end=0.5))) == Numbers(0.005, 0.5, log=True)
    assert default_range("gamma", replace(DEFAULT, gamma=0.5)) == OneOf((0.5, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999))


def test_what_has_no_range_is_not_searched() -> None:
    assert default_range("epsilon.value", presets.get("noisy")) is None  # 0, around which no factor leads
    assert default_range("epsilon.steps", replace(DEFAULT, budget=Episodes(num=100))) is None
    assert default_range("n", presets.get("pqn")) is None
    assert default_range("gamma_", DEFAULT) is None


def test_every_range_is_that_of_a_setting_that_some_preset_has() -> None:
    found = {name for preset in presets.names() for name in default_space(presets.get(preset)).ranges}
    assert RANGES.keys() - found <= {"epsilon.value", "exploration.temperature"}


def test_values_make_a_configuration() -> None:
    config = config_of(
        DEFAULT, {"head": "c51", "head.num": 21, "gamma": 0.9, "torso.hidden": (32,), "budget.num": 5_000}
    )
    assert (config.head.kind, config.gamma, config.budget) == ("c51", 0.9, Steps(num=5_000))
    assert config.torso.hidden == (32,)  # type: ignore[union-attr]
    with pytest.raises(ConfigError, match="learning_starts = 1000 is below batch_size = 4096"):
        config_of(DEFAULT, {"batch_size": 4096})


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("torso.hidden", (64, 64), "[64, 64]"),
        ("gamma", 0.99, 0.99),
        ("head", "c51", "c51"),
        ("optimizer.max_grad_norm", None, "none"),
    ],
)
def test_a_choice_is_the_same_after_it_was_stored(name: str, value: Any, text: Any) -> None:
    assert choice_text(value) == text
    back = choice_value(text, name)
    assert config_of(DEFAULT, {name: back}) == config_of(DEFAULT, {name: "none" if value is None else value})


@pytest.mark.parametrize("name", presets.names())
def test_the_default_space_of_a_preset_can_be_written_edited_and_read(name: str) -> None:
    base = presets.get(name)
    space = default_space(base)
    assert read_space(space_toml(space), "space.toml", base) == space


def test_a_file_of_a_space_says_what_its_settings_mean() -> None:
    text = """
        head.kind = ["scalar", "c51"]
        head.num = [21, 51]
        n = { low = 1, high = 3 }
        optimizer.lr = { low = 1e-4, high = 1e-2, log = true }
    """
    space = read_space(text, "", DEFAULT)
    rows = [row.split("  # ") for row in space_toml(space).splitlines()[1:]]
    assert [(row[0].strip(), row[1:]) for row in rows] == [
        ('head.kind = ["scalar", "c51"]', []),
        ("head.num = [21, 51]", ["quantiles per action (200 in the paper, for pictures)"]),
        ("n = { low = 1, high = 3 }", ["env steps per transition (n-step returns, Sutton 1988)"]),
        ("optimizer.lr = { low = 0.0001, high = 0.01, log = true }", ["learning rate"]),
    ]
    assert read_space(space_toml(space), "", DEFAULT) == space


def test_a_space_is_written_down_as_plain_values() -> None:
    space = Space(
        {"gamma": OneOf((0.9, 0.99)), "n": Numbers(1, 3, whole=True), "torso.hidden": OneOf(((8,), (16, 16)))}
    )
    assert space.as_dict() == {
        "gamma": [0.9, 0.99],
        "n": {"low": 1, "high": 3, "log": False},
        "torso.hidden": [[8], [16, 16]],
    }
