"""What `dqn live` and `dqn train --live` need, looked at before anything is loaded."""

from __future__ import annotations

import shlex
import shutil
from importlib.util import find_spec

from ..errors import ConfigError, ResourceError


def check_live(alert: str | None) -> None:
    """Raises ConfigError for a command that cannot be, ResourceError if the packages of the server are missing."""
    if alert is not None:
        alert_words(alert)
    if any(find_spec(name) is None for name in ("starlette", "uvicorn")):
        raise ResourceError('the live view needs two packages: pip install "dqnlab[live]"')


def alert_words(command: str) -> list[str]:
    """The words of `--alert`, parted as a shell would; none of its other powers. Raises ConfigError."""
    try:
        words = shlex.split(command)
    except ValueError as e:
        raise ConfigError(f"--alert {command!r} cannot be parted into words ({e}): close its quotes") from e
    if not words:
        raise ConfigError("--alert is empty: name a command, such as --alert notify-send")
    if shutil.which(words[0]) is None:
        raise ConfigError(f"--alert names no command that can be found: {words[0]!r}")
    return words
