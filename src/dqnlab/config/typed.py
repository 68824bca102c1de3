"""Values checked against annotations: the fields of the configuration classes and the arguments of public functions.

A value of the annotated type is taken; one of another library (numpy's numbers, a list for a tuple) is converted;
one plain value that can only mean one thing becomes that thing (`Config(rule="double", epsilon=0.1)`); anything
else is a ConfigError that names the field.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from functools import cache, partial, partialmethod, wraps
from math import isfinite
from numbers import Integral
from os import fspath
from pathlib import Path
from types import NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from ..errors import ConfigError
from .checks import Between, Says, Whole, as_float, quoted, scalar

P = ParamSpec("P")
R = TypeVar("R")

_NO = object()  # the value does not fit


# ── Doors ────────────────────────────────────────────────────────────────────────────────────────


def check_fields(value: Any, prefix: str = "", **names: str) -> None:
    """Converts and checks every field of a frozen dataclass that has just been made.

    Args:
        prefix: what stands before a field's name in messages.
        names: what a field is called in messages, where that is something else.

    Raises:
        ConfigError: a field holds something else than its annotation says.
    """
    for name, hint in hints_of(type(value)).items():
        object.__setattr__(value, name, typed(hint, getattr(value, name), names.get(name, prefix + name)))


def door(function: Callable[P, R]) -> Callable[P, R]:
    """A decorator for a public function: its arguments are converted and checked by their annotations.

    Raises:
        ConfigError: when the function is called, before it does anything.
    """
    signature = inspect.signature(function)

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        if "settings" in signature.parameters and (
            wrong := next((n for n in kwargs if n not in signature.parameters), "")
        ):
            known = [name for name in signature.parameters if name != "settings"]
            close = get_close_matches(wrong, known, n=1, cutoff=0.6)
            meant = f"did you mean {close[0]}?" if close else f"settings of runs are given as settings={{{wrong!r}: …}}"
            raise ConfigError(f"unknown argument {wrong!r}: {meant}")
        try:
            call = signature.bind(*args, **kwargs)
        except TypeError as e:
            raise TypeError(f"{function.__name__}(): {e}{_meant_by(kwargs, function.__name__, signature)}") from None
        for name, value in call.arguments.items():
            parameter = signature.parameters[name]
            if name != "self" and value is not parameter.default:
                call.arguments[name] = typed(_hint(function, parameter.annotation), value, name)
        return function(*call.args, **call.kwargs)

    return checked


def _meant_by(kwargs: Mapping[str, Any], called: str, signature: inspect.Signature) -> str:
    """For a message: what the first argument was meant to be that a function does not take; empty if it takes all."""
    known = list(signature.parameters)
    unknown = next((name for name in kwargs if name not in known), None)
    if unknown is None:
        return ""
    if unknown in ("steps", "episodes") and "budget" in known:
        return f"; did you mean budget={unknown.capitalize()}(num=…)?"
    if called.startswith("resume"):
        return "; a run is resumed with the settings that it had: for others, as in dqnlab.branch(run, gamma=0.9)"
    if close := get_close_matches(unknown, known, n=1, cutoff=0.8):
        return f"; did you mean {close[0]}?"
    if "config" in known:
        return "; settings belong to its config, as in Config(budget=Steps(num=10_000))"
    return ""


def _hint(function: Callable[..., Any], annotation: object) -> Any:
    one = SimpleNamespace(__annotations__={"value": annotation})
    return get_type_hints(one, getattr(function, "__globals__", {}), include_extras=True)["value"]


@cache
def hints_of(cls: type) -> dict[str, Any]:
    """Name and evaluated annotation of each field of a dataclass, in order; ranges and all."""
    evaluated = get_type_hints(cls, include_extras=True)
    return {each.name: evaluated[each.name] for each in fields(cls)}


# ── One value ────────────────────────────────────────────────────────────────────────────────────


def typed(hint: Any, value: Any, name: str) -> Any:
    """The value as the annotation wants it. Raises ConfigError."""
    try:
        return _checked(hint, value, name)
    except ConfigError as error:
        if isinstance(value, str) and (meant := _meant_by_text(hint, value)):
            raise ConfigError(f"{error}{meant}") from error
        raise


def _checked(hint: Any, value: Any, name: str) -> Any:
    found = _fit(hint, value)
    fits = found is not _NO
    limits = limits_in(hint) if fits or len(_members(hint)) == 1 else []  # a range does not say what else is taken
    for limit in limits:
        if found is not None and not isinstance(found, str):  # a word that stands for a number has no range
            limit.check(name, found if fits else value)
    if fits:
        return found
    if is_environment(value) and _takes_environment(hint):
        raise ConfigError(_made_already(value, name))
    raise ConfigError(f"{name} must be {wanted(hint)}, got {quoted(value)}")


def _meant_by_text(hint: Any, text: str) -> str:
    """For a message: what a text that is refused was meant to be, a number or a choice; empty if nobody can tell."""
    number = _number_in(text)
    fitting = _NO if number is None else _fit(hint, number)
    if fitting is not _NO and not isinstance(fitting, tuple):
        return ": write it without quotes"
    words = [each.kind for each in _members(hint) if isinstance(getattr(each, "kind", None), str)]
    words += [word for each in _members(hint) if get_origin(each) is Literal for word in get_args(each)]
    close = get_close_matches(text, [each for each in words if isinstance(each, str)], n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def _number_in(text: str) -> int | float | None:
    """The finite number that a text holds; none if it holds none."""
    for kind in (int, float):
        with suppress(ValueError, OverflowError):
            number = kind(text)
            return number if isfinite(number) else None
    return None


def limits_in(hint: Any) -> list[Whole | Between]:
    """The ranges in an annotation, wherever they stand in it."""
    own = [each for each in getattr(hint, "__metadata__", ()) if isinstance(each, Whole | Between)]
    if own or get_origin(hint) is Annotated:
        return own
    members = get_args(hint) if get_origin(hint) in (UnionType, Union) else ()
    return [limit for each in members for limit in limits_in(each)]


def _fit(hint: Any, value: Any) -> Any:
    """The value, converted if it has to be, or _NO."""
    members = _members(hint)
    for given in (value, scalar(value)):
        if any(_is(each, given) for each in members):
            return given
    value = scalar(value)
    for each in members:
        found = _converted(each, value)
        if found is not _NO:
            return found
    return _NO


def _members(hint: Any) -> tuple[Any, ...]:
    """The types that an annotation allows, without its ranges."""
    if get_origin(hint) is Annotated:
        return _members(get_args(hint)[0])
    if get_origin(hint) in (UnionType, Union):
        return tuple(member for each in get_args(hint) for member in _members(each))
    return (hint,)


def _is(hint: Any, value: Any) -> bool:
    """Whether this is a value of exactly the type, to be taken as it is."""
    origin = get_origin(hint)
    if hint is Any:
        return True
    if origin is Literal:
        return any(type(value) is type(each) and value == each for each in get_args(hint))
    if origin is Callable or hint is Callable:
        return callable(value) and not is_environment(value)
    if hint in (int, float, str, bool, NoneType):
        return type(value) is hint
    if getattr(hint, "_is_protocol", False):
        return all(hasattr(value, each) for each in vars(hint) if callable(vars(hint)[each]) and _own(each))
    return origin is None and isinstance(hint, type) and isinstance(value, hint)


def _own(name: str) -> bool:
    """Whether a protocol asks for this member itself."""
    return name == "__call__" or not name.startswith("_")


def _converted(hint: Any, value: Any) -> Any:
    origin = get_origin(hint)
    if hint is int:
        return _whole(value)
    if hint is float:
        number = as_float(value)
        return _NO if number != number and not isinstance(value, float) else number
    if hint is str:
        return str(value) if isinstance(value, str) else _NO
    if hint is Path:
        text = fspath(value) if isinstance(value, (str, Path)) else value
        return Path(text) if isinstance(text, str) and text else _NO
    if origin is tuple or origin in (Sequence, Collection):
        return _several(hint, value)
    if origin in (Mapping, dict):
        return value if isinstance(value, Mapping) else _NO
    if is_dataclass(hint) and isinstance(hint, type):
        return _meant(hint, value)
    return _NO


def _whole(value: Any) -> Any:
    if isinstance(value, bool):
        return _NO
    if isinstance(value, Integral) or (isinstance(value, float) and value.is_integer()):
        return int(value)  # 2e5 steps are a whole number too
    return _NO


def _several(hint: Any, value: Any) -> Any:
    """A tuple of what the annotation's items are; one item where only a tuple of one can be meant."""
    item = get_args(hint)[0]
    if isinstance(value, range) and int in _members(item):
        return value  # which may be long
    if str in _members(item) and isinstance(value, str):
        return (value,)
    if get_origin(hint) is tuple and not isinstance(value, str) and (one := _fit(item, value)) is not _NO:
        return (one,)
    unordered = get_origin(hint) is Collection and isinstance(value, Set)
    listed = isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)
    if not (unordered or listed or len(getattr(value, "shape", ())) == 1):
        return _NO
    items = tuple(_fit(item, each) for each in value)
    return _NO if any(each is _NO for each in items) else items


def _meant(cls: Any, value: Any) -> Any:
    """What one plain value must mean where an object of the class is wanted.

    The class itself or its `kind` for its defaults, a value of its setting `plain`, and false or None for its `off`.
    """
    needs = [each for each in inspect.signature(cls).parameters.values() if each.default is each.empty]
    if not needs and (value is cls or (isinstance(value, str) and value == getattr(cls, "kind", None))):
        return cls()
    if hasattr(cls, "off") and (value is None or isinstance(value, bool)):
        return cls() if value else cls(**cls.off)
    plain = getattr(cls, "plain", None)
    if plain is None or value is None or isinstance(value, bool):
        return _NO
    inner = _fit(hints_of(cls)[plain], value)
    return _NO if inner is _NO else cls(**{plain: inner})


# ── Words ────────────────────────────────────────────────────────────────────────────────────────


def wanted(hint: Any) -> str:
    """An annotation in words, for a message."""
    said = [each.wanted for each in getattr(hint, "__metadata__", ()) if isinstance(each, Says)]
    words = said or [_word(each) for each in _members(hint)]
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]


def _word(hint: Any) -> str:
    simple = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "a text",
        NoneType: "none",
        Path: "a path",
    }
    origin = get_origin(hint)
    if hint in simple:
        return simple[hint]
    if origin is Literal:
        words = get_args(hint)
        return f"one of {', '.join(map(str, words))}" if len(words) > 1 else str(words[0])
    if origin is Callable or hint is Callable:
        return "a class or a function"
    if origin in (Mapping, dict):
        return "a table of names and values"
    if origin in (tuple, Sequence, Collection):
        return f"a list of {'whole numbers' if int in _members(get_args(hint)[0]) else 'texts'}"
    if getattr(hint, "__name__", "") == "Custom":
        return "a part of your own"
    if getattr(hint, "__name__", "") == "Agent":
        return "an Agent, as dqnlab.load(run) gives it"
    if not is_dataclass(hint) or not isinstance(hint, type):
        return f"an object of {getattr(hint, '__name__', hint)}"
    needs = [each.name for each in inspect.signature(hint).parameters.values() if each.default is each.empty]
    return f"{hint.__name__}({', '.join(f'{each}=…' for each in needs)})" if len(needs) < 3 else f"a {hint.__name__}"


def label(value: object) -> str:
    """The name of something that text cannot hold: a function's or class's own, that of the function inside a partial.

    An object that is called like a function goes by its class.
    """
    while isinstance(value, (partial, partialmethod)):
        value = value.func
    return str(getattr(value, "__name__", type(value).__name__))


# ── Environments that exist already ──────────────────────────────────────────────────────────────


def is_environment(value: object) -> bool:
    """Whether this looks like an environment itself, not like what makes one."""
    methods = (getattr(value, name, None) for name in ("reset", "step"))
    return not isinstance(value, type) and all(callable(each) for each in methods)


def _takes_environment(hint: Any) -> bool:
    kinds = _members(hint)
    return any(get_origin(each) is Callable or getattr(each, "__name__", "") == "Env" for each in kinds)


def _made_already(value: Any, name: str) -> str:
    spec = getattr(value, "spec", None)
    own = type(getattr(value, "unwrapped", value)).__name__
    instead = f'{getattr(spec, "id", "")!r}, or a function such as lambda: gym.make("{getattr(spec, "id", "")}")'
    if not isinstance(getattr(spec, "id", None), str):
        instead = f"the class {own}, or a function that makes one, such as lambda: {own}()"
    return (
        f"{name} is an environment that already exists, {quoted(value)}, and training makes several copies of its "
        f"own: pass {instead}"
    )
