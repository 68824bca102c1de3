"""The words of `dqn import` read: a file, an environment, and settings as `dqn train` takes them."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import ConfigError
from .arguments_import import Import
from .help import help_of
from .parse import budget_from_steps, read_changes, show_help
from .words import read_words


def parse_import(words: Sequence[str]) -> Import:
    """Arguments of `dqn import`. Raises ConfigError; SystemExit after the help text."""
    given = read_words(Import, words)
    if given.help:
        show_help(help_of(Import, "import"))
    budget_from_steps(given)
    if len(given.bare) != 1:
        got = f"one FILE, please: got {' and '.join(map(repr, given.bare))}" if given.bare else "FILE is missing"
        raise ConfigError(f"{got}; name the file of the agent, and its environment with --env")
    env = given.settings.setdefault("env", {})
    if "id" not in env:
        raise ConfigError(
            f"--env is missing: {given.bare[0]!r} does not say which environment it plays in; name it, as "
            "--env CartPole-v1"
        )
    changes = read_changes(Import, given.settings)
    own = {name: value for name, value in given.own.items() if name != "steps"}
    return Import(agent_file=given.bare[0], env=env["id"], config=changes, **own)
