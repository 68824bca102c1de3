"""`dqn resume`, of one run."""

from __future__ import annotations

from pathlib import Path

from ...lab.resume import go_on
from ...terminal.view import choose_view
from ..arguments import Resume
from ..calls import Call
from ..show import show_run


def run(call: Call[Resume]) -> int:
    args, view = call.args, choose_view(quiet=call.args.quiet)
    try:
        done = go_on(Path(args.run), args.overrides, view, call.started)
    finally:
        view.stop()  # whatever happened, the terminal is given back
    return show_run(done)
