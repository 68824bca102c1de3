"""The command `dqn`: finds the command, runs it, turns errors into one message and an exit code."""

from __future__ import annotations

import atexit
import re
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module

from .._version import __version__
from ..errors import DqnlabError, ResourceError, one_line
from ..lab.interrupt import SIGNALLED, signal_of, signals_end
from ..lab.loading import loading
from ..memory import memory_watched
from ..processes import ignore_signals
from ..streams import Steady, steady_streams
from ..terminal.text import clean
from .columns import two_columns, wrapped

# Each is read by `calls` and has files in `commands`, imported only when one is called: `dqn --help` must be quick.
COMMANDS = {
    "train": "train a network, keep the best, judge it, film it: dqn train [ENV] [--FIELD VALUE …]",
    "tune": "search for the best settings, and confirm them on fresh seeds: dqn tune [ENV] [--FIELD VALUE …]",
    "resume": "continue an interrupted run exactly, or train a finished one further: dqn resume RUN",
    "branch": "begin a new run from an old one's state, with other settings: dqn branch RUN --at STEP --set lr=1e-4",
    "heal": "repair a run from before its health verdict could be foreseen, and compare: dqn heal RUN",
    "evaluate": "play greedy episodes with a run's network: dqn evaluate RUN",
    "watch": "watch a run's network play in a window: dqn watch RUN",
    "record": "film a run's network: dqn record RUN",
    "export": "write a run's network as a program that needs no dqnlab: dqn export RUN --format onnx|numpy|js|c",
    "live": "watch runs while they train, in a browser on this machine; pause, step, end them: dqn live [RUN]",
    "explain": "explain a run on one page, or one learning step of it in numbers (--step): dqn explain RUN",
    "import": "bring in an agent of another program, judge and explain it: dqn import FILE --env ENV",
    "compare": "train many seeds of several presets, and say which is better: dqn compare ENV … --presets A,B",
    "benchmark": "make a suite of comparisons with its protocol, and its tables: dqn benchmark [SUITE]",
    "doctor": "examine an environment before training on it: dqn doctor [ENV] [--FIELD VALUE …]",
    "runs": "list the runs with their scores, or what differs between some: dqn runs [RUN …]",
    "clean": "drop the checkpoints of finished runs: dqn clean [RUN … | --all]",
    "rm": "remove runs or groups: dqn rm RUN …",
    "presets": "list the presets, or what one sets: dqn presets [NAME]",
    "selftest": "learn small problems with known Q-values, and compare: dqn selftest [PROBE …] [--FIELD VALUE …]",
    "completion": "make a shell complete these words: dqn completion bash|zsh|fish",
}
_ALWAYS = (
    ("dqn COMMAND --help", "flags of a command"),
    ("dqn --version", "the version"),
    ("--debug", "with any command: show the traceback of an error"),
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_BROKEN_PIPE = 141  # 128 + SIGPIPE, what a shell reports for a reader that has gone
# What these print is no file …
_MAKE_FILES = (
    "train",
    "tune",
    "resume",
    "branch",
    "heal",
    "record",
    "watch",
    "export",
    "explain",
    "import",
    "compare",
    "benchmark",
)
_PRINT = ("--help", "-h", "--dry-run", "--step")  # … unless they are asked for it


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `dqn` with the words given; returns the exit code.

    With those of the process, if none are given, the process ends when this returns: a signal changes nothing any more.
    """
    started = time.perf_counter()
    code = 1
    if argv is None:
        atexit.register(ignore_signals)  # the first to be registered is the last to be called
    with signals_end() as interrupt:
        try:
            code = _run(list(sys.argv[1:] if argv is None else argv), started)
            if argv is None:
                interrupt.code = code
        except KeyboardInterrupt as error:  # between the lines that catch it
            code = SIGNALLED + signal_of(error)
            if argv is None:
                interrupt.code = code
    return code


def _run(words: list[str], started: float) -> int:
    """The exit code, once everything has been said."""
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    with steady_streams() as (out, err):
        try:
            with plain_warnings(), memory_watched():
                code = _dispatch(words, started)
            out.flush()
            return _unheard(out, err, words) or code
        except DqnlabError as error:
            if debug:
                raise
            err.write(f"error: {clean(str(error))}\n")
            for note in getattr(error, "__notes__", ()):
                err.write(f"{clean(note)}\n")
            return error.exit_code
        except KeyboardInterrupt as error:  # no error, and its words are wanted all the same
            err.write(f"{clean('; '.join(['interrupted', *getattr(error, '__notes__', ())]))}\n")
            return SIGNALLED + signal_of(error)


def _unheard(out: Steady, err: Steady, words: Sequence[str]) -> int:
    """The exit code of a command whose words, which are all that it makes, have not arrived; 0 if they have."""
    makes_files = bool(words) and words[0] in _MAKE_FILES and not set(_PRINT) & set(words)
    if out.failure is None or makes_files:
        return 0
    if isinstance(out.failure, BrokenPipeError):  # as in `dqn runs | head`
        return _BROKEN_PIPE
    err.write(f"error: cannot write to standard output: {out.failure.strerror}\n")
    return ResourceError.exit_code


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Shows what packages warn of as one line each, and each line once, without source code and colours.

    What a warning calls `about` is said once, however its numbers differ.
    """
    said: set[object] = set()

    def show(message: Warning | str, category: type[Warning], *where: object, **more: object) -> None:
        line = f"warning: {clean(one_line(_COLOUR.sub('', str(message))))}"
        about = getattr(message, "about", line)
        if about not in said:
            said.add(about)
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
    # The one door: what a command needs is imported once it is known which it is, and that it was asked rightly.
    try:
        from .calls import read

        call = read(name, words[1:], started)
        with loading():
            command = import_module(f".commands.{call.module}", __package__)
        return int(command.run(call))
    except SystemExit as exit:  # the argument parser has shown its help or its complaint
        return exit.code if isinstance(exit.code, int) else 0


def usage() -> str:
    """The help text of `dqn` itself."""
    lines = ["usage: dqn COMMAND …", "", *wrapped("Trains, judges, shows and explains deep Q-learning agents."), ""]
    return "\n".join([*lines, *two_columns(COMMANDS.items(), 14), "", *two_columns(_ALWAYS, 23)])
