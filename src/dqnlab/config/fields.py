"""What the configuration classes look like from outside: their fields, types, words and choices.

The command line, the TOML files and the presets all read this; nobody keeps a second list of settings.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from functools import cache
from numbers import Integral, Real
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ..errors import ConfigError, either
from .config import Config, Env
from .custom import find, module_of
from .typed import label


@cache
def hints(cls: type) -> dict[str, Any]:
    """Name and evaluated type of each field of a configuration class, in order."""
    evaluated = get_type_hints(cls)
    return {each.name: evaluated[each.name] for each in fields(cls)}


@cache
def docs(cls: type) -> dict[str, str]:
    """The line that follows each field in the source; empty where the source cannot be read."""
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    except (OSError, TypeError, SyntaxError):  # frozen, or typed at a prompt: the settings work, unexplained
        return {}
    found: dict[str, str] = {}
    name: str | None = None
    for node in body.body if isinstance(body, ast.ClassDef) else []:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
        elif name and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found[name] = " ".join(str(node.value.value).split())
            name = None
    return found


def about(cls: type) -> str:
    """The first line of a class's docstring."""
    return (cls.__doc__ or "").strip().splitlines()[0]


@cache
def choices(field: str) -> dict[str, type]:
    """The classes that a field of Config may hold, by `kind`; empty if the field is no tagged choice."""
    hint = hints(Config).get(field)
    members: tuple[Any, ...] = get_args(hint) or (hint,)
    return {str(each.kind): each for each in members if hasattr(each, "kind")}


def choice(field: str, kind: object) -> type:
    """The class of one kind; `module:Class` is imported. Raises ConfigError for a kind that the field has not."""
    if isinstance(kind, str) and module_of(kind) is not None:
        return find(field, kind)
    kinds = choices(field)
    if not isinstance(kind, str) or kind not in kinds:
        raise ConfigError(f"unknown kind {kind!r} for {field}; {nearest(str(kind), list(kinds))}")
    return kinds[kind]


def tagged() -> list[str]:
    """The fields of Config that hold a tagged choice."""
    return [name for name in hints(Config) if choices(name)]


def maybe_absent() -> set[str]:
    """The fields of Config that some choice leaves nothing to do: a file that is complete may lack them."""
    kinds = [kind for name in tagged() for kind in choices(name).values()]
    return {name for kind in kinds for name in getattr(kind, "absent", ())}


def required(cls: type) -> list[str]:
    """The fields of a configuration class that have no default."""
    parameters = inspect.signature(cls).parameters
    return [name for name, each in parameters.items() if each.default is inspect.Parameter.empty]


def leaves(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting as dotted name and value; a tagged choice gives its kind under its own name first."""
    for each in fields(value):
        if each.name in getattr(value, "absent", ()):
            continue
        name, inner = prefix + each.name, getattr(value, each.name)
        if not is_dataclass(inner):
            yield name, inner
            continue
        if hasattr(inner, "kind"):
            yield name, inner.kind
        yield from leaves(inner, f"{name}.")


@cache
def types() -> dict[str, Any]:
    """Type of every dotted setting that any choice can bring, `epsilon.factor` as well as `epsilon.steps`."""
    found: dict[str, Any] = {}
    for name, hint in hints(Config).items():
        owners = choices(name).values() or ([hint] if is_dataclass(hint) else [])
        if not owners:
            found[name] = hint
        for owner in owners:
            found.update({f"{name}.{key}": inner for key, inner in hints(owner).items()})
    return found


def owners(name: str) -> list[str]:
    """The kinds to which a dotted setting belongs: `epsilon.factor` to geometric."""
    field, _, key = name.partition(".")
    return [kind for kind, cls in choices(field).items() if key in hints(cls)]


def optional(hint: Any) -> bool:
    """Whether a setting may be none."""
    return NoneType in get_args(hint)


def bare(hint: Any) -> Any:
    """The type without its none, and text where a callable could stand: what a file can say."""
    if hint == hints(Env)["id"]:
        return str
    if optional(hint):
        return next(each for each in get_args(hint) if each is not NoneType)
    if words_of(hint):
        return next(each for each in get_args(hint) if get_origin(each) is not Literal)
    return hint


def words_of(hint: Any) -> tuple[str, ...]:
    """The words that may stand for a number, as in `float | Literal["auto"]`; empty if none may."""
    literals = [each for each in get_args(hint) if get_origin(each) is Literal]
    return tuple(word for each in literals for word in get_args(each))


def plain(value: Any) -> Any:
    """The value as what any file or tracker can hold: text, numbers, lists, tables; "none" for none."""
    if value is None:
        return "none"
    if isinstance(value, bool | str):
        return value
    if isinstance(value, Real):  # numpy's numbers too
        return int(value) if isinstance(value, Integral) else float(value)
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, Sequence):
        return [plain(inner) for inner in value]
    return label(value)


def elsewhere(key: str) -> str:
    """A hint for a setting that was looked for in the wrong table: the tables that have it, or where all are listed."""
    table, _, name = key.rpartition(".")
    if key in types():
        return f"write {either(f'[{table}] and below it {name} = …', f'{{{table!r}: {{{name!r}: …}}}}')}"
    names = [name for name in types() if name.rpartition(".")[2] == key]
    return f"did you mean {' or '.join(names)}?" if names else "`dqn train --help` lists all settings"


def nearest(word: str, known: list[str]) -> str:
    """A hint for a message: the known word that is closest, else all of them if they are few."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"choose from {', '.join(known)}" if len(known) <= 24 else ""
