"""What a person sees who trains from Python: what a terminal or a notebook can redraw, and elsewhere nothing."""

from __future__ import annotations

from .board import Board, LiveBoard
from .notebook import NotebookBoard, NotebookTrials, in_notebook
from .trials import LiveTrials, TrialsView


def board_for_python() -> Board | None:
    """A table that redraws itself in a terminal or a notebook; none elsewhere."""
    if in_notebook():
        return NotebookBoard()
    from rich.console import Console

    console = Console(highlight=False)
    return LiveBoard(console) if console.is_terminal and not console.is_dumb_terminal else None


def trials_for_python() -> TrialsView | None:
    """The lines of a study, in a notebook in one place, in a terminal above a moving one; nothing elsewhere."""
    if in_notebook():
        return NotebookTrials()
    from rich.console import Console

    console = Console(highlight=False)
    return LiveTrials(console) if console.is_terminal and not console.is_dumb_terminal else None
