"""A command line read once, from left to right: each word is a flag with its values, a choice of kind, or bare."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..config.checks import quoted
from ..config.custom import MAKES, module_of
from ..config.fields import bare, choice, choices, nearest, tagged
from ..config.typed import wanted
from ..errors import ConfigError
from .aliases import CHOOSING, FLAGS, SWITCHES
from .flags import AS_FLAGS, AS_NAMES, Flag, Naming, Untyped, flags_in, flags_of, takes_settings, value_of

_VERSIONED = re.compile(r".*-v\d+", re.DOTALL)  # as an environment's id is
_NEGATIVE = re.compile(r"-(\.?\d|inf|nan)")
_SWITCHED = {"true": True, "on": True, "false": False, "off": False}
_HELP = {"--help", "-h"}
_ALONE = {*_HELP, "--debug"}  # which take no value, with any command


@dataclass
class Given:
    """What the words say."""

    bare: list[str] = field(default_factory=list)
    own: dict[str, Any] = field(default_factory=dict)
    """values of the command's fields"""
    settings: dict[str, Any] = field(default_factory=dict)
    """settings and choices of kind as a file has them: {"gamma": 0.9, "epsilon": {"kind": "constant", "value": 0.1}}"""
    has_parts: bool = False
    """whether parts of one's own may come with the words or the file, whose flags only they know"""
    help: bool = False
    """whether the help text is asked for; then all this goes as far as the first mistake"""
    naming: Naming = AS_FLAGS
    """how the words name settings"""


def read_words(kind: type, words: Sequence[str], naming: Naming = AS_FLAGS) -> Given:
    """What the words say to the command of this dataclass. Raises ConfigError."""
    end = words.index("--") if "--" in words else len(words)  # whatever follows is no flag
    rest = list(words[:end])
    given = Given(help=not _HELP.isdisjoint(rest), has_parts=any(map(_brings_parts, rest)), naming=naming)
    try:
        while rest:
            _read(kind, given, rest.pop(0), rest)
    except ConfigError:
        if not given.help:
            raise
    given.bare += words[end + 1 :]
    return given


def read_names(kind: type, words: Sequence[str]) -> Given:
    """The same of words that name settings without dashes, as `n=3 torso:gru double`. Raises ConfigError."""
    given = Given(has_parts=any(map(_brings_parts, words)), naming=AS_NAMES)
    for word in words:
        name = word.partition("=")[0]
        if not name or {name, f"--{name}"} & _ALONE or (":" in name and not _choose(given, word)):
            given.bare.append(word)
        elif ":" not in name:
            _read_flag(kind, given, word, [])
    return given


def _read(kind: type, given: Given, word: str, rest: list[str]) -> None:
    """One word, with the values that it takes from the rest."""
    if word in _HELP:
        return
    if is_flag(word):
        _read_flag(kind, given, word, rest)
    elif not takes_settings(kind) or not _choose(given, word):
        given.bare.append(word)


def _brings_parts(word: str) -> bool:
    """Whether the word is a file of settings or a part of one's own."""
    return word.startswith("--config") or (word.count(":") > 0 and not _VERSIONED.fullmatch(word))


def is_flag(word: str) -> bool:
    """Whether a word names a flag, and is no negative number."""
    return word.startswith("-") and not _NEGATIVE.match(word)


def _choose(given: Given, word: str) -> bool:
    """Whether the word is a choice such as `head:scalar`, which is then made. Raises ConfigError.

    `head:Mine-v0`, with a version, is an environment of the module `head`.
    """
    name, colon, kind = word.partition(":")
    name = name.replace("-", "_")
    if not colon or _VERSIONED.fullmatch(word):
        return False
    if name not in tagged():
        if name.lower() in tagged() or any(kind in choices(each) for each in tagged()):
            raise ConfigError(f"unknown choice {word!r}; {nearest(name.lower(), tagged())}")
        return False
    choice(name, kind)
    table = given.settings.setdefault(name, {})
    if "kind" in table:
        raise ConfigError(f"{name} is chosen twice: {name}:{table['kind']} and {name}:{kind}")
    table["kind"] = kind
    return True


# ── Flags ────────────────────────────────────────────────────────────────────────────────────────


def _read_flag(kind: type, given: Given, word: str, rest: list[str]) -> None:
    """A flag by any of its names, with its values."""
    shown, equals, inline = word.partition("=")
    name = shown.removeprefix("--").replace("-", "_")
    if shown in _ALONE:
        raise ConfigError(f"{shown} takes no value, got {inline!r}")
    if takes_settings(kind):
        value = inline if equals else rest[0] if rest else ""
        if name in tagged() and (value in choices(name) or (module_of(value) and not _VERSIONED.fullmatch(value))):
            _choose(given, f"{name}:{value}")
            del rest[: 0 if equals else 1]
            return
        if name in SWITCHES:
            if equals:
                raise ConfigError(f"{shown} takes no value, got {inline!r}")
            _read(kind, given, SWITCHES[name], [])
            return
        if name in CHOOSING:
            choosing, name = CHOOSING[name]
            _choose(given, choosing)
        name = FLAGS.get(name, name)
        if name in tagged():
            choice(name, value)
    place, _, key = name.partition(".")
    if given.has_parts and takes_settings(kind) and place in MAKES and key and name not in flags_of(kind):
        given.settings.setdefault(place, {})[key] = Untyped(
            shown, tuple([inline] if equals else _taken(rest)), given.naming
        )
        return
    flag, value = _find(kind, name, shown, given.naming)
    if flag.hint is not bool:
        value = value_of(flag, [inline] if equals else _texts(flag, rest, given.naming), given.naming)
    elif equals:
        value = value == _is_on(flag, shown, inline, given.naming)
    _store(given, flag, value)


def _is_on(flag: Flag, shown: str, text: str, naming: Naming) -> bool:
    """What a switch is set to by `=true` or `=off`, as files and tables have it. Raises ConfigError."""
    if not flag.is_setting:
        raise ConfigError(f"{shown} takes no value, got {text!r}")
    if (on := _SWITCHED.get(text.lower())) is None:
        off = naming.of(f"no_{flag.name}")
        raise ConfigError(f"{shown} is given by itself, or as {off}, or set to true or false, got {text!r}")
    return on


def _find(kind: type, name: str, shown: str, naming: Naming) -> tuple[Flag, bool]:
    """The flag of that name, and whether a switch is set by it: not by `--no-explain`. Raises ConfigError."""
    flags = flags_of(kind)
    if name in flags:
        return flags[name], True
    opposite = flags.get(name.removeprefix("no_"))
    if opposite and opposite.hint is bool and opposite.is_setting:
        return opposite, False
    bare = next((flag.shown for flag in flags_in(kind, is_setting=False) if flag.is_bare and flag.name == name), None)
    if bare:
        raise ConfigError(f"unknown {naming.what} {shown}: {bare} is given by itself, without a flag")
    known = [*flags, *(each for each, setting in FLAGS.items() if setting in flags)]
    close = [each for each in flags if each.endswith(f".{name}")] or get_close_matches(name, known, 2, 0.7)
    raise _unknown(shown, close, naming)


def _unknown(shown: str, close: Sequence[str], naming: Naming) -> ConfigError:
    hint = f". Perhaps you meant {' or '.join(map(naming.of, close))}?" if close else f": {naming.listed}"
    return ConfigError(f"unknown {naming.what} {shown}{hint}")


def _missing(flag: Flag, naming: Naming, word: str = "") -> ConfigError:
    """What to say of a flag without a value; the word that follows it may have been meant as one."""
    may_be_meant = word and not word.startswith("--") and word not in _ALONE and bare(flag.item) in (str, Path)
    shown = flag.shown_as(naming)
    how = f"; a value that begins with a dash is written {shown}={shlex.quote(word)}" if may_be_meant else ""
    got = quoted(word) if may_be_meant else "''"
    return ConfigError(f"Missing value: {shown} must be {wanted(flag.item)}, got {got}{how}")


def _taken(rest: list[str]) -> list[str]:
    """The values that follow a flag of which nobody knows how many it takes: none, one, or several whole numbers."""
    texts = [rest.pop(0)] if rest and not is_flag(rest[0]) else []
    while texts and rest and rest[0].isdecimal():
        texts.append(rest.pop(0))
    return texts


def own_flag(kind: type, cls: type, name: str, given: Untyped) -> Any:
    """The value of a flag of a part of one's own, whose class is known by now. Raises ConfigError."""
    place, _, key = name.partition(".")
    flags = {each.field: each for each in flags_in(cls, f"{place}.", is_setting=True)}
    if key not in flags:
        known = [*(flag.name for flag in flags.values()), *flags_of(kind)]
        raise _unknown(given.shown, get_close_matches(name, known, 2, 0.7), given.naming)
    flag = flags[key]
    if flag.hint is bool and not given.texts:
        return True
    if not given.texts:
        raise _missing(flag, given.naming)
    return value_of(flag, given.texts, given.naming)


def _texts(flag: Flag, rest: list[str], naming: Naming) -> list[str]:
    """A flag's values, taken from the rest: one, or all the whole numbers of a setting that is a list of them."""
    if not rest or is_flag(rest[0]):
        raise _missing(flag, naming, *rest[:1])
    texts = [rest.pop(0)]
    while flag.is_list and flag.is_setting and rest and rest[0].isdecimal():
        texts.append(rest.pop(0))
    return texts


def _store(given: Given, flag: Flag, value: Any) -> None:
    """Of several values the last one counts; a command's own list grows."""
    if flag.is_setting:
        table, _, key = flag.name.rpartition(".")
        (given.settings.setdefault(table, {}) if table else given.settings)[key] = value
        return
    table = flag.name.rpartition(".")[0]  # of a tracker, such as swanlab
    own = given.own.setdefault(table, {}) if table else given.own
    before = own.get(flag.field)
    if flag.field == "file" and before is not None:
        raise ConfigError(f"one {flag.shown}, please: got {before!r} and {value!r}")
    own[flag.field] = (*before, *value) if flag.is_list and before else value
