"""The words of `dqn compare`, and the plan file that can stand for them."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from ..config import AnyEnvironment, Seed, presets
from ..config.checks import Whole
from ..config.custom import check_trusted_parts, module_of
from ..config.fields import nearest
from ..config.toml import parse
from ..config.typed import typed
from ..errors import ConfigError, FolderError
from ..lab.arms import PLAN, ComparisonRequest
from ..store.find import find_run
from ..trust import check_env_id, check_part, check_wrappers
from .arguments import NUM_SEEDS, Compare
from .arms import (
    ArmTable,
    arm_of_text,
    make_request,
    merged,
    modules_named,
    run_of,
    which_seeds,
    with_names,
    wrappers_in,
)
from .help import help_with_settings
from .parse import budget_from_steps, show_help, text_of
from .words import Given, read_words

_KEYS = ("envs", "seeds", "first_seed", "steps", "allow_unequal", "settings", "arms")
_ARMS_ARE = 'arms = ["dqn", "dqn n=3"]'
_ARM_KEYS = ("name", "arm", "preset", "settings", "folders")


def parse_compare(words: Sequence[str]) -> Compare:
    """Arguments of `dqn compare`. Raises ConfigError, FolderError; SystemExit after the help text."""
    given = read_words(Compare, words)
    if given.help:
        show_help(help_with_settings(Compare, "compare", presets.get("default"), given.settings))
    own = given.own
    runs = own.get("runs", Path("runs"))
    if len(given.bare) == 1 and (Path(given.bare[0]) / PLAN).is_file():  # a comparison, to be made once more
        own.setdefault("plan", str(Path(given.bare.pop()) / PLAN))
    if "plan" in own:
        named = [*map(repr, given.bare), *(f"--{name}" for name in ("presets", "arm") if name in own)]
        if named:
            raise ConfigError(f"--plan says what is compared: leave out {' and '.join(named)}")
        plan = read_plan(own["plan"], runs, own.get("trust_env_module", ()))
    else:
        plan = _plan_of_words(given, runs)
    budget_from_steps(given)
    if "preset" in given.settings:
        raise ConfigError("--preset is a setting of one arm: name all that are compared with --presets or --arm")
    first = given.settings.pop("seed", None)
    seeds = None
    if plan.seeds is None or first is not None or "seeds" in own:
        before = plan.seeds or tuple(range(NUM_SEEDS))
        seeds = which_seeds(own.get("seeds", len(before)), before[0] if first is None else first)
    return Compare(**own, request=plan.request(given.settings, seeds, allow_unequal=own.get("allow_unequal", False)))


@dataclass(frozen=True, kw_only=True)
class ArmsPlan:
    """What words or a file say of a comparison, before the flags."""

    arms: tuple[ArmTable, ...]
    envs: tuple[AnyEnvironment, ...] = ()
    seeds: tuple[int, ...] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    """of every arm"""
    allow_unequal: bool = False
    trusted: Collection[str] = ()

    def request(
        self,
        settings: Mapping[str, Any],
        seeds: Sequence[int] | None = None,
        *,
        allow_unequal: bool = False,
        fewest: int = 2,
    ) -> ComparisonRequest:
        """What is asked for with what is said beside it, which counts more.

        Raises ConfigError, also for fewer arms than `fewest`.
        """
        if len(self.arms) < fewest:
            if fewest == 1:
                raise ConfigError(f"arms must name at least one, as {_ARMS_ARE}")
            got = repr(self.arms[0].name) if self.arms else "none"
            raise ConfigError(f"a comparison needs at least two arms, got {got}: name another preset, arm or run")
        return make_request(
            self.arms,
            self.envs,
            range(NUM_SEEDS) if self.seeds is None and seeds is None else seeds or self.seeds or (),
            settings=merged(self.settings, settings),
            allow_unequal=self.allow_unequal or allow_unequal,
            trusted={*self.trusted, *modules_named(settings)},
        )


def _plan_of_words(given: Given, runs: Path) -> ArmsPlan:
    texts = [text.strip() for texts in given.own.get("presets", ()) for text in texts.split(",")]
    texts += given.own.get("arm", ())
    bare = [*given.bare, *filter(None, [given.settings.get("env", {}).pop("id", None)])]
    if not given.settings.get("env", True):
        del given.settings["env"]
    found = {word: run_of(word, runs) for word in bare}
    for word in bare:
        is_folder = os.path.isdir(word) and word.startswith((".", os.sep, f"{runs}{os.sep}"))  # no id looks like that
        if word in presets.names() and found[word] is None:
            raise ConfigError(f"{word!r} is a preset, not an environment: use --presets {word}")
        if found[word] is None and (not texts or is_folder):
            if not any(found.values()) and not os.path.isdir(word):
                raise ConfigError(f"nothing is compared on {word!r}: name presets with --presets, as dqn,double")
            find_run(word, runs)  # says what is the matter with it
    twice = next((word for word in bare if found[word] is not None and bare.count(word) > 1), None)
    if twice is not None:
        raise ConfigError(f"{twice!r} is named twice: leave one out, and name another run, preset or arm beside it")
    own = [ArmTable(name="", folders=(folder,)) for folder in found.values() if folder is not None]
    arms = with_names([*own, *(arm_of_text(text, runs) for text in texts)])
    envs = tuple(word for word in bare if found[word] is None)
    trusted = {module for arm in arms for module in modules_named(arm.settings)}
    return ArmsPlan(arms=arms, envs=envs, trusted=trusted)


# ── Plan files ───────────────────────────────────────────────────────────────────────────────────


def read_plan(name: str, runs: Path, trusted: Collection[str] = ()) -> ArmsPlan:
    """What a plan file says. Raises ConfigError, which names the file."""
    data = parse(text_of("--plan", name), name)
    try:
        return plan_in(data, name, runs, set(trusted))
    except FolderError:
        raise
    except ConfigError as error:
        if not str(error).startswith(name):
            error.args = (f"{name}: {error}",)
        raise


def plan_in(data: Mapping[str, Any], name: str, runs: Path, trusted: set[str]) -> ArmsPlan:
    """What a table says that is one of a plan file, called `name`. Raises ConfigError."""
    for key in data:
        if key not in _KEYS:
            hint = nearest(key, list(_KEYS)) if key != "presets" else "presets are arms: " + _ARMS_ARE
            raise ConfigError(f"unknown key {key!r}; {hint}")
    settings = typed(Mapping[str, Any], data.get("settings", {}), "settings")
    if "steps" in data:
        steps = typed(Annotated[int, Whole(1)], data["steps"], "steps")
        settings = {**settings, "budget": {"kind": "steps", "num": steps}}
    listed = data.get("arms")
    if not isinstance(listed, list):
        raise ConfigError(f"arms must be a list, as {_ARMS_ARE}, or [[arms]] tables")
    arms = with_names([_arm_in(each, runs, trusted, name) for each in listed])
    envs = typed(tuple[str, ...], data.get("envs", []), "envs")
    for env in envs:
        check_env_id(env, trusted, name)
    for table in (settings, *(arm.settings for arm in arms)):
        check_wrappers(wrappers_in(table), trusted, name)
        check_trusted_parts(table, trusted, name)
    seeds, first = data.get("seeds"), typed(Seed, data.get("first_seed", 0), "first_seed")
    return ArmsPlan(
        arms=arms,
        envs=envs,
        seeds=None if seeds is None else which_seeds(seeds, first),
        settings=settings,
        allow_unequal=typed(bool, data.get("allow_unequal", False), "allow_unequal"),
        trusted=trusted,
    )


def _arm_in(said: object, runs: Path, trusted: Collection[str], source: str) -> ArmTable:
    """An arm of a plan file: a text, or a table. Raises ConfigError."""
    if isinstance(said, str):
        return _arm_of_text_in(said, runs, trusted, source)
    if not isinstance(said, Mapping):
        raise ConfigError(f'an arm must be a text, as "dqn n=3", or a table, got {str(said)[:60]!r}')
    for key in said:
        if key not in _ARM_KEYS:
            raise ConfigError(f"unknown key 'arms.{key}'; {nearest(key, list(_ARM_KEYS))}")
    name = said.get("name")
    if "arm" in said:
        found = _arm_of_text_in(typed(str, said["arm"], "arms.arm"), runs, trusted, source)
        return found if name is None else replace(found, name=typed(str, name, "arms.name"))
    if "folders" in said:
        folders = typed(tuple[str, ...], said["folders"], "arms.folders")
        homes = tuple(run_of(folder, runs) or find_run(folder, runs) for folder in folders)
        return ArmTable(name=str(name or ""), folders=homes)
    preset, settings = said.get("preset"), typed(Mapping[str, Any], said.get("settings", {}), "arms.settings")
    if not isinstance(preset, str):
        raise ConfigError("an arm must name its preset, or its folders")
    return ArmTable(name=str(name or preset), preset=preset, settings=settings)


def _arm_of_text_in(text: str, runs: Path, trusted: Collection[str], source: str) -> ArmTable:
    for word in text.split():
        if (module := module_of(re.split("[:=]", word, maxsplit=1)[-1])) is not None:
            check_part(repr(word), module, trusted, source)  # reading it imports that
    return arm_of_text(text, runs)
