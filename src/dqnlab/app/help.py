"""The help text of a command: what may be typed and what it means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, is_dataclass
from typing import Any

from ..config import Config
from ..config.checks import as_json
from ..config.custom import MAKES
from ..config.fields import about, choice, choices, tagged
from ..trust import clean
from .aliases import names_in_use
from .columns import two_columns, wrapped
from .flags import Flag, dashed, flags_in

_LAYERS = (
    "Flags override the file, which overrides the preset, whatever their order. Some settings choose between kinds, "
    "written FIELD:KIND, each with flags of its own:"
)
_HELP = ("-h, --help", "show this text")
_NAMES = "Short names, and those of other libraries, are understood too:"


def help_of(kind: type, command: str) -> str:
    """The help text of a command."""
    flags = flags_in(kind, is_setting=False)
    words = [_left(flag) for flag in flags if flag.is_bare] + ["[--FLAG VALUE …]"] * (len(flags) > 1)
    lines = [*wrapped(" ".join(["usage: dqn", command, *words])), "", *wrapped(about(kind))]
    return "\n".join([*lines, "", *two_columns([*_rows(flags), _HELP])])


def help_with_settings(kind: type, command: str, config: Config, settings: Mapping[str, Any]) -> str:
    """The help text of a command that takes every setting; those of the chosen kinds are shown, with their defaults."""
    plain = [flag for flag in flags_in(Config, is_setting=True) if flag.field not in config.absent]
    groups = [("Settings:", plain, config)]
    for name, value in vars(config).items():
        if is_dataclass(value) and name not in config.absent:
            kinds = choices(name)
            cls: Any = choice(name, settings.get(name, {}).get("kind", value.kind)) if kinds else type(value)
            title = f"{name}:{cls.kind}: {about(cls)}" if kinds else f"{name}: {about(cls)}"
            groups.append((title, flags_in(cls, f"{name}.", is_setting=True), value))
    own = flags_in(kind, is_setting=False)
    named = _left(own[0])
    here = [flag.name for flags in (own, *(flags for _, flags, _ in groups)) for flag in flags]
    lines = [*wrapped(f"usage: dqn {command} {named} [FIELD:KIND …] [--FLAG VALUE …]"), ""]
    lines += wrapped(f"{about(kind)} {_LAYERS}")
    lines += two_columns((f"{name}:{'|'.join(_kinds(name))}", "") for name in tagged() if len(_kinds(name)) > 1)
    lines += ["", "Flags:", *two_columns([*_rows(own), _HELP])]
    for title, flags, value in groups:
        lines += ["", *wrapped(title), *two_columns(_rows(flags, value))]
    return "\n".join([*lines, "", *wrapped(_NAMES), *two_columns(names_in_use(here))])


def _kinds(name: str) -> list[str]:
    """What may follow the name of a choice."""
    return [*choices(name), *(["module:Class"] if name in MAKES else [])]


def _rows(flags: Iterable[Flag], value: Any = None) -> Iterator[tuple[str, str]]:
    """What is typed and what it means; the defaults are the values of an object of their class, else its own."""
    for flag in flags:
        default = getattr(value, flag.field) if isinstance(value, flag.owner) else flag.default
        yield _left(flag), f"{flag.says} {_default(flag, default)}".strip()


def _left(flag: Flag) -> str:
    """How it is typed."""
    if flag.is_bare:
        shown = f"{flag.shown} …" if flag.is_list else flag.shown
        return shown if flag.default is MISSING else f"[{shown}]"
    if flag.hint is bool:
        return f"{flag.shown}, {dashed(f'no_{flag.name}')}" if flag.is_setting else flag.shown
    return f"{flag.shown} {flag.metavar}{' …' if flag.is_list and flag.is_setting else ''}"


def _default(flag: Flag, value: Any) -> str:
    if value is MISSING:
        return "" if flag.is_bare else "(required)"
    if not flag.is_setting and (value is None or flag.hint is bool):
        return ""
    if not flag.is_setting and flag.is_list:
        return "" if flag.is_bare else "(repeatable)"
    text = as_json(dict(value)) if isinstance(value, Mapping) else "none" if value is None else str(value)
    if isinstance(value, bool):
        text = "on" if value else "off"
    if isinstance(value, tuple):
        text = " ".join(map(str, value)) or "none"
    return clean(f"(default: {text})")
