"""The style sheet of the page of a comparison, beside that of a run's page."""

from __future__ import annotations

from importlib.resources import files


def own_style() -> str:
    """What the page of a comparison adds to the shell's style."""
    return (files(__name__.rpartition(".")[0]) / "page" / "style.css").read_text("utf-8")
