"""The command `dqn`: finds the command, runs it, turns errors into one message and an exit code."""

from __future__ import annotations

import io
import os
import re
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .._version import __version__
from ..errors import ConfigError, DqnlabError, ResourceError
from .text import clean

# Each is a function of `commands`, which is imported only when one is called: `dqn --help` must be quick.
COMMANDS = {
    "train": "train a network, keep the best, judge it, film it: dqn train [ENV] [--FIELD VALUE …]",
    "resume": "go on with an interrupted run exactly, or with a finished one for longer: dqn resume RUN",
    "evaluate": "play greedy episodes with a run's network: dqn evaluate RUN",
    "watch": "watch a run's network play in a window: dqn watch RUN",
    "record": "film a run's network: dqn record RUN",
    "explain": "explain a run on one page, or one learning step of it in numbers (--step): dqn explain RUN",
    "doctor": "examine an environment before training on it: dqn doctor [ENV] [--FIELD VALUE …]",
    "runs": "table of the runs with their scores",
    "presets": "table of the presets, or what one sets: dqn presets [NAME]",
    "selftest": "learn small problems whose Q-values are known, and compare",
}
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_BROKEN_PIPE = 141  # 128 + SIGPIPE, what a shell reports for a reader that has gone
_INTERRUPTED = 130  # 128 + SIGINT


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `dqn` with the words given, those of the process if none; returns the exit code."""
    started = time.perf_counter()
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without these letters shows a question mark
    try:
        with plain_warnings():
            code = _dispatch(words, started)
        sys.stdout.flush()
        return code
    except (DqnlabError, MemoryError) as error:
        if debug:
            raise
        print(f"error: {clean(str(error)) or 'out of memory'}", file=sys.stderr)
        return error.exit_code if isinstance(error, DqnlabError) else ResourceError.exit_code
    except KeyboardInterrupt:
        if debug:
            raise
        print("interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader has gone, as in `dqn runs | head`; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Shows what packages warn of as one line each, and each line once, without source code and colours."""
    said: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *where: object, **more: object) -> None:
        line = f"warning: {clean(_COLOUR.sub('', str(message)))}"
        if line not in said:
            said.add(line)
            print(line, file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _dispatch(words: Sequence[str], started: float) -> int:
    name = words[0] if words else "--help"
    if name in ("--help", "-h", "help"):
        print(usage())
        return 0
    if name in ("--version", "-V"):
        print(f"dqnlab {__version__}")
        return 0
    if name not in COMMANDS:
        from ..fields import nearest

        raise ConfigError(f"unknown command {name!r}; {nearest(name, list(COMMANDS))}")
    from . import commands

    try:
        if name in ("train", "resume"):
            return int(getattr(commands, name)(words[1:], started))
        return int(getattr(commands, name)(words[1:]))
    except SystemExit as exit:  # the argument parser has shown its help or its complaint
        return exit.code if isinstance(exit.code, int) else 0


def usage() -> str:
    """The help text of `dqn` itself."""
    rows = "\n".join(f"  {name:<10}{words}" for name, words in COMMANDS.items())
    return f"""usage: dqn COMMAND …

Trains, judges, shows and explains deep Q-learning agents.

{rows}

  dqn COMMAND --help   flags of a command
  dqn --version        the version
  --debug              with any command: show the traceback of an error"""
