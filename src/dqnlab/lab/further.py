"""How an imported agent is trained further: as the beginning of a new run, for it has no checkpoint of its own."""

from __future__ import annotations

from pathlib import Path

from ..errors import ConfigError
from ..store.find import read_run
from ..store.imported import origin_of
from .again import train_further


def check_trained(folder: Path, done: str) -> None:
    """Raises ConfigError if a run was imported: of its training there is nothing but weights.

    Args:
        done: what was to be done with it, as "resumed".
    """
    found = origin_of(folder)
    if found is None:
        return
    command = train_further(read_run(folder))
    how = "" if command is None else f", {command}"
    raise ConfigError(
        f"{str(folder)!r} was imported ({found.says}) and cannot be {done}: it has no checkpoint, replay or metrics, "
        f"only weights; begin a run with them{how} (in Python train(config, init=…), with such a network)"
    )
