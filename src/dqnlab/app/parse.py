"""Reading the words of a command into its dataclass, by tyro."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import tyro

from ..config import Config, Env
from ..config.checks import as_json, from_json, quoted
from ..config.fields import bare, choices, hints, optional, tagged, words_of
from ..config.presets import full_id
from ..errors import ConfigError
from .aliases import table
from .arguments import Doctor, Train
from .scan import base, parse_whole, scan

Args = TypeVar("Args")
Settings = TypeVar("Settings", Train, Doctor)


def parse_args(kind: type[Args], command: str, words: Sequence[str]) -> Args:
    """The command's arguments; SystemExit after a message or the help text."""
    return tyro.cli(kind, prog=f"dqn {command}", args=list(words), registry=_registry())


def parse_train(words: Sequence[str]) -> tuple[Train, str]:
    """Arguments of `dqn train` with all layers resolved, and a line to say, or none. Raises ConfigError."""
    found = scan(words)
    config, remark = base(found)
    return _parse(Train(config=config, env=found.env), found.words), remark


def parse_doctor(words: Sequence[str]) -> Doctor:
    """Arguments of `dqn doctor`, whose settings are those of `dqn train`. Raises ConfigError."""
    found = scan(words, steps="flag")
    config, _ = base(found)
    return _parse(Doctor(config=config, env=found.env), found.words)


def _parse(default: Settings, words: Sequence[str]) -> Settings:
    """A command that takes all settings: the flags replace the defaults."""
    return tyro.cli(
        type(default),
        prog=f"dqn {type(default).__name__.lower()}",
        description=_settings_help(type(default), default.config),
        args=list(words),
        default=default,
        registry=_registry(),
        config=(tyro.conf.AvoidSubcommands,),
    )


def _settings_help(kind: type, config: Config) -> str:
    rows = [f"  {name}:{'|'.join(choices(name))}" for name in tagged() if len(choices(name)) > 1]
    words = (
        f"{kind.__doc__} Settings come from the preset, then the file, then "
        "the flags, in any order. Some are a choice of kind, written FIELD:KIND, and bring flags of their own:"
    )
    names = "Short names, and those of other libraries, are understood too:"
    return "\n".join([words, *rows, "", names, *table(config)])  # tyro takes lines without one between for a paragraph


# ── How single words become values ───────────────────────────────────────────────────────────────


def _registry() -> tyro.constructors.ConstructorRegistry:
    """The types that tyro does not read as we mean them: JSON tables, 2e5 for a whole number, none."""
    registry = tyro.constructors.ConstructorRegistry()
    registry.primitive_rule(_rule)
    return registry


def _rule(info: tyro.constructors.PrimitiveTypeInfo) -> tyro.constructors.PrimitiveConstructorSpec[Any] | None:
    if info.type == hints(Env)["kwargs"]:
        return _spec("JSON", _table, as_json)
    if info.type == hints(Env)["id"]:
        return _spec("ID", full_id, str)
    readers: dict[Any, Any] = {int: _whole, float: _number, Path: _path}
    words = words_of(info.type)
    wants = bare(info.type) if optional(info.type) or words else info.type
    if wants not in readers:
        return None
    read = readers[wants]
    metavar = wants.__name__.upper()
    if words:
        return _spec("|".join([metavar, *words]), lambda text: text if text in words else read(text), str)
    if not optional(info.type) or wants is Path:
        return _spec(metavar, read, str)
    return _spec(f"{metavar}|none", lambda text: None if text.lower() == "none" else read(text), _or_none)


def _spec(metavar: str, read: Any, write: Any) -> tyro.constructors.PrimitiveConstructorSpec[Any]:
    return tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=lambda words: read(words[0]),
        is_instance=lambda value: True,
        str_from_instance=lambda value: [write(value)],
    )


def _whole(text: str) -> int:
    try:
        return parse_whole(text, "the value")
    except ConfigError as error:
        raise ValueError(str(error)) from error  # tyro adds the flag's name to a ValueError


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"the value must be a number, got {text!r}") from error


def _path(text: str) -> Path:
    if not text:
        raise ValueError("the name of a file or folder is wanted, got ''")
    return Path(text).expanduser()  # a shell does that, but not in --out=~/mine


def _or_none(value: object) -> str:
    return "none" if value is None else str(value)


def _table(text: str) -> dict[str, Any]:
    try:
        value = from_json(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'a JSON object such as {{"name": 1}} is wanted, got {quoted(text)}: {error}') from error
    if not isinstance(value, dict):
        raise ValueError(f'a JSON object such as {{"name": 1}} is wanted, got {quoted(text)}')
    return value
