"""Prints what a command has to show, and turns what training came to into an exit code."""

from __future__ import annotations

import signal

from rich.console import Console, RenderableType

from ..lab.interrupt import SIGNALLED
from ..store.folder import Run
from ..store.group import Group
from .summary import group_summary, summary


def show(what: RenderableType, *, soft_wrap: bool = False) -> None:
    """Prints with colours in a terminal; in a pipe as plain text, wide enough not to break lines."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=200)
    with console.capture() as text:
        console.print(what, soft_wrap=soft_wrap)
    print(text.get(), end="")  # not by rich, which ends the process when a reader has gone


def show_run(run: Run) -> int:
    """Shows what a run came to; the exit code."""
    show(summary(run), soft_wrap=True)
    return SIGNALLED + (run.signal or signal.SIGINT) if run.interrupted or run.signal else 0


def show_group(group: Group) -> int:
    """Shows what a group of seeds came to; the exit code."""
    show(group_summary(group), soft_wrap=True)
    if group.interrupted:
        return SIGNALLED + (group.signal or signal.SIGINT)
    return group.failures[0].exit_code if group.failures else 0
