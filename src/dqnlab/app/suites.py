"""The suites of `dqn benchmark`: TOML files, those that come with dqnlab and one's own."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, fields
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, TypeVar

from ..config.checks import Whole, quoted, require
from ..config.fields import nearest
from ..config.toml import parse
from ..config.typed import hints_of, typed
from ..errors import ConfigError, FolderError, counted
from ..lab.benchmark.suite import MEASURES, BenchmarkTask, Goal, Published, Suite
from ..trust import imported_by
from .arguments import NUM_SEEDS
from .arms import merged, which_seeds
from .parse import text_of
from .parse_compare import plan_in

_OF_SUITE = ("about", "tasks")
_DEFAULTS = ("seeds", "first_seed", "steps", "settings", "arms", "needs")
"""what a suite may say for all of its tasks"""
_OF_TASK = ("name", "env", "published", "goals", "seconds", "rungs", "tries", *_DEFAULTS)
_OF_PLAN = ("seeds", "first_seed", "steps", "settings", "arms")
_LONGEST = 100  # letters of a task's name
_AS_FLAG = re.compile(r"--[\w.-]+ \(in Python (\w+)\)")
"""advice of which a suite knows the part for Python alone"""
Listed = TypeVar("Listed", Published, Goal)


def shipped() -> list[str]:
    """The names of the suites that come with dqnlab, in the order of their files."""
    return sorted(each.name.removesuffix(".toml") for each in _folder().iterdir() if each.name.endswith(".toml"))


def read_suite(name: str, runs: Path, seeds: int | None = None, trusted: Collection[str] = ()) -> Suite:
    """The suite of a name, or of a file.

    Args:
        seeds: how many of each arm, instead of what the suite says.
        trusted: modules that environments, wrappers and parts of a file may import.

    Raises ConfigError, which names the file; FolderError.
    """
    if name in shipped():
        source, text = name, (_folder() / f"{name}.toml").read_text("utf-8")
        data = parse(text, source)
        trusted = {*trusted, *_modules(data)}  # it came with dqnlab
    elif Path(name).name == ".toml":
        raise ConfigError(f"a suite is called as its file is, and {name!r} has no name: call it mine.toml")
    elif name.endswith(".toml"):
        source, data = name, parse(text_of("SUITE", name), name)
    else:
        raise ConfigError(f"unknown suite {name!r}; {nearest(name, shipped())}, or name a file, as mine.toml")
    try:
        return _suite(Path(name).name.removesuffix(".toml"), data, source, runs, seeds, trusted)
    except FolderError:
        raise
    except ConfigError as error:
        said = _AS_FLAG.sub(r"\1", str(error))
        error.args = (said if said.startswith(source) else f"{source}: {said}",)
        raise


def _folder() -> Any:
    return files("dqnlab.lab.benchmark") / "suites"


def _modules(data: Mapping[str, Any]) -> set[str]:
    """The modules that the environments of a suite are imported from."""
    found = {imported_by(task.get("env")) for task in data.get("tasks", []) if isinstance(task, Mapping)}
    return {module for module in found if module is not None}


def _suite(
    name: str, data: Mapping[str, Any], source: str, runs: Path, seeds: int | None, trusted: Collection[str]
) -> Suite:
    _check_keys(data, (*_OF_SUITE, *_DEFAULTS))
    listed = data.get("tasks")
    if not isinstance(listed, list) or not listed or not all(isinstance(each, Mapping) for each in listed):
        raise ConfigError("tasks must be [[tasks]] tables, at least one")
    common = {key: data[key] for key in _DEFAULTS if key in data}
    tasks = []
    for number, said in enumerate(listed, 1):
        try:
            tasks.append(_task({**common, **said, **_settings(common, said)}, source, runs, seeds, trusted))
        except ConfigError as error:
            called = said.get("name") or said.get("env") or number
            error.args = (f"task {quoted(called)}: {str(error).removeprefix(f'{source}: ')}",)
            raise
    return Suite(name=name, about=typed(str, data.get("about", name), "about"), tasks=tuple(tasks), source=source)


def _settings(common: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a task: those of the suite, and above them its own, each by itself; nothing unless both are."""
    theirs, own = common.get("settings"), said.get("settings")
    return {"settings": merged(theirs, own)} if isinstance(theirs, Mapping) and isinstance(own, Mapping) else {}


def _task(
    data: Mapping[str, Any], source: str, runs: Path, seeds: int | None, trusted: Collection[str]
) -> BenchmarkTask:
    _check_keys(data, _OF_TASK)
    for key in ("env", "steps", "arms"):
        if key not in data:
            raise ConfigError(f"{key} is missing: say it in the task, or, for all tasks, on top")
    env, steps = typed(str, data["env"], "env"), typed(Annotated[int, Whole(1)], data["steps"], "steps")
    name = typed(str, data.get("name", f"{env} at {steps:,}"), "name")
    require(bool(name.strip()) and len(name) <= _LONGEST, "name", name, f"a text of 1 to {_LONGEST} letters")
    published = _listed(Published, data.get("published", []), "published")
    goals = _listed(Goal, data.get("goals", []), "goals")
    seconds = typed(hints_of(BenchmarkTask)["seconds"], data.get("seconds"), "seconds")
    said = {key: data[key] for key in _OF_PLAN if key in data}
    asked = plan_in({"envs": [env], **said}, source, runs, set(trusted))
    own = NUM_SEEDS if asked.seeds is None else len(asked.seeds)
    if beyond := next((goal for goal in goals if goal.seeds is not None and goal.seeds > own), None):
        raise ConfigError(f"goals.seeds = {beyond.seeds} is above the {counted(own, 'seed')} of each arm: lower it")
    which = None
    if seeds is not None:
        which = which_seeds(typed(int, seeds, "seeds"), (asked.seeds or (0,))[0])
    return BenchmarkTask(
        name=name,
        request=asked.request({}, which, fewest=1),
        steps=steps,
        published=published,
        goals=goals,
        seconds=seconds,
        needs=typed(str, data.get("needs", ""), "needs"),
        rungs=typed(hints_of(BenchmarkTask)["rungs"], data.get("rungs", ()), "rungs"),
        tries=typed(hints_of(BenchmarkTask)["tries"], data.get("tries", 1), "tries"),
    )


def _listed(kind: type[Listed], said: object, name: str) -> tuple[Listed, ...]:
    """Published numbers or goals as tables. Raises ConfigError."""
    if not isinstance(said, Sequence) or not all(isinstance(each, Mapping) for each in said):
        raise ConfigError(f"{name} must be a list of tables")
    hints, found = hints_of(kind), list[Listed]()
    for each in said:
        for key in each:
            if key not in hints:
                raise ConfigError(f"unknown key '{name}.{key}'; {nearest(key, list(hints))}")
        lacking = [own.name for own in fields(kind) if own.default is MISSING and own.name not in each]
        if lacking:
            raise ConfigError(f"{name}.{lacking[0]} is missing")
        measure = each.get("measure", "score")
        known = isinstance(measure, str) and measure in MEASURES
        require(known, f"{name}.measure", measure, f"one of {', '.join(map(repr, MEASURES))}")
        rest = {key: typed(hints[key], value, f"{name}.{key}") for key, value in each.items() if key != "measure"}
        found.append(kind(measure=measure, **rest))
    return tuple(found)


def _check_keys(data: Mapping[str, Any], known: Sequence[str]) -> None:
    for key in data:
        if key not in known:
            raise ConfigError(f"unknown key {key!r}; {nearest(key, list(known))}")
