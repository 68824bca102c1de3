"""Every field takes what its annotation says, or what can only mean that; anything else is named when it is made."""

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from dqnlab.config import (
    Adam,
    Collectors,
    Config,
    Constant,
    Demos,
    Double,
    Dueling,
    Env,
    Episodes,
    Film,
    Greedy,
    Gru,
    Linear,
    Lstm,
    Mlp,
    Offline,
    Polyak,
    Prioritized,
    Scalar,
    Steps,
    Uniform,
)
from dqnlab.config.fields import choices, hints, required, tagged
from dqnlab.config.toml import as_dict, from_toml, to_toml
from dqnlab.config.typed import door, label, typed
from dqnlab.errors import ConfigError


class Room(gym.Env[Any, Any]):
    """Nobody plays in it."""

    def make(self) -> None: ...


CLASSES = [Config, Env, Film, Collectors, *(cls for field in tagged() for cls in choices(field).values())]
FIELDS = [(cls, name) for cls in CLASSES for name in hints(cls)]
TAKES_TEXT = {
    *((Config, name) for name in ("preset", "init", "env", "experience")),
    *((Env, name) for name in ("id", "keys", "wrappers")),
    *((cls, "source") for cls in (Demos, Offline)),
}
TAKES_NO_ITEMS = {
    (Env, "keys"),
    (Env, "wrappers"),
    (Env, "resize"),
    *((cls, "hidden") for cls in (Dueling, Gru, Lstm)),
}
TAKES_NONE = {(Config, "film"), *((cls, name) for cls, name in FIELDS if "None" in str(hints(cls)[name]))}
TAKES_BOOL = {(Config, "film"), *((cls, name) for cls, name in FIELDS if hints(cls)[name] is bool)}

NOWHERE = [object(), b"1", 1j, [object()], (), {1: 2}, math.nan, 10**400, -(10**400), Room(), np.zeros((2, 2)), ...]


def wrong() -> Iterator[tuple[type, str, Any]]:
    """Every field with every value that it cannot take."""
    for cls, name in FIELDS:
        values = [*NOWHERE, "no"] if (cls, name) not in TAKES_TEXT else [*NOWHERE]
        values += [None] * ((cls, name) not in TAKES_NONE)
        values += [True, False, np.True_] * ((cls, name) not in TAKES_BOOL)
        values = [value for value in values if (cls, name) not in TAKES_NO_ITEMS or not isinstance(value, tuple)]
        values += [{}] * ((cls, name) != (Env, "kwargs"))
        yield from ((cls, name, value) for value in values)


def test_every_field_refuses_every_value_of_another_kind() -> None:
    rows = list(wrong())
    for cls, name, value in rows:
        needed: dict[str, Any] = {each: "here" if (cls, each) in TAKES_TEXT else 1 for each in required(cls)}
        with pytest.raises(ConfigError) as caught:
            cls(**needed | {name: value})
        said = str(caught.value)
        assert name in said or "a number of" in said, (cls, name, value, said)
        assert len(said) < 700
    assert len(rows) > 900


@pytest.mark.parametrize("number", [np.int64(3), np.uint8(3), np.float32(3), np.float64(3), np.array(3), 3.0])
def test_every_field_for_a_number_takes_those_of_numpy(number: Any) -> None:
    kinds = {int: 3, float: 3.0}
    for cls, name in FIELDS:
        hint = hints(cls)[name]
        if hint in kinds and name != "gamma" and cls in (Config, Env, Film, Steps, Episodes):
            others = {"batch_size": 1, "learning_starts": 3} if cls is Config else dict.fromkeys(required(cls), 1)
            made = getattr(cls(**others | {name: number}), name)
            assert (made, type(made)) == (kinds[hint], hint)


MEANT = [
    ({"rule": "double"}, {"rule": Double()}),
    ({"rule": Double}, {"rule": Double()}),
    ({"rule": "greedy"}, {"rule": Greedy()}),
    ({"sampler": "prioritized"}, {"sampler": Prioritized()}),
    ({"sampler": Uniform}, {"sampler": Uniform()}),
    ({"sync": "polyak"}, {"sync": Polyak()}),
    ({"epsilon": 0.1}, {"epsilon": Constant(value=0.1)}),
    ({"epsilon": 0}, {"epsilon": Constant(value=0.0)}),
    ({"epsilon": "linear"}, {"epsilon": Linear()}),
    ({"budget": 100_000}, {"budget": Steps(num=100_000)}),
    ({"budget": 1e5}, {"budget": Steps(num=100_000)}),
    ({"evaluate_every": np.int32(500)}, {"evaluate_every": Steps(num=500)}),
    ({"optimizer": 1e-3}, {"optimizer": Adam(lr=1e-3)}),
    ({"optimizer": "adam"}, {"optimizer": Adam()}),
    ({"torso": (32, 32)}, {"torso": Mlp(hidden=(32, 32))}),
    ({"torso": [32]}, {"torso": Mlp(hidden=(32,))}),
    ({"torso": 32}, {"torso": Mlp(hidden=(32,))}),
    ({"torso": np.array([8, 4])}, {"torso": Mlp(hidden=(8, 4))}),
    ({"head": "scalar"}, {"head": Scalar()}),
    ({"film": None}, {"film": Film(episodes=0)}),
    ({"film": False}, {"film": Film(episodes=0)}),
    ({"film": True}, {"film": Film()}),
    ({"film": 3}, {"film": Film(episodes=3)}),
    ({"env": "Acrobot-v1"}, {"env": Env(id="Acrobot-v1")}),
    ({"env": Room}, {"env": Env(id=Room)}),
    ({"stop_when_solved": np.False_}, {"stop_when_solved": False}),
]


@pytest.mark.parametrize(("given", "meant"), MEANT, ids=str)
def test_a_plain_value_that_can_only_mean_one_thing_is_taken(given: dict[str, Any], meant: dict[str, Any]) -> None:
    made = Config(**given)
    assert made == Config(**meant)
    assert from_toml(to_toml(made), Config(), "x.toml") == made or made.env.id is Room


UNCLEAR = [
    ({"budget": "steps"}, "budget must be Steps(num=…) or Episodes(num=…), got 'steps'"),
    ({"budget": Episodes}, "budget must be Steps(num=…) or Episodes(num=…)"),
    ({"sync": 100}, "sync must be Hard(), Polyak() or a part of your own, got 100"),
    ({"rule": "dobule"}, "rule must be Greedy(), Double(), Munchausen() or a part of your own, got 'dobule'"),
    ({"epsilon": 1.5}, "epsilon.value must be in [0, 1], got 1.5"),
    ({"budget": 0}, "a number of steps must be a whole number of at least 1, got 0"),
    ({"stop_when_solved": "no"}, "stop_when_solved must be true or false, got 'no'"),
    ({"stop_when_solved": 1}, "stop_when_solved must be true or false, got 1"),
    ({"which": 1}, "unexpected keyword argument 'which'"),
]


@pytest.mark.parametrize(("given", "words"), UNCLEAR, ids=str)
def test_a_plain_value_that_could_mean_several_things_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises((ConfigError, TypeError)) as caught:
        Config(**given)
    assert words in str(caught.value)


# ── Environments ─────────────────────────────────────────────────────────────────────────────────


def test_an_environment_that_exists_already_is_refused_with_what_to_give_instead() -> None:
    with pytest.raises(ConfigError, match=r"already exists.*pass the class Room, or a function that makes one"):
        Env(id=Room())  # type: ignore[arg-type]
    made = gym.make("CartPole-v1")
    for give in (lambda: Env(id=made), lambda: Config(env=made)):
        with pytest.raises(ConfigError, match=r"env(\.id)? is an environment that already exists.*pass 'CartPole-v1'"):
            give()
    made.close()


def test_an_environment_goes_by_the_function_inside() -> None:
    class Maker:
        def __call__(self) -> None: ...

        def build(self) -> None: ...

    def corridor(length: int) -> None: ...

    inside = [(partial(corridor, 3), "corridor"), (partial(partial(corridor, 3)), "corridor")]
    inside += [(partial(Room), "Room"), (Maker(), "Maker"), (partial(Maker()), "Maker"), (Maker().build, "build")]
    assert [(Env(id=each).label, label(each), as_dict(Config(env=each))["env"]["id"]) for each, _ in inside] == [
        (name, name, name) for _, name in inside
    ]


# ── What an environment is called with ───────────────────────────────────────────────────────────

KEPT: list[Any] = [
    math.inf,
    -math.inf,
    -0.0,
    1e-320,
    10**299,
    -(2**70),
    None,
    "",
    "none",
    "é\n\x00",
    [],
    {},
    (),
    (1, 2),
    [(1, "a"), {"b": (None, math.inf)}],
    {"a b": {"": [1.0, 1]}},
    True,
]


@pytest.mark.parametrize("value", KEPT, ids=repr)
def test_an_argument_is_stored_exactly(value: Any) -> None:
    config = Config(env=Env(kwargs={"x": value}))
    again = from_toml(to_toml(config), Config(), "x.toml").env.kwargs["x"]
    assert (again, repr(again), type(again)) == (value, repr(value), type(value))


def test_an_argument_that_is_not_a_number_is_stored_too() -> None:
    text = to_toml(Config(env=Env(kwargs={"x": math.nan})))
    assert math.isnan(from_toml(text, Config(), "x.toml").env.kwargs["x"])
    assert as_dict(Config(env=Env(kwargs={"x": math.nan})))["env"]["kwargs"] == '{"x": NaN}'


def test_numbers_of_numpy_become_plain_arguments() -> None:
    kwargs = Env(kwargs={"a": np.int64(3), "b": [np.float32(0.1)], "c": np.bool_(True), "d": np.str_("x")}).kwargs
    assert repr(kwargs) == f"{{'a': 3, 'b': [{float(np.float32(0.1))!r}], 'c': True, 'd': 'x'}}"


LOST: list[Any] = [{1, 2}, b"x", object(), Path("x"), np.zeros(2), Room, len, 1j, {1: 2}, 10**301, "\ud800"]
LOST += [{"!tuple": [1]}, range(3), iter(())]


@pytest.mark.parametrize("value", LOST, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("around", [lambda x: x, lambda x: [x], lambda x: {"y": (x,)}], ids=["plain", "list", "table"])
def test_an_argument_that_no_file_can_hold_is_refused(value: Any, around: Any) -> None:
    with pytest.raises(ConfigError, match=r"env\.kwargs\.x"):
        Env(kwargs={"x": around(value)})


def test_changing_the_arguments_afterwards_changes_no_configuration() -> None:
    kwargs = {"sizes": [1]}
    env = Env(kwargs=kwargs)
    kwargs["sizes"].append(2)
    assert env.kwargs == {"sizes": [1]}


# ── Functions ────────────────────────────────────────────────────────────────────────────────────


def test_the_arguments_of_a_function_behind_a_door_are_converted_and_checked() -> None:
    @door
    def play(name: str | Path, *, count: int = 1, names: tuple[str, ...] = (), more: Any = None) -> Any:
        return name, count, names, more

    assert play("a", count=np.int8(2), names="x", more=object) == ("a", 2, ("x",), object)  # type: ignore[arg-type]
    for call, words in (
        (lambda: play(3), "name must be a text or a path, got 3"),
        (lambda: play("a", count="b"), "count must be a whole number, got 'b'"),
        (lambda: play("a", count=True), "count must be a whole number, got True"),
        (lambda: play("a", names=[1]), "names must be a list of texts, got [1]"),
    ):
        with pytest.raises(ConfigError) as caught:
            call()
        assert str(caught.value) == words


def test_a_value_whose_own_name_raises_is_refused_all_the_same() -> None:
    class Rude:
        def __repr__(self) -> str:
            raise RuntimeError

    with pytest.raises(ConfigError, match="n must be a whole number, got an object of Rude"):
        typed(int, Rude(), "n")
