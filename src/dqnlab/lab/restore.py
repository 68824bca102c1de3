"""From a run's folder back to a system that stands where its latest checkpoint was written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..config import Config
from ..config.toml import as_dict
from ..errors import CheckpointError, named
from ..run.system import System, assemble
from ..store.agent import obs_scale_of
from ..store.checkpoint.checkpoint import Loaded, Store
from ..store.folder import BEFORE
from ..store.start import env_facts, versions

STATE = 2  # version of what a system's state holds

# Settings that may differ from the checkpoint's.
FREE = (
    "config.budget",
    "config.stop_when_solved",
    "config.film",
    "config.keep_checkpoints",
    "config.env.timeout",
    "config.env.workers",
    "config.env.scale",
)
# May differ too, but then the results are not exactly what they would have been.
SOFT = (
    "versions",
    "env.reward_threshold",
    "config.compile",
    "config.env.copies",
    "config.threads",
    "config.device",
    "config.checkpoint_every",
)


def facts(system: System) -> dict[str, Any]:
    """What decides how a run continues, in plain values; stored with each checkpoint."""
    return {
        "state": STATE,
        "config": json.loads(json.dumps(as_dict(system.config), default=str)),
        "env": env_facts(system.config, system.spec),
        "versions": versions(),
        "memory": {"bytes": system.memory.num_bytes},  # what it holds is named by where it lies
    }


def restore(config: Config, store: Store) -> tuple[System, Loaded | None]:
    """Builds the system of the configuration and, if the store's run has a checkpoint, puts it where that was written.

    Raises:
        CheckpointError: none of its checkpoints can be read, or the latest is of another version, configuration or
            environment.
    """
    at = store.latest()
    return restored(config, store.folder, at), at


def restored(config: Config, folder: Path, at: Loaded | None) -> System:
    """The system of the configuration where the checkpoint of the run in a folder was written, at the start if none.

    Raises CheckpointError: the checkpoint is of another version, configuration or environment.
    """
    if at is not None and (version := at.about.get("state", 1)) != STATE:
        raise CheckpointError(
            f"{str(at.path)!r} is a checkpoint of version {version}, and this dqnlab continues only version {STATE}: "
            "start a new run, or continue this one with the dqnlab that wrote it"
        )
    system = assemble(config, folder)
    if at is None:
        return system
    try:
        hard = [each for each in differences(at, system) if not each.startswith(SOFT)]
        if hard:
            raise CheckpointError(f"{str(at.path)!r} belongs to another run: {'; '.join(hard)}")
        with fitting(at):
            system.load_state_dict(at.state["system"])
            at.restore_logs(system.memory.logs)
    except BaseException:
        system.close()
        raise
    return system


@contextmanager
def fitting(at: Loaded) -> Iterator[None]:
    """Raises CheckpointError for whatever goes wrong when a state is put back that is not what it should be."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RuntimeError) as e:
        raise CheckpointError(f"{str(at.path)!r} does not fit this run: {named(e)}") from e


def differences(at: Loaded, system: System) -> list[str]:
    """What has changed since the checkpoint and may change how the run continues, each as `name: then, now`."""
    then = dict(at.about)
    if isinstance(env := then.get("env"), Mapping) and "obs_dtype" in env:
        # What the networks see, whichever setting says so; parts and masks are unknown to earlier versions.
        then["env"] = {"obs_scale": obs_scale_of(env), "obs_parts": [], "mask": None, **env}
    now = then | facts(system)
    then["config"] = _as_meant(then.get("config"), now["config"], as_dict(BEFORE))
    for about in (then, now):
        about["env"] = _by_name(about.get("env"))
    return [
        f"{name}: {before!r} then, {after!r} now"
        for name, before, after in _differing("", then, now)
        if not name.startswith(FREE)
    ]


def _as_meant(then: Any, now: Any, before: Any) -> Any:
    """Settings of a checkpoint, with those that did not exist yet as they were meant before they did."""
    if not all(isinstance(each, Mapping) for each in (then, now, before)):
        return then
    new = {name: before[name] for name in now if name not in then and name in before}
    return {name: _as_meant(value, now.get(name), before.get(name)) for name, value in then.items()} | new


def _by_name(env: Any) -> Any:
    """What is known of an environment, with the parts of its observations by their names, not by their places."""
    parts = env.get("obs_parts") if isinstance(env, Mapping) else None
    if not parts or not all(isinstance(part, dict) and isinstance(part.get("path"), list) for part in parts):
        return env
    named = {".".join(map(str, part["path"])): part for part in parts}
    shown = {name: {key: part[key] for key in part if key not in ("path", "start")} for name, part in named.items()}
    return {**env, "obs_parts": shown}


def _differing(name: str, before: Any, after: Any) -> list[tuple[str, Any, Any]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        keys = [*before, *(key for key in after if key not in before)]
        prefix = f"{name}." if name else ""
        return [row for key in keys for row in _differing(f"{prefix}{key}", before.get(key), after.get(key))]
    return [] if before == after else [(name, before, after)]
