"""What the command line calls a run's environment, so that a printed command makes it as it was made."""

from __future__ import annotations

import json
import shlex

from ..config.toml import parse
from ..errors import DqnlabError, FolderError
from ..store.folder import CONFIG, META, Run
from ..store.reading import read_env, read_text


def env_words(run: Run) -> str | None:
    """The id, with the settings without which it could not be made; none if only Python knows the environment."""
    try:
        known = read_env(run.folder / META)
    except FolderError:  # somebody has changed it; nothing is said rather than something wrong
        return None
    if known["callable"]:
        return None
    try:
        env = parse(read_text(run.folder / CONFIG), CONFIG).get("env", {})
    except DqnlabError:
        env = {}
    words = [run.env]
    if kwargs := env.get("kwargs"):
        words += ["--env.kwargs", json.dumps(kwargs, default=str)]
    if (copies := env.get("copies", "none")) != "none":
        words += ["--env.copies", str(copies)]
    return shlex.join(words)
