"""What a configuration sets otherwise than the preset that it is named after: what tells two runs apart in a table."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from .config import Config
from .fields import leaves, plain, tagged
from .presets import get, names, sheet

# What has a column of its own, or does not decide what is learned.
APART = {
    *("preset", "seed", "budget", "env.id"),
    *("film", "explain", "device", "compile", "threads", "checkpoint_every", "metrics_every"),
    *("env.workers", "env.timeout"),
}

NO_MATTER = {
    "preset",
    "device",
    "compile",
    "threads",
    "env.copies",
    "env.workers",
    "env.timeout",
    "film.episodes",
    "film.max_seconds",
    "explain",
    "checkpoint_every",
    "keep_checkpoints",
    "metrics_every",
}
"""settings that say how a run is computed and kept, not what is learned"""


def changes(config: Config) -> dict[str, Any]:
    """Each setting that differs, by dotted name, as a plain value; not what a kind that was chosen brings by itself."""
    base = get(config.preset) if config.preset in names() else Config()
    base = replace(base, env=replace(base.env, **sheet(config.env.label)))
    theirs = {name: json_ready(plain(value)) for name, value in leaves(base)}
    own = {name: json_ready(plain(value)) for name, value in leaves(config)}
    differing = {name: value for name, value in own.items() if theirs.get(name, own) != value and not _is_apart(name)}
    kinds = {name: type(getattr(config, name)) for name in differing if name in tagged()}
    return {name: value for name, value in differing.items() if not is_usual(name, value, kinds)}


def changes_text(settings: Mapping[str, Any]) -> str:
    """As one would type them: rule:double n=3 torso.hidden=64,64."""
    words = (f"{name}{':' if name in tagged() else '='}{_text(value)}" for name, value in settings.items())
    return " ".join(map(shlex.quote, words))


def json_ready(value: Any) -> Any:
    """The same with NaN and infinity as text, for JSON has no other words for them."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {name: json_ready(inner) for name, inner in value.items()}
    return [json_ready(inner) for inner in value] if isinstance(value, list) else value


def is_usual(name: str, value: object, kinds: Mapping[str, type]) -> bool:
    """Whether a setting belongs to one of these kinds, and has the value that comes with it."""
    axis, _, inner = name.partition(".")
    return axis in kinds and any(
        each.name == inner and plain(each.default) == plain(value) for each in fields(kinds[axis])
    )


def _is_apart(name: str) -> bool:
    return name in APART or name.partition(".")[0] in APART


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Mapping):
        return json.dumps(value, default=str)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(map(_text, value))
    return "none" if value is None else str(value)
