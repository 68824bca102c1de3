"""`dqn resume`, of a group of seeds."""

from __future__ import annotations

from pathlib import Path

from ...lab.many.resume import resume_group
from ...terminal.board import choose_board
from ..arguments import Resume
from ..calls import Call
from ..show import show_group


def run(call: Call[Resume]) -> int:
    args = call.args
    board = choose_board(quiet=args.quiet)
    return show_group(resume_group(Path(args.run), args.overrides, board, call.started, args.ray))
