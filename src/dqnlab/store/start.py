"""What is written of a run before it trains: its settings, the versions, what its environment looks like."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..config import Config
from ..config.toml import to_toml
from ..envs.make import EnvSpec
from ..envs.names import NAMED, GivenNames
from ..trust import redacted_command
from .door import write_atomically
from .folder import CONFIG, META, write_json
from .remembered import remember

_PACKAGES = ("dqnlab", "torch", "numpy", "gymnasium")


def write_start(
    folder: Path,
    config: Config,
    spec: EnvSpec,
    stack: int,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Writes what is known before training: config.toml and meta.json.

    Args:
        stack: how many agents share one compiled update, which decides the last digits of its results.
        more: what else meta.json tells: how the run is called, whom it reports to, what its networks began with.
    """
    remember(folder, config.env)
    write_atomically(folder / CONFIG, to_toml(config))
    about = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": redacted_command([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "git_revision": _git_revision(),
        "stack": stack,
        "trackers": [],
        "versions": versions(),
        "env": env_facts(config, spec),
        **(more or {}),
    }
    write_json(folder / META, about)


def env_facts(config: Config, spec: EnvSpec) -> dict[str, Any]:
    """What the environment looks like, in plain values."""
    obs = spec.obs
    return {
        "label": config.env.label,
        "callable": config.env.in_python,
        "obs_shape": list(obs.shape),
        "obs_dtype": obs.dtype.name,
        "num_states": obs.num_states,
        "obs_scale": obs.scale,
        "obs_start": spec.obs_start,
        "obs_parts": [
            part._asdict() | {"path": list(part.path), "shape": list(part.shape), "dtype": part.dtype.name}
            for part in obs.parts
        ],
        "mask": obs.mask,
        "num_actions": spec.num_actions,
        "action_start": spec.action_start,
        "action_dtype": spec.action_dtype.name,
        "picture": None if spec.picture is None else list(spec.picture),
        "joint": None if spec.joint is None else {name: list(value) for name, value in spec.joint._asdict().items()},
        **({"names": names} if (names := _names(spec.names)) else {}),
        "reward_threshold": spec.reward_threshold,
        "max_episode_steps": spec.max_episode_steps,
    }


def _names(names: GivenNames) -> dict[str, list[str]]:
    """What people call inputs and actions, as far as the environment says."""
    return {name: list(getattr(names, name)) for name in NAMED if getattr(names, name)}


def versions() -> dict[str, str | None]:
    """Of Python and of the packages that decide what a run computes."""
    return {"python": sys.version.split()[0], **{name: _version(name) for name in _PACKAGES}}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # used from a source tree that was never installed
        return None


def _git_revision() -> str | None:
    """The commit of the user's own working folder, if it is a git checkout."""
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=2, check=False)
    except (OSError, subprocess.TimeoutExpired):  # no git here: nothing to record
        return None
    return done.stdout.strip() or None
