"""`dqn train`, of one seed."""

from __future__ import annotations

from ...lab import session
from ...terminal.view import choose_view
from ..arguments import Train
from ..calls import Call
from ..show import show_run


def run(call: Call[Train]) -> int:
    args, view = call.args, choose_view(quiet=call.args.quiet)
    try:
        done = session.train(
            args.config, out=args.out, runs=args.runs, trackers=args.trackers, view=view, started=call.started
        )
    finally:
        view.stop()  # whatever happened, the terminal is given back
    return show_run(done)
