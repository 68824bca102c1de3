"""`dqn train`, of one seed."""

from __future__ import annotations

from ...lab import session
from ...terminal.live import choose_view
from ..arguments import Train
from ..beside import beside
from ..beside_view import LiveBesideView
from ..calls import Call
from ..show import show_run


def run(call: Call[Train]) -> int:
    args = call.args
    view = choose_view(quiet=args.quiet)
    done = session.train(
        args.config,
        out=args.out,
        runs=args.runs,
        trackers=args.trackers,
        name=args.name,
        tags=args.tag,
        ray=args.ray,
        view=LiveBesideView(view, beside(args)) if args.live else view,
        started=call.started,
        remark=call.remark,
    )
    return show_run(done)
