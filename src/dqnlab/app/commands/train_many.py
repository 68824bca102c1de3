"""`dqn train --seeds N`. Loads no torch: the processes that need it load it themselves."""

from __future__ import annotations

from ...lab.many.crew import Crew
from ...store.find import with_init_file
from ...terminal.board import choose_board
from ..arguments import Train
from ..beside import LiveBesideBoard, beside
from ..calls import Call
from ..show import show_group


def run(call: Call[Train]) -> int:
    args = call.args
    board = choose_board(quiet=args.quiet)
    crew = Crew(
        with_init_file(args.config, args.runs),
        range(args.config.seed, args.config.seed + args.seeds),
        out=args.out,
        runs=args.runs,
        trackers=args.trackers,
        label=args.label,
        board=LiveBesideBoard(board, beside(args)) if args.live else board,
        started=call.started,
        ray=args.ray,
        remark=call.remark,
    )
    return show_group(crew.train())
