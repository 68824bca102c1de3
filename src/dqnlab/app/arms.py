"""Arms by what they are called: a preset with settings, as `dqn n=3 lr=1e-3`, or runs that are there."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from ..config import MOST_SEEDS, AnyEnvironment, Config, Env, Film, Seed, presets
from ..config.checks import Whole
from ..config.custom import modules_in
from ..config.fields import hints, maybe_absent
from ..config.toml import parse
from ..config.typed import typed
from ..errors import ConfigError, DqnlabError, FolderError
from ..lab.arms import AskedArm, ComparisonRequest, settings_in
from ..store.find import find_group, find_run
from ..store.folder import CONFIG, SUMMARY
from ..store.label import read_label
from ..store.reading import read_json, read_text
from ..trust import clean, modules_of, shown
from .arguments import Compare
from .flags import AS_FLAGS, AS_NAMES
from .parse import budget_from_steps, with_settings
from .words import read_names, read_words

_EVERY = hints(Config).keys() - maybe_absent() - {"preset", "seed", "film"}
"""the settings that an arm names which leaves none to its preset"""


_DASHED = replace(AS_FLAGS, listed=AS_NAMES.listed)
"""for an arm may stand in a script or a file, where there is no --help"""
_NO_SETTINGS = {
    "seed": "seeds are of the whole comparison",
    "preset": "it is named first",
    "env.id": "environments are of the whole comparison",
}


@dataclass(frozen=True, kw_only=True)
class ArmTable:
    """An arm as it is named: a preset with other settings, or runs that are there."""

    name: str
    """none for runs that are to be called by what tells them apart"""
    preset: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """as a file of settings has them"""
    config: Config | None = None
    """what it is instead of a preset with settings"""
    folders: tuple[Path, ...] = ()


def make_request(
    arms: Iterable[ArmTable],
    envs: Sequence[AnyEnvironment],
    seeds: Sequence[int],
    *,
    settings: Mapping[str, Any],
    allow_unequal: bool = False,
    trusted: Collection[str] = (),
) -> ComparisonRequest:
    """What is asked for, once every arm has its settings on every environment.

    Args:
        settings: of every arm.
        trusted: modules that environments, wrappers and parts may be imported from.

    Raises:
        ConfigError: a setting cannot work; the message names the arm.
    """
    seeds = tuple(typed(Seed, seed, "seed") for seed in seeds)
    asked = [_asked(arm, envs, settings, trusted) for arm in arms]
    labels = [config.env.label for config in next((arm.configs for arm in asked if arm.configs), ())]
    return ComparisonRequest(
        arms=tuple(asked),
        envs=tuple(labels),
        seeds=seeds if labels else (),
        settings=settings,
        allow_unequal=allow_unequal,
    )


def _asked(
    arm: ArmTable, envs: Sequence[AnyEnvironment], common: Mapping[str, Any], trusted: Collection[str]
) -> AskedArm:
    if arm.folders:
        return AskedArm(name=arm.name, folders=arm.folders, table={"folders": list(map(shown, arm.folders))})
    settings = merged(common, arm.settings)
    for name, instead in _NO_SETTINGS.items():
        if name in settings or (name == "env.id" and "id" in (settings.get("env") or {})):
            raise ConfigError(f"arm {arm.name!r}: {name} is no setting of an arm; {instead}")
    try:
        configs = [_config(arm, env, settings, trusted) for env in envs]
    except ConfigError as error:
        error.args = (f"arm {arm.name!r}: {error}",)
        raise
    own = arm.settings if arm.config is None else settings_in(arm.config)
    table = {"preset": arm.preset} | ({"settings": own} if own else {})
    return AskedArm(name=arm.name, configs=tuple(configs), table=table)


def _config(arm: ArmTable, env: AnyEnvironment, settings: Mapping[str, Any], trusted: Collection[str]) -> Config:
    """An arm's configuration on an environment; it films nothing, unless that is a setting."""
    settings = merged({}, settings)
    base = arm.config or presets.known_as(arm.preset, complete=settings.keys() >= _EVERY)
    known: dict[str, Any] = {"id": env}
    if isinstance(env, str):
        known = {**({} if wrappers_in(settings) else presets.sheet(env)), "id": presets.full_id(env)}
    elif isinstance(env, Env):
        plain = Env()
        known = {name: value for name, value in vars(env).items() if name == "id" or value != getattr(plain, name)}
    base = replace(base, env=replace(base.env, **known), film=Film(episodes=0))
    return with_settings(Compare, base, settings, trusted, AS_NAMES)


def wrappers_in(settings: Mapping[str, Any]) -> object:
    """What the settings wrap the environment in; nothing if they do not say."""
    env = settings.get("env")
    return env.get("wrappers", ()) if isinstance(env, Mapping) else ()


def modules_named(settings: Mapping[str, Any]) -> set[str]:
    """The modules of wrappers and parts that settings name."""
    return {*modules_of(None, wrappers_in(settings)), *modules_in(settings)}


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Settings in two layers; of a choice of another kind nothing is left."""
    both = {name: dict(value) if isinstance(value, Mapping) else value for name, value in first.items()}
    for name, value in second.items():
        before = both.get(name)
        if not isinstance(before, dict) or not isinstance(value, Mapping):
            both[name] = dict(value) if isinstance(value, Mapping) else value
        elif "kind" in value and value["kind"] != before.get("kind"):
            both[name] = dict(value)
        else:
            both[name] = {**before, **value}
    return both


def arm_of_text(text: str, runs: Path) -> ArmTable:
    """The arm that a text such as `dqn n=3 torso:gru double` names, or the folders of runs. Raises ConfigError.

    A setting goes by any of the names that its flag has.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"arm {text!r} cannot be read: {error}") from error
    if not words:
        raise ConfigError("an arm begins with a preset, as dqn n=3, got ''")
    if words[0] not in presets.names() and (first := run_of(words[0], runs)) is not None:
        folders = (first, *(run_of(word, runs) or find_run(word, runs) for word in words[1:]))
        return ArmTable(name="", folders=folders)
    presets.get(words[0])
    if any(word != clean(word) for word in words):
        raise ConfigError(f"arm {text!r} holds characters that cannot be seen: write it anew")
    try:
        return ArmTable(name=" ".join(words), preset=words[0], settings=_settings(words[1:]))
    except ConfigError as error:
        error.args = (f"arm {text!r}: {error}",)
        raise


def _settings(words: Sequence[str]) -> dict[str, Any]:
    """The settings that the words of an arm name. Raises ConfigError."""
    as_flags = any(word.startswith("--") for word in words)
    given = read_words(Compare, words, _DASHED) if as_flags else read_names(Compare, words)
    budget_from_steps(given)
    odd = [*given.bare, *(name for name in given.own if name != "steps"), *(["help"] if given.help else [])]
    if odd:
        raise ConfigError(f"{odd[0]!r} is no setting of an arm: write name=value, a kind as torso:gru, or a switch")
    return given.settings


def run_of(word: str, runs: Path) -> Path | None:
    """The run or group that a word names, if it names one."""
    group = find_group(word, runs)
    if group is not None:
        return group
    try:
        return find_run(word, runs)
    except FolderError:
        return None


def with_names(arms: Sequence[ArmTable]) -> tuple[ArmTable, ...]:
    """The arms, those of runs called by what tells them apart: their names or presets, else their folders."""
    taken = [arm.name for arm in arms if arm.name]
    homes = [arm.folders[0] for arm in arms if not arm.name]
    called = [read_label(home).name for home in homes]
    for names in (
        [name or _preset_of(home) for name, home in zip(called, homes, strict=True)],
        [name or home.name for name, home in zip(called, homes, strict=True)],
        [home.name for home in homes],
        list(map(shown, homes)),
    ):
        if len({*names, *taken}) == len(names) + len(taken):
            break
    given = iter(names)
    return tuple(arm if arm.name else replace(arm, name=next(given)) for arm in arms)


def _preset_of(folder: Path) -> str:
    """The preset of a run or group; its folder's name if that cannot be read."""
    try:
        if (folder / SUMMARY).is_file():
            found = read_json(folder / SUMMARY)
        else:
            found = parse(read_text(folder / CONFIG), CONFIG)
    except DqnlabError:
        return folder.name
    return str(found.get("preset", folder.name))


def which_seeds(seeds: object, first: int = 0) -> tuple[int, ...]:
    """Those that a number of seeds, or a list of them, means. Raises ConfigError."""
    if isinstance(seeds, Sequence) and not isinstance(seeds, str):
        return typed(tuple[Seed, ...], seeds, "seeds")
    num = typed(Annotated[int, Whole(1, MOST_SEEDS)], seeds, "seeds")
    return tuple(range(first, first + num))
