"""A first look at the words of `dqn train`: what must be known before its flags can be parsed.

Which flags exist depends on the preset, the file and the choices of kind (`epsilon:linear`). This finds
them wherever they stand, and leaves plain flags for the parser.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_origin

from ..config import Config, presets
from ..config.fields import choices, hints, nearest, owners, required, tagged, types
from ..config.toml import made_in_python, override, parse, without_foreign_env
from ..encoding import decoded
from ..errors import ConfigError
from ..store.folder import CONFIG
from ..store.own import with_own
from ..trust import named_by_caller
from .aliases import unaliased

SOURCE = "command line"
_SWITCHES = {"dry_run", "quiet", "json", "help", "h"} | {name for name, hint in types().items() if hint is bool}
_LISTS = {name for name, hint in types().items() if get_origin(hint) is tuple}
_CHOICE = re.compile(r"([a-z_-]+):([a-z0-9_]+)")
_UNSET = 10**12  # stands in until the flag is parsed, so that no cross-check sees half of the settings


@dataclass
class Scan:
    """ENV, the choices of kind, each flag's value, modules a file may import, and the words left for the parser."""

    env: str | None = None
    chosen: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    trusted: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


def scan(words: Sequence[str], *, steps: str = "budget") -> Scan:
    """Sorts the words, in whatever order they came. Raises ConfigError.

    Args:
        steps: whether `--steps` is short for a "budget", or a "flag" like others.
    """
    found = Scan()
    for word, values in _split(unaliased(words)):
        if not word.startswith("-"):
            _bare_word(found, word)
            continue
        flag, equals, inline = word.partition("=")
        name = dotted(flag)
        if name == "config":
            _check_file(found, [inline] if equals else values)
        found.values[name] = inline if equals else values[0] if values else ""
        if name == "trust_env_module":
            found.trusted.append(found.values[name])
        if name != "steps" or steps == "flag":
            found.words += [word, *values]
    if steps == "budget":
        _budget_from_steps(found)
    _env_from_flag(found)
    return found


def _check_file(found: Scan, values: list[str]) -> None:
    if "config" in found.values:
        raise ConfigError(f"one --config, please: got {found.values['config']!r} and {''.join(values)!r}")
    if values == [""]:
        raise ConfigError("--config wants the name of a file, got ''")


def dotted(flag: str) -> str:
    """`--env.num-envs` as `env.num_envs`, `--no-stop-when-solved` as `stop_when_solved`."""
    name = flag.lstrip("-").replace("-", "_")
    return name[3:] if name.startswith("no_") and name[3:] in _SWITCHES else name


def _split(words: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each word with the values that follow it: a flag with its own, anything else with none."""
    position = 0
    while position < len(words):
        word, values = words[position], list[str]()
        position += 1
        name = dotted(word)
        room = (
            len(words) if name in _LISTS else 0 if name in _SWITCHES or "=" in word or not word.startswith("-") else 1
        )
        while len(values) < room and position < len(words) and _is_value(words[position], name, values):
            values.append(words[position])
            position += 1
        yield word, values


def _is_value(word: str, name: str, before: list[str]) -> bool:
    if name in _LISTS and before:
        return word.isdecimal()
    return not word.startswith("--")


def _bare_word(found: Scan, word: str) -> None:
    """A choice such as `head:scalar`, or the environment."""
    match = _CHOICE.fullmatch(word)
    name = match[1].replace("-", "_") if match else ""
    if match and name in tagged():
        if name in found.chosen:
            raise ConfigError(f"{name} is chosen twice: {name}:{found.chosen[name]} and {word}")
        found.chosen[name] = match[2]
    elif match and any(match[2] in choices(each) for each in tagged()):
        raise ConfigError(f"unknown choice {word!r}; {nearest(name, tagged())}")
    elif found.env is not None:
        raise ConfigError(f"one environment, please: got {found.env!r} and {word!r}")
    else:
        found.env = word


def _budget_from_steps(found: Scan) -> None:
    """`--steps N` is a short way to say `budget:steps --budget.num N`."""
    text = found.values.pop("steps", None)
    if text is None:
        return
    if "budget.num" in found.values or found.chosen.get("budget", "steps") != "steps":
        raise ConfigError("--steps is itself a budget: leave it out or leave out the other budget")
    parse_whole(text, "--steps")
    found.chosen["budget"] = "steps"
    found.values["budget.num"] = text
    found.words += [f"--budget.num={text}"]


def _env_from_flag(found: Scan) -> None:
    """The environment may also come as `--env.id`."""
    named = found.values.get("env.id")
    if named and found.env not in (None, named):
        raise ConfigError(f"one environment, please: got {found.env!r} and --env.id {named!r}")
    found.env = named or found.env
    if found.env in presets.names():
        raise ConfigError(f"{found.env!r} is a preset, not an environment: say --preset {found.env}")


def base(found: Scan) -> tuple[Config, str]:
    """Preset, then file, then choices of kind; and a line to say, or none. Raises ConfigError."""
    path = Path(found.values["config"]) if found.values.get("config") else None
    data = parse(_read(path), str(path)) if path else {}
    name, remark = _preset(found, data)
    config = presets.known_as(name, complete=_is_complete(data))
    if path:
        trusted = named_by_caller(found.trusted, found.env)
        if found.env is not None:
            data = without_foreign_env(data, trusted)
        elif path.name == CONFIG:  # of a run, perhaps one's own
            trusted = with_own(trusted, path.parent, _read(path))
        if found.env is None and made_in_python(_read(path)):
            raise ConfigError(
                f"{str(path)!r} is of a run in Python, whose environment {data.get('env', {}).get('id')!r} no file "
                "holds: give one by --env module:Id, or train in Python with env="
            )
        config = override(config, data, str(path), trusted)
    if found.env is not None:
        config = replace(config, env=replace(config.env, id=found.env))
    if isinstance(config.env.id, str):
        config = replace(config, env=replace(config.env, id=presets.full_id(config.env.id)))
    config = override(config, {name: _choice(found, name, kind) for name, kind in found.chosen.items()}, SOURCE)
    _check_owners(found, config)
    return config, remark


def _choice(found: Scan, field: str, kind: str) -> dict[str, Any]:
    """The table that chooses a kind; a number that this kind cannot do without follows as a flag."""
    wants = required(choices(field)[kind]) if kind in choices(field) else []
    if {"help", "h"} & set(found.values):
        return {"kind": kind} | dict.fromkeys(wants, 1)
    flags = {name: f"{field}.{name}" for name in wants}
    seen = [name for name, flag in flags.items() if found.values.get(flag)]
    for name in seen:
        parse_whole(found.values[flags[name]], f"--{flags[name]}")
    return {"kind": kind} | dict.fromkeys(seen, _UNSET)


def parse_whole(text: str, name: str) -> int:
    """200000, 200_000 or 2e5. Raises ConfigError."""
    try:
        return int(text)
    except ValueError:
        pass  # it may still be 2e5
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not number.is_integer():
        raise ConfigError(f"{name} must be a whole number, got {text!r}")
    return int(number)


def _preset(found: Scan, data: dict[str, Any]) -> tuple[str, str]:
    """The preset's name: asked for, named by the file, or the one that suits the environment."""
    asked = found.values.get("preset", data.get("preset"))
    if asked is not None:
        return str(asked), ""
    table = data.get("env")
    env = found.env or (table.get("id") if isinstance(table, dict) else None)
    if env is None or (name := presets.suited(env)) != "default":
        return name if env else "cartpole", ""
    return name, f"{env} has no preset of its own: using `default` (see `dqn presets`)"


def _is_complete(data: Mapping[str, Any]) -> bool:
    """Whether a file says every setting, as that of a run does."""
    return all(name in data for name in hints(Config))


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise ConfigError(f"--config {path} cannot be read: {error}") from error
    try:
        return decoded(data)
    except ValueError as error:
        raise ConfigError(f"--config {path} {error}") from error


def _check_owners(found: Scan, config: Config) -> None:
    """Refuses a flag of a kind that was not chosen, and says what would choose it."""
    for name in found.values:
        field, _, key = name.partition(".")
        if name not in types() or not choices(field):
            continue
        current = getattr(config, field)
        if key not in hints(type(current)):
            kind = owners(name)[0]
            flag = f"--{name.replace('_', '-')}"
            raise ConfigError(
                f"{flag} belongs to {field}:{kind}, and {field} is {current.kind} here: add {field}:{kind}"
            )
