"""`dqn resume`, of one run."""

from __future__ import annotations

from pathlib import Path

from ...lab.resume import resume_folder
from ...terminal.live import choose_view
from ..arguments import Resume
from ..calls import Call
from ..show import show_run


def run(call: Call[Resume]) -> int:
    args = call.args
    view = choose_view(quiet=args.quiet)
    return show_run(resume_folder(Path(args.run), args.overrides, view, call.started, ray=args.ray))
