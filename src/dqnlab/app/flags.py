"""What a command understands: a table of flags, read from its dataclass and from the settings; what texts mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from ..config import Config
from ..config.checks import from_json, quoted
from ..config.fields import bare, docs, hints, optional, words_of
from ..config.typed import hints_of, typed, wanted
from ..errors import ConfigError
from ..lab.arms import ComparisonRequest
from ..lab.overrides import Changes
from .arguments import COMMON

_MADE = (Config, ComparisonRequest, Changes)  # of the words by the command itself: their fields are no flags


def dashed(name: str) -> str:
    """A setting's flag: --env.num-envs."""
    return f"--{name.replace('_', '-')}"


@dataclass(frozen=True)
class Naming:
    """How words name what they set, so that a message names it as whoever wrote them does."""

    of: Callable[[str], str]
    what: str
    """what such a name is called"""
    listed: str
    """what to say of where all are listed"""


AS_FLAGS = Naming(dashed, "flag", "--help lists them all")
AS_NAMES = Naming(str, "setting", "`dqn train --help` lists them all")
"""env.num_envs, as a file and Python have it"""


@dataclass(frozen=True)
class Flag:
    """What may be typed for a setting, which is a field of a class of them, or for a field of a command."""

    name: str
    """with dots and underscores: env.num_envs"""
    owner: type
    field: str
    hint: Any
    """the type of its value; of a command's field without the none that it is if nothing is typed"""
    default: Any
    """of the field; MISSING if it has none"""
    is_setting: bool
    is_bare: bool
    """whether the value stands by itself, as that of a command's first field does"""

    @property
    def says(self) -> str:
        """What it means."""
        return docs(self.owner).get(self.field) or ("" if self.is_setting else COMMON.get(self.field, ""))

    @property
    def is_list(self) -> bool:
        """Whether it has several values: a setting's all follow at once, any other is repeated."""
        return get_origin(self.hint) is tuple

    @property
    def item(self) -> Any:
        """The type of one value."""
        return get_args(self.hint)[0] if self.is_list else self.hint

    @property
    def shown(self) -> str:
        """The flag as it is typed, --env.num-envs, or the name of a bare argument, RUN."""
        return self.shown_as(AS_FLAGS)

    def shown_as(self, naming: Naming) -> str:
        """The same, as words name it."""
        return self.metavar if self.is_bare else naming.of(self.name)

    @property
    def metavar(self) -> str:
        """What a value is called; empty for a switch."""
        if self.hint is bool:
            return ""
        if get_origin(self.item) is Literal:
            return "|".join(get_args(self.item))
        text = self.field.rpartition("_")[2].upper()
        word = {int: "INT", float: "FLOAT", Path: "PATH", str: text}.get(bare(self.item), "JSON")
        return "|".join([word, *words_of(self.item), *(["none"] if optional(self.item) else [])])


@dataclass(frozen=True)
class Untyped:
    """The texts of a flag that belongs to a part of one's own, of which nobody has looked yet what they stand for."""

    shown: str
    texts: tuple[str, ...]
    naming: Naming


def flags_in(owner: type, prefix: str = "", *, is_setting: bool) -> list[Flag]:
    """One for each field that is no class of settings itself."""
    found = list[Flag]()
    for each in fields(owner):
        hint = hints(owner)[each.name]
        if not is_setting and is_dataclass(hint) and hint not in _MADE:
            found += flags_in(hint, f"{each.name}.", is_setting=False)
        if not any(is_dataclass(one) for one in get_args(hint) or (hint,)):
            name = "config" if each.name == "file" else prefix + each.name  # the file that becomes part of `config`
            hint = hint if is_setting or not optional(hint) else bare(hint)
            found.append(
                Flag(name, owner, each.name, hint, each.default, is_setting, not (is_setting or prefix or found))
            )
    return found


@cache
def flags_of(kind: type) -> dict[str, Flag]:
    """Every flag that a command understands, by name; those of every kind of a choice among them."""
    found = flags_in(Config, is_setting=True) if takes_settings(kind) else []
    for name, hint in hints(Config).items() if found else ():
        for owner in get_args(hint) or (hint,):
            found += flags_in(owner, f"{name}.", is_setting=True) if is_dataclass(owner) else []
    return {flag.name: flag for flag in [*found, *flags_in(kind, is_setting=False)] if not flag.is_bare}


def takes_settings(kind: type) -> bool:
    """Whether every setting is a flag of the command."""
    return not {"config", "request"}.isdisjoint(hints(kind))


# ── Texts ────────────────────────────────────────────────────────────────────────────────────────


def value_of(flag: Flag, texts: Sequence[str], naming: Naming = AS_FLAGS) -> Any:
    """What the texts stand for. Raises ConfigError."""
    shown = flag.shown_as(naming)
    if flag.is_list and flag.is_setting:
        texts = [part.strip() for text in texts for part in text.split(",")]
        if flag.item is str and texts == [""]:
            texts = []  # `--env.keys ""`
    values = [_one(flag.item, text, shown) for text in texts]
    value = values if flag.is_list else values[0]
    return value if flag.is_setting else typed(hints_of(flag.owner)[flag.field], value, shown)


def _one(hint: Any, text: str, name: str) -> Any:
    if optional(hint) and text.lower() == "none":
        return None
    if text in words_of(hint):
        return text
    if get_origin(hint) is Literal and text not in get_args(hint):
        raise ConfigError(f"{name} must be one of {', '.join(map(repr, get_args(hint)))}, got {quoted(text)}")
    if hint is Path and not text:
        raise ConfigError(f"{name} must be the name of a file or folder, got ''")
    if get_origin(hint) is Mapping:
        return _table(text, name)
    readers = {int: _whole, float: float, Path: lambda text: Path(text).expanduser()}  # no shell does --out=~/mine
    try:
        return readers.get(bare(hint), str)(text)
    except ValueError as error:
        raise ConfigError(f"{name} must be {wanted(hint)}, got {quoted(text)}") from error


def _whole(text: str) -> int:
    """200000, 200_000 or 2e5. Raises ValueError."""
    try:
        return int(text)
    except ValueError:
        number = float(text)
    if not number.is_integer():
        raise ValueError(text)
    return int(number)


def _table(text: str, name: str) -> dict[str, Any]:
    """Names and values as JSON."""
    try:
        value, fault = from_json(text), ""
    except (ValueError, RecursionError) as error:
        value, fault = None, f": {error}"
    if not isinstance(value, dict):
        raise ConfigError(f'{name} must be a JSON object such as {{"name": 1}}, got {quoted(text)}{fault}')
    return value
