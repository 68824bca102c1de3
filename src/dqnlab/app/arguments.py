"""The words of each command as a frozen dataclass, parsed by tyro."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import tyro
from tyro.conf import FlagCreatePairsOff, Positional, UseAppendAction, arg

from ..choices import quoted
from ..config import Config, Env
from ..errors import ConfigError
from ..fields import bare, choices, hints, optional, tagged
from .scan import base, scan, whole

Tracker = Literal["swanlab", "tensorboard", "none"]
Switch = FlagCreatePairsOff[bool]
Runs = Annotated[Path, arg(metavar="DIR")]
RunName = Annotated[str, Positional, arg(metavar="RUN")]
Modules = Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")]


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train a network, keep the best, judge it and film it."""

    env: Annotated[str | None, Positional, arg(metavar="[ENV]")] = None
    """a Gymnasium id or module:Id; CartPole-v1 if none"""
    steps: Annotated[int | None, arg(metavar="N")] = None
    """stop after so many env steps, short for budget:steps --budget.num N"""
    seeds: Annotated[int, arg(metavar="N")] = 1
    """train so many independent agents, with this seed and those that follow it, on every core"""
    file: Annotated[Path | None, arg(name="config", metavar="F.toml")] = None
    """settings that replace the preset's; flags replace both"""
    out: Annotated[Path | None, arg(metavar="DIR")] = None
    """folder of this run or group, must not exist; chosen inside --runs if none"""
    runs: Runs = Path("runs")
    """folder of all runs"""
    trust_env_module: Modules = ()
    """a module that the environment id of the --config file may import"""
    tracker: UseAppendAction[tuple[Tracker, ...]] = ()
    """where metrics are shown, swanlab if not said; metrics.jsonl is always written"""
    dry_run: Switch = False
    """print the settings as TOML and stop"""
    quiet: Switch = False
    """no live display, only the summary"""
    config: Annotated[Config, arg(name="")]

    @property
    def trackers(self) -> tuple[str, ...]:
        """What was asked for, without repeats; swanlab if nothing was. Raises ConfigError."""
        asked = tuple(dict.fromkeys(self.tracker)) or ("swanlab",)
        if "none" in asked and len(asked) > 1:
            raise ConfigError(f"--tracker none excludes the others, got {' '.join(asked)}")
        return () if asked == ("none",) else asked


@dataclass(frozen=True, kw_only=True)
class Doctor:
    """Examine an environment before training on it: is it sound, and what would training be like?"""

    env: Annotated[str | None, Positional, arg(metavar="[ENV]")] = None
    """a Gymnasium id or module:Id; CartPole-v1 if none"""
    steps: Annotated[int, arg(metavar="N")] = 2_000
    """play so many random steps, or for 5 s if that is over first"""
    json: Switch = False
    """print one JSON object instead"""
    file: Annotated[Path | None, arg(name="config", metavar="F.toml")] = None
    """settings that replace the preset's; flags replace both"""
    trust_env_module: Modules = ()
    """a module that the environment id of the --config file may import"""
    config: Annotated[Config, arg(name="")]


@dataclass(frozen=True, kw_only=True)
class Resume:
    """Go on with a run from its latest checkpoint, as if nothing had happened."""

    run: RunName
    """a run's folder or its name"""
    steps: Annotated[int | None, arg(metavar="N")] = None
    """train on until so many env steps in all"""
    episodes: Annotated[int | None, arg(metavar="N")] = None
    """train on until so many episodes in all"""
    runs: Runs = Path("runs")
    """where names are looked up"""
    force_unlock: Switch = False
    """take the folder over from a process on another machine that has ended without giving it back"""
    trust_env_module: Modules = ()
    """a module that the environment id of the --config file may import"""
    quiet: Switch = False
    """no live display, only the summary"""


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Play greedy episodes with a run's network and print what it earned."""

    run: RunName
    """a run's folder, its name, or a saved network"""
    episodes: int = 100
    """how many episodes"""
    seed: int = 0
    """of the episodes' first states"""
    which: Literal["best", "last"] = "best"
    """the network that judging chose, or the one at the end of training"""
    json: Switch = False
    """print one JSON object instead"""
    env: Annotated[str | None, arg(metavar="ENV")] = None
    """another environment than the run's own"""
    runs: Runs = Path("runs")
    """where names are looked up"""
    trust_env_module: Modules = ()
    """a module that the environment id of the run's configuration may import"""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Watch a run's network play in a window."""

    run: RunName
    """a run's folder, its name, or a saved network"""
    episodes: int = 3
    """how many episodes"""
    seed: int = 0
    """of the episodes' first states"""
    which: Literal["best", "last"] = "best"
    """the network that judging chose, or the one at the end of training"""
    env: Annotated[str | None, arg(metavar="ENV")] = None
    """another environment than the run's own"""
    runs: Runs = Path("runs")
    """where names are looked up"""
    trust_env_module: Modules = ()
    """a module that the environment id of the run's configuration may import"""


@dataclass(frozen=True, kw_only=True)
class Record:
    """Film a run's network as mp4 files in its folder."""

    run: RunName
    """a run's folder, its name, or a saved network"""
    episodes: int = 3
    """how many episodes, one film each"""
    max_seconds: float = 30.0
    """longest film, in seconds of its own playing time"""
    seed: int = 0
    """of the episodes' first states"""
    which: Literal["best", "last"] = "best"
    """the network that judging chose, or the one at the end of training"""
    out: Annotated[Path | None, arg(metavar="DIR")] = None
    """folder of the films; the run's videos if none"""
    env: Annotated[str | None, arg(metavar="ENV")] = None
    """another environment than the run's own"""
    runs: Runs = Path("runs")
    """where names are looked up"""
    trust_env_module: Modules = ()
    """a module that the environment id of the run's configuration may import"""


@dataclass(frozen=True, kw_only=True)
class RunsTable:
    """Table of the runs with their scores."""

    runs: Annotated[Path, Positional, arg(metavar="[DIR]")] = Path("runs")
    """folder of all runs"""


@dataclass(frozen=True, kw_only=True)
class Presets:
    """Table of the presets, or what one of them sets."""

    name: Annotated[str | None, Positional, arg(metavar="[NAME]")] = None
    """show this one as a diff of its parent"""


@dataclass(frozen=True, kw_only=True)
class Selftest:
    """Learn small problems whose Q-values are known, and compare."""


Args = TypeVar("Args")


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


def _parse(default: Args, words: Sequence[str]) -> Args:
    """A command that takes all settings: the flags replace the defaults."""
    return tyro.cli(
        type(default),
        prog=f"dqn {type(default).__name__.lower()}",
        description=_settings_help(type(default)),
        args=list(words),
        default=default,
        registry=_registry(),
        config=(tyro.conf.AvoidSubcommands,),
    )


def _settings_help(kind: type) -> str:
    rows = [f"  {name}:{'|'.join(choices(name))}" for name in tagged() if len(choices(name)) > 1]
    words = (
        f"{kind.__doc__} Settings come from the preset, then the file, then "
        "the flags, in any order. Some are a choice of kind, written FIELD:KIND, and bring flags of their own:"
    )
    return "\n".join([words, *rows])


# ── How single words become values ───────────────────────────────────────────────────────────────


def _registry() -> tyro.constructors.ConstructorRegistry:
    """The types that tyro does not read as we mean them: JSON tables, 2e5 for a whole number, none."""
    registry = tyro.constructors.ConstructorRegistry()
    registry.primitive_rule(_rule)
    return registry


def _rule(info: tyro.constructors.PrimitiveTypeInfo) -> tyro.constructors.PrimitiveConstructorSpec[Any] | None:
    if info.type == hints(Env)["kwargs"]:
        return _spec("JSON", _table, lambda value: json.dumps(value, default=str))
    if info.type == hints(Env)["id"]:
        return _spec("ID", str, str)
    readers: dict[Any, Any] = {int: _whole, float: _number, Path: _path}
    wants = bare(info.type) if optional(info.type) else info.type
    if wants not in readers:
        return None
    read = readers[wants]
    metavar = wants.__name__.upper()
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
        return whole(text, "the value")
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
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'a JSON object such as {{"name": 1}} is wanted, got {quoted(text)}: {error}') from error
    if not isinstance(value, dict):
        raise ValueError(f'a JSON object such as {{"name": 1}} is wanted, got {quoted(text)}')
    return value
