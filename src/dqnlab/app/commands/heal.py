"""`dqn heal`."""

from __future__ import annotations

import signal
from pathlib import Path

from ...lab.heal import heal_folder
from ...lab.interrupt import SIGNALLED
from ...terminal.board import choose_board
from ...terminal.live import choose_view
from ..arguments_branch import Heal
from ..calls import Call
from ..show import show
from ..summary_healed import healing_text


def run(call: Call[Heal]) -> int:
    args = call.args
    done = heal_folder(
        Path(args.run),
        args.asked,
        seeds=args.seeds,
        view=lambda: choose_view(quiet=args.quiet),
        board=lambda: choose_board(quiet=args.quiet),
    )
    show(healing_text(done), soft_wrap=True)
    for stopped in (done.branch, done.seeds):
        if stopped is not None and stopped.interrupted:
            return SIGNALLED + (stopped.signal or signal.SIGINT)
    return 0
