"""A configuration as TOML text and back.

Whatever is read here was written elsewhere: an environment id that would import code is refused unless its
module is trusted, and numbers and nesting beyond any sense are refused before anybody computes with them.

A file need not be complete: what it does not mention stays as it was. A tagged choice is a table with
its `kind`; naming another kind than before starts from that class's defaults. None is written "none".
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import is_dataclass, replace
from typing import Any

from ..errors import ConfigError
from ..trust import check_env_id, check_wrappers, modules_of
from .checks import DEEPEST, LARGEST_ARGUMENT, as_json, from_json, quoted
from .config import Config
from .custom import check_trusted_parts
from .fields import (
    about,
    choice,
    choices,
    docs,
    elsewhere,
    hints,
    nearest,
    optional,
    plain,
    required,
    types,
)
from .typed import hints_of, typed

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_DOTS = 1_000  # in a line: reading a dotted key takes time and memory by the square of its parts
_UNPRINTABLE = re.compile(
    r"[\x7f-\x9f\xad\u0600-\u0605\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)

_REPEATS = "# Every setting of a dqnlab run. `dqn train --config` on this file repeats it."
_IN_PYTHON = "# Every setting of a dqnlab run whose environment was made in Python, which a file alone cannot repeat:"
_ANOTHER = "name one for `dqn train --config` with --env module:Id, or repeat it in Python with env=."


def as_dict(config: Config) -> dict[str, Any]:
    """Plain nested values: a tagged choice with its kind, None as "none", a callable by its name."""
    return _table(config)


def _table(value: Any) -> dict[str, Any]:
    own = {"kind": value.kind} if hasattr(value, "kind") else {}
    for name in [each for each in hints(type(value)) if each not in getattr(value, "absent", ())]:
        inner = getattr(value, name)
        own[name] = _table(inner) if is_dataclass(inner) else _arguments(inner) if name == "kwargs" else plain(inner)
    return own


# ── Writing ──────────────────────────────────────────────────────────────────────────────────────


def to_toml(config: Config) -> str:
    """Every setting, explained, in the order of the classes; tables after the single values."""
    names = [name for name in hints(Config) if name not in config.absent]
    tables = [name for name in names if is_dataclass(getattr(config, name))]
    lines = [_REPEATS if not config.env.in_python else f"{_IN_PYTHON} {_ANOTHER}", ""]
    lines += _rows({name: getattr(config, name) for name in names if name not in tables}, docs(Config))
    for name in tables:
        value = getattr(config, name)
        rows = {key: getattr(value, key) for key in hints(type(value))}
        words = dict(docs(type(value)))
        if hasattr(value, "kind"):
            rows = {"kind": value.kind, **rows}
            words["kind"] = about(type(value))
        lines += ["", *_explained(f"[{name}]", docs(Config).get(name, "")), *_rows(rows, words)]
    return "\n".join(lines) + "\n"


def made_in_python(text: str) -> bool:
    """Whether a configuration, as `to_toml` wrote it, is of an environment that no file can name."""
    return text.startswith(_IN_PYTHON)


def _explained(head: str, words: str) -> list[str]:
    return [f"{head}  # {words}" if words else head]


def _rows(values: Mapping[str, Any], words: Mapping[str, str]) -> list[str]:
    rows = {name: f"{name} = {_text(name, value)}" for name, value in values.items()}
    width = max(min(len(row), 30) for row in rows.values())
    return [f"{row:<{width}}  # {words[name]}" if words.get(name) else row for name, row in rows.items()]


def _text(name: str, value: Any) -> str:
    return literal(_arguments(value) if name == "kwargs" else plain(value))


def _arguments(kwargs: Mapping[str, Any]) -> Mapping[str, Any] | str:
    """Keyword arguments as a table or, where a TOML table or a tracker could not hold them, as JSON text.

    TOML has no null (and a keyword may well be the text "none") and no tuple; JSON files hold no infinite numbers.
    """
    return as_json(kwargs) if _is_odd(kwargs) else kwargs


def _is_odd(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_is_odd(each) for each in value.values())
    if isinstance(value, list):
        return any(_is_odd(each) for each in value)
    return value is None or isinstance(value, tuple) or (isinstance(value, float) and not math.isfinite(value))


def literal(value: Any) -> str:
    """A plain value as TOML has it, on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        # What JSON leaves as it is could still steer a terminal that shows the file.
        return _UNPRINTABLE.sub(lambda each: f"\\u{ord(each[0]):04x}", json.dumps(value, ensure_ascii=False))
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    rows = [f"{key if _BARE_KEY.fullmatch(key) else literal(key)} = {literal(each)}" for key, each in value.items()]
    return f"{{ {', '.join(rows)} }}" if rows else "{}"


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────


def from_toml(text: str, base: Config, source: str, trusted: Collection[str] = ()) -> Config:
    """`base` with what the text sets; `source` names the text in messages. Raises as `override` does."""
    return override(base, parse(text, source), source, trusted)


def parse(text: str, source: str) -> dict[str, Any]:
    """The tables of a TOML text. Raises ConfigError."""
    if any(line.count(".") > _DOTS for line in text.splitlines()):
        raise ConfigError(f"{source}: a line has more than {_DOTS:,} dots: no setting is nested that deeply")
    try:
        data = tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, or a number with thousands of digits
        raise ConfigError(f"{source} is not valid TOML: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{source} is not valid TOML: it is nested too deeply") from error
    _check_bounds(data, source)
    return data


def _check_bounds(data: object, source: str) -> None:
    """Raises ConfigError for whole numbers that no float can hold and for tables nested very deeply."""
    layer = [data]
    for _ in range(DEEPEST):
        layer = [inner for each in layer for inner in _inside(each)]
        if any(isinstance(each, int) and abs(each) > LARGEST_ARGUMENT for each in layer):
            raise ConfigError(f"{source}: a whole number has more than 300 digits: no setting is that large")
    if layer:
        raise ConfigError(
            f"{source}: more than {DEEPEST} tables or lists inside each other: no setting is nested that deeply"
        )


def _inside(value: object) -> list[object]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def without_foreign_env(data: Mapping[str, Any], trusted: Collection[str]) -> Mapping[str, Any]:
    """The tables for a caller who names another environment: one that needs a module nobody trusts is left out.

    So it is never imported, and its arguments and wrappers go to no other environment.
    """
    env = data.get("env")
    if not isinstance(env, Mapping) or set(modules_of(env.get("id"), env.get("wrappers"))) <= set(trusted):
        return data
    return {**data, "env": {name: value for name, value in env.items() if name not in ("id", "kwargs", "wrappers")}}


def override(base: Config, data: Mapping[str, Any], source: str = "", trusted: Collection[str] = ()) -> Config:
    """`base` with the settings of a nested table, checked together at the end.

    Args:
        source: where the table is from, which messages then begin with.
        trusted: modules that the table's environment, wrappers and parts may import; what the caller himself has named.

    Raises:
        ConfigError: a setting cannot work, or the environment, a wrapper or a part would import another module.
    """
    env = data.get("env")
    if isinstance(env, Mapping):
        check_env_id(env.get("id"), trusted, source)
        check_wrappers(env.get("wrappers"), trusted, source)
    check_trusted_parts(data, trusted, source)
    try:
        return _override(base, data, "")
    except ConfigError as error:
        if not source:
            raise
        raise ConfigError(f"{source}: {error}") from error


def _override(base: Any, data: Mapping[str, Any], prefix: str) -> Any:
    known = hints(type(base))
    changes = {}
    for key, value in data.items():
        if key not in known:
            dotted = not prefix and "." in key
            hint = "" if dotted and key in types() else nearest(key, list(types() if dotted else known))
            hint = hint or elsewhere(key)
            raise ConfigError(f"unknown key {prefix + key!r}" + (f"; {hint}" if hint else ""))
        current = getattr(base, key)
        if is_dataclass(current):
            changes[key] = _choose(key, current, value)
        else:
            changes[key] = _typed(type(base), key, value, prefix + key)
    return replace(base, **changes)


def _choose(key: str, current: Any, data: Any) -> Any:
    """The table's own object: of the kind it names, or what was there with some settings changed."""
    kinds = choices(key)
    if not isinstance(data, Mapping):
        example = f'[{key}] with kind = "{next(iter(kinds))}"' if kinds else f"[{key}]"
        raise ConfigError(f"{key} must be a table, {example}, got {quoted(data)}")
    if not kinds:
        return _override(current, data, f"{key}.")
    rest = {name: value for name, value in data.items() if name != "kind"}
    kind = data.get("kind", current.kind)
    cls = choice(key, kind)
    for name in rest:
        if name not in hints(cls):
            raise ConfigError(_stray(key, name, cls))
    if kind == current.kind:
        return _override(current, rest, f"{key}.")
    missing = [name for name in required(cls) if name not in rest]
    if missing:
        raise ConfigError(f"{key}.{missing[0]} is missing: kind {kind!r} needs it")
    return cls(**{name: _typed(cls, name, value, f"{key}.{name}") for name, value in rest.items()})


def _stray(field: str, name: str, cls: Any) -> str:
    """The message for a setting that this kind has not."""
    kind = cls.kind
    others = [other for other, each in choices(field).items() if name in hints(each)]
    if others:
        return f"{field}.{name} belongs to kind {others[0]!r}, and {field} is {kind!r} here"
    known = list(hints(cls))
    hint = nearest(name, known) if known else f"kind {kind!r} has no settings"
    return f"unknown key {f'{field}.{name}'!r}; {hint}"


def _typed(cls: type, name: str, value: Any, key: str) -> Any:
    """The value as the field of a class of settings wants it. Raises ConfigError, which calls it by its key."""
    hint = hints(cls)[name]
    if key == "env.kwargs" and isinstance(value, str):
        value = _from_text(value, key)
    if optional(hint) and value == "none":
        value = None
    return typed(hints_of(cls)[name], value, key)


def _from_text(text: str, key: str) -> Any:
    """What a JSON text says, in which a table may hold null. Raises ConfigError."""
    try:
        value = from_json(text)
    except ValueError as error:
        raise ConfigError(f"{key} is not valid JSON: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{key} is not valid JSON: it is nested too deeply") from error
    _check_bounds(value, key)
    return value
