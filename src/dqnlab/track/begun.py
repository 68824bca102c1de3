"""What a run's meta.json holds of its trackers, so that one that is resumed reports where it has reported before."""

from __future__ import annotations

import secrets
import string
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from ..errors import ConfigError, FolderError
from ..store.reading import read_json, read_trackers
from .tracker import AnyTracker, Swanlab

_ID_LETTERS = 21  # as many as SwanLab's own ids have
_OWN = "own_trackers"


def begun(trackers: Sequence[AnyTracker]) -> tuple[AnyTracker, ...]:
    """The trackers of a new run: its SwanLab experiment has an id from now on."""
    found = []
    for each in trackers:
        if each == "swanlab":
            each = Swanlab()
        if isinstance(each, Swanlab) and each.id is None:
            letters = string.ascii_lowercase + string.digits
            each = replace(each, id="".join(secrets.choice(letters) for _ in range(_ID_LETTERS)))
        found.append(each)
    return tuple(found)


def tracker_facts(trackers: Sequence[AnyTracker]) -> dict[str, Any]:
    """The trackers as meta.json tells of them; of the caller's own only the names of their classes."""
    settings = next((each for each in trackers if isinstance(each, Swanlab)), None)
    own = [type(each).__name__ for each in trackers if not isinstance(each, str | Swanlab)]
    return {
        "trackers": ["swanlab" if isinstance(each, Swanlab) else each for each in trackers if is_known(each)],
        **({} if settings is None else {"swanlab": {k: v for k, v in asdict(settings).items() if v}}),
        **({_OWN: own} if own else {}),
    }


def is_known(tracker: AnyTracker) -> bool:
    """Whether dqnlab has it; else it is the caller's own."""
    return isinstance(tracker, str | Swanlab)


def remembered(meta: Path, *, anew: bool = False) -> tuple[AnyTracker, ...]:
    """The trackers that a run began with, as far as a file can hold them. Raises FolderError.

    Args:
        anew: for another run, which is another experiment.
    """
    names, said = read_trackers(meta), read_json(meta).get("swanlab")
    if "swanlab" not in names or said is None:
        return tuple(names)
    known = {each.name for each in fields(Swanlab)}
    try:
        settings = Swanlab(**{k: v for k, v in said.items() if k in known and not (anew and k == "id")})
    except (AttributeError, TypeError, ConfigError) as e:
        raise FolderError(f"{str(meta)!r} is damaged: its swanlab is {str(said)[:60]}") from e
    return tuple(settings if name == "swanlab" else name for name in names)


def forgotten(meta: Path) -> list[str]:
    """The classes of the caller's own trackers that a run began with: no file holds the objects."""
    own = read_json(meta).get(_OWN)
    return [each for each in own if isinstance(each, str)] if isinstance(own, list) else []
